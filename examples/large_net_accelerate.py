"""Train a snapshot ensemble of a net that is too large for one GPU.

The processes of one machine, one for each GPU, share one net. PyTorch's `fully_shard` gives each
process a part of the weights, gradients and momentum of every layer. A layer is whole only while it
computes. Hugging Face's accelerate, through skorch's `AccelerateMixin`, gives each process its part
of every batch. The members are put together weight by weight in the memory of the CPU, where the
ensemble also predicts.

* With `--cpu` you can try it without GPUs: the processes then communicate through gloo.
* All processes end with the same members, which are those of a training in one process up to
  rounding.
* Each process first builds the whole net on the CPU.
* Every process must draw the same weights: set the `random_state` of the ensemble.

    pip install "skensemble[accelerate]"
    OMP_NUM_THREADS=1 torchrun --standalone --nproc-per-node 2 large_net_accelerate.py --cpu
    python large_net_accelerate.py --cpu   # one process, to compare with
"""

import argparse
import hashlib
import sys
import time

import numpy as np
from sklearn.datasets import load_digits
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from skorch.hf import AccelerateMixin
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.utils.data import DataLoader

from skensemble import NetClassifier, SnapshotEnsembleClassifier

try:
    from accelerate import Accelerator
    from accelerate.utils import DataLoaderConfiguration, gather_object
except ImportError:
    sys.exit('accelerate is missing: pip install "skensemble[accelerate]"')


class ShardingAccelerator(Accelerator):
    """An accelerator for nets that shard themselves."""

    def prepare_model(self, model, *args, **kwargs):
        """Leave the module as it is; accelerate would copy all of it into each process."""
        return model


class ShardedNet(AccelerateMixin, NetClassifier):
    """A classifier net that is divided among the processes."""

    def initialize(self):
        """Take the device that accelerate has chosen for this process."""
        self.device_ = self.accelerator.device
        return super().initialize()

    def initialize_module(self):
        """Build the module, and keep a part of each of its layers."""
        super().initialize_module()
        n_processes = self.accelerator.num_processes
        if n_processes > 1:
            mesh = init_device_mesh(self.device_.type, (n_processes,))
            layers = [layer for layer in self.module_.children() if list(layer.parameters())]
            for part in (*layers, self.module_):
                fully_shard(part, mesh=mesh)
            self.module_.register_state_dict_post_hook(put_together)
        held, whole = count_weights(self.module_)
        self.accelerator.print(f"weights of the net: {whole:,}, in the first process: {held:,}")
        return self


def count_weights(module):
    """Count the weights of a module that this process holds, and all its weights."""
    weights = list(module.parameters())
    parts = [w.to_local() if hasattr(w, "to_local") else w for w in weights]
    return sum(part.numel() for part in parts), sum(w.numel() for w in weights)


def put_together(module, state, prefix, metadata):
    """Replace the parts in a state by whole tensors, one at a time to spare the GPU."""
    for name, part in state.items():
        if hasattr(part, "full_tensor"):
            state[name] = part.full_tensor().cpu()


class ShardedSnapshots(SnapshotEnsembleClassifier):
    """A snapshot ensemble whose members are whole, though the net in training is not."""

    def _member_template(self, module):
        # A module in parts cannot be copied.
        net = self.template_net_
        whole = net.initialized_instance(net.module, net.get_params_for("module"))
        return super()._member_template(whole)


def make_ensemble(accelerator, width, max_epochs, n_members):
    """Set up an ensemble of wide nets."""
    net = ShardedNet(
        accelerator=accelerator,
        module__hidden_units=(width, width),
        max_epochs=max_epochs,
        batch_size=64,
        # accelerate shares out the batches of torch's own loader.
        iterator_train=DataLoader,
        iterator_valid=DataLoader,
        # Otherwise accelerate would fill up the last batch with rows of the first.
        iterator_train__drop_last=True,
        # torch has no fused step for weights in parts.
        optimizer__fused=False,
    )
    return ShardedSnapshots(net, M=n_members, random_state=0)


def digest(member):
    """Return a short text that stands for the bits of all weights of a member."""
    return hashlib.sha256(b"".join(value.tobytes() for value in member.values())).hexdigest()[:12]


def main(argv=None):
    """Train in all processes that were started, and compare their members."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cpu", action="store_true", help="leave GPUs alone")
    parser.add_argument("--width", type=int, default=512, help="units of a hidden layer")
    parser.add_argument("--epochs", type=int, default=12, help="epochs of the training")
    parser.add_argument("--cycles", type=int, default=3, help="number of snapshots")
    parser.add_argument("--save", metavar="PATH", help="write the members here, as .npz")
    args = parser.parse_args(argv)

    # Batches of 64 for all processes together, in one order for any number of them.
    loading = DataLoaderConfiguration(split_batches=True, use_seedable_sampler=True, data_seed=0)
    accelerator = ShardingAccelerator(cpu=args.cpu, dataloader_config=loading)
    X, y = load_digits(return_X_y=True)
    rows = train_test_split(X.astype(np.float32) / 16, y, test_size=0.25, random_state=0)
    X_train, X_test, y_train, y_test = rows
    start = time.perf_counter()
    ensemble = make_ensemble(accelerator, args.width, args.epochs, args.cycles)
    ensemble.fit(X_train, y_train)
    seconds = time.perf_counter() - start

    digests = gather_object([tuple(map(digest, ensemble.members_))])
    where = f"{accelerator.num_processes} x {accelerator.device.type}"
    accelerator.print(f"{ensemble.n_steps_} steps on {where}: {seconds:.1f} s")
    accelerator.print(f"members equal in all processes: {len(set(digests)) == 1}")
    proba = ensemble.predict_proba(X_test)
    accuracy = (ensemble.classes_[proba.argmax(axis=1)] == y_test).mean()
    accelerator.print(f"accuracy {accuracy:.4f}, NLL {log_loss(y_test, proba):.4f}")
    if args.save and accelerator.is_main_process:
        names = enumerate(ensemble.members_)
        np.savez(args.save, **{f"{k}.{name}": v for k, m in names for name, v in m.items()})
    accelerator.end_training()


if __name__ == "__main__":
    main()

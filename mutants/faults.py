"""Faults written by hand, each as a piece of text and what takes its place."""

from typing import NamedTuple


class Fault(NamedTuple):
    """A fault.

    Attributes
    ----------
    module : str
        Path in the package.
    what : str
        What goes wrong, in words.
    old, new : str
        A piece of the module that stands there once, and what takes its place.
    """

    module: str
    what: str
    old: str
    new: str


CYCLES = "schedules/_cycles.py"
CYCLIC = "schedules/_cyclic.py"
DECAY = "schedules/_decay.py"
SAMPLING = "schedules/_sampling.py"
STAGES = "schedules/_stages.py"
SCHEDULES = [
    Fault(CYCLES, "a cycle ends a step early", "ceil(T * grown / whole)", "int(T * grown / whole)"),
    Fault(
        CYCLES, "a step that ends no cycle is a moment", "return t in ends", "return t + 1 in ends"
    ),
    Fault(
        CYCLES,
        "a step is one further in its cycle",
        "return k, t - 1 - start",
        "return k, t - start",
    ),
    Fault(CYCLES, "lengths are those of the first cycle", "ends[k] - start\n", "ends[0]\n"),
    Fault(CYCLES, "step T + 1 is let in", "1 <= t <= T", "1 <= t <= T + 1"),
    Fault(
        CYCLIC,
        "a cycle falls to half the peak",
        "lr_min + (peak - lr_min) / 2 * (cos(pi * j / length) + 1)",
        "lr_min + (peak - lr_min) * (cos(pi * j / length / 2))",
    ),
    Fault(
        CYCLIC,
        "the triangle peaks a step late",
        "abs(2 * (j + 1) / length - 1)",
        "abs(2 * j / length - 1)",
    ),
    Fault(DECAY, "the rate drops a step late", "t - 1 >= milestone", "t - 1 > milestone"),
    Fault(DECAY, "the plateau is all of the training", "- 0.5) / 0.4", "- 0.9) / 0.1"),
    Fault(
        SAMPLING,
        "the part is rounded down",
        "ceil(Fraction(str(sampling_fraction)) * length)",
        "int(Fraction(str(sampling_fraction)) * length)",
    ),
    Fault(
        SAMPLING,
        "the samples of a cycle are not equally spaced",
        "is_cycle_end(j + 1, length, M=samples_per_cycle)",
        "j >= length - samples_per_cycle",
    ),
    Fault(
        STAGES,
        "the tail begins a step late",
        "    if t > n_before:\n        return tail_lr\n",
        "    if t > n_before + 1:\n        return tail_lr\n",
    ),
    Fault(
        STAGES,
        "the tail's cosine goes on from pretraining",
        "cyclic_cosine(t - n_before, n_tail, M=1, alpha_zero=tail_lr)",
        "cyclic_cosine(t, T, M=1, alpha_zero=tail_lr)",
    ),
]

AVERAGING = [
    Fault(
        "averaging.py",
        "the first m members are averaged",
        "weights[n_members - m :] = 1 / m",
        "weights[:m] = 1 / m",
    ),
    Fault(
        "averaging.py",
        "weights are left out",
        "mean += output * float(weight)",
        "mean += output / len(weights)",
    ),
    Fault(
        "averaging.py",
        "the last stage is dropped",
        "range(1, n_members + 1)",
        "range(1, n_members)",
    ),
]

METRICS = [
    Fault(
        "metrics/_calibration.py",
        "an edge belongs to the bin above",
        'side="left"',
        'side="right"',
    ),
    Fault(
        "metrics/_calibration.py",
        "weights are left out",
        "weights=weights * (is_right",
        "weights=(is_right",
    ),
    Fault(
        "metrics/_calibration.py",
        "distances of bins make up for each other",
        "np.abs(distances).sum()",
        "np.abs(distances.sum())",
    ),
    Fault(
        "metrics/_calibration.py",
        "edges are coarser than confidences",
        "(np.arange(1, n_bins) / n_bins).astype(confidence.dtype)",
        "np.arange(1, n_bins) / n_bins",
    ),
]

POSTERIORS = [
    Fault(
        "posteriors/_iterates.py",
        "deviations are from the mean before",
        "self.deviations.append(weights - self.mean)",
        "self.deviations.append(ahead)",
    ),
    Fault(
        "posteriors/_iterates.py",
        "the rank is counted one too many",
        "sqrt(rank - 1)",
        "sqrt(rank)",
    ),
    Fault(
        "posteriors/_iterates.py", "scale is no square", "+ sqrt(scale) * step", "+ scale * step"
    ),
    Fault(
        "posteriors/_langevin.py",
        "noise is that of plain steps under momentum",
        "sqrt(2 * (1 - momentum) * rate",
        "sqrt(2 * rate",
    ),
    Fault(
        "posteriors/_langevin.py",
        "momentum forgets the noise",
        "alpha=momentum)",
        "alpha=0.0)",
    ),
]

PREDICTOR = "members/_predictor.py"
STATES = "members/_states.py"
TEMPLATE = "members/_template.py"
BY_HAND = "members/_lean_copies.py"
MEMBERS = [
    Fault(
        STATES,
        "weights of minus infinity pass",
        "np.isfinite(state[name]).all()",
        "(state[name] < np.inf).all()",
    ),
    Fault(
        STATES,
        "a state is not copied",
        "tensor.detach().to(device, copy=True)",
        "tensor.detach().to(device)",
    ),
    Fault(
        STATES,
        "a net keeps the module that ran",
        "        net.module_ = module\n",
        "        pass\n",
    ),
    Fault(
        BY_HAND,
        "members share their hooks",
        "v.copy() if type(v) in CONTAINERS else v",
        "v",
    ),
    Fault(
        TEMPLATE,
        "a member stays in training mode",
        "module if self._is_in_evaluation else module.eval()",
        "module",
    ),
    Fault(
        BY_HAND,
        "a module whose attributes hold tensors is copied by hand",
        "(type(part).__module__ in CHEAP_TO_COPY or type(part) in POOLINGS)\n"
        "        and not is_watched(part)",
        "not is_watched(part)",
    ),
    Fault(
        PREDICTOR,
        "rows of float64 are read as float32",
        "TENSORS.get(X.dtype, torch.float32)",
        "torch.float32",
    ),
    Fault(
        PREDICTOR,
        "the second output of a tuple is taken",
        "output[part] if isinstance(output, tuple)",
        "output[1] if isinstance(output, tuple)",
    ),
    Fault(
        PREDICTOR,
        "outputs of half precision stay so",
        "output.float() if self.autocast else output",
        "output",
    ),
]

TRAIN = "training/_train.py"
COURSE = "training/_course.py"
STEPS = "training/_steps.py"
TRACE = "training/_trace.py"
TRAINING = [
    Fault(
        COURSE,
        "groups keep the last rate",
        '            group["lr"] = own_rate\n',
        "            pass\n",
    ),
    Fault(
        COURSE,
        "groups of a rate of their own lose it",
        'group["lr"] = rate * ratio',
        'group["lr"] = rate',
    ),
    Fault(
        COURSE,
        "a moment counts though its observer raised",
        "            should_stop = self.observe(step)\n            self.reached_.append(step.t)\n",
        "            self.reached_.append(step.t)\n            should_stop = self.observe(step)\n",
    ),
    Fault(
        COURSE,
        "an observer cannot stop",
        "            if should_stop:\n",
        "            if False:\n",
    ),
    Fault(
        COURSE,
        "the curve has the last batch of each epoch",
        "self.loss_curve_.append(mean)",
        "self.loss_curve_.append(float(self.losses_.values()[-1, 0]))",
    ),
    Fault(STEPS, "the rate is that of the step before", ".rates[self.t]\n", ".rates[self.t - 1]\n"),
    Fault(STEPS, "a step is not counted", "        self.t += 1\n        return", "        return"),
    Fault(
        STEPS,
        "moments come a step late",
        "self._due.get(self.t, ())",
        "self._due.get(self.t - 1, ())",
    ),
    Fault(STEPS, "the loss is that of the last batch", "float(losses.mean())", "float(losses[-1])"),
    Fault(
        TRACE,
        "the last step has the first rate",
        "Step(len(rates), self.n_steps, rates[-1],",
        "Step(len(rates), self.n_steps, rates[0],",
    ),
    Fault(
        TRACE,
        "the loss of the first training is taken",
        "last_loss=traces[-1].last_loss",
        "last_loss=traces[0].last_loss",
    ),
    Fault(
        TRAIN,
        "callbacks do not hear of the end",
        '        net.notify("on_train_end", X=data.X, y=y)\n',
        "",
    ),
    Fault(
        TRAIN,
        "a training without a step has an end",
        "not trace.was_interrupted and len(trace.learning_rates)",
        "not trace.was_interrupted",
    ),
]

MLP = "nets/gradients/_mlp.py"
CLOSED_FORM = [
    Fault(
        MLP,
        "weights that are not contiguous have a closed form",
        "    if not all(p.is_contiguous() for p in parameters):\n",
        "    if False:\n",
    ),
    Fault(
        MLP,
        "hooks are not seen",
        "    if any(is_watched(part) for part in (module, *module, criterion)):\n",
        "    if False:\n",
    ),
    Fault(
        MLP,
        "hooks of the criterion are not seen",
        "(module, *module, criterion)",
        "(module, *module)",
    ),
    Fault(
        "modules/_inspect.py",
        "a forward of the instance is not seen",
        '"forward" in own or ',
        "",
    ),
    Fault(
        "modules/_inspect.py",
        "hooks of the backward pass are not seen",
        'name.endswith("_hooks")',
        'name.endswith("forward_hooks")',
    ),
    Fault(
        MLP,
        "frozen weights are trained",
        "    if not all(p.requires_grad for p in parameters):\n",
        "    if False:\n",
    ),
    Fault(
        MLP,
        "settings of the criterion are not seen",
        "kind in (nn.CrossEntropyLoss, nn.MSELoss) and _settings(criterion) == _defaults(kind)",
        "kind in (nn.CrossEntropyLoss, nn.MSELoss)",
    ),
    Fault(
        MLP,
        "the gradient of the bias is a mean",
        "torch.sum(g, 0, out=self.bias_grad)",
        "torch.mean(g, 0, out=self.bias_grad)",
    ),
    Fault(
        MLP,
        "dropout does not scale its gradient",
        "_aten.native_dropout_backward(g, self.kept, self.scale)",
        "_aten.native_dropout_backward(g, self.kept, 1.0)",
    ),
    Fault(
        MLP,
        "weights of rows are left out",
        "self.loss_of(x, y, weight / len(weight))",
        "self.mean_loss_of(x, y, self.grad_output)",
    ),
    Fault(
        "nets/gradients/_losses.py",
        "the gradient of squared errors is half of it",
        "weighted.mul_(2)",
        "weighted.mul_(1)",
    ),
    Fault(
        "nets/gradients/_losses.py",
        "gradients of the log-loss are not weighed",
        "    gradient.mul_(row_weight)\n",
        "",
    ),
]

SGD, STEP = "nets/gradients/_sgd.py", "nets/gradients/_fused_step.py"
STEPS_OF_SGD = [
    Fault(SGD, "there is no dampening", 'dampening=self.group["dampening"]', "dampening=0.0"),
    Fault(SGD, "Nesterov is off", 'nesterov=self.group["nesterov"]', "nesterov=False"),
    Fault(
        SGD,
        "there is no weight decay",
        'weight_decay=self.group["weight_decay"]',
        "weight_decay=0.0",
    ),
    Fault(SGD, "`maximize` is not seen", '    if group["maximize"]:\n', "    if False:\n"),
    Fault(STEP, "a wrapped `step` is not seen", '"step" in vars(optimizer)', "False"),
    Fault(SGD, "each step is the first", "is_first_step=self.is_first", "is_first_step=True"),
    Fault(
        STEP,
        "buffers outlive a restart",
        "            kept.clear()\n",
        "            pass\n",
    ),
    Fault(
        STEP,
        "global hooks are not seen",
        "        or torch_optimizer._global_optimizer_pre_hooks\n",
        "",
    ),
]

EPOCH = "nets/_epoch.py"
LOSS = "nets/_loss.py"
NETS = [
    Fault(
        EPOCH,
        "the epoch does not switch to training mode",
        "            self._set_training(True)\n",
        "            pass\n",
    ),
    Fault(
        LOSS,
        "the criterion keeps the reduction of rows",
        "        owner.reduction = reduction\n",
        "        pass\n",
    ),
    Fault(
        "nets/_net_batches.py",
        "each iterator draws the same order",
        "            self.order_seed_ += 1\n",
        "            pass\n",
    ),
    Fault(
        "data/_targets.py",
        "the scale of targets ignores weights",
        "None if sample_weight is None else relative_weights(sample_weight)",
        "None",
    ),
    Fault(
        EPOCH,
        "the best loss is that of an earlier training",
        '{} if len(self.history) == 1 else getattr(self, "best_losses_", {})',
        'getattr(self, "best_losses_", {})',
    ),
    Fault(
        "nets/gradients/_clipping.py",
        "gradients below twice the norm are not cut",
        "(norm > max_norm)",
        "(norm > 2 * max_norm)",
    ),
    Fault(
        LOSS,
        "weights of classes do not count in the divisor",
        "torch.where(kept, owner.weight[torch.where(kept, y_true, 0)], 0).sum()",
        "kept.sum()",
    ),
    Fault(
        "data/_batches.py",
        "a last row is a batch alone",
        "rest == 1 and sizes",
        "rest == 0 and sizes",
    ),
]

BASE = "ensembles/_base.py"
ROWS = "ensembles/_rows.py"
HELD_OUT = "ensembles/_held_out.py"
COLLECTOR = "ensembles/_collector.py"
ENSEMBLES = [
    Fault(
        HELD_OUT,
        "the best m ignores weights",
        "np.average(losses, weights=self.sample_weight)",
        "np.average(losses)",
    ),
    Fault(
        HELD_OUT,
        "the last member is compared without weights",
        "np.ones(len(lead)) if self.sample_weight is None else self.sample_weight",
        "np.ones(len(lead))",
    ),
    Fault(
        ROWS,
        "validation rows of weight 0 stay",
        "        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)\n"
        "        return self._held_out_rows(",
        "        return self._held_out_rows(",
    ),
    Fault(BASE, "callbacks do not hear of the end", "        progress.end()\n", ""),
    Fault(
        BASE,
        "the method draws what the training draws",
        "collect, streams.method)",
        "collect, streams.training)",
    ),
    Fault(
        "ensembles/_regressor.py",
        "the held-out loss looks at the first column alone",
        "((output - y) ** 2).mean(axis=1)",
        "((output - y) ** 2)[:, 0]",
    ),
    Fault(
        "ensembles/_classifier.py",
        "the log-loss of a row is never above 7",
        "np.finfo(proba.dtype).tiny",
        "1e-3",
    ),
    Fault(
        ROWS,
        "training rows of weight 0 stay",
        "        X, y, sample_weight = drop_zero_weight_rows(X, y, sample_weight)\n"
        "        held_out = None\n",
        "        held_out = None\n",
    ),
    Fault(
        HELD_OUT,
        "the best m is one too few",
        "int(np.argmin(losses)) + 1",
        "int(np.argmin(losses))",
    ),
    Fault(
        COLLECTOR,
        "members that are not finite are taken in",
        "        if not is_finite(state, of._parameter_names):\n",
        "        if False:\n",
    ),
    Fault(
        COLLECTOR,
        "a member that Ctrl-C cut short stays",
        "        self._drop_unfinished()\n",
        "",
    ),
]

KEYS = "lockstep/_compatibility.py"
LOCKSTEP = [
    Fault(
        KEYS,
        "trainings of different momentum are the same",
        'if name not in ("params", "lr")}',
        'if name not in ("params", "lr", "momentum")}',
    ),
    Fault(
        KEYS,
        "trainings of different clipping are the same",
        "        _contents(vars(net), NO_PART_OF_A_TRAINING),\n",
        '        _contents(vars(net), NO_PART_OF_A_TRAINING | {"max_grad_norm"}),\n',
    ),
    Fault(KEYS, "trainings of different moments are the same", "        plan.moments,\n", ""),
    Fault(KEYS, "trainings of different rates are the same", "        tuple(plan.rates),\n", ""),
    Fault(
        KEYS,
        "trainings of different draws are the same",
        "        training.generator_state.numpy().tobytes(),\n",
        "",
    ),
    Fault(KEYS, "trainings of different orders are the same", "        net.order_seed_,\n", ""),
    Fault(KEYS, "trainings of different rows are the same", "        training.data_digest,\n", ""),
    Fault(
        KEYS,
        "criteria of different settings are one population",
        "        contents_of(unwrap_compiled(net.criterion_)),\n",
        "",
    ),
    Fault(
        KEYS,
        "dampenings are one population",
        'if k not in {"params", "lr"} | OF_EACH_GROUP}',
        'if k not in {"params", "lr", "dampening"} | OF_EACH_GROUP}',
    ),
    Fault(
        "lockstep/_shared_training.py",
        "nets share their momentum",
        "deepcopy(first.net.optimizer_.state_dict())",
        "first.net.optimizer_.state_dict()",
    ),
    Fault(
        "lockstep/_shared_training.py",
        "ensembles share their members",
        "self.copies if fit is active[-1] else [*map(_copy_again, self.copies)]",
        "self.copies",
    ),
    Fault(
        "lockstep/_stacked_batches.py",
        "rows that fill up a batch count",
        "is_row = places < sizes[..., None]",
        "is_row = places < width",
    ),
    Fault(
        "lockstep/_stacked_sgd.py",
        "all nets have the rate of the first",
        "self.rates_now[ratios].view(-1, *(1,) * (weight.ndim - 1))",
        "self.rates_now[ratios][0]",
    ),
    Fault(
        "lockstep/_loop.py",
        "a net that ended goes on observing",
        "[k for k in self.counter.count() if self.is_on[k]]",
        "[k for k in self.counter.count() if True]",
    ),
]

EXTRA = [
    Fault(
        "training/_batch_norm.py",
        "batch statistics stay those of the training",
        "            net.infer(batch)\n",
        "            pass\n",
    ),
    Fault(
        "seeding.py",
        "a training draws from whatever came before",
        "        torch.default_generator.manual_seed(seed)\n",
        "        pass\n",
    ),
]

FAULTS = [
    *SCHEDULES,
    *AVERAGING,
    *METRICS,
    *POSTERIORS,
    *MEMBERS,
    *TRAINING,
    *CLOSED_FORM,
    *STEPS_OF_SGD,
    *NETS,
    *ENSEMBLES,
    *LOCKSTEP,
    *EXTRA,
]

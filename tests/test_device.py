"""Which device and which floats an argument stands for."""

import numpy as np
import pytest
import torch

from skensemble import InvalidParameterError
from skensemble.device import PRECISIONS, available_device, numpy_dtype, resolve_device


@pytest.fixture
def machine(monkeypatch):
    """Give a function that sets how many devices there are."""

    def has(n_cuda=0, n_mps=0):
        monkeypatch.setattr(torch.cuda, "is_available", lambda: n_cuda > 0)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: n_cuda)
        monkeypatch.setattr(torch.backends.mps, "is_available", lambda: n_mps > 0)

    return has


@pytest.mark.parametrize(
    ("n_cuda", "n_mps", "device"),
    [(0, 0, "cpu"), (0, 1, "mps:0"), (1, 0, "cuda:0"), (1, 1, "cuda:0")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(machine, n_cuda, n_mps, device):
    machine(n_cuda, n_mps)
    assert resolve_device("auto") == torch.device(device)


@pytest.mark.parametrize("device", ["cpu", "meta", torch.device("cpu")])
def test_a_device_that_is_named_is_taken(machine, device):
    machine(n_cuda=1, n_mps=1)
    assert resolve_device(device) == torch.device(device)


def test_a_device_is_named_as_tensors_name_it(machine, monkeypatch):
    machine(n_cuda=2, n_mps=1)
    assert resolve_device("cpu:0") == torch.zeros(1, device="cpu:0").device
    # A CUDA that nobody has used has its first device as the current one, and stays unused.
    assert resolve_device("cuda") == resolve_device("auto") == torch.device("cuda:0")
    assert not torch.cuda.is_initialized()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    for device in ("cuda", "auto", torch.device("cuda")):
        assert resolve_device(device) == torch.device("cuda:1")
    assert resolve_device("cuda:0") == torch.device("cuda:0")
    assert resolve_device("mps") == torch.device("mps:0")


def test_none_is_the_cpu(machine):
    machine(n_cuda=1)
    assert resolve_device(None) == torch.device("cpu")


@pytest.mark.parametrize("device", ["abacus", "Auto", "", (), 2.5, {"a": 1}])
def test_what_torch_does_not_know_is_refused(device):
    with pytest.raises(
        InvalidParameterError, match="device must be 'auto' or a device that torch knows, got "
    ):
        resolve_device(device)


@pytest.mark.parametrize("device", ["cuda:0", "cuda:1", torch.device("cuda", 1)])
def test_cuda_devices_that_are_there_are_taken(machine, device):
    machine(n_cuda=2)
    assert resolve_device(device) == torch.device(device)


@pytest.mark.parametrize(
    ("n_cuda", "n_mps", "device", "found"),
    [
        (0, 1, "cuda", "0 device(s) of type 'cuda'"),
        (2, 1, "cuda:2", "2 device(s) of type 'cuda'"),
        (2, 0, "mps", "0 device(s) of type 'mps'"),
        (2, 1, "mps:1", "1 device(s) of type 'mps'"),
        (2, 1, "cpu:1", "1 device(s) of type 'cpu'"),
    ],
)
def test_what_the_machine_lacks_is_refused(machine, n_cuda, n_mps, device, found):
    machine(n_cuda, n_mps)
    with pytest.raises(InvalidParameterError) as error:
        resolve_device(device)
    expected = f"device must be on this machine ({found} found), got {device!r}."
    assert str(error.value) == expected


def test_mps_that_is_there_is_taken(machine):
    machine(n_mps=1)
    assert resolve_device("mps") == torch.device("mps:0")


def test_a_model_from_another_machine_comes_to_the_cpu_with_a_warning(machine):
    machine(n_cuda=1)
    assert available_device("cuda") == torch.device("cuda:0")
    machine()
    with pytest.warns(
        UserWarning, match=r"device must be on .*'cuda'\. The model is put on the CP"
    ):
        assert available_device("cuda") == torch.device("cpu")
    assert available_device("auto") == torch.device("cpu")


def test_rows_have_the_floats_of_the_weights():
    for name, dtype in [("float32", "float32"), ("float64", "float64"), ("bf16", "float32")]:
        assert numpy_dtype(name) == np.dtype(dtype)
        assert PRECISIONS[name].weights == getattr(torch, dtype)


def test_only_bf16_computes_in_fewer_bits():
    autocast = {name: precision.autocast for name, precision in PRECISIONS.items()}
    assert autocast == {"float32": None, "float64": None, "bf16": torch.bfloat16}

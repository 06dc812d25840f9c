"""Rows that a device answers at once."""

import pytest
import torch

from skensemble.data import forward_rows

CPU, CUDA = torch.device("cpu"), torch.device("cuda", 0)
IMAGE = 3 * 32 * 32


@pytest.fixture
def gpu(monkeypatch):
    """Give a function that sets the free bytes of a GPU, and those that torch keeps."""

    def has(n_free, n_kept=0):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (n_free, 80 * 2**30))
        monkeypatch.setattr(torch.cuda, "memory_reserved", lambda device: 3 * 2**30 + n_kept)
        monkeypatch.setattr(torch.cuda, "memory_allocated", lambda device: 3 * 2**30)

    return has


def test_a_gpu_answers_2048_rows_where_they_fit(gpu):
    gpu(40 * 2**30)
    assert forward_rows(CUDA, 10_000, IMAGE, 128) == 2048
    assert forward_rows(CUDA, 10_000, IMAGE, 5000) == 5000
    # 256 copies of an image in float32 are 3 MiB, and half of the memory may be taken.
    gpu(2**30)
    assert forward_rows(CUDA, 10_000, IMAGE, 128) == 2**29 // (256 * 4 * IMAGE) == 170
    gpu(0, n_kept=2**30)
    assert forward_rows(CUDA, 10_000, IMAGE, 128) == 170
    gpu(0)
    assert forward_rows(CUDA, 10_000, IMAGE, 128) == 128
    assert forward_rows(CUDA, 10_000, 0, 1) == 1


def test_memory_is_not_asked_for_where_it_does_not_matter():
    # This machine has no GPU, and would raise.
    assert forward_rows(CPU, 10_000, IMAGE, 128) == 128
    assert forward_rows(CUDA, 128, IMAGE, 128) == 128

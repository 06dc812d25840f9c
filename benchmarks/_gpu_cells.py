"""Steps that are recorded as CUDA graphs: by hand, and of nets in lock-step."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from time import perf_counter

import torch
from _competitors import blobs
from _images import LR, MOMENTUM, WEIGHT_DECAY
from _search_steps import time_together
from torch import Tensor, nn
from torch.nn import functional

N_BEFORE = 4
"""Steps before the recording."""

EPOCHS = {1: 300, 8: 200, 128: 100, 512: 60}
"""Numbers of nets in lock-step, and how many epochs of four steps are timed."""

QUICK_EPOCHS = {1: 5, 3: 5}


def graphed_epochs(module: nn.Module, X: Tensor, y: Tensor, *, batch_size: int) -> Iterator[float]:
    """Train a module in bf16 by a step that is recorded, and give the seconds of each epoch.

    A last batch that is smaller is left out. On the CPU, where nothing can be recorded, the step is
    made each time.
    """
    is_cuda = X.is_cuda
    optimizer = torch.optim.SGD(
        module.parameters(),
        lr=torch.tensor(LR, device=X.device) if is_cuda else LR,
        momentum=MOMENTUM,
        weight_decay=WEIGHT_DECAY,
        fused=is_cuda,
    )
    index = torch.arange(batch_size, device=X.device)
    total = torch.zeros((), device=X.device)

    def step() -> None:
        optimizer.zero_grad(set_to_none=False)
        with torch.autocast(X.device.type, torch.bfloat16):
            loss = functional.cross_entropy(module(X[index]).float(), y[index])
        loss.backward()
        optimizer.step()
        total.add_(loss.detach())

    make = recorded(step) if is_cuda else step
    while True:
        begun = perf_counter()
        for chosen in torch.randperm(len(X), device=X.device).split(batch_size):
            if len(chosen) == batch_size:
                index.copy_(chosen)
                make()
        float(total)
        yield perf_counter() - begun


def recorded(step: Callable[[], None]) -> Callable[[], None]:
    """Record a step as a CUDA graph, after some that are made on another stream."""
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(N_BEFORE):
            step()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def lockstep_cells(device: str, *, quick: bool) -> list[tuple[str, Callable[[], float]]]:
    """Give what measures the microseconds of a step of all nets, with graphs and without."""

    def measure(K: int, n_epochs: int, graph: str | bool) -> float:
        problem = replace(blobs(), max_epochs=n_epochs)
        return round(K * time_together(problem, "closed form", K, device, cuda_graph=graph), 1)

    return [
        (
            f"lock-step of {K} nets, {'graph' if graph else 'no graph'}, us a step",
            lambda K=K, n_epochs=n_epochs, graph=graph: measure(K, n_epochs, graph),
        )
        for K, n_epochs in (QUICK_EPOCHS if quick else EPOCHS).items()
        for graph in (False, "auto")
    ]

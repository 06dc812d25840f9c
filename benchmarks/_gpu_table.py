"""The cells of gpu.py by importance: what is run, what it should take, and when it is ended."""

from dataclasses import dataclass, field
from typing import Any

NETS = ((16, 4), (28, 10))
BATCHES = (128, 512)
QUICK_NETS = ((10, 1),)
QUICK_BATCHES = (8,)

BF16 = {"precision": "bf16", "channels_last": True}
FLOAT32 = {"precision": "float32", "channels_last": False}

BY_HAND: dict[str, dict[str, Any]] = {
    "by hand, graph": {**BF16, "compiled": False, "graph": True},
    "by hand, compiled, graph": {**BF16, "compiled": True, "graph": True},
    "by hand": {**BF16, "compiled": False, "graph": False},
    "by hand, float32": {**FLOAT32, "compiled": False, "graph": False},
}
"""Ways of plain torch; but for the last in bf16 and channels_last."""

OURS: dict[str, dict[str, Any]] = {
    "ours, graph": {**BF16, "compile": False, "cuda_graph": "auto"},
    "ours, compiled, graph": {**BF16, "compile": True, "cuda_graph": "auto"},
    "ours": {**BF16, "compile": False, "cuda_graph": False},
    "ours, graph or a warning": {**BF16, "compile": False, "cuda_graph": True},
    "ours, float32": {**FLOAT32, "compile": False, "cuda_graph": False},
    "ours, float32, graph": {**FLOAT32, "compile": False, "cuda_graph": "auto"},
}
"""Ways of our nets; the fifth is what a net does that is told nothing."""

SKORCH, SKORCH_8, TORCHENSEMBLE = "skorch", "skorch, 8 workers", "torchensemble"
N_BATCHES = {128: 40, 512: 8}
"""Of an epoch of these, which are slow."""

OTHERS: dict[str, tuple[str, dict[str, Any]]] = {
    SKORCH: ("images_of_skorch", {}),
    # Workers are started in each epoch, which is the longer for it.
    SKORCH_8: ("images_of_skorch", {"n_workers": 8, "n_batches": 200}),
    TORCHENSEMBLE: ("images_of_torchensemble", {}),
}
"""Ways of others: a function and what it is told."""

LOCKSTEP_EPOCHS = {1: 300, 8: 200, 45: 150, 128: 100, 512: 60}
QUICK_LOCKSTEP_EPOCHS = {1: 5, 3: 5}
GRAPHS = {"graph": "auto", "no graph": False}
TRAININGS = {"single": 1, "snapshots": 5}
CEILINGS, WAITS = "ceilings", "lines that wait for the device"


@dataclass(frozen=True)
class Cell:
    """One measurement.

    Attributes
    ----------
    name : str
    module, function : str
        What is called with a `Place` and the arguments.
    arguments : dict
    takes : float
        Seconds that it should take: it is not begun with less time.
    at_most : float
        Seconds after which it is ended.
    needs_images : bool
        Whether it reads the archive.
    """

    name: str
    module: str
    function: str
    arguments: dict[str, Any] = field(default_factory=dict)
    takes: float = 8.0
    at_most: float = 45.0
    needs_images: bool = False

    @property
    def task(self) -> dict[str, Any]:
        """What the process is asked for."""
        return {"module": self.module, "function": self.function, "arguments": self.arguments}


def name_of(net: tuple[int, int], batch: int, way: str) -> str:
    """Name the cell of a net, a batch size and a way to train."""
    return f"WRN-{net[0]}-{net[1]}, {batch}, {way}"


def image_cell(net: tuple[int, int], batch: int, way: str) -> Cell:
    """Make the cell of a net, a batch size and a way to train."""
    arguments = {"depth": net[0], "width": net[1], "batch": batch}
    name = name_of(net, batch, way)
    if way in OTHERS:
        function, more = OTHERS[way]
        arguments |= {"n_batches": N_BATCHES.get(batch, 2), **more}
        return Cell(name, "_gpu_others", function, arguments)
    at_most = 100.0 if "compiled" in way else 50.0
    takes = 30.0 if "compiled" in way else 8.0
    if way in BY_HAND:
        arguments |= BY_HAND[way]
        return Cell(name, "_gpu_by_hand", "steps_by_hand", arguments, takes, at_most)
    arguments |= OURS[way]
    return Cell(name, "_gpu_nets", "images_of_ours", arguments, takes, at_most)


def lockstep_name(K: int, graph: str) -> str:
    """Name the cell of K nets in lock-step."""
    return f"lock-step of {K}, {graph}"


def lockstep_cell(K: int, graph: str, n_epochs: int) -> Cell:
    """Make the cell of K nets in lock-step."""
    arguments = {"K": K, "n_epochs": n_epochs, "cuda_graph": GRAPHS[graph]}
    takes = 15.0 if K > 100 else 6.0
    return Cell(
        lockstep_name(K, graph), "_gpu_studies", "steps_in_lockstep", arguments, takes, 60.0
    )


def training_name(net: tuple[int, int], n_epochs: int, what: str) -> str:
    """Name the cell of a training on the images."""
    return f"WRN-{net[0]}-{net[1]}, {n_epochs} epochs, {what}"


def training_cells(
    net: tuple[int, int], batch: int, n_epochs: int, limit: int | None
) -> list[Cell]:
    """Make the cells of trainings on the images."""
    depth, width = net
    return [
        Cell(
            training_name(net, n_epochs, what),
            "_gpu_studies",
            "training_on_images",
            {
                "depth": depth,
                "width": width,
                "batch": batch,
                "n_epochs": n_epochs,
                "M": M if limit is None else min(M, n_epochs),
                "limit": limit,
            },
            takes=45.0,
            at_most=130.0,
            needs_images=True,
        )
        for what, M in TRAININGS.items()
    ]


def table_cells(device: str) -> list[Cell]:
    """Make the cells of a fit on a table: on the device, on the CPU, and where the time goes."""
    makes = [("table", device, False), ("table, sampled", device, True), ("table", "cpu", False)]
    cells = [
        Cell(
            f"{what}, {place}",
            "_gpu_studies",
            "table_fit",
            {"device": place, "sampled": sampled},
            takes=15.0,
            at_most=60.0,
        )
        for what, place, sampled in makes
    ]
    return list({cell.name: cell for cell in cells}.values())


def waits_cell(net: tuple[int, int], batch: int) -> Cell:
    """Make the cell that counts lines that wait, in steps that are made one by one."""
    arguments = {"depth": net[0], "width": net[1], "batch": batch, **BF16, "cuda_graph": False}
    return Cell(WAITS, "_gpu_nets", "waiting_lines", arguments)


def table(device: str, *, quick: bool) -> list[Cell]:
    """Give all cells, the most important ones first."""
    if quick:
        return quick_table(device)
    small, large = NETS

    def images(*ways: str, only: Any = None) -> list[Cell]:
        pairs = [(net, batch) for net in NETS for batch in BATCHES] if only is None else only
        return [image_cell(net, batch, way) for way in ways for net, batch in pairs]

    def lockstep(*numbers: int, graphs: Any = GRAPHS) -> list[Cell]:
        return [lockstep_cell(K, g, LOCKSTEP_EPOCHS[K]) for g in graphs for K in numbers]

    principal = [(small, 128), (large, 512)]
    others = [(small, 512), (large, 128)]
    return [
        Cell(CEILINGS, "_gpu_by_hand", "ceilings"),
        *images("by hand, graph", "ours, graph", SKORCH),
        waits_cell(small, 128),
        *lockstep(1, 512),
        *images("by hand, compiled, graph", "ours, compiled, graph", only=principal),
        *training_cells(small, 128, 30, None),
        *table_cells(device),
        *images("by hand", "ours", only=principal),
        *images("ours, float32", "ours, float32, graph", only=principal[:1]),
        *lockstep(8, 45, 128, graphs=["graph"]),
        *images(TORCHENSEMBLE),
        *images("by hand, compiled, graph", "ours, compiled, graph", only=others),
        *images("by hand", "ours", only=others),
        *images("by hand, float32", only=principal),
        *images("ours, graph or a warning", SKORCH_8, only=principal[:1]),
        *lockstep(8, 45, 128, graphs=["no graph"]),
    ]


def quick_table(device: str) -> list[Cell]:
    """Give a cell of each kind but those that compile, at sizes that take no time."""
    (net,), (batch,) = QUICK_NETS, QUICK_BATCHES
    ways = ["by hand, graph", "by hand, float32", "ours, graph", "ours, float32"]
    return [
        Cell(CEILINGS, "_gpu_by_hand", "ceilings"),
        *[image_cell(net, batch, way) for way in (*ways, SKORCH, TORCHENSEMBLE)],
        waits_cell(net, batch),
        *[lockstep_cell(K, "graph", n) for K, n in QUICK_LOCKSTEP_EPOCHS.items()],
        *training_cells(net, batch, 2, 32),
        *[cell for cell in table_cells(device) if cell.arguments["sampled"]],
    ]

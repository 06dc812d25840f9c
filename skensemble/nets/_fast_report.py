"""Which of the fast ways a training took, and why it left the others."""

from dataclasses import dataclass


@dataclass
class FastReport:
    """Why a training left the fast ways of a net; None where it took one throughout.

    Attributes
    ----------
    lean_epoch : str or None
        Why epochs were those of skorch, which keeps books on every batch.
    closed_form : str or None
        Why gradients came from autograd.
    fused_step : str or None
        Why steps were made by the optimizer's own `step`.
    cuda_graph : str or None
        Why steps were not replayed as a CUDA graph though `cuda_graph` asks for it.

    Examples
    --------
    >>> report = FastReport()
    >>> report.leave("closed_form", "the module is Linear, not MLP")
    >>> report
    FastReport(lean_epoch=None, closed_form='the module is Linear, not MLP', fused_step=None,
               cuda_graph=None)
    """

    lean_epoch: str | None = None
    closed_form: str | None = None
    fused_step: str | None = None
    cuda_graph: str | None = None

    def leave(self, way: str, reason: str) -> None:
        """Note why a way was left, unless a reason is known."""
        if getattr(self, way) is None:
            setattr(self, way, reason)

"""Many trainings as one: fits wait for each other, and their nets are trained as a population."""

from skensemble.lockstep._paused_fit import PausedFit
from skensemble.lockstep._paused_training import digest_of
from skensemble.lockstep._run_together import DEFAULT_MEMORY_BYTES, Report, run_together

__all__ = ["DEFAULT_MEMORY_BYTES", "PausedFit", "Report", "digest_of", "run_together"]

"""Why each mutant that lives does no harm, or what it would take to kill it."""

REASONS: dict[str, str] = {}
"""By the name of the mutant in `results.json`."""

"""torchmetrics without torchvision, which it imports for images alone.

torchensemble brings torchvision along, in a build that does not load beside the small build of
torch for the CPU.
"""

import sys
from unittest.mock import MagicMock

ABSENT = ["torchvision", *(f"torchvision.{part}" for part in ("models", "ops", "transforms"))]
hidden = [name for name in ABSENT if "torchvision" not in sys.modules]
sys.modules.update({name: MagicMock() for name in hidden})

from torchmetrics.functional import classification, pearson_corrcoef  # noqa: E402  see above

for name in hidden:
    del sys.modules[name]

__all__ = ["classification", "pearson_corrcoef"]

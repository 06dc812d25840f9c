"""Our metrics beside those of other libraries, where these are installed."""

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from skensemble import metrics

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
LACKING = [name for name in ("torchmetrics", "uncertainty_toolbox") if find_spec(name) is None]


class OffByOne:
    """Our metrics, each of them too high by one."""

    def __getattr__(self, name):
        return lambda *args, **keywords: getattr(metrics, name)(*args, **keywords) + 1


@pytest.mark.slow
@pytest.mark.skipif(bool(LACKING), reason=f"needs {' and '.join(LACKING)}, of the group bench")
# What these libraries warn of on import is theirs.
@pytest.mark.filterwarnings("default")
def test_metrics_are_what_other_libraries_give(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    module = import_module("metrics_check")
    module.main(["--rows", "400", "--output", str(tmp_path)])
    assert "torchvision" not in sys.modules
    report = json.loads((tmp_path / "metrics_check.json").read_text())
    table = (tmp_path / "metrics_check.md").read_text()
    assert capsys.readouterr().out == table + "\n"
    differing = [check for check in report["checks"] if check["definitions differ"]]
    assert len(report["checks"]) == 12
    assert len(differing) == 2
    for check in report["checks"]:
        assert f"| `{check['metric']}`" in table
        # torchmetrics is in float32 in part.
        assert (check["difference"] < 1e-6) == (not check["definitions differ"]), check
    # Each is beside another number than our own: ours are off by one.
    monkeypatch.setattr(module, "metrics", OffByOne())
    parts = module.of_classes, module.of_members, module.of_two_sides, module.of_regression
    for metric, _, ours, theirs, _ in (
        check for part in parts for check in part(np.random.default_rng(0), 400)
    ):
        assert ours - theirs > 0.5, metric

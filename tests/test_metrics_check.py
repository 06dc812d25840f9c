"""Our metrics beside those of other libraries, where these are installed."""

import json
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
LACKING = [name for name in ("torchmetrics", "uncertainty_toolbox") if find_spec(name) is None]


@pytest.mark.slow
@pytest.mark.skipif(bool(LACKING), reason=f"needs {' and '.join(LACKING)}, of the group bench")
# What these libraries warn of on import is theirs.
@pytest.mark.filterwarnings("default")
def test_metrics_are_what_other_libraries_give(tmp_path, capsys, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import_module("metrics_check").main(["--rows", "400", "--output", str(tmp_path)])
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

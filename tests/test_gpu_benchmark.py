"""The cells of the GPU benchmark, which run on the CPU too, and what is made of them."""

import io
import json
import tarfile
from importlib.util import find_spec

import numpy as np
import pytest

HAS_TORCHENSEMBLE = find_spec("torchensemble") is not None
"""It is no library that tests need."""

HAS_IMAGES = find_spec("skensemble.datasets") is not None and find_spec("PIL") is not None
HAS_AUGMENTATION = find_spec("skensemble.augmentation") is not None
NET = "WRN-10-1, 8"


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    """Write an archive of a few images of two classes."""
    image = pytest.importorskip("PIL.Image")
    path = tmp_path_factory.mktemp("images") / "images.tar"
    rng = np.random.default_rng(0)
    with tarfile.open(path, "w") as tar:
        for part, n in (("train", 20), ("test", 6)):
            for name, level in (("dark", 60), ("light", 190)):
                for k in range(n):
                    pixels = rng.integers(level - 60, level + 60, (32, 32, 3)).astype(np.uint8)
                    file = io.BytesIO()
                    image.fromarray(pixels).save(file, "jpeg")
                    info = tarfile.TarInfo(f"{part}/{name}/{k:04}.jpg")
                    info.size = file.tell()
                    file.seek(0)
                    tar.addfile(info, file)
    return path


@pytest.fixture(scope="module")
def quick_run(script, archive, tmp_path_factory):
    """Give the raw numbers and the table of the quickest run."""
    folder = tmp_path_factory.mktemp("results")
    arguments = ["--device", "cpu", "--quick", "--budget", "120", "--output", str(folder)]
    arguments += ["--data", str(archive), "--cache", str(folder / "cache")]
    assert script("gpu").main(arguments) == 0
    return json.loads((folder / "gpu.json").read_text()), (folder / "gpu.md").read_text()


@pytest.mark.slow
def test_every_cell_is_measured(quick_run):
    raw, table = quick_run
    failed = {name: cell["failed"] for name, cell in raw["cells"].items() if "failed" in cell}
    if not HAS_AUGMENTATION:
        failed = {name: why for name, why in failed.items() if "skensemble.augm" not in why}
    if not HAS_IMAGES:
        failed = {name: why for name, why in failed.items() if "decoded" not in why}
    if not HAS_TORCHENSEMBLE:
        failed = {name: why for name, why in failed.items() if "torchensemble" not in why}
    assert failed == {}
    assert "Nothing." in table or not (HAS_AUGMENTATION and HAS_IMAGES and HAS_TORCHENSEMBLE)
    assert "| by hand, graph | " in table
    found = {name: cell["found"] for name, cell in raw["cells"].items() if "found" in cell}
    for way in ("by hand, graph", "by hand, float32", "skorch"):
        assert found[f"{NET}, {way}"]["images/s"] > 0
    # Of four epochs, or five, the first does not count; torchensemble's last has no end.
    assert len(found[f"{NET}, skorch"]["seconds"]) == 3
    if HAS_TORCHENSEMBLE:
        assert found[f"{NET}, torchensemble"]["images/s"] > 0
        assert len(found[f"{NET}, torchensemble"]["seconds"]) == 3
    # Ten steps of 8 random images: the loss is that of not knowing which of ten classes.
    assert found[f"{NET}, by hand, float32"]["loss"] == pytest.approx(np.log(10), abs=0.5)
    assert found["ceilings"].keys() == {"copy TB/s", "bf16 product TFLOP/s"}
    assert found["lock-step of 3, graph"]["us a step"] > 0
    assert found["table, sampled, cpu"]["looks"] > 0


@pytest.mark.slow
@pytest.mark.skipif(not HAS_AUGMENTATION, reason="no augmentation on the device yet")
def test_ours_are_measured_and_say_what_they_left(quick_run):
    cells = quick_run[0]["cells"]
    for way in ("ours, graph", "ours, float32"):
        found = cells[f"{NET}, {way}"]["found"]
        assert found["images/s"] > 0
        assert len(found["seconds"]) == 4 - 1
        # On the CPU nothing is recorded, and that is no obstacle.
        assert found["left"].keys() <= {"closed_form"}
        assert found["warnings"] == []
    # Ten steps an epoch on the CPU wait for nothing.
    assert cells["lines that wait for the device"]["found"]["waits"] == {}


@pytest.mark.slow
@pytest.mark.skipif(not (HAS_IMAGES and HAS_AUGMENTATION), reason="no images yet")
def test_trainings_are_scored_on_the_test_images(quick_run):
    cells = quick_run[0]["cells"]
    single = cells["WRN-10-1, 2 epochs, single"]["found"]
    snapshots = cells["WRN-10-1, 2 epochs, snapshots"]["found"]
    assert single["rows"] == snapshots["rows"] == [32, 2 * 6]
    assert single["ensemble"] == single["last member"]
    assert len(snapshots["last 1 to M"]) == 2
    assert snapshots["ensemble"] == snapshots["last 1 to M"][1]
    assert snapshots["last member"] == snapshots["last 1 to M"][0]
    for scores in snapshots["last 1 to M"]:
        assert scores["NLL"] > 0
        assert 0 <= scores["error %"] <= 100


@pytest.mark.slow
def test_raw_numbers_say_of_what_they_are(quick_run):
    raw = quick_run[0]
    assert raw["machine"]["card"] == "none: the CPU"
    assert raw["machine"].keys() >= {"torch", "skensemble", "date", "python"}
    assert raw["settings"]["cudnn.benchmark"] is True
    assert len(raw["code"]) == 16
    assert all(cell["date"] for cell in raw["cells"].values())

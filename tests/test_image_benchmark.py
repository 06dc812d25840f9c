"""The benchmark of images in bytes, at a small size."""

import json


def test_what_images_cost_is_measured_and_reported(script, tmp_path):
    images = script("images")
    images.main(["--quick", "--repeats", "1", "--output", str(tmp_path)])
    found = json.loads((tmp_path / "images.json").read_text())
    assert found["bytes"] == 600 * 3 * 32 * 32
    assert set(found["memory"]) == set(images.KINDS)
    assert all(set(models) == set(images.MODELS) for models in found["memory"].values())
    assert all(own["with"][0] > 0 for own in found["epochs"].values())
    text = (tmp_path / "images.md").read_text()
    for kind in images.KINDS:
        assert f"| {kind} |" in text


def test_ratios_are_of_pairs_and_memory_is_a_multiple_of_the_bytes(script):
    images = script("images")
    peaks = {"fit": 30, "predict": 60}
    found = {
        "images": 1,
        "bytes": 20,
        "memory": {"bytes": {"net": peaks, "ensemble": peaks}},
        "epochs": {"one": {"images": 5, "without": [1.0, 2.0, 4.0], "with": [1.5, 2.0, 8.0]}},
    }
    text = images.report(found)
    assert "| bytes | 1.50 | 3.00 | 1.50 | 3.00 |" in text
    # Ratios 1.5, 1 and 2.
    assert "| one | 5 | 2.000 | 2.000 | 1.500 |" in text

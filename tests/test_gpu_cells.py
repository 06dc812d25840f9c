"""Parts of the GPU benchmark's cells: crops, scores, samples of lines, faults."""

import subprocess
import sys
import warnings
from threading import Event, Thread
from time import perf_counter

import numpy as np
import pytest
import torch


@pytest.fixture
def place(script, tmp_path):
    """Give a function that makes places, also those of a device that is not there."""

    def make(device="cpu"):
        Place = script("_gpu_place").Place
        return Place(torch.device(device), True, None, tmp_path, lambda found: None)

    return make


def windows_of(script, image):
    """Give all crops of a padded image and their mirror images, standardised, by offsets."""
    shared = script("_images")
    padded = np.pad(image, [(0, 0), (4, 4), (4, 4)]).astype(np.float64)
    mean, std = (np.array(v)[:, None, None] for v in (shared.MEAN, shared.STD))
    standard = (padded - mean) / std
    for down in range(9):
        for right in range(9):
            window = standard[:, down : down + 32, right : right + 32]
            yield (down, right, False), window
            yield (down, right, True), window[:, :, ::-1]


def offsets_of(script, found, image):
    """Give where a crop was cut from the image; it is cut from one place only."""
    where = [
        place
        for place, window in windows_of(script, image)
        if np.allclose(found, window, rtol=0, atol=1e-4)
    ]
    (only,) = where
    return only


@pytest.mark.parametrize("way", ["by hand", "stand-in"])
def test_crops_by_hand_are_crops_of_the_padded_image(script, way):
    shared = script("_images")
    X, _ = shared.random_images(2)
    torch.manual_seed(0)
    if way == "by hand":
        rows = torch.from_numpy(X)
        draw = shared.cropped_and_flipped(rows, channels_last=True, dtype=torch.float32)
        batch = draw(torch.tensor([1] * 40))
        assert batch.is_contiguous(memory_format=torch.channels_last)
    else:
        image = np.ascontiguousarray(X[1].transpose(1, 2, 0))
        batch = [script("_gpu_others").stand_in(image) for _ in range(40)]
    offsets = [offsets_of(script, found.numpy(), X[1]) for found in batch]
    down, right, flips = (np.array(values) for values in zip(*offsets, strict=True))
    # All of 0 to 8 come up, and in the middle they are 4.
    for values in (down, right):
        assert values.min() == 0
        assert values.max() == 8
        assert abs(values.mean() - 4) < 4 * np.sqrt(80 / 12 / 40)
    assert (down != right).any()
    assert 5 < flips.sum() < 35


def test_scores_are_those_of_the_last_members(script):
    y = np.array([0, 1, 0, 1])
    first = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1], [0.25, 0.5, 0.25], [0.0, 0.5, 0.5]])
    second = np.array([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2], [0.1, 0.7, 0.2], [0.4, 0.3, 0.3]])
    alone, both = script("_gpu_studies").scores_of_last(np.stack([first, second]), y)
    assert alone["error %"] == 100 * 3 / 4
    nll = -(np.log(0.9) + np.log(0.3) + np.log(0.1) + np.log(0.3)) / 4
    assert alone["NLL"] == pytest.approx(nll, abs=1e-4)
    assert both["error %"] == 100 * 1 / 4
    nll = -(np.log(0.7) + np.log(0.55) + np.log(0.175) + np.log(0.4)) / 4
    assert both["NLL"] == pytest.approx(nll, abs=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "float32"])
def test_a_step_by_hand_trains(script, place, precision):
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(12, 3))
    X, y = torch.randn(16, 3, 2, 2), torch.arange(16) % 3
    step = script("_gpu_by_hand").training_step
    train = step(module, place(), precision, compiled=False, graph=False)
    losses = [float(train(X, y)) for _ in range(50)]
    assert losses[-1] < 0.5 * losses[0]


def test_our_nets_crop_and_flip_as_the_others_do(script, place):
    net = script("_gpu_nets").net_of(place(), 10, 1, 8, max_epochs=1, precision="bf16")
    names = [repr(augmentation) for augmentation in net.augment]
    assert [name.split("(")[0] for name in names] == ["RandomCrop", "RandomFlip"]
    assert net.augment[0].padding == script("_images").PADDING
    assert (net.lr, net.batch_size, net.precision) == (script("_images").LR, 8, "bf16")


def test_a_rate_is_that_of_the_middle_round(script):
    assert script("_gpu_place").rate(100, [4.0, 1.0, 2.0]) == 50


def test_a_time_is_that_of_all_calls(place):
    calls = []
    begun = perf_counter()
    seconds = place().seconds(lambda: calls.append(perf_counter()), 7)
    assert len(calls) == 7
    assert calls[-1] - calls[0] <= seconds <= perf_counter() - begun


def test_a_sampler_sees_the_lines_of_other_threads(script):
    sampler = script("_gpu_studies").Sampler(lambda found: None)
    may_end = Event()
    waiting = Thread(target=may_end.wait)
    waiting.start()
    sampler.start()
    spin(sampler, 5)
    sampler.stop()
    may_end.set()
    waiting.join()
    found = sampler.lines()
    assert found["looks"] >= 5
    assert any(
        "test_gpu_cells.py" in line and line.endswith(" spin") for line in found["innermost"]
    )
    # The thread is in no function of the package.
    assert found["ours"] == {}
    # Neither who waits is seen nor who looks.
    assert not any(line.startswith("threading.py:") for line in found["innermost"])
    assert not any(line.endswith((" run", " note")) for line in found["innermost"])


def spin(sampler, n):
    """Be busy until the sampler has looked."""
    while sampler.n < n:
        pass


def test_lines_that_wait_are_counted_by_line(script):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in range(3):
            warnings.warn("called a synchronizing CUDA operation", stacklevel=1)
        warnings.warn("something else", stacklevel=1)
    (line, n), *others = script("_gpu_nets").lines_that_wait(caught).items()
    assert line.startswith("test_gpu_cells.py:")
    assert n == 3
    assert not others


@pytest.mark.parametrize(
    ("device", "error", "is_sound"),
    [("cpu", "RuntimeError", True), ("cuda", "RuntimeError", False), ("cuda", "TypeError", True)],
)
def test_a_process_is_given_up_after_what_may_be_a_fault_of_cuda(
    script, place, tmp_path, monkeypatch, capsys, device, error, is_sound
):
    (tmp_path / "faulty_cell.py").write_text("def fail(place, error):\n    raise error('no')\n")
    monkeypatch.syspath_prepend(tmp_path)
    raised = {"RuntimeError": RuntimeError, "TypeError": TypeError}[error]
    task = {"module": "faulty_cell", "function": "fail", "arguments": {"error": raised}}
    found = script("_gpu_worker").run(place(device), task)
    assert found == ({"failed": f"{error}: no"}, is_sound)
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("code", "seconds", "failed"),
    [
        ("pass", 20, None),
        ("raise SystemExit(3)", 20, "the images could not be decoded: status 3"),
        ("import time; time.sleep(60)", 0.3, "no time left: the images are not decoded yet"),
    ],
)
def test_images_are_waited_for(script, code, seconds, failed):
    cell = script("_gpu_table").Cell("training", "", "", takes=0.1, needs_images=True)
    decoder = subprocess.Popen([sys.executable, "-S", "-c", code])
    try:
        found = script("gpu").images_missing(cell, decoder, perf_counter() + seconds)
    finally:
        decoder.kill()
        decoder.wait()
    assert found == (None if failed is None else {"failed": failed})

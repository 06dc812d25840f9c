"""The commands of the seed repository: `examples/cifar/train.py` and `predict.py`."""

import math
import re
import runpy
import sys
from pathlib import Path

import joblib
import numpy as np
import pytest

from skensemble import datasets
from skensemble.modules import DenseNet, WideResNet
from skensemble.weighting import log_loss_weights
from tests.test_examples import DATA, ROOT, numbers_after

FOLDER = ROOT / "examples" / "cifar"
COLUMNS = (
    "best snapshot by held-out images",
    "equal weights",
    "weights fitted on held-out images",
)
N_IMAGES = {"train": 20, "test": 6}
"""Images of each of the ten classes of `tiny_images`."""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The average of the members fits the training rows"),
]


@pytest.fixture(scope="module")
def tiny_images(tmp_path_factory):
    """Give a folder of ten classes of noisy images, told apart by their colour."""
    image = pytest.importorskip("PIL.Image")
    rng, folder = np.random.default_rng(0), tmp_path_factory.mktemp("tiny")
    for part, n in N_IMAGES.items():
        for label in range(10):
            (folder / part / f"class{label}").mkdir(parents=True)
            for i in range(n):
                pixels = rng.integers(0, 60, (16, 16, 3)) + [15 * label, 100, 180 - 15 * label]
                path = folder / part / f"class{label}" / f"{i}.png"
                image.fromarray(pixels.astype(np.uint8)).save(path)
    return folder


@pytest.fixture
def command(monkeypatch, tmp_path, capsys):
    """Give a function that runs a script in a folder of its own, and gives what it prints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FOLDER)

    def run(name, *arguments, fails=False):
        monkeypatch.setattr(sys, "argv", [name, *map(str, arguments)])
        capsys.readouterr()
        if fails:
            with pytest.raises(SystemExit):
                runpy.run_path(str(FOLDER / name), run_name="__main__")
            return capsys.readouterr().err
        runpy.run_path(str(FOLDER / name), run_name="__main__")
        return capsys.readouterr().out

    yield run
    sys.modules.pop("_shared", None)


def test_the_commands_run_on_real_images(command, tmp_path):
    path = DATA / "cifar10-jpeg.tar.xz"
    if not path.is_file():
        pytest.skip(f"needs {path}; SKENSEMBLE_DATA names another folder")
    pytest.importorskip("PIL")
    images, net = ("--data", path, "--cache", tmp_path), ("--wrn_N", 1, "--wrn_k", 1)
    short = ("--limit", 2000, "--size", 16, "--nb_epoch", 2, "--M", 2)
    text = command("train.py", *images, *short, *net)
    assert "1800 training images, 200 held out, 2000 test images of 16 x 16" in text
    text = command("predict.py", *images, *net)
    assert "2 snapshots; 200 held-out and 2000 test images" in text
    for column in COLUMNS:
        accuracy, loss, *weights = numbers_after(column, text)
        # Two epochs teach something: chance is right for 10 %, and has a log-loss of log 10.
        assert accuracy > 13
        assert loss < 2.3
        assert sum(weights) == pytest.approx(1, abs=0.02)


@pytest.fixture
def trained(command, tiny_images):
    """Train for ten epochs on tiny images; give what was printed."""
    # Of 200 images 180 are trained on: two batches an epoch, and ten steps for each of two cycles.
    small = ("--wrn_N", 1, "--wrn_k", 1, "--size", 8, "--nb_epoch", 10, "--M", 2)
    small += ("--alpha_zero", 0.05, "--seed", 3)
    return command("train.py", "--data", tiny_images, "--cache", "cache", *small)


def test_the_columns_are_those_of_the_members(command, tiny_images, trained):
    assert "180 training images, 20 held out, 60 test images of 8 x 8" in trained
    assert "Written: WRN-10-1.joblib" in trained
    predict = ("--data", tiny_images, "--cache", "cache", "--wrn_N", 1, "--wrn_k", 1)
    text = command("predict.py", *predict)
    stored = joblib.load("WRN-10-1.joblib")
    ensemble = stored["ensemble"]
    assert (ensemble.M, ensemble.alpha_zero, ensemble.random_state) == (2, 0.05, 3)
    assert ensemble.n_steps_ == 10 * 2
    split = sys.modules["_shared"].read_split(tiny_images, "images", "cache", **stored["images"])
    val, test = (ensemble.member_predict_proba(X) for X in (split.X_val, split.X_test))
    right = (val.argmax(axis=-1) == split.y_val).mean(axis=1)
    fitted = ensemble.set_params(weights="validation").weights_
    expected = [np.eye(2)[right.argmax()], [0.5, 0.5], fitted]
    np.testing.assert_allclose(fitted, log_loss_weights(val, split.y_val), atol=1e-6)
    for column, weights in zip(COLUMNS, expected, strict=True):
        accuracy, loss, *shown = numbers_after(column, text)
        proba = np.tensordot(weights, test.astype(float), axes=1)
        assert accuracy == round(100 * (proba.argmax(axis=1) == split.y_test).mean(), 2)
        nll = -np.log(proba[np.arange(len(proba)), split.y_test]).mean()
        assert loss == pytest.approx(nll, abs=1e-4)
        assert shown == pytest.approx(list(weights), abs=0.006)
    # As in the seed repository, -1 asks for equal weights, 0 and 1 for those of least log-loss.
    rows = [line for line in text.splitlines() if line.startswith(COLUMNS)]
    for flag, row in ((-1, rows[1]), (0, rows[2]), (1, rows[2])):
        one = command("predict.py", *predict, "--optimize", flag, "--num_tests", 9)
        assert [line for line in one.splitlines() if line.startswith(COLUMNS)] == [row]


class Known:
    """Stands for an ensemble whose first member knows held-out images, and the second the others.

    Parameters
    ----------
    y_val, y_test : ndarray
        Told apart by their lengths.
    """

    weights_ = np.array([0.75, 0.25])
    classes_ = np.arange(10)

    def __init__(self, y_val, y_test):
        self.labels = {len(y_val): y_val, len(y_test): y_test}
        self.n_val = len(y_val)

    def member_predict_proba(self, X):
        right = 0.91 * np.eye(10)[self.labels[len(X)]] + 0.009
        wrong = np.roll(right, 1, axis=1)
        return np.stack([right, wrong] if len(X) == self.n_val else [wrong, right])

    def set_params(self, weights):
        assert weights == "validation"
        return self


def test_nothing_is_chosen_on_test_images(command, tiny_images):
    command("predict.py", "--data", tiny_images, fails=True)
    images = {"size": None, "limit": None, "seed": 0}
    split = sys.modules["_shared"].read_split(tiny_images, "images", "cache", **images)
    joblib.dump({"ensemble": Known(split.y_val, split.y_test), "images": images}, "known.joblib")
    text = command(
        "predict.py", "--data", tiny_images, "--cache", "cache", "--weights", "known.joblib"
    )
    # The one that knows the held-out images knows none of the test images.
    best, equal, fitted = (numbers_after(column, text) for column in COLUMNS)
    assert best == [0, round(-math.log(0.009), 4), 1, 0]
    assert equal[1:] == [round(-math.log((0.919 + 0.009) / 2), 4), 0.5, 0.5]
    assert fitted == [0, round(-math.log(0.75 * 0.009 + 0.25 * 0.919), 4), 0.75, 0.25]


def test_the_options_are_those_of_the_net(monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    train = runpy.run_path(str(FOLDER / "train.py"), run_name="train")
    sys.modules.pop("_shared", None)

    def make(*options):
        return train["make_net"](train["parse_arguments"](["--data", ".", *options])[1])

    # The defaults of the seed repository.
    net = make()
    assert (net.module, net.module__depth, net.module__width) == (WideResNet, 6 * 2 + 4, 4)
    assert (net.max_epochs, net.batch_size, net.optimizer__weight_decay) == (200, 128, 5e-4)
    shift, flip = net.augment
    assert (shift.fraction, flip.p) == (5 / 32, 0.5)
    net = make("--wrn_N", "4", "--wrn_k", "10", "--device", "cuda", "--precision", "bf16")
    assert (net.module__depth, net.module__width) == (28, 10)
    assert (net.device, net.precision) == ("cuda", "bf16")
    net = make("--model", "dn", "--nb_epoch", "300")
    assert (net.module, net.module__depth, net.module__growth_rate) == (DenseNet, 40, 12)
    assert (net.max_epochs, net.batch_size, net.optimizer__weight_decay) == (300, 64, 1e-4)
    net = make("--model", "dn", "--dn_depth", "100", "--dn_growth_rate", "24")
    assert (net.module__depth, net.module__growth_rate) == (100, 24)


def test_a_limit_is_that_of_all_classes(command, tiny_images, monkeypatch):
    command("predict.py", "--data", tiny_images, fails=True)
    shared, data = sys.modules["_shared"], datasets.load_image_folder(tiny_images, cache=False)
    monkeypatch.setattr(datasets, "load_cifar10", lambda path, cache: data)
    monkeypatch.setattr(datasets, "load_cifar100", lambda path, cache: data)
    for reader, limit in (("cifar10", 100), ("cifar100", 1000)):
        split = shared.read_split(tiny_images, reader, None, size=None, limit=limit, seed=0)
        # Ten of each class, of which a tenth is held out; the data have six for the test.
        assert (len(split.y_train), len(split.y_val), len(split.y_test)) == (90, 10, 60)


def test_held_out_images_are_none_of_those_trained_on(command, tiny_images):
    command("predict.py", "--data", tiny_images, fails=True)
    read = sys.modules["_shared"].read_split
    split = read(tiny_images, "images", False, size=None, limit=100, seed=3)
    train, val, test = (
        {image.tobytes() for image in X} for X in (split.X_train, split.X_val, split.X_test)
    )
    # Ten of each class, of which one is held out; a class has six for the test.
    assert (len(train), len(val), len(test)) == (90, 10, 60)
    assert not train & val
    assert not (train | val) & test
    assert np.bincount(split.y_val).tolist() == [1] * 10
    other = read(tiny_images, "images", False, size=None, limit=100, seed=4)
    assert {image.tobytes() for image in other.X_val} != val


def test_the_bar_shows_rate_loss_speed_and_time_left(tiny_images, monkeypatch, capsys, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setattr(sys, "argv", ["train.py", "--data", str(tiny_images), "--wrn_N", "1"])
    sys.argv += ["--wrn_k", "1", "--size", "8", "--nb_epoch", "10", "--M", "1", "--cache", "c"]
    runpy.run_path(str(FOLDER / "train.py"), run_name="__main__")
    sys.modules.pop("_shared", None)
    bar = capsys.readouterr().err.replace("\r", "\n").splitlines()[-1]
    found = re.search(
        r"WRN-10-1: 100%.* 10/10 \[\d+:\d+<\d+:\d+, .*rate=(\S+), loss=(\S+), images/s=(\d+)\]", bar
    )
    rate, loss, speed = map(float, found.groups())
    # The last of 20 steps of a half cosine, as it is shown.
    assert rate == pytest.approx(0.05 * (1 + np.cos(np.pi * 19 / 20)), abs=5e-5)
    (last,) = joblib.load("WRN-10-1.joblib")["ensemble"].history_[-1:]
    assert loss == pytest.approx(last["train_loss"], abs=5e-5)
    # A tenth of 200 images is held out.
    assert speed == round(180 / last["dur"])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "--data must be a file or a folder, got nowhere"),
        (["--M", "0"], "--M must be an int >= 1, got 0"),
        (["--nb_epoch", "0"], "--nb_epoch must be an int >= 1, got 0"),
        (["--limit", "99"], "--limit must be an int >= 100, got 99"),
        (["--limit", "999", "--reader", "cifar100"], "--limit must be an int >= 1000, got 999"),
        (["--M", "9", "--nb_epoch", "4"], "M must be at most the number of optimizer steps, T=8"),
        (["--alpha_zero", "-1"], "alpha_zero must be"),
        (
            ["--output", "no/such.joblib"],
            "--output must be a file in a folder that is there, got n",
        ),
        (["--output", "."], "--output must be a file in a folder that is there, got ."),
        (["--seed", "-1"], "--seed must be an int >= 0, got -1"),
        (["--model", "dn", "--dn_depth", "41"], "depth must be"),
    ],
)
def test_what_cannot_be_trained_is_one_plain_sentence(command, tiny_images, arguments, message):
    net = ("--wrn_N", 1, "--wrn_k", 1, "--size", 8)
    text = command("train.py", "--data", tiny_images, "--cache", "c", *net, *arguments, fails=True)
    assert message in text.splitlines()[-1]
    assert "Traceback" not in text


def test_predict_asks_for_what_train_has_written(command, tiny_images):
    text = command("predict.py", "--data", tiny_images, "--wrn_N", 1, fails=True)
    assert "--weights must be a file that train.py has written, got WRN-10-4.joblib" in text
    Path("note.txt").write_text("nothing")
    joblib.dump([1], "list.joblib")
    for name in ("note.txt", "list.joblib"):
        text = command("predict.py", "--data", tiny_images, "--weights", name, fails=True)
        assert f"--weights must be a file that train.py has written, got {name}" in text

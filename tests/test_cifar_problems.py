"""The nets, images and trainings of `benchmarks/cifar.py`."""

from dataclasses import replace

import numpy as np
import torch

from skensemble import DeepEnsembleClassifier, modules
from skensemble.datasets import ImageData


def draw_images():
    """Make images of three classes, told apart by their colour, eight of each class."""
    rng, labels = np.random.default_rng(0), np.repeat(np.arange(3), 8)
    colours = np.array([[40, 90, 140], [90, 140, 40], [140, 40, 90]])

    def draw():
        X = rng.integers(0, 100, (24, 3, 16, 16)) + colours[labels][:, :, None, None]
        return X.astype(np.uint8)

    return ImageData(draw(), labels, draw(), labels, ["a", "b", "c"])


def test_each_net_has_the_settings_of_its_paper(script):
    problems = script("_cifar_problems")
    found = {
        problem.net: (problem.epochs, problem.M, problem.batch_size, problem.weight_decay)
        for problem in problems.FULL
    }
    assert found == {
        "WRN-28-10": (200, 5, 128, 5e-4),
        "DenseNet-40": (300, 6, 64, 1e-4),
        "ResNet-110": (200, 5, 64, 1e-4),
    }
    for problem in (*problems.FULL, problems.SMALL, problems.QUICK):
        # Nets and cycles that share a budget need whole epochs.
        assert problem.epochs % problem.M == 0
        net = problem.make_net(3)
        assert (net.max_epochs, net.optimizer__momentum, net.optimizer__nesterov) == (3, 0.9, True)
        assert net.batch_size == problem.batch_size
        assert net.optimizer__weight_decay == problem.weight_decay
        assert [type(one).__name__ for one in net.augment] == ["RandomCrop", "RandomFlip"]
        assert net.augment[0].padding == problem.side // 8 or problem is problems.QUICK


def test_the_papers_nets_have_the_papers_sizes(script):
    sizes = {}
    for problem in script("_cifar_problems").FULL:
        with torch.device("meta"):
            module = getattr(modules, problem.module)(**problem.arguments)
        sizes[problem.net] = sum(weights.numel() for weights in module.parameters())
    assert sizes == {"WRN-28-10": 36_479_194, "DenseNet-40": 1_019_722, "ResNet-110": 1_727_962}


def test_device_and_precision_go_to_the_net(script):
    arguments = ["--full", "--data", ".", "--device", "cuda", "--precision", "bf16"]
    study = script("cifar")
    nets = [p.make_net(1) for p in study.problems_of(study.parse_arguments(arguments))]
    assert [(net.device, net.precision) for net in nets] == [("cuda", "bf16")] * 3
    chosen = study.problems_of(study.parse_arguments([*arguments, "--nets", "ResNet-110"]))
    assert [problem.net for problem in chosen] == ["ResNet-110"]


def test_the_trainings_of_a_seed_are_the_rows_of_the_paper(script):
    problems = script("_cifar_problems")
    built = {
        name: training.build(problems.SMALL, 7)
        for name, training in problems.trainings(problems.SMALL).items()
    }
    short = built.pop("short nets")
    assert isinstance(short, DeepEnsembleClassifier)
    assert (short.M, short.estimator.max_epochs, short.random_state) == (4, 40 // 4, 7)
    assert {model.estimator.max_epochs for model in built.values()} == {40}
    assert {model.alpha_zero for model in (short, *built.values())} == {0.1}
    shown = {
        name: (model.M, model.schedule, model.cold_restart, model.random_state)
        for name, model in built.items()
    }
    assert shown == {
        "steps": (4, "step", False, 7),
        "net 0": (1, "cosine", False, 7),
        "snapshots": (4, "cosine", False, 7),
        "SingleCycle": (4, "cosine", True, 7),
        **{f"net {k}": (1, "cosine", False, 7 + 1000 * k) for k in (1, 2, 3)},
    }


def test_training_images_are_the_first_of_each_class_and_all_test_images_stay(script):
    images = draw_images()
    problems = script("_cifar_problems")
    small = replace(problems.SMALL, per_class=3, side=8)
    found = problems.cut(images, small)
    assert found.y_train.tolist() == [0] * 3 + [1] * 3 + [2] * 3
    assert found.X_test.shape == (24, 3, 8, 8)
    squares = images.X_train[8].reshape(3, 8, 2, 8, 2).astype(float).mean(axis=(2, 4))
    # Rounded to whole numbers.
    assert np.abs(found.X_train[3] - squares).max() <= 0.5
    whole = problems.cut(images, replace(small, per_class=None, side=16))
    np.testing.assert_array_equal(whole.X_train, images.X_train)

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone

from skensemble import InvalidParameterError, NetClassifier
from skensemble.augmentation import (
    RandomCrop,
    RandomFlip,
    RandomShift,
    augmented,
    draw_augmentations,
)


def images(n, n_channels=3, height=6, width=5):
    values = torch.arange(1, 1 + n * n_channels * height * width) % 251
    return values.view(n, n_channels, height, width).to(torch.uint8)


def by_hand(image, one, drawn):
    """Change one image as padding, cutting and mirroring are written down."""
    array = image.numpy()
    if isinstance(one, RandomFlip):
        return torch.tensor(array[:, :, ::-1].copy() if drawn[0] else array)
    down, right = drawn.tolist()
    mode = {"zero": "constant", "edge": "edge", "reflect": "reflect"}[one.fill]
    padded = np.pad(array, ((0, 0), (3, 3), (3, 3)), mode=mode)
    height, width = array.shape[1:]
    return torch.tensor(padded[:, 3 + down : 3 + down + height, 3 + right : 3 + right + width])


SINGLE = [
    RandomCrop(3),
    RandomCrop(2, fill="edge"),
    RandomCrop(3, fill="reflect"),
    RandomShift(0.5),
    RandomShift(0.4, fill="zero"),
    RandomFlip(),
]


@pytest.mark.parametrize("one", SINGLE, ids=repr)
def test_one_lookup_moves_pixels_as_padding_and_cutting_do(one):
    X = images(40)
    drawn = draw_augmentations([one], 40, (6, 5), torch.Generator().manual_seed(0))
    expected = torch.stack([by_hand(image, one, own) for image, own in zip(X, drawn, strict=True)])
    changed = augmented(X, [one], drawn)
    assert changed.dtype == torch.uint8
    assert torch.equal(changed, expected)
    assert not torch.equal(changed, X)


@pytest.mark.parametrize(
    "several",
    [
        [RandomCrop(2), RandomFlip()],
        [RandomFlip(), RandomCrop(2)],
        [RandomCrop(2), RandomShift(0.3, fill="reflect"), RandomFlip(), RandomCrop(1)],
    ],
    ids=len,
)
def test_several_are_made_one_after_the_other(several):
    X = images(40)
    drawn = draw_augmentations(several, 40, (6, 5), torch.Generator().manual_seed(1))
    expected = []
    for image, own in zip(X, drawn, strict=True):
        for one in several:
            image, own = by_hand(image, one, own[: one.n_drawn]), own[one.n_drawn :]
        expected.append(image)
    assert torch.equal(augmented(X, several, drawn), torch.stack(expected))


def test_moves_are_as_long_as_they_may_be_and_equally_likely():
    drawn = RandomCrop(2).draw(5000, (8, 8), torch.Generator().manual_seed(0))
    values, counts = drawn.unique(return_counts=True)
    assert values.tolist() == [-2, -1, 0, 1, 2]
    # 10,000 draws: 2,000 each, with a deviation of 40.
    assert (counts - 2000).abs().max() < 200
    assert abs(np.corrcoef(drawn.T)[0, 1]) < 0.05


def test_a_shift_is_a_share_of_its_own_side():
    drawn = RandomShift(5 / 32).draw(500, (32, 64), torch.Generator().manual_seed(0))
    assert drawn.abs().amax(0).tolist() == [5, 10]
    drawn = RandomShift(0.29).draw(5000, (100, 100), torch.Generator().manual_seed(0))
    assert drawn.abs().amax(0).tolist() == [29, 29]


def test_half_of_the_images_are_mirrored():
    assert abs(RandomFlip().draw(4000, (8, 8), torch.Generator().manual_seed(0)).sum() - 2000) < 150
    assert RandomFlip(0).draw(50, (8, 8), torch.Generator()).sum() == 0
    assert RandomFlip(1).draw(50, (8, 8), torch.Generator()).sum() == 50


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        (RandomCrop(-1), "padding must be an int >= 0, got -1"),
        (RandomCrop(0.5), "padding must be an int >= 0, got 0.5"),
        (RandomCrop(fill="black"), r"fill must be one of \['zero', 'edge', 'reflect'\], got 'b"),
        (RandomShift(1.0), r"fraction must be a finite number >= 0 and < 1, got 1.0"),
        (RandomShift(fill=0), "fill must be one of"),
        (RandomFlip(1.5), r"p must be a finite number >= 0 and <= 1, got 1.5"),
        ("flip", "augment must be None, an augmentation such as"),
        ([RandomFlip(), "crop"], "augment must be None, an augmentation such as"),
        (RandomFlip, "augment must be None, an augmentation such as"),
        (RandomCrop(8), "padding must be less than the sides of images of 8 x 8 pixels, got 8"),
    ],
    ids=repr,
)
def test_arguments_are_held_to_their_rules(augment, message):
    X = np.zeros((4, 3, 8, 8), dtype=np.uint8)
    net = NetClassifier(augment=augment, max_epochs=1, random_state=0)
    with pytest.raises(InvalidParameterError, match=message):
        net.fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize("one", SINGLE, ids=repr)
def test_they_are_values(one):
    assert pickle.loads(pickle.dumps(one)) == one
    net = clone(NetClassifier(augment=[one]))
    assert net.augment == [one]
    assert net.get_params()["augment"] == [one]

import pytest
import torch

from skensemble.augmentation import (
    Augmentation,
    RandomCrop,
    RandomFlip,
    augmentations_of,
    augmented,
    draw_augmentations,
)


class Upside(Augmentation):
    """Turns images upside down, all of them: an augmentation of a user's own."""

    n_drawn = 1

    def draw(self, n_images, shape, generator):
        return torch.ones(n_images, 1, dtype=torch.int64)

    def trace(self, rows, columns, drawn, shape):
        return shape[0] - 1 - rows, columns


def test_one_of_a_users_own_is_made_like_the_others():
    X = torch.arange(12.0).view(1, 1, 4, 3)
    drawn = draw_augmentations([Upside()], 1, (4, 3), torch.Generator())
    assert torch.equal(augmented(X, [Upside()], drawn), X.flip(2))


def test_an_argument_is_one_several_or_none():
    assert augmentations_of(None) == []
    assert augmentations_of(RandomFlip()) == [RandomFlip()]
    assert augmentations_of((RandomCrop(), RandomFlip())) == [RandomCrop(), RandomFlip()]


def test_the_base_draws_nothing():
    with pytest.raises(NotImplementedError):
        Augmentation().draw(1, (4, 4), torch.Generator())
    with pytest.raises(NotImplementedError):
        Augmentation().trace(None, None, None, (4, 4))
    assert not Augmentation().leaves_gaps


def test_images_in_any_memory_format_are_changed_alike():
    X = torch.rand(5, 3, 8, 8)
    both = [RandomCrop(2), RandomFlip()]
    drawn = draw_augmentations(both, 5, (8, 8), torch.Generator().manual_seed(0))
    last = X.contiguous(memory_format=torch.channels_last)
    assert torch.equal(augmented(last, both, drawn), augmented(X, both, drawn))

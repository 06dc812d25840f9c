import numpy as np
import pytest
from scipy.special import ndtri

from skensemble.preprocessing import (
    AtomEncoder,
    PiecewiseLinearEncoder,
    RankCosines,
    RankNormalizer,
    RobustClipper,
)


def column(*values):
    return np.array(values, dtype=float)[:, None]


def test_numbers_are_bent_towards_3_scales():
    encoder = RobustClipper().fit(column(1, 2, 3, 5, 9))
    z = np.array([(9 - 3) / (5 - 2), (2 - 3) / (5 - 2), 1e6, -1e6])
    features = encoder.transform(column(9, 2, 3 + 3e6, 3 - 3e6))
    np.testing.assert_allclose(features[:, 0], z / np.sqrt(1 + (z / 3) ** 2), rtol=1e-6)
    assert features[2:, 0].tolist() == pytest.approx([3, -3])


def test_ranks_become_normal_and_are_cut_at_3_and_a_half():
    encoder = RankNormalizer().fit(column(1, 1, 2, 1000))
    expected = [ndtri((0 + 2) / 8), ndtri((2 + 3) / 8), ndtri((3 + 4) / 8), -3.5, 3.5]
    features = encoder.transform(column(1, 2, 1000, 0.9, 1001))
    np.testing.assert_allclose(features[:, 0], expected, rtol=1e-5)
    many = RankNormalizer().fit_transform(np.arange(10_000.0)[:, None])
    assert (many.min(), many.max()) == (-3.5, 3.5)


@pytest.mark.parametrize("encoder", [RobustClipper(), RankNormalizer()])
def test_a_column_of_one_value_is_0_and_the_others_keep_their_places(encoder):
    X = np.column_stack([[7.0] * 4, [1.0, 2.0, 3.0, 4.0], [np.nan] * 4])
    features = encoder.fit(X).transform(np.append(X, [[8.0, 2.0, 8.0]], axis=0))
    assert encoder.get_feature_names_out().tolist() == ["x0", "x1", "x2"]
    assert not features[:, [0, 2]].any()
    assert (np.diff(features[:4, 1]) > 0).all()
    assert features[4, 1] == features[1, 1]
    assert not encoder.fit(X[:, :1]).transform(X[:, :1] + 1).any()


def test_bins_say_how_far_a_number_has_come_in_each():
    encoder = PiecewiseLinearEncoder(n_bins=2).fit(column(0, 1, 1, 5, 9))
    # The quartile in the middle is 1.
    features = encoder.transform(column(-1, 0, 0.25, 1, 3, 9, 10))
    first = np.clip([-1, 0, 0.25, 1, 3, 9, 10], 0, 1) - 0.5
    second = np.clip((np.array([-1, 0, 0.25, 1, 3, 9, 10]) - 1) / 8, 0, 1) - 0.5
    np.testing.assert_allclose(features, np.transpose([first, second]), atol=1e-6)


def test_cosines_of_ranks_fade_with_their_waves():
    encoder = RankCosines(n_cosines=3).fit(column(1, 2, 3, 4))
    ranks = np.array([1 / 8, 5 / 8, 0, 1])[:, None]
    m = np.array([1, 2, 3])
    expected = np.cos(np.pi * m * ranks) / m**0.7
    np.testing.assert_allclose(encoder.transform(column(1, 3, 0, 5)), expected, atol=1e-6)


def test_atoms_are_told_from_numbers_beside_them():
    X = column(*[0.1] * 20, *range(17))
    encoder = AtomEncoder().fit(X)
    assert encoder.get_feature_names_out().tolist() == ["x0_is_0.1"]
    features = encoder.transform(column(0.1, 0.1001, 0, np.nan))
    assert features.tolist() == [[1], [0], [0], [0]]


def test_where_no_value_is_shared_there_are_no_features():
    X = np.random.default_rng(0).normal(size=(50, 2))
    assert AtomEncoder().fit_transform(X).shape == (50, 0)
    assert AtomEncoder().fit(X).get_feature_names_out().tolist() == []


def test_no_more_atoms_than_wanted():
    X = column(*np.repeat(np.arange(20), 20))
    assert AtomEncoder(n_atoms=3).fit_transform(X).shape == (400, 3)


@pytest.mark.parametrize("encoder", [PiecewiseLinearEncoder, RankCosines, AtomEncoder])
@pytest.mark.parametrize("value", [0, 1.5, True])
def test_counts_are_whole_and_positive(encoder, value):
    (name,) = encoder().get_params()
    with pytest.raises(ValueError, match=rf"{name} must be an int >= 1, got {value}\."):
        encoder(**{name: value}).fit(column(1, 2))


@pytest.mark.parametrize("encoder", [RobustClipper(), RankNormalizer(), RankCosines()])
def test_strings_are_refused(encoder):
    with pytest.raises(ValueError, match="Column 'x1' must hold numbers, got 'a'"):
        encoder.fit([[1.0, "a"], [2.0, "b"]])

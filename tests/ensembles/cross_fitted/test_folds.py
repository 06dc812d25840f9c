"""Which rows are left out."""

import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    PredefinedSplit,
    ShuffleSplit,
    TimeSeriesSplit,
)

from skensemble import InvalidParameterError
from skensemble.ensembles.cross_fitted._folds import (
    among,
    check_cv,
    splits_of,
    warn_if_unseen,
)

X = np.zeros((60, 2))
LABELS = np.repeat(["a", "b", "b"], 20)
GROUPS = np.repeat(np.arange(12), 5)


def split(cv, groups=None, y=LABELS, seed=0, classify=True):
    return splits_of(cv, X, y, groups, classify=classify, seed=seed)


def assert_each_row_is_left_out_once(splits):
    assert sorted(np.concatenate([test for _, test in splits])) == list(range(60))
    for train, test in splits:
        assert sorted(np.r_[train, test]) == list(range(60))


@pytest.mark.parametrize("classify", [True, False])
@pytest.mark.parametrize("groups", [None, GROUPS])
@pytest.mark.parametrize("cv", [2, 4, np.int64(3)])
def test_a_number_of_folds_leaves_each_row_out_once(cv, groups, classify):
    splits = split(cv, groups, classify=classify)
    assert len(splits) == cv
    assert_each_row_is_left_out_once(splits)
    assert {len(test) for _, test in splits} <= set(range(60 // cv - 5, 60 // cv + 6))


def test_classes_are_spread_over_the_folds():
    for _, test in split(4):
        assert (LABELS[test] == "a").sum() == 5


def test_a_class_of_few_rows_is_no_obstacle():
    labels = LABELS.copy()
    labels[0] = "c"
    assert_each_row_is_left_out_once(split(4, y=labels))


def test_rows_of_one_group_are_left_out_together():
    for classify in (True, False):
        for _, test in split(3, GROUPS, classify=classify):
            assert all(np.isin(np.flatnonzero(g == GROUPS), test).all() for g in GROUPS[test])


def test_the_seed_decides_on_the_rows():
    (_, first), (_, again), (_, other) = (split(4, seed=seed)[0] for seed in (0, 0, 1))
    assert (first == again).all()
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("cv", "n_folds"), [(KFold(3), 3), (GroupKFold(4), 4), (LeaveOneGroupOut(), 12)]
)
def test_splitters_of_scikit_learn(cv, n_folds):
    splits = split(cv, None if isinstance(cv, KFold) else GROUPS)
    assert len(splits) == n_folds
    assert_each_row_is_left_out_once(splits)


def test_splits_that_are_written_out():
    written = list(KFold(3).split(X))
    found = [split(written), split(PredefinedSplit(np.arange(60) // 20))]
    masks = [(~np.isin(np.arange(60), test), np.isin(np.arange(60), test)) for _, test in written]
    for splits in [*found, split(masks)]:
        for pair, expected in zip(splits, written, strict=True):
            assert all(np.array_equal(*both) for both in zip(pair, expected, strict=True))


def test_rows_that_nobody_trains_on_with_a_fold_are_allowed():
    """As where rows next to those of a fold are purged."""
    splits = split([(np.arange(35, 60), np.arange(30)), (np.arange(25), np.arange(30, 60))])
    assert [len(train) for train, _ in splits] == [25, 25]


@pytest.mark.parametrize(
    ("cv", "message"),
    [
        (ShuffleSplit(3, random_state=0), "cv must leave each row out exactly once, got row"),
        (TimeSeriesSplit(3), "got row 0 left out 0 times"),
        ([(np.arange(30), np.arange(60))] * 2, "whose two parts share no row, got split 0 with"),
        ([(np.arange(30), np.arange(30, 60))], "cv must be at least 2 splits, got 1"),
        ([([], np.arange(60)), (np.arange(60), [])], "two parts that hold rows, got split 0"),
        ([(np.arange(30), np.arange(30, 61))] * 2, "cv must be something that splits 60 rows"),
        ([(np.ones(59, bool), np.ones(59, bool))] * 2, "a mask of 59 rows"),
        ([(np.arange(30.0), np.arange(30, 60))] * 2, "cv must be something that splits 60 rows"),
        ([3, 4], "cv must be something that splits 60 rows"),
        (61, "cv must be something that splits 60 rows, got 61"),
        (GroupKFold(13), "cv must be something that splits 60 rows"),
    ],
)
def test_splits_that_do_not_leave_each_row_out_once_are_refused(cv, message):
    with pytest.raises(InvalidParameterError, match=message):
        split(cv, GROUPS if isinstance(cv, GroupKFold) else None)


@pytest.mark.parametrize("cv", [1, 0, 2.5, "4", None, True])
def test_what_is_no_cv_is_refused_before_the_rows_are_seen(cv):
    with pytest.raises(InvalidParameterError, match="cv must be an int >= 2, a splitter with"):
        check_cv(cv)


@pytest.mark.parametrize("cv", [2, np.int64(5), KFold(3), [(0, 1)]])
def test_what_is_one_is_taken(cv):
    check_cv(cv)


def test_splits_that_can_be_read_once_are_refused():
    with pytest.raises(InvalidParameterError, match="cv must be a list of splits, which can be"):
        check_cv(KFold(3).split(X))


@pytest.mark.parametrize(
    "cv", [[(np.arange(3), np.arange(3, 7))] * 2, [(np.arange(2.0), np.arange(3))] * 2, [1, 2]]
)
def test_written_splits_are_checked_before_rows_are_dropped(cv):
    with pytest.raises(InvalidParameterError, match="cv must be something that splits 6 rows"):
        among(cv, np.array([1, 2, 4, 5]), 6)


def test_a_class_whose_rows_are_all_left_out_together_is_told_of():
    splits = split(KFold(3))
    with pytest.warns(UserWarning, match=r"leave out fold 0 are trained on no row of .*'a'"):
        warn_if_unseen(LABELS, splits)


def test_a_class_of_one_row_is_not(recwarn):
    labels = np.array(["b"] * 60)
    labels[0] = "a"
    warn_if_unseen(labels, split(KFold(3), y=labels))
    assert not recwarn


def test_written_splits_of_all_rows_become_those_of_the_rows_that_are_left():
    index = np.array([1, 2, 4, 5])
    cv = [(np.array([0, 1, 2]), np.array([3, 4, 5])), (np.array([3, 4, 5]), np.array([0, 1, 2]))]
    (train, test), (other_train, other_test) = among(cv, index, 6)
    assert train.tolist() == other_test.tolist() == [0, 1]
    assert test.tolist() == other_train.tolist() == [2, 3]
    assert among(4, index, 6) == 4

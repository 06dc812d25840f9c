import pytest

from skensemble.training._history import rows_of, without_batches


def test_the_batches_alone_are_left_out_and_the_history_stays_as_it_is():
    rows = [{"batches": [{"train_loss": 0.3}], "epoch": 1, "valid_acc": 0.5}]
    assert without_batches(rows) == [{"batches": [], "epoch": 1, "valid_acc": 0.5}]
    assert rows[0]["batches"] == [{"train_loss": 0.3}]


def test_an_epoch_is_best_if_it_loses_less_than_all_before():
    rows = rows_of([0.5, 0.7, 0.5, 0.4], [1.0, 2.0, 3.0, 4.0], 7)
    assert [row["train_loss_best"] for row in rows] == [True, False, False, True]
    assert [row["train_loss"] for row in rows] == [0.5, 0.7, 0.5, 0.4]
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert [row["dur"] for row in rows] == [1.0, 2.0, 3.0, 4.0]
    assert {row["train_batch_count"] for row in rows} == {7}


def test_each_epoch_has_a_duration():
    with pytest.raises(ValueError, match="zip"):
        rows_of([0.5, 0.7], [1.0], 7)

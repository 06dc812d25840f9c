import pytest

from skensemble import NetClassifier
from skensemble.nets import StepCallback


class Note(StepCallback):
    """A callback that notes the steps that it sees."""

    def on_train_begin(self, net, **kwargs):
        self.notes = []

    def before_step(self, net):
        self.notes.append("before")

    def after_step(self, net, loss):
        assert not loss.requires_grad
        self.notes.append(loss.item())


@pytest.mark.parametrize("fast", [True, False])
def test_each_step_is_seen_before_and_after(iris, fast):
    X, y = iris
    note = Note()
    split = {"train_split": lambda dataset, y: (dataset, dataset)}
    settings = {"max_epochs": 1, "batch_size": 50, "random_state": 0}
    net = NetClassifier(**settings, **split, fast=fast, callbacks=[("note", note)]).fit(X, y)
    # Batches of held-out rows are no steps.
    assert note.notes[::2] == ["before"] * 3
    assert sum(note.notes[1::2]) / 3 == pytest.approx(net.history[-1, "train_loss"])

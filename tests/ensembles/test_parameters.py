"""The first keyword that anyone types is answered with the spelling that works."""

import inspect
from inspect import Parameter

import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skorch import NeuralNetClassifier
from torch import nn

from skensemble import InvalidParameterError, NetClassifier, SnapshotEnsembleClassifier, ensembles

CLASSES = [getattr(ensembles, name) for name in sorted(ensembles.methods.__all__)]

TO_THE_NET = [
    ({"max_epochs": 20}, "max_epochs=20"),
    ({"device": "cpu"}, "device='cpu'"),
    ({"hidden_layer_sizes": (8,)}, "module__hidden_units=(8,)"),
    ({"module__hidden_units": (8,)}, "module__hidden_units=(8,)"),
    ({"batch_size": 3, "epochs": 2}, "batch_size=3, max_epochs=2"),
    ({"weight_decay": 0.1}, "optimizer__weight_decay=0.1"),
    ({"optimizer": int}, "optimizer=int"),
]


class Wide(nn.Module):
    def __init__(self, width=3):
        super().__init__()
        self.layer = nn.Linear(4, width)


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize(("keywords", "spelling"), TO_THE_NET)
def test_what_belongs_to_the_net_is_written_there(cls, keywords, spelling):
    with pytest.raises(InvalidParameterError, match="Invalid parameter") as refused:
        cls(**keywords)
    net = cls._default_net.__name__
    assert str(refused.value).endswith(f"Write {cls.__name__}({net}({spelling})).")
    with pytest.raises(InvalidParameterError) as refused:
        cls().set_params(**keywords)
    nested = ", ".join(f"estimator__{word}" for word in spelling.split(", "))
    assert str(refused.value).endswith(f"Write set_params({nested}).")


OWN = [
    ({"n_estimators": 3}, "M=3"),
    ({"lr": 0.1}, "alpha_zero=0.1"),
    ({"learning_rate": 0.1, "seed": 0}, "alpha_zero=0.1, random_state=0"),
    ({"shedule": "cosine"}, "schedule='cosine'"),
    ({"M": 3, "max_epochs": 2}, "NetClassifier(max_epochs=2), M=3"),
    ({"estimator": Wide, "width": 2}, "NetClassifier(Wide, module__width=2)"),
    ({"estimator": Wide(), "widht": 2}, "NetClassifier(Wide(...), module__width=2)"),
    ({"estimator": NetClassifier(Wide), "width": 2}, "NetClassifier(..., module__width=2)"),
    (
        {"estimator": NeuralNetClassifier(Wide), "max_epoch": 2},
        "NeuralNetClassifier(..., max_epochs=2)",
    ),
    ({"estimator__max_epochs": 2}, "NetClassifier(max_epochs=2)"),
]


@pytest.mark.parametrize(("keywords", "spelling"), OWN)
def test_other_names_are_written_where_they_belong(keywords, spelling):
    with pytest.raises(InvalidParameterError) as refused:
        SnapshotEnsembleClassifier(**keywords)
    assert str(refused.value).endswith(f"Write SnapshotEnsembleClassifier({spelling}).")


@pytest.mark.parametrize("keywords", [{"colour": 3}, {"n_jobs": 2}, {"colour__of": 3}])
def test_what_is_like_nothing_is_answered_with_all_there_is(keywords):
    with pytest.raises(InvalidParameterError, match=r"Valid parameters are: M, alpha_mult, .*"):
        SnapshotEnsembleClassifier(**keywords)
    with pytest.raises(InvalidParameterError, match=r"Valid parameters are: M, alpha_mult, .*"):
        SnapshotEnsembleClassifier().set_params(**keywords)


@pytest.mark.parametrize("cls", CLASSES)
def test_signatures_have_no_keyword_for_all_and_clones_work(cls):
    kinds = {p.kind for p in inspect.signature(cls).parameters.values()}
    assert kinds == {Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY}
    assert clone(cls(verbose=3)).get_params()["verbose"] == 3
    with pytest.raises(InvalidParameterError, match=f"{cls.__name__} must get all arguments but "):
        cls(None, 3)


NESTED = [
    ("module__widht", "module__width"),
    ("mudule__width", "module__width"),
    ("modul_width", "module__width"),
    ("max_epoch", "max_epochs"),
]


@pytest.mark.parametrize("net", [NetClassifier, NeuralNetClassifier])
@pytest.mark.parametrize(("name", "spelling"), NESTED)
def test_a_misspelt_nested_name_ends_a_search_before_its_first_fit(iris, net, name, spelling):
    ensemble = SnapshotEnsembleClassifier(net(Wide))
    message = rf"'estimator__{name}' .* Write set_params\(estimator__{spelling}=2\)"
    with pytest.raises(InvalidParameterError, match=message):
        ensemble.set_params(**{f"estimator__{name}": 2})
    pipeline = make_pipeline(StandardScaler(), ensemble)
    grid = {f"snapshotensembleclassifier__estimator__{name}": [2, 3]}
    # A module without `forward` cannot be fitted: no fit was begun.
    with pytest.raises(InvalidParameterError, match=message):
        GridSearchCV(pipeline, grid, cv=2).fit(*iris)


def test_a_net_in_the_same_call_is_asked_for_its_names():
    ensemble = SnapshotEnsembleClassifier()
    ensemble.set_params(estimator=NetClassifier(Wide), estimator__module__width=2)
    assert ensemble.estimator.module__width == 2
    with pytest.raises(InvalidParameterError, match="estimator__module__hidden_units"):
        ensemble.set_params(estimator__module__hidden_units=2)

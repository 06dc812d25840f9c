import inspect
import pickle
import re

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from skensemble.preprocessing import (
    AtomEncoder,
    PiecewiseLinearEncoder,
    RankCosines,
    RankNormalizer,
    RobustClipper,
    TableEncoder,
)

ALL = [
    RobustClipper(),
    RankNormalizer(),
    PiecewiseLinearEncoder(n_bins=3),
    RankCosines(n_cosines=2),
    AtomEncoder(),
    TableEncoder(),
]
each = pytest.mark.parametrize("encoder", ALL, ids=lambda encoder: type(encoder).__name__)


@pytest.fixture
def X():
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.normal(size=300), rng.integers(-20, 20, 300) * (rng.random(300) < 0.5)]
    )
    X[3, 0] = X[4, 1] = np.nan
    return X


@each
def test_defaults_are_those_that_are_documented(encoder):
    described = dict(
        re.findall(r"^    (\w+) : .*default=(.*)$", type(encoder).__doc__, re.MULTILINE)
    )
    for name, parameter in inspect.signature(type(encoder)).parameters.items():
        assert described.pop(name).replace('"', "'") == repr(parameter.default)
    assert not described


@each
def test_missing_values_are_0_in_all_features_of_their_column(encoder, X):
    fitted = clone(encoder).fit(X)
    features = fitted.transform(np.full((2, 2), np.nan))
    is_indicator = [name.endswith("missing") for name in fitted.get_feature_names_out()]
    np.testing.assert_array_equal(features, [np.float32(is_indicator)] * 2)
    assert np.isfinite(fitted.transform(X)).all()


@each
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_go_in_and_come_out(encoder, library, X):
    frames = pytest.importorskip(library)
    frame = frames.DataFrame({"b": X[:, 0], "a": X[:, 1]})
    fitted = clone(encoder).fit(frame)
    plain = fitted.transform(frame)
    assert (plain.dtype, plain.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_array_equal(clone(encoder).fit_transform(X), plain)
    shown = fitted.set_output(transform=library).transform(frame[["a", "b"]])
    assert isinstance(shown, frames.DataFrame)
    assert list(shown.columns) == list(fitted.get_feature_names_out())
    np.testing.assert_array_equal(shown.to_numpy(), plain)


@each
def test_pickles_and_clones(encoder, X):
    fitted = clone(encoder).fit(X)
    features = fitted.transform(X)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).transform(X), features)
    with pytest.raises(NotFittedError):
        clone(fitted).transform(X)
    with pytest.raises(NotFittedError):
        clone(fitted).get_feature_names_out()


@each
def test_names_of_features_follow_from_those_of_columns(encoder, X):
    fitted = clone(encoder).fit(X)
    own, given = fitted.get_feature_names_out(), fitted.get_feature_names_out(["p", "q"])
    assert len(own) == len(set(own)) == fitted.transform(X).shape[1]
    assert [name.replace("x0", "p").replace("x1", "q") for name in own] == given.tolist()
    with pytest.raises(ValueError, match="input_features should have length equal to"):
        fitted.get_feature_names_out(["p"])


@each
def test_infinities_are_refused(encoder, X):
    fitted = clone(encoder).fit(X)
    X[5, 1] = -np.inf
    for use in (fitted.transform, clone(encoder).fit):
        with pytest.raises(ValueError, match=r"Column 'x1' must be finite numbers .*, got -inf"):
            use(X)


@each
def test_a_row_has_the_features_that_it_has_among_others(encoder, X):
    fitted = clone(encoder).fit(X)
    np.testing.assert_allclose(fitted.transform(X[7:8]), fitted.transform(X)[7:8], rtol=1e-6)


def test_encoders_stand_in_pipelines(X):
    steps = make_pipeline(RobustClipper(), RankNormalizer()).fit(X)
    assert steps.get_feature_names_out(["p", "q"]).tolist() == ["p", "q"]

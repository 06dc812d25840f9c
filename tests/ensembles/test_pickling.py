"""What pickle cannot write is refused by name; cloudpickle gets it."""

import pickle

import pytest
import torch
from joblib import wrap_non_picklable_objects

from skensemble._checks import InvalidParameterError
from skensemble.ensembles._pickling import can_be_pickled, refusal_of


def test_what_can_be_written_is_not_refused():
    assert refusal_of([1, torch.relu], "it") is None
    assert can_be_pickled([1])
    assert not can_be_pickled(lambda: 1)


nameless = lambda: 1  # noqa: E731


def test_a_lambda_is_refused_by_pickle_and_not_by_cloudpickle():
    obj = [nameless]
    refusal = refusal_of(obj, "estimator")
    with pytest.raises(InvalidParameterError, match=r"estimator must be made of .* <lambda>"):
        pickle.dumps([refusal, obj])
    again = pickle.loads(
        pickle.dumps(wrap_non_picklable_objects([refusal, obj], keep_wrapper=False))
    )
    assert again[1][0]() == 1


@pytest.mark.filterwarnings("ignore:.*jit.*:DeprecationWarning")
def test_what_no_pickle_can_write_is_refused_at_once():
    scripted = torch.jit.script(torch.nn.Linear(1, 1))
    with pytest.raises(InvalidParameterError, match=r"estimator must be made of .* serialize"):
        refusal_of(scripted, "estimator")

"""What siblings share is told in the same words."""

import inspect
import re

import pytest

from skensemble import ensembles

OWN = {"M", "alpha_zero", "pretrain_fraction"}
"""Parameters that mean something of their own in a method."""

OF_ALL_NETS = {"estimator", "m", "weights", "lockstep", "n_jobs", "verbose", "members_"} | {
    "weights_",
    "n_steps_",
    "loss_curve_",
    "history_",
    "validation_scores_",
    "template_net_",
    "max_cycles",
}
"""What means something of its own where there are several nets, each with several members."""

BUILT_OF_ENSEMBLES = [*ensembles.cross_fitted.__all__, *ensembles.tabular.__all__]


def entries(name):
    """Give the text of each parameter and attribute of a class, by its line with name and type."""
    doc = inspect.getdoc(getattr(ensembles, name))
    listed = re.search(r"Parameters\n-+\n(.*?)\nSee Also", doc, flags=re.DOTALL)[1]
    found = re.findall(r"^(\w+ : .*)\n((?:    .*\n|\n)+)", listed + "\n", flags=re.MULTILINE)
    return {head: " ".join(text.split()) for head, text in found}


@pytest.mark.parametrize("kind", ["Classifier", "Regressor"])
def test_texts_of_shared_parameters_are_the_same_in_all_siblings(kind):
    texts = {}
    for name in (name for name in ensembles.__all__ if name.endswith(kind)):
        for head, text in entries(name).items():
            parameter = head.split(" : ")[0]
            is_own = parameter in OWN or (name in BUILT_OF_ENSEMBLES and parameter in OF_ALL_NETS)
            if not is_own:
                # The net that stands for None has an argument in one of them.
                text = re.sub(r"None is ``\w+\(.*?\)``", "None is ...", text)
                texts.setdefault(parameter, set()).add(text)
    assert {"estimator", "m", "random_state", "members_", "weights_", "prior_variance"} <= set(
        texts
    )
    assert {name: found for name, found in texts.items() if len(found) > 1} == {}


@pytest.mark.parametrize("name", ensembles.__all__)
def test_every_parameter_is_described(name):
    described = [head.split(" : ")[0] for head in entries(name)]
    ensemble = getattr(ensembles, name)
    parameters = list(inspect.signature(ensemble).parameters)
    assert described[: len(parameters)] == parameters


@pytest.mark.parametrize("name", ensembles.__all__)
def test_defaults_are_those_of_the_signature(name):
    ensemble = getattr(ensembles, name)
    defaults = {head.split(" : ")[0]: head.partition("default=")[2] for head in entries(name)}
    for parameter, value in inspect.signature(ensemble).parameters.items():
        shown = f'"{value.default}"' if isinstance(value.default, str) else str(value.default)
        assert defaults[parameter] == shown, parameter

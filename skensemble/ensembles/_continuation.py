"""Fits that go on from where an earlier one has stopped: `warm_start` and `partial_fit`."""

from collections.abc import Callable
from copy import copy
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.callback import with_callbacks
from skorch import NeuralNet

from skensemble._checks import check_int, reject
from skensemble._warn import warn_user
from skensemble.data import sorted_classes
from skensemble.ensembles._collector import Collect
from skensemble.ensembles._fitted_state import unchanged_on_error
from skensemble.ensembles._held_out import HeldOut
from skensemble.ensembles._kept_training import (
    KeptTraining,
    copy_net,
    forget_batches,
    give_generator,
    load_weights,
    take_generator,
)
from skensemble.ensembles._rows import Validation
from skensemble.nets import device_of
from skensemble.seeding import (
    Streams,
    draw_seed,
    generator_states,
    initialize_seeded,
    set_generator_states,
    streams_of,
)
from skensemble.training import Data, Trace

NO_ROWS: Validation = (None, None, None)

OF_ROWS = ("validation_scores_", "_best_m_", "_fitted_weights_", "weighted_validation_score_")
"""What an ensemble has learnt from validation rows."""

FitMembers = Callable[[NeuralNet, Data, Collect, int], Trace]
"""Trains a net and hands members over, as `BaseEnsemble._fit_members` does."""


PLAIN = (bool, int, float, str, tuple, type)
"""Kinds of arguments of a net that are equal if they are the same."""


class Begun(NamedTuple):
    """A fit that is ready to train.

    Attributes
    ----------
    net : NeuralNet
        Initialised, or trained by an earlier fit.
    data : Data
    held_out : HeldOut or None
    streams : Streams
        Its seeds.
    metadata : dict or None
        For the callbacks of scikit-learn.
    """

    net: NeuralNet
    data: Data
    held_out: HeldOut | None
    streams: Streams
    metadata: dict[str, Any] | None


class NoPartialFit:
    """The `partial_fit` of a method that has none: an AttributeError that says which ones have."""

    def __get__(self, ensemble: Any, owner: type) -> Any:
        raise AttributeError(
            f"{owner.__name__!r} has no attribute 'partial_fit': among the ensembles, only "
            "snapshot ensembles go on with a training."
        )


class GoesOn:
    """Mixin: further members from where the training of the last ones has stopped.

    A method implements `_fit_further` and `_cycle_steps`, and has the parameters `M` and
    `warm_start`.
    """

    M: int
    warm_start: bool

    def _fit_further(
        self,
        net: NeuralNet,
        data: Data,
        collect: Collect,
        seed: int,
        *,
        n_cycles: int,
        **length: int,
    ) -> Trace:
        """Train some more cycles; `length` is that of `train`."""
        raise NotImplementedError

    def _cycle_steps(self, trace: Trace) -> int:
        """Return the steps of the last cycle of a first training."""
        raise NotImplementedError

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> "GoesOn":
        """Train one more cycle on some rows, and keep one more member.

        A cycle has ``max_epochs / M`` epochs of these rows, rounded and at least one. M calls with
        the same rows give what `fit` gives, if M divides `max_epochs`. The optimizer goes on with
        the state that it has; classes, scale of targets and features stay those of the first call.
        After a `fit` with ``warm_start=False``, only the last member's weights are gone on from.

        Parameters
        ----------
        X : array-like, Tensor or CSR matrix of shape (n_samples, n_features) or (n_samples, ...)
            Training rows.
        y : array-like of shape (n_samples,) or, for a regressor, (n_samples, n_outputs)
            Labels or targets.
        classes : array-like of shape (n_classes,), default=None
            All the classes that there will be, for the first call of a classifier; None is those
            of its rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows in the training loss. Rows of weight 0 are left out.

        Returns
        -------
        self : BaseEnsemble

        Raises
        ------
        InvalidParameterError
            If an argument breaks its rule.
        DivergenceError
            If the loss stops being finite. After any error the ensemble is as it was before.
        KeyboardInterrupt
            If Ctrl-C is pressed. Before the new member the ensemble is as it was.
        """
        with unchanged_on_error(self):
            was_interrupted = self._fit_partially(X, y, classes, sample_weight)
        if was_interrupted:
            raise KeyboardInterrupt
        return self

    @with_callbacks
    def _fit_partially(self, X: Any, y: Any, classes: Any, sample_weight: Any) -> bool:
        rule = "None for partial_fit, which holds no rows out"
        if isinstance(self.m, str):
            raise reject("m", f"an int or {rule}", self.m)
        if self.validation_fraction is not None:
            raise reject("validation_fraction", rule, self.validation_fraction)
        self._check_weights()
        if self.weights != "uniform":
            raise reject(
                "weights", "'uniform' for partial_fit, which holds no rows out", self.weights
            )
        if classes is not None and not is_classifier(self):
            raise reject("classes", "None for a regressor", classes)
        n_before, kept = len(getattr(self, "members_", ())), None
        if n_before:
            kept = self._kept()
            self._check_classes(classes)
            begun = self._resume(kept, 1, X, y, sample_weight, NO_ROWS)
        else:
            begun = self._begin(X, y, sample_weight, NO_ROWS, classes)
        n_epochs = max(1, round(begun.net.max_epochs / self.M))
        further = partial(self._fit_further, n_cycles=1, n_epochs=n_epochs)
        fit = partial(self._fit_and_keep, further, begun.streams, kept, lambda t: t.n_steps)
        return self._train_members(begun, fit, n_before + 1, X=X, y=y)

    @with_callbacks
    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: Validation) -> bool:
        if not isinstance(self.warm_start, bool | np.bool_):
            raise reject("warm_start", "True or False", self.warm_start)
        if not self.warm_start:
            return super()._fit(X, y, sample_weight, validation)
        if not hasattr(self, "members_"):
            begun = self._begin(X, y, sample_weight, validation)
            steps = self._cycle_steps
            fit = partial(self._fit_and_keep, self._fit_members, begun.streams, None, steps)
            return self._train_members(begun, fit, self.M, X=X, y=y)
        kept, n_before = self._kept(), len(self.members_)
        n_more = check_int("M", self.M, 1) - n_before
        if n_more < 0:
            rule = f"an int >= {n_before}, the members that there are, with warm_start=True"
            raise reject("M", rule, self.M)
        if not n_more:
            warn_user("A fit with warm_start=True and as many members as before trains none.")
            return False
        begun = self._resume(kept, n_more, X, y, sample_weight, validation)
        n_steps = n_more * kept.cycle_steps
        further = partial(self._fit_further, n_cycles=n_more, n_steps=n_steps)
        fit = partial(self._fit_and_keep, further, kept.streams, kept, lambda _: kept.cycle_steps)
        return self._train_members(begun, fit, self.M, X=X, y=y)

    def _kept(self) -> KeptTraining:
        """Return where the last training has stopped; without more, the weights of its end."""
        if hasattr(self, "_kept_training_"):
            return self._kept_training_
        if not hasattr(self, "member_steps_"):
            raise reject("members_", "those of a training, to go on from it", "members put in")
        net = clone(self.template_net_)
        streams = streams_of(draw_seed(self._seed_source(net)))
        initialize_seeded(net, streams, device_of(net))
        last = self._predictor_.members[-1]
        load_weights(net, last.module_ if isinstance(last, NeuralNet) else last)
        steps = np.diff(self.member_steps_, prepend=0)[-1]
        return KeptTraining(net, streams, None, None, int(steps))

    def _check_classes(self, classes: Any) -> None:
        if classes is not None and not np.array_equal(sorted_classes(classes), self.classes_):
            raise reject("classes", f"None or those of before, {self.classes_.tolist()}", classes)

    def _warn_if_another_net(self) -> None:
        """Tell of arguments of the net that were changed since the training has begun."""
        net = self._make_net()
        now, then = (n.get_params(deep=False) for n in (net, self.template_net_))
        changed = sorted(
            name
            for name, value in now.items()
            # Objects, such as callbacks, are other ones in each copy of a net.
            if isinstance(value, PLAIN) and name != "random_state" and value != then.get(name)
        )
        if changed:
            warn_user(
                f"A further fit goes on with the net of the first one: the new values of {changed} "
                "have no effect. Fit with warm_start=False to train another net."
            )

    def _resume(
        self, kept: KeptTraining, n_more: int, X: Any, y: Any, weight: Any, validation: Validation
    ) -> Begun:
        """Begin with the net of an earlier training, and with lists of members of its own."""
        self._check_call(validation)
        self._warn_if_another_net()
        n_before = len(self.members_)
        self._n_members_planned_ = max(self.M, n_before + n_more)
        if self.m != "auto":
            self._effective_m()
        data, held_out = self._learn_data(
            kept.net, X, y, weight, validation, seed=kept.streams.validation, is_first=False
        )
        for name in OF_ROWS:
            vars(self).pop(name, None)
        # Should this fit fail, the lists of before are put back as they were.
        earlier, self._predictor_ = self._predictor_, copy(self._predictor_)
        self.members_, self._predictor_.members = list(self.members_), []
        for module in earlier.members:
            self._predictor_.members.append(module)
            if held_out is not None:
                held_out.add(self._predictor_, None if self.m == "auto" else self.m)
        metadata = None if weight is None else {"sample_weight": weight}
        return Begun(copy_net(kept.net), data, held_out, kept.streams, metadata)

    def _fit_and_keep(
        self,
        fit_members: FitMembers,
        streams: Streams,
        kept: KeptTraining | None,
        cycle_steps: Callable[[Trace], int],
        net: NeuralNet,
        data: Data,
        collect: Collect,
        seed: int,
    ) -> Trace:
        """Train from where the last training has stopped, and keep where this one does."""
        device = device_of(net)
        if kept is not None and kept.noise is not None:
            set_generator_states(device, kept.noise)
        generator = give_generator(net, None if kept is None else kept.order)
        trace = fit_members(net, data, collect, seed)
        order = take_generator(net, generator)
        noise = generator_states(device)
        forget_batches(net)
        self._kept_training_ = KeptTraining(net, streams, order, noise, cycle_steps(trace))
        return trace

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from skensemble import InvalidParameterError
from skensemble.nets._loss import batch_loss, weighted_loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [-1.0, 0.0, 3.0]], dtype=torch.float64)
CODES = torch.tensor([0, 2, 2])
WEIGHT = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)


def row_losses():
    """Minus the logarithm of the softmax at each row's class, written out."""
    exp = LOGITS.exp()
    return [-(exp[k, CODES[k]] / exp[k].sum()).log().item() for k in range(3)]


def test_it_is_the_mean_over_the_rows_of_weight_times_loss():
    a, b, c = row_losses()
    loss = weighted_loss(nn.CrossEntropyLoss(), LOGITS, CODES, WEIGHT)
    # Not divided by the weights of these rows: how much a row counts is its weight alone.
    assert loss.item() == pytest.approx((1 * a + 2 * b + 0.5 * c) / 3)


def test_weights_of_classes_multiply_those_of_rows():
    a, b, c = row_losses()
    class_weight = torch.tensor([3.0, 1.0, 0.25], dtype=torch.float64)
    loss = weighted_loss(nn.CrossEntropyLoss(weight=class_weight), LOGITS, CODES, WEIGHT)
    # torch divides by the weights of the rows' classes: 3, 1/4 and 1/4.
    numerator = 1 * 3 * a + 2 * 0.25 * b + 0.5 * 0.25 * c
    assert loss.item() == pytest.approx(numerator / (3 + 0.25 + 0.25))


def test_rows_of_an_ignored_class_count_for_nothing():
    a, _, _ = row_losses()
    loss = weighted_loss(nn.CrossEntropyLoss(ignore_index=2), LOGITS, CODES, 3 * WEIGHT)
    assert loss.item() == pytest.approx(3 * a)


def test_a_sum_stays_a_sum():
    a, b, c = row_losses()
    loss = weighted_loss(nn.CrossEntropyLoss(reduction="sum"), LOGITS, CODES, WEIGHT)
    assert loss.item() == pytest.approx(1 * a + 2 * b + 0.5 * c)


def test_several_outputs_of_a_row_are_averaged_first():
    output = torch.tensor([[1.0, 3.0], [0.0, 2.0], [5.0, 5.0]], dtype=torch.float64)
    y = torch.zeros(3, 2, dtype=torch.float64)
    loss = weighted_loss(nn.MSELoss(), output, y, WEIGHT)
    # Row losses (1 + 9) / 2, (0 + 4) / 2 and (25 + 25) / 2.
    assert loss.item() == pytest.approx((1 * 5 + 2 * 2 + 0.5 * 25) / 3)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_criterion_has_its_reduction_back(reduction):
    criterion = nn.CrossEntropyLoss(reduction=reduction)
    weighted_loss(criterion, LOGITS, CODES, WEIGHT)
    assert criterion.reduction == reduction


def test_the_criterion_has_its_reduction_back_after_an_error():
    criterion = nn.CrossEntropyLoss()
    with pytest.raises(IndexError):
        weighted_loss(criterion, LOGITS, CODES + 5, WEIGHT)
    assert criterion.reduction == "mean"


def test_a_compiled_criterion_weighs_too():
    compiled = torch.compile(nn.CrossEntropyLoss(), backend="eager")
    expected = weighted_loss(nn.CrossEntropyLoss(), LOGITS, CODES, WEIGHT)
    assert weighted_loss(compiled, LOGITS, CODES, WEIGHT).item() == pytest.approx(expected.item())
    assert compiled._orig_mod.reduction == "mean"


def test_a_criterion_without_reduction_is_refused():
    class Loss(nn.Module):
        def forward(self, y_pred, y_true):
            return nn.functional.cross_entropy(y_pred, y_true)

    with pytest.raises(InvalidParameterError, match="criterion must be one with a `reduction`"):
        weighted_loss(Loss(), LOGITS, CODES, WEIGHT)


class Focal(nn.Module):
    """An own loss, whose mean does not divide by the weights of the classes."""

    def __init__(self, weight, reduction="mean"):
        super().__init__()
        self.weight, self.reduction = weight, reduction

    def forward(self, logits, y):
        """Return the losses, or their mean or sum."""
        losses = self.weight[y] * F.cross_entropy(logits, y, reduction="none") ** 2
        return losses if self.reduction == "none" else getattr(losses, self.reduction)()


class OneHot(nn.BCEWithLogitsLoss):
    """A loss of torch made to take codes; its weights are those of columns."""

    def forward(self, logits, y):
        """Return the loss for one column per class."""
        return super().forward(logits, F.one_hot(y, 3).to(logits))


CLASS_WEIGHT = torch.tensor([1.0, 5.0, 2.0], dtype=torch.float64)
CRITERIA = {
    "log-loss": nn.CrossEntropyLoss(),
    "weights of classes": nn.CrossEntropyLoss(weight=CLASS_WEIGHT),
    "an ignored class": nn.CrossEntropyLoss(ignore_index=2),
    "weights and an ignored class": nn.CrossEntropyLoss(weight=CLASS_WEIGHT, ignore_index=0),
    "label smoothing": nn.CrossEntropyLoss(label_smoothing=0.2),
    "weights and smoothing": nn.CrossEntropyLoss(weight=CLASS_WEIGHT, label_smoothing=0.2),
    "a sum": nn.CrossEntropyLoss(weight=CLASS_WEIGHT, reduction="sum"),
    "margins": nn.MultiMarginLoss(weight=CLASS_WEIGHT),
    "an own loss": Focal(CLASS_WEIGHT),
    "an own sum": Focal(CLASS_WEIGHT, reduction="sum"),
    "columns": OneHot(weight=CLASS_WEIGHT),
}


@pytest.mark.parametrize("name", CRITERIA)
def test_weights_of_one_give_the_loss_of_the_criterion(name):
    criterion = CRITERIA[name]
    logits = LOGITS.clone().requires_grad_(True)
    found = weighted_loss(criterion, logits, CODES, torch.ones(3, dtype=torch.float64))
    expected = criterion(logits, CODES)
    assert found.item() == pytest.approx(expected.item(), rel=1e-12)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (found, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", CRITERIA)
def test_a_weight_multiplies_the_loss_of_its_row(name):
    """Weights of 1, 2 and 0 give what the rows give by weights of 1, 0, 0 and twice 0, 1, 0."""
    losses = [
        weighted_loss(CRITERIA[name], LOGITS, CODES, torch.tensor(weight, dtype=torch.float64))
        for weight in ([1, 2, 0], [1, 0, 0], [0, 1, 0])
    ]
    assert losses[0].item() == pytest.approx(losses[1].item() + 2 * losses[2].item())


@pytest.mark.parametrize(
    "criterion",
    [
        nn.MSELoss(),
        nn.MSELoss(reduction="sum"),
        nn.PoissonNLLLoss(),
        nn.HuberLoss(delta=0.1),
        nn.BCEWithLogitsLoss(weight=CLASS_WEIGHT, pos_weight=CLASS_WEIGHT.flip(0)),
        nn.KLDivLoss(reduction="batchmean"),
        # Of shares of classes torch's mean is over the rows, whatever the classes weigh.
        nn.CrossEntropyLoss(weight=CLASS_WEIGHT),
    ],
)
def test_weights_of_one_give_the_loss_of_values(criterion):
    y = LOGITS.softmax(1).flip(0)
    found = weighted_loss(criterion, LOGITS, y, torch.ones(3, dtype=torch.float64))
    assert found.item() == pytest.approx(criterion(LOGITS, y).item(), rel=1e-12)


def test_places_of_a_row_share_its_weight():
    """Rows may have a loss for each of several places, of which some are ignored."""
    logits = torch.stack([LOGITS, LOGITS.flip(0)], dim=-1)
    codes = torch.stack([CODES, CODES.flip(0)], dim=-1)
    codes[0, 1] = -100
    criterion = nn.CrossEntropyLoss(weight=CLASS_WEIGHT)
    found = weighted_loss(criterion, logits, codes, WEIGHT)
    cases = [(k, place) for k in range(3) for place in range(2) if codes[k, place] >= 0]
    log_proba = logits.log_softmax(1)
    losses = [-log_proba[k, codes[k, p], p] * CLASS_WEIGHT[codes[k, p]] for k, p in cases]
    weighted = sum(WEIGHT[k] * loss for (k, _), loss in zip(cases, losses, strict=True))
    divisor = sum(CLASS_WEIGHT[codes[k, p]] for k, p in cases)
    assert found.item() == pytest.approx((weighted / divisor).item())


class Squared(nn.Module):
    """An own loss of codes, whose reduction a subclass may get wrong."""

    def __init__(self, reduction="mean"):
        super().__init__()
        self.reduction, self.n_calls = reduction, 0

    def losses(self, logits, y):
        """Give a loss for each row."""
        return (logits.softmax(1) - F.one_hot(y, 3)).square().sum(1)

    def forward(self, logits, y):
        """Return the losses, or what is made of them."""
        self.n_calls += 1
        losses = self.losses(logits, y)
        return losses if self.reduction == "none" else self.reduced(losses)

    def reduced(self, losses):
        """Return the mean."""
        return losses.mean()


class Halved(Squared):
    """Its mean is half of a mean."""

    def reduced(self, losses):
        """Return half of the mean."""
        return losses.mean() / 2


class Hardest(Squared):
    """It looks at the hardest row alone."""

    def reduced(self, losses):
        """Return the largest loss."""
        return losses.max()


class Always(Squared):
    """It has a mean whatever is asked."""

    def losses(self, logits, y):
        """Give one loss."""
        return super().losses(logits, y).mean()


@pytest.mark.parametrize(
    ("criterion", "message"),
    [
        (Halved(), "loss of a batch is the mean of the losses .* to use sample_weight"),
        (Hardest(), "loss of a batch is the mean of the losses .* to use sample_weight"),
        (Squared(reduction="sum"), "loss of a batch is the sum of the losses .* sample_weight"),
        (Always(), "one that gives a loss for each row with reduction='none' to use sample_wei"),
        (nn.MSELoss(reduction="none"), "reduction 'mean' or 'sum' to use sample_weight, got 'none"),
    ],
)
def test_a_criterion_that_makes_something_else_of_its_losses_is_refused(criterion, message):
    y = LOGITS if isinstance(criterion, nn.MSELoss) else CODES
    with pytest.raises(InvalidParameterError, match=f"criterion must be .*{message}"):
        weighted_loss(criterion, LOGITS, y, WEIGHT)


def test_a_loss_that_is_not_finite_is_no_matter_of_weights():
    criterion = Squared()
    assert weighted_loss(criterion, LOGITS * torch.nan, CODES, WEIGHT).isnan()
    # The check asks a copy.
    assert criterion.n_calls == 1


def test_a_gaussian_likelihood_gets_mean_and_variance():
    mean, log_variance = LOGITS[:, :1], LOGITS[:, 1:2]
    y = LOGITS[:, 2:]
    losses = (log_variance + (y - mean) ** 2 / log_variance.exp()) / 2
    output = (mean, log_variance)
    assert batch_loss(nn.GaussianNLLLoss(), output, y).item() == pytest.approx(losses.mean().item())
    found = weighted_loss(nn.GaussianNLLLoss(), output, y, WEIGHT)
    assert found.item() == pytest.approx((losses[:, 0] @ WEIGHT / 3).item())


def test_a_gaussian_likelihood_needs_two_outputs():
    message = r"module must be one that returns \(mean, log_variance\) for criterion GaussianNLL"
    with pytest.raises(InvalidParameterError, match=message):
        batch_loss(nn.GaussianNLLLoss(), LOGITS, LOGITS)

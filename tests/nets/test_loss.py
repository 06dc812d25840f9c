import pytest
import torch
from torch import nn

from skensemble import InvalidParameterError
from skensemble.nets._loss import normalized, weighted_loss

LOGITS = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.5], [-1.0, 0.0, 3.0]], dtype=torch.float64)
CODES = torch.tensor([0, 2, 2])
WEIGHT = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64)


def row_losses():
    """Minus the logarithm of the softmax at each row's class, written out."""
    exp = LOGITS.exp()
    return [-(exp[k, CODES[k]] / exp[k].sum()).log().item() for k in range(3)]


def test_it_is_the_weighted_mean_over_the_rows():
    a, b, c = row_losses()
    loss = weighted_loss(nn.CrossEntropyLoss(), LOGITS, CODES, WEIGHT)
    assert loss.item() == pytest.approx((1 * a + 2 * b + 0.5 * c) / (1 + 2 + 0.5))


def test_weights_of_classes_multiply_those_of_rows():
    a, b, c = row_losses()
    class_weight = torch.tensor([3.0, 1.0, 0.25], dtype=torch.float64)
    loss = weighted_loss(nn.CrossEntropyLoss(weight=class_weight), LOGITS, CODES, WEIGHT)
    # torch divides by the weights of the rows' classes: 3, 1/4 and 1/4.
    numerator = 1 * 3 * a + 2 * 0.25 * b + 0.5 * 0.25 * c
    assert loss.item() == pytest.approx(numerator / (1 * 3 + 2 * 0.25 + 0.5 * 0.25))


def test_several_outputs_of_a_row_are_averaged_first():
    output = torch.tensor([[1.0, 3.0], [0.0, 2.0], [5.0, 5.0]], dtype=torch.float64)
    y = torch.zeros(3, 2, dtype=torch.float64)
    loss = weighted_loss(nn.MSELoss(), output, y, WEIGHT)
    # Row losses (1 + 9) / 2, (0 + 4) / 2 and (25 + 25) / 2.
    assert loss.item() == pytest.approx((1 * 5 + 2 * 2 + 0.5 * 25) / 3.5)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
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


def test_weights_are_divided_by_the_sum_of_their_batch():
    weight = torch.tensor([[1.0, 3.0, 0.0], [2.0, 2.0, 4.0]])
    assert normalized(weight).tolist() == [[1 / 4, 3 / 4, 0], [2 / 8, 2 / 8, 4 / 8]]
    assert normalized(weight[1]).tolist() == [2 / 8, 2 / 8, 4 / 8]

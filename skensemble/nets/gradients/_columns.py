"""Scales of table columns, folded into the weights of the layer after them."""

import torch
from torch import Tensor, nn

from skensemble.modules import ColumnScale, index_of


class FoldedScale:
    """The scales of columns times the weights of a first layer, of one net or of several.

    The rows stay as they are: nets that share them go on sharing them.

    Parameters
    ----------
    columns : tuple of int
        The column that each feature encodes.
    scale, scale_grad : Tensor of shape (..., n_columns)
        The leading axes are those of several nets.
    weight : Tensor of shape (..., n_outputs, n_features) or (..., n_features, n_outputs)
    features : {-1, -2}
        Which axis of the weights that of the features is.

    Attributes
    ----------
    scaled : Tensor of the shape of `weight`
        The weights that multiply rows, always in the same memory.
    """

    def __init__(
        self,
        columns: tuple[int, ...],
        scale: Tensor,
        scale_grad: Tensor,
        weight: Tensor,
        features: int,
    ) -> None:
        self.scale, self.scale_grad, self.weight = scale, scale_grad, weight
        is_each_alone = columns == tuple(range(len(columns)))
        self.index = None if is_each_alone else index_of(columns, weight.device)
        self.outputs = -3 - features
        self.scaled = torch.empty_like(weight, requires_grad=False)

    def fold(self) -> None:
        """Write `scaled`, from the scales and the weights of now."""
        scale = self.scale
        if self.index is not None:
            scale = scale.index_select(-1, self.index)
        self.factors = scale.unsqueeze(self.outputs)
        torch.mul(self.weight, self.factors, out=self.scaled)

    def write_gradients(self, weight_grad: Tensor) -> None:
        """Turn the gradients by `scaled` into those by the weights, and write those by the scales.

        Parameters
        ----------
        weight_grad : Tensor of the shape of `weight`
            Changed in place.
        """
        by_feature = (self.weight * weight_grad).sum(self.outputs)
        if self.index is None:
            self.scale_grad.copy_(by_feature)
        else:
            self.scale_grad.zero_().index_add_(-1, self.index, by_feature)
        weight_grad.mul_(self.factors)


def fold_scale(scale: ColumnScale | None, layer: nn.Linear) -> FoldedScale | None:
    """Return the scales before a layer as a part of its weights; None where there are none."""
    if scale is None:
        return None
    return FoldedScale(scale.columns, scale.scale, scale.scale.grad, layer.weight, features=-1)

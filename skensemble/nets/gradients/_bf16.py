"""Products of linear layers in bfloat16, around which everything else stays in float32."""

import torch
from torch import Tensor, nn

from skensemble.modules import ColumnScale
from skensemble.nets.gradients._buffers import buffers_like, cast_into
from skensemble.nets.gradients._columns import fold_scale


class HalfLinear:
    """A linear layer whose products are in bfloat16.

    Rows, weights and the gradients of outputs are cast; products add up in float32 and are rounded
    once. Weights, biases, their gradients and all results are float32.
    """

    def __init__(self, layer: nn.Linear, scale: ColumnScale | None = None) -> None:
        self.bias, self.folded = layer.bias, fold_scale(scale, layer)
        self.weight = layer.weight if self.folded is None else self.folded.scaled
        self.weight_grad, self.bias_grad = layer.weight.grad, layer.bias.grad
        self.outputs, self.input_grads = buffers_like(layer.weight), buffers_like(layer.weight)
        self.half_weight = torch.empty_like(layer.weight.detach(), dtype=torch.bfloat16)
        self.half_transposed = self.half_weight.t()
        self.half_weight_grad = torch.empty_like(self.half_weight)
        # By rows of a batch: rows and gradients that come in, products that go out.
        self.half_rows, self.half_grads, self.products, self.input_products = (
            buffers_like(self.half_weight) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the output, as in `Linear`; rows may be of either type."""
        n = len(x)
        if self.folded is not None:
            self.folded.fold()
        self.half_weight.copy_(self.weight)
        self.x = cast_into(self.half_rows[n], x)
        product = torch.mm(self.x, self.half_transposed, out=self.products[n])
        return torch.add(product, self.bias, out=self.outputs[n])

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the input, as in `Linear`."""
        n = len(g)
        self.write_weight_gradients(g)
        product = torch.mm(self.half_grads[n], self.half_weight, out=self.input_products[n])
        return cast_into(self.input_grads[n], product)

    def write_weight_gradients(self, g: Tensor) -> None:
        """Write the gradients of the weights, as in `Linear`."""
        half = cast_into(self.half_grads[len(g)], g)
        self.weight_grad.copy_(torch.mm(half.t(), self.x, out=self.half_weight_grad))
        torch.sum(g, 0, out=self.bias_grad)
        if self.folded is not None:
            self.folded.write_gradients(self.weight_grad)

"""Linear layers of K nets whose products are in bfloat16."""

from collections.abc import Callable

import torch
from torch import Tensor

from skensemble.nets.gradients import FoldedScale, buffers_like, cast_into


class HalfLinear:
    """What `skensemble.nets.gradients` does to a layer of one net in bfloat16, for K nets.

    Rows, weights and the gradients of outputs are cast; weights, biases, their gradients and all
    results are float32.

    Parameters
    ----------
    weight, weight_grad : Tensor of shape (K, n_inputs, n_outputs)
        Or of shape (K, n_outputs, n_inputs) where `is_narrow`.
    bias, bias_grad : Tensor of shape (K, n_outputs)
    is_narrow : bool
        Whether the weights lie as in `torch.nn.Linear`.
    scale_of : callable, optional
        Makes what folds scales of columns into the weights.
    """

    def __init__(
        self,
        weight: Tensor,
        weight_grad: Tensor,
        bias: Tensor,
        bias_grad: Tensor,
        is_narrow: bool,
        scale_of: Callable[..., FoldedScale] | None = None,
    ) -> None:
        self.is_narrow = is_narrow
        self.folded = None
        if scale_of is not None:
            self.folded = scale_of(weight, features=-1 if is_narrow else -2)
            weight = self.folded.scaled
        self.weight, self.bias = weight, bias[:, None]
        self.weight_grad, self.bias_grad = weight_grad, bias_grad
        self.outputs, self.input_grads = buffers_like(weight), buffers_like(weight)
        self.half = half = torch.empty_like(weight, dtype=torch.bfloat16)
        # Of shape (K, n_inputs, n_outputs), and the other way round.
        self.half_weight, self.half_transposed = (half.mT, half) if is_narrow else (half, half.mT)
        self.half_weight_grad = torch.empty_like(half)
        # By rows of a batch: rows and gradients that come in, products that go out.
        self.half_rows, self.half_grads, self.products, self.input_products = (
            buffers_like(half) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs for rows of shape (K, n_samples, n_inputs), until the next call.

        Rows may be float32 or bfloat16.
        """
        n = x.shape[1]
        if self.folded is not None:
            self.folded.fold()
        self.half.copy_(self.weight)
        self.x = cast_into(self.half_rows[n], x)
        product = torch.bmm(self.x, self.half_weight, out=self.products[n])
        return torch.add(product, self.bias, out=self.outputs[n])

    def backward(self, g: Tensor) -> Tensor:
        """Return the gradient with respect to the inputs, valid until the next call."""
        n = g.shape[1]
        self.write_weight_gradients(g)
        product = torch.bmm(self.half_grads[n], self.half_transposed, out=self.input_products[n])
        return cast_into(self.input_grads[n], product)

    def write_weight_gradients(self, g: Tensor) -> None:
        """Write the gradients of the weights, from that of the outputs."""
        half = cast_into(self.half_grads[g.shape[1]], g)
        one, other = (half, self.x) if self.is_narrow else (self.x, half)
        self.weight_grad.copy_(torch.bmm(one.mT, other, out=self.half_weight_grad))
        torch.sum(g, 1, out=self.bias_grad)
        if self.folded is not None:
            self.folded.write_gradients(self.weight_grad)

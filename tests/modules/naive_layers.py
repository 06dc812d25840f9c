"""Layers by arithmetic, that read their weights out of a state by name."""

import torch
from torch.nn import functional


class NaiveLayers:
    """Layers of a network, from its state.

    Parameters
    ----------
    state : dict of str to Tensor
        Parameters and buffers by name.
    training : bool
        Whether normalisation takes mean and variance of the batch, and values are dropped.
    p : float
        Probability to drop a value.
    """

    def __init__(self, state, training, p):
        self.state, self.training, self.p = state, training, p
        self.used = set()

    def take(self, name):
        """Return a weight, and note that it was asked for."""
        self.used.add(name)
        return self.state[name]

    def conv(self, x, name, stride=1):
        """Slide a kernel over images with zeros around them, pixel by pixel of the kernel."""
        weight = self.take(f"{name}.weight")
        n_out, _, size, _ = weight.shape
        height, width = (-(-axis // stride) for axis in x.shape[2:])
        border = size // 2
        padded = functional.pad(x, (border, border + stride, border, border + stride))
        total = x.new_zeros(len(x), n_out, height, width)
        for i in range(size):
            for j in range(size):
                seen = padded[
                    :, :, i : i + stride * height : stride, j : j + stride * width : stride
                ]
                total = total + torch.einsum("nchw,oc->nohw", seen, weight[:, :, i, j])
        bias = f"{name}.bias"
        return total + self.take(bias)[:, None, None] if bias in self.state else total

    def norm(self, x, name):
        """Take the mean of each channel, divide by its deviation, scale and shift."""
        if self.training:
            mean, var = x.mean((0, 2, 3)), x.var((0, 2, 3), unbiased=False)
        else:
            mean, var = self.take(f"{name}.running_mean"), self.take(f"{name}.running_var")
        shape = (-1, 1, 1)
        x = (x - mean.view(shape)) / (var.view(shape) + 1e-5).sqrt()
        weight, bias = self.take(f"{name}.weight"), self.take(f"{name}.bias")
        return x * weight.view(shape) + bias.view(shape)

    def active(self, x, name):
        """Normalise, and let no value be below 0."""
        return self.norm(x, name).clamp(min=0)

    def drop(self, x):
        """Drop values as torch does, from its generator."""
        return functional.dropout(x, self.p, self.training)

    def linear(self, x, name):
        """Multiply with weights, and add a bias."""
        return x @ self.take(f"{name}.weight").T + self.take(f"{name}.bias")


def randomized(module):
    """Make a module compute in float64, with nothing at 0 or 1 that would hide what it does."""
    module = module.double()
    generator = torch.Generator().manual_seed(0)
    for name, tensor in module.state_dict().items():
        if tensor.ndim == 1 and "scaling" not in name:
            # Variances and scales from 0.5 to 1.5; means and shifts alike.
            tensor.uniform_(0.5, 1.5, generator=generator)
    return module


def assert_same_answers(module, naive, *, shape=(3, 3, 9, 12), p=0.0):
    """Compare a module with a naive network, in both modes, and gradients in training.

    Parameters
    ----------
    module : torch.nn.Module
    naive : callable(layers, x) -> Tensor
        The network, of `NaiveLayers`.
    shape : tuple of int
        Of the images.
    p : float
        Probability to drop a value.
    """
    module = randomized(module)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(shape, generator=generator, dtype=torch.float64)
    for training in (False, True):
        state = {name: tensor.clone() for name, tensor in module.state_dict().items()}
        for name, _ in module.named_parameters():
            state[name].requires_grad_()
        layers = NaiveLayers(state, training, p)
        torch.manual_seed(2)
        expected = naive(layers, x)
        torch.manual_seed(2)
        found = module.train(training)(x)
        # Sums of some thousand products in another order.
        torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
        assert set(dict(module.named_parameters())) <= layers.used
    # Not the sum: it would pass by what sums to 0 over classes or rows.
    weights = torch.randn(found.shape, generator=generator, dtype=torch.float64)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for name, weight in module.named_parameters():
        torch.testing.assert_close(weight.grad, state[name].grad, rtol=1e-7, atol=1e-9)

"""What tests of the nets share."""

from skensemble.nets import StepCallback


class Replacer(StepCallback):
    """A callback that puts weights of its own in place, in the middle of the second epoch."""

    def after_step(self, net, loss):
        """Put other weights in place, once."""
        if len(net.history) == 2 and not hasattr(self, "is_done"):
            self.is_done = True
            for parameter in net.module_.parameters():
                parameter.data = parameter.data * 0.5

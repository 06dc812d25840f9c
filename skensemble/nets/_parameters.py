"""The arguments of a net, held to their rules before any data is looked at."""

from typing import Any

import numpy as np
import torch

from skensemble._checks import check_int, check_real, reject
from skensemble.device import PRECISIONS, resolve_device
from skensemble.nets._class_weight import check_class_weight
from skensemble.nets._real_device import RealDevice
from skensemble.nets._target_scale import SCALES


def check_net_parameters(net: Any, *, least_epochs: int = 1) -> None:
    """Refuse bad arguments of a net; a stock net has only some of them."""
    check_int("max_epochs", net.max_epochs, least_epochs)
    if net.batch_size != -1:
        check_int("batch_size", net.batch_size, 1)
    if not callable(net.optimizer):
        raise reject("optimizer", "a class such as torch.optim.Adam", net.optimizer)
    # skorch takes False for no split too.
    is_none = net.train_split is None or net.train_split is False
    if not is_none and not callable(net.train_split):
        raise reject(
            "train_split", "None, False or a split such as skorch's ValidSplit", net.train_split
        )
    if not isinstance(getattr(net, "fast", True), bool | np.bool_):
        raise reject("fast", "True or False", net.fast)
    if getattr(net, "precision", "float32") not in PRECISIONS:
        raise reject("precision", f"one of {list(PRECISIONS)}", net.precision)
    check_class_weight(getattr(net, "class_weight", None))
    scale = getattr(net, "target_scale", None)
    if scale is not None and scale not in SCALES:
        raise reject("target_scale", "'standard' or None", scale)
    if getattr(net, "max_grad_norm", None) is not None:
        check_real("max_grad_norm", net.max_grad_norm, 0, low_open=True)


def device_of(net: Any) -> torch.device:
    """Return the device that a net is to compute on, one of our own or a stock net of skorch.

    Raises
    ------
    InvalidParameterError
        If torch knows no such device or the machine lacks it.
    """
    return net.find_device() if isinstance(net, RealDevice) else resolve_device(net.device)

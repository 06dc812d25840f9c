"""Torch modules that the nets train: what they compute, not how they are trained."""

from skensemble.modules._channel_scaling import ChannelScaling
from skensemble.modules._columns import ColumnDropout, ColumnScale, index_of
from skensemble.modules._dense_net import DenseNet
from skensemble.modules._encoding import EncodingTables, TableEncoding
from skensemble.modules._fixed_dropout import FixedDropout, fix_dropout
from skensemble.modules._frozen import frozen_norms, hold_frozen
from skensemble.modules._inspect import HOOKS, copy_scripted, is_watched, unwrap_compiled
from skensemble.modules._mean_variance import MeanVarianceMLP
from skensemble.modules._mlp import MLP, InputLayers, input_layers
from skensemble.modules._residual_blocks import ResidualBlock
from skensemble.modules._resnet import PreResNet, ResNet
from skensemble.modules._variational import (
    VariationalLayer,
    make_plain,
    make_variational,
    trained_parameter,
)
from skensemble.modules._vgg import VGG
from skensemble.modules._wide_resnet import WideResNet

__all__ = [
    "HOOKS",
    "MLP",
    "VGG",
    "ChannelScaling",
    "ColumnDropout",
    "ColumnScale",
    "DenseNet",
    "EncodingTables",
    "FixedDropout",
    "InputLayers",
    "MeanVarianceMLP",
    "PreResNet",
    "ResNet",
    "ResidualBlock",
    "TableEncoding",
    "VariationalLayer",
    "WideResNet",
    "copy_scripted",
    "fix_dropout",
    "frozen_norms",
    "hold_frozen",
    "index_of",
    "input_layers",
    "is_watched",
    "make_plain",
    "make_variational",
    "trained_parameter",
    "unwrap_compiled",
]

"""Rows, labels and targets: checked at the border, coded, sized and cut into batches."""

from skensemble.data._batches import (
    BLOCK_VALUES,
    DEVICE_BLOCK_VALUES,
    RowBatches,
    batch_sizes,
    forward_batch_size,
    forward_batches,
)
from skensemble.data._datasets import as_targets, is_rows, targets_of, unwrap_rows
from skensemble.data._draws import draw_order, draw_stream, stream_beside
from skensemble.data._forward_rows import forward_rows
from skensemble.data._images import (
    N_AXES,
    are_pixels,
    asks_for_statistics,
    channel_statistics,
    channels_first,
    image_sizes,
)
from skensemble.data._labels import (
    codes_of,
    encode,
    learn_classes,
    sorted_classes,
    unknown_labels,
)
from skensemble.data._memory import give_back
from skensemble.data._rows import Rows, shared_tensor, with_own_weights, without_subsets
from skensemble.data._sizes import keywords_of, missing_sizes, n_values_per_row
from skensemble.data._targets import TargetScaler
from skensemble.data._validation import (
    as_numpy,
    check_labelled_rows,
    check_rows,
    check_weights,
    check_whole_rows,
    drop_zero_weight_rows,
    holds_whole_numbers,
)
from skensemble.data._weights import relative_weights

__all__ = [
    "BLOCK_VALUES",
    "DEVICE_BLOCK_VALUES",
    "N_AXES",
    "RowBatches",
    "Rows",
    "TargetScaler",
    "are_pixels",
    "as_numpy",
    "as_targets",
    "asks_for_statistics",
    "batch_sizes",
    "channel_statistics",
    "channels_first",
    "check_labelled_rows",
    "check_rows",
    "check_weights",
    "check_whole_rows",
    "codes_of",
    "draw_order",
    "draw_stream",
    "drop_zero_weight_rows",
    "encode",
    "forward_batch_size",
    "forward_batches",
    "forward_rows",
    "give_back",
    "holds_whole_numbers",
    "image_sizes",
    "is_rows",
    "keywords_of",
    "learn_classes",
    "missing_sizes",
    "n_values_per_row",
    "relative_weights",
    "shared_tensor",
    "sorted_classes",
    "stream_beside",
    "targets_of",
    "unknown_labels",
    "unwrap_rows",
    "with_own_weights",
    "without_subsets",
]

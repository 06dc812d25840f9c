import torch

from skensemble.modules import EncodingTables, TableEncoding


def test_a_missing_value_is_zero_in_each_block_but_its_indicator():
    tables = EncodingTables(1, values=[0], bin_columns=[0], bins=[[0, 1]], missing=[0])
    assert TableEncoding(tables)(torch.tensor([[torch.nan]])).tolist() == [[0, 0, 1]]

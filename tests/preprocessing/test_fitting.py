import numpy as np
import torch

from skensemble.preprocessing import fit_tables


def test_ranks_count_equal_values_half():
    coded = np.array([[1], [1], [2], [4]], dtype=np.float32)
    tables = fit_tables(coded, [0], values=False, normals=False, n_cosines=1)
    at = torch.tensor([[0.0], [1.0], [2.0], [3.0], [4.0], [5.0]])
    ranks = [0, (0 + 2) / 8, (2 + 3) / 8, (5 / 8 + 7 / 8) / 2, (3 + 4) / 8, 1]
    torch.testing.assert_close(tables.encode(at)[:, 0], torch.cos(torch.pi * torch.tensor(ranks)))

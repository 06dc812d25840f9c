"""How groups of nets see a table."""

import numpy as np

from skensemble.ensembles.tabular._groups import GROUPS, group_of
from tests.ensembles.tabular.conftest import classifier, make_table


def test_further_groups_begin_again_with_the_first():
    assert [group_of(k) for k in range(9)] == [*GROUPS, *GROUPS, GROUPS[0]]
    assert len(set(GROUPS)) == len(GROUPS) == 4


def test_each_group_sees_what_it_says():
    X, y = make_table(400)
    X["count"] = X["count"] * 10 + np.arange(400) % 10
    tables = classifier(n_nets=8, cv=2, max_steps=2).fit(X, y)._tables_
    counts = [{kind: own.kinds.count(kind) for kind in set(own.kinds)} for own in tables]
    # Two numbers (size, count), two categories of two levels, colors, and two columns with gaps.
    shared = {"value": 2, "normal": 2, "pair": 2, "level": 3, "missing": 2}
    assert counts[0] == shared | {"cosine": 2 * 24}
    assert counts[2] == shared | {"cosine": 2 * 6}
    assert counts[3] == shared
    assert counts[1].pop("bin") == 2 * 8
    assert counts[1].pop("atom", 0) <= 2 * 24
    assert counts[1] == shared


def test_common_values_have_an_indicator_in_the_second_group():
    X, y = make_table(400)
    X["size"] = X["size"].where(np.arange(400) % 4 > 0, 77.0)
    tables = classifier(max_steps=2).fit(X, y)._tables_
    assert "atom" not in tables[0].kinds
    assert tables[1].kinds.count("atom") == 1


def test_nets_of_a_group_have_its_width():
    X, y = make_table()
    model = classifier(max_steps=2).fit(X, y)
    n_features = [own.n_features for own in model._tables_]
    assert n_features[0] != n_features[1]
    assert model.template_net_.module__encoding is model._tables_[0]
    widths = [member["2.weight"].shape[1] for member in model.members_]
    assert widths == [n_features[0]] * 2 + [n_features[1]] * 2

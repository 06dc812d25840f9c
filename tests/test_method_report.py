"""The tables of the comparison of methods, as arithmetic on runs that are written here."""

import pytest

ONE, SNAPSHOTS, DEEP = "single net, one cosine cycle", "snapshot ensemble", "2 nets of 60 epochs"


@pytest.fixture
def report(script):
    """Give the module that writes the tables."""
    return script("_comparison_report")


def run(method, seed, error, likelihood, **more):
    costs = {"fit s": 2.0, "steps": 100, "bytes": 8, "predict s": 0.1, "passes": 1, "load": 1.0}
    known = {
        "has own net": False,
        "warnings": [],
        "settings": {"data": "letter", "k": 4, "epochs": 60},
    }
    scores = {"error %": error, "CLL": likelihood, "machine": {"date": "2026"}}
    return {"method": method, "seed": seed, **costs, **known, **scores, **more}


def runs():
    sizes = [{"error %": 3.0, "CLL": -0.5}, {"error %": 1.0, "CLL": -0.3}]
    others = [{"error %": 3.0, "CLL": -0.7}, {"error %": 2.0, "CLL": -0.1}]
    own = {"has own net": True}
    return [
        # A seed that the others lack.
        run(SNAPSHOTS, 2, 9.0, -9.0),
        run(ONE, 0, 3.0, -0.5),
        run(ONE, 1, 2.0, -0.7),
        run(SNAPSHOTS, 0, 2.5, -0.4, steps=150, **{"fit s": 3.0}),
        run(SNAPSHOTS, 1, 2.5, -0.5, warnings=["Too short."]),
        run(DEEP, 0, 1.0, -0.3, sizes=sizes, **own),
        run(DEEP, 1, 1.0, -0.1, sizes=others, **own),
    ]


def line(table, beginning):
    (found,) = (row for row in table.splitlines() if row.startswith(beginning))
    return [cell.strip() for cell in found.strip("|").split("|")][1:]


def block(text, caption):
    return text[text.index(f"\n{caption}") :].split("\n\n")[1]


def test_scores_are_means_over_the_seeds_that_most_methods_have(report):
    text = report.markdown(runs(), [ONE, SNAPSHOTS, DEEP])
    assert "Settings: data letter, k 4, epochs 60, seeds 2." in text
    quality = block(text, "Quality")
    # Deviations: sqrt(2) times half the distance of two values.
    assert line(quality, f"| {ONE}")[:2] == ["2.50 ± 0.71", "-0.6000 ± 0.1414"]
    assert line(quality, f"| {SNAPSHOTS}")[:2] == ["2.50 ± 0.00", "-0.4500 ± 0.0707"]


def test_gains_are_in_pairs_and_equivalents_on_the_mean_curve(report):
    quality = block(report.markdown(runs(), [ONE, SNAPSHOTS, DEEP]), "Quality")
    # Gains of 0.1 and 0.2. The curve of means goes from -0.6 for one net to -0.2 for two.
    gain, equivalent = line(quality, f"| {SNAPSHOTS}")[-2:]
    assert gain == "+0.1500 ± 0.0707"
    assert equivalent == f"{1 + (0.6 - 0.45) / 0.4:.1f}"
    assert line(quality, f"| {ONE}")[-2:] == ["", "≤ 1"]
    assert line(quality, f"| {DEEP}")[-1] == "2.0"


def test_what_no_size_reaches_is_more_than_the_largest(report):
    better = [*runs(), run("SWA", 0, 1.0, -0.1), run("SWA", 1, 1.0, -0.2)]
    quality = block(report.markdown(better, [ONE, SNAPSHOTS, DEEP, "SWA"]), "Quality")
    assert line(quality, "| SWA")[-1] == "> 2"


def test_the_largest_ensemble_alone_is_its_own_equivalent_up_to_rounding(report):
    better = [*runs(), run("SWA", 0, 1.0, -0.3 + 1e-6), run("SWA", 1, 1.0, -0.1)]
    for deep in (found for found in better if found["method"] == DEEP):
        # float32, of a log-density in dollars.
        deep["CLL"] += 1e-5
    quality = block(report.markdown(better, [ONE, SNAPSHOTS, DEEP, "SWA"]), "Quality")
    assert line(quality, f"| {DEEP}")[-1] == "2.0"
    assert line(quality, "| SWA")[-1] == "> 2"


def test_sizes_are_means_over_the_seeds(report):
    sizes = block(report.markdown(runs(), [ONE, SNAPSHOTS, DEEP]), "Deep ensembles")
    assert line(sizes, "| 1") == ["3.00", "-0.6000"]
    assert line(sizes, "| 2") == ["1.50", "-0.2000"]


def test_costs_are_those_of_the_single_net_with_the_same_seed(report):
    costs = block(report.markdown(runs(), [ONE, SNAPSHOTS, DEEP]), "Costs")
    # Ratios of 1.5 and 1; a median of 1.25.
    assert line(costs, f"| {SNAPSHOTS}")[:3] == ["1.25", "2.5", "1.25"]
    assert line(costs, f"| {DEEP}")[0] == "own net"


def test_costs_are_medians_and_memory_is_in_units_of_one_net(report):
    third = [run(ONE, 2, 1.0, -0.1), run(SNAPSHOTS, 2, 1.0, -0.1, **{"fit s": 10.0})]
    more = [{**one, "bytes": 8 if one["method"] == ONE else 24} for one in [*runs()[1:], *third]]
    costs = line(block(report.markdown(more, [ONE, SNAPSHOTS, DEEP]), "Costs"), f"| {SNAPSHOTS}")
    # Of 3, 2 and 10 seconds, and of 24 bytes by 8.
    assert (costs[1], costs[5]) == ("3", "3.0")


def test_a_seed_of_half_of_the_methods_counts_and_who_lacks_it_is_told(report):
    more = [*runs(), run(ONE, 2, 4.0, -0.9), *(run("SWA", seed, 1.0, -0.1) for seed in (0, 1))]
    more[3]["machine"] = {"date": "2027"}
    text = report.markdown(more, [ONE, SNAPSHOTS, DEEP, "SWA"])
    assert line(block(text, "Quality"), f"| {ONE}")[0].startswith(f"{(3 + 2 + 4) / 3:.2f}")
    assert f"seeds 3, seeds of {DEEP} 2, seeds of SWA 2." in text
    # The machine is that of the latest run.
    assert "date 2027" in text


def test_the_order_of_the_paper_is_told_in_pairs(report):
    # Too few methods have seed 2 for the other tables.
    more = [*runs(), run(ONE, 2, 10.0, -8.0), run("SWA", 0, 2.0, -0.5), run("SWAG", 0, 2.0, -0.5)]
    pairs = block(report.markdown(more, [ONE, SNAPSHOTS, DEEP]), "The snapshot ensemble less")
    # Errors differ by -0.5, 0.5 and -1, log-likelihoods by 0.1, 0.2 and -1.
    assert line(pairs, f"| {ONE}") == ["3", "-0.33 ± 0.76", "2", "-0.2333 ± 0.6658", "2"]


def test_level_is_not_ahead_and_the_last_snapshot_is_among_the_pairs(report):
    more = [*runs(), run("its last snapshot alone", 0, 2.5, -0.4)]
    pairs = block(report.markdown(more, [ONE, SNAPSHOTS, DEEP]), "The snapshot ensemble less")
    assert line(pairs, "| its last snapshot alone") == ["1", "+0.00", "0", "+0.0000", "0"]


def test_warnings_are_told_once_with_their_count(report):
    text = report.markdown(runs(), [ONE, SNAPSHOTS, DEEP])
    assert "- snapshot ensemble, 1 in all: Too short." in text


def test_all_data_stand_in_one_table(script):
    areas = "AUROC, mixed columns, total", "AUROC, mixed columns, epistemic"
    letters = [
        {**run, areas[0]: 0.6, areas[1]: None if run["method"] == ONE else 0.8} for run in runs()
    ]
    letters += [run("4 nets of 15 epochs", 0, 2.0, -0.28, **dict.fromkeys(areas, 0.7))]
    other = {"settings": {"data": "california", "k": 2, "epochs": 60}}
    house = [{**run, **other} for run in runs()]
    house += [run("2 nets of 30 epochs", 0, 2.0, -0.7, **other)]
    crossed = {"steps": 400, **dict.fromkeys(areas, 0.7)}
    letters += [run("4 cross-fitted of 60 epochs", 0, 2.0, -0.28, **crossed)]
    house += [run("2 cross-fitted of 60 epochs", 0, 2.0, -0.7, steps=200, **other)]
    house += [run(SNAPSHOTS, 0, 2.0, -0.4, steps=900, **other)]
    text = script("_comparison_summary").summary({"letter": letters, "california": house})
    # One net is told by its entropy, several by what they disagree on.
    assert line(text, f"| {ONE}") == ["1", "1", "≤ 1", "≤ 1", "0.600"]
    assert line(text, f"| {SNAPSHOTS}") == ["1.2", "1", "1.4", "1.4", "0.800"]
    # The nets that share a budget are four here and two there.
    assert line(text, "| k nets that share one budget") == ["1", "1", "1.8", "≤ 1", "0.700"]
    # Costs are those of the first data.
    found = line(text, "| k cross-fitted of a whole budget each")
    assert found == ["4", "1", "1.8", "≤ 1", "0.700"]

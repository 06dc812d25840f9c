"""The goals of the GPU benchmark and its list of cells."""

import re

import pytest


def cells_with(rates, steps=()):
    """Make raw numbers of images per second and of microseconds."""
    cells = {name: {"found": {"images/s": rate}} for name, rate in rates.items()}
    return cells | {name: {"found": {"us a step": value}} for name, value in dict(steps).items()}


@pytest.fixture
def goals(script):
    def by_name(cells):
        return {line["what"]: line for line in script("_gpu_report").goals(cells, quick=False)}

    return by_name


def test_our_best_way_is_set_against_the_best_of_plain_torch(goals):
    rates = {
        "WRN-16-4, 128, by hand": 20_000.0,
        "WRN-16-4, 128, by hand, compiled, graph": 60_000.0,
        "WRN-16-4, 128, ours": 19_000.0,
        "WRN-16-4, 128, ours, graph": 57_000.0,
        "WRN-16-4, 128, skorch": 11_400.0,
        "WRN-16-4, 512, by hand, graph": 90_000.0,
        "WRN-28-10, 512, ours": 9_000.0,
        "WRN-28-10, 512, skorch": 4_500.0,
    }
    lines = goals(cells_with(rates))
    line = lines["WRN-16-4, batch 128: ours / best of plain torch"]
    assert line["value"] == 57 / 60
    assert line["reached"] is True
    assert line["above"] == ("WRN-16-4, 128, ours, graph", 57_000.0)
    assert line["below"] == ("WRN-16-4, 128, by hand, compiled, graph", 60_000.0)
    line = lines["WRN-16-4, batch 128: ours / skorch"]
    assert (line["value"], line["goal"], line["reached"]) == (5, ">= 5", True)
    line = lines["WRN-28-10, batch 512: ours / skorch"]
    assert (line["value"], line["goal"], line["reached"]) == (2, ">= 3", False)
    # One of two is no ratio.
    line = lines["WRN-16-4, batch 512: ours / best of plain torch"]
    assert (line["value"], line["reached"]) == (None, None)


def test_many_nets_in_lock_step_are_to_cost_at_most_twice_as_much_as_one(goals):
    steps = {
        "lock-step of 1, graph": 200.0,
        "lock-step of 512, graph": 400.0,
        "lock-step of 1, no graph": 300.0,
        "lock-step of 512, no graph": 630.0,
    }
    lines = goals(cells_with({}, steps))
    assert lines["a step of 512 nets / of 1, graph"]["value"] == 2
    assert lines["a step of 512 nets / of 1, graph"]["reached"] is True
    assert lines["a step of 512 nets / of 1, no graph"]["value"] == 2.1
    assert lines["a step of 512 nets / of 1, no graph"]["reached"] is False


def test_a_table_has_a_row_for_each_way_that_was_measured(script):
    cells = cells_with({"WRN-16-4, 128, ours": 1234.5, "WRN-28-10, 512, ours": 99.0})
    cells["WRN-28-10, 128, ours"] = {"failed": "RuntimeError: no\nmemory"}
    stamp = {"code": "0", "quick": False}
    text = script("_gpu_report").markdown({"card": "one"}, stamp, cells)
    assert "| ours | 1,234 |  |  | 99 |" in text
    assert "| ours, graph |" not in text
    assert "- WRN-28-10, 128, ours: RuntimeError: no memory" in text
    for row in re.findall(r"^\|.*\|$", text, flags=re.M):
        assert row.count(" | ") > 1


@pytest.mark.parametrize("quick", [False, True])
def test_each_cell_of_the_list_is_a_function_that_takes_its_arguments(script, quick):
    import inspect

    cells = script("_gpu_table").table("cuda", quick=quick)
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in cells:
        function = getattr(script(cell.module), cell.function)
        inspect.signature(function).bind(None, **cell.arguments)
        assert cell.takes < cell.at_most


def test_what_the_goals_need_is_measured(script):
    report, cells = script("_gpu_report"), script("_gpu_table").table("cuda", quick=False)
    names = {cell.name for cell in cells}
    for line in report.goals({}, quick=False):
        assert {line["above"][0], line["below"][0]} <= names
    assert {"WRN-16-4, 30 epochs, single", "WRN-16-4, 30 epochs, snapshots"} <= names


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--budget", "1"], "--budget must be seconds > 3, got 1."),
        (["--data", "nowhere"], "--data must be an archive or a folder of images, got nowhere."),
        (["--only", "nothing"], "--only must be a part of a name of --list, got ['nothing']."),
    ],
)
def test_bad_arguments_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("gpu").main(arguments)
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_a_machine_without_a_gpu_is_told_so(script, capsys, monkeypatch):
    # Nothing is seen where there is a GPU, too.
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert script("gpu").main(["--device", "cuda", "--quick"]) == 1
    printed = capsys.readouterr().out
    assert printed == "Nothing to measure on cuda: torch sees no CUDA device.\n"

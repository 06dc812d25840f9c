"""The comparison of searches."""

import json
from contextlib import redirect_stdout
from io import StringIO

import pytest


@pytest.fixture(scope="module")
def quick_search(script, tmp_path_factory):
    """Report, tables and printed lines of the quickest comparison of searches."""
    folder = tmp_path_factory.mktemp("results")
    with redirect_stdout(StringIO()) as printed:
        script("search").main(["--quick", "--output", str(folder)])
    report = json.loads((folder / "search.json").read_text())
    return report, (folder / "search.md").read_text(), printed.getvalue()


@pytest.mark.slow
def test_searches_are_compared_for_as_many_fits(quick_search):
    report, table, printed = quick_search
    assert len(report["summary"]) == 5 + 1 + 1
    for summary in report["summary"]:
        race, others = summary["what"].split(",")[0], report["raw"]
        name = summary["name"].removesuffix(" / ours")
        seconds, measured = others[race]["seconds"], others[race]["measured fits"]
        scale = measured["LockstepGridSearchCV"] / measured[name]
        expected = scale * seconds[name][0] / seconds["LockstepGridSearchCV"][0]
        assert summary["value"] == pytest.approx(expected)
        assert f"{measured[name]} of {measured['LockstepGridSearchCV']} | {name} / ours" in table
        assert f"{name} / ours" in printed


@pytest.mark.slow
def test_a_search_in_lock_step_trains_all_nets_as_one_population(quick_search):
    raw = quick_search[0]["raw"]
    # 45 are 3 values of M, 3 rates and 5 folds; on the digits 2, 2 and 3.
    for race, n_nets in {"blobs": 45, "short blobs": 45, "digits": 2 * 2 * 3}.items():
        group = {"engine": "closed form", "n_nets": n_nets, "n_fits": n_nets}
        assert raw[race]["groups"] == [group]


@pytest.mark.slow
def test_steps_are_timed_for_each_way_and_number_of_nets(quick_search):
    report, table, _printed = quick_search
    steps = report["raw"]["steps"]
    together = {way: set(steps.pop(way)) for way in ("closed form", "torch.func")}
    assert together == {way: {"1", "3"} for way in together}
    # What makes its nets one by one is timed with one.
    assert [set(values) for values in steps.values()] == [{"1"}, {"1"}]
    for way in (*together, *steps, *(f"hand-written loop / {way}" for way in together)):
        assert f"\n| {way} | " in table


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "--repeats must be an int >= 1, got 0."),
        (["--path", "nowhere"], "--path must be a folder with letter.csv.xz in it, got nowhere."),
    ],
)
def test_bad_arguments_of_search_are_one_plain_sentence(script, capsys, arguments, message):
    with pytest.raises(SystemExit):
        script("search").main(arguments)
    assert message in capsys.readouterr().err


def test_steps_alone_are_timed_on_the_device_that_is_asked_for(script, tmp_path, capsys):
    script("search").main(["--only", "steps", "--quick", "--output", str(tmp_path)])
    printed = capsys.readouterr().out
    assert "| closed form | " in printed
    assert "GridSearchCV" not in printed
    found = json.loads((tmp_path / "steps.json").read_text())
    assert found["device"] == "cpu"
    assert found["closed form"].keys() == found["torch.func"].keys() == {"1", "3"}
    assert not (tmp_path / "search.json").exists()


def test_a_table_of_steps_needs_no_loop_by_hand(script):
    table = script("_search_report").steps_table({"closed form, cuda": {1: [4.0], 8: [2.0]}})
    assert table.splitlines()[2:] == ["| closed form, cuda | 4 (4 to 4) | 2 (2 to 2) |"]


def test_steps_alone_on_a_gpu_need_one(script, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit):
        script("search").main(["--only", "steps", "--device", "cuda"])
    assert "--device must be cpu: torch sees no CUDA device." in capsys.readouterr().err

import json
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(ROOT / "mutants")
    faults, operators = import_module("faults"), import_module("operators")
    survivors = import_module("survivors")


@pytest.mark.parametrize("fault", faults.FAULTS, ids=lambda fault: f"{fault.module}: {fault.what}")
def test_a_fault_changes_one_place_of_its_module(fault):
    source = (ROOT / "skensemble" / fault.module).read_text()
    assert source.count(fault.old) == 1
    compile(source.replace(fault.old, fault.new), fault.module, "exec")
    assert fault.new != fault.old


def test_there_are_102_faults_and_each_has_a_name_of_its_own():
    assert len(faults.FAULTS) == len({(f.module, f.what) for f in faults.FAULTS}) == 102


def changes(source):
    return [(m.before, m.after) for m in operators.mutations(source)]


def test_comparisons_signs_constants_and_conditions_are_changed_one_at_a_time():
    source = "def f(x, y: int = 3) -> bool:\n    return not x + 1 < y\n"
    assert changes(source) == [
        ("3", "4"),
        ("not x + 1 < y", "x + 1 < y"),
        ("x + 1 < y", "x + 1 <= y"),
        ("x + 1", "x - 1"),
        ("1", "2"),
    ]


def test_types_and_texts_are_left_out():
    source = '"""Text of 3."""\nx: Literal[3] = f(3 if a else b)\n'
    assert changes(source) == [("3 if a else b", "b if a else 3"), ("3", "4")]


def test_the_raw_result_is_of_all_faults_and_each_survivor_has_a_reason():
    result = json.loads((ROOT / "mutants" / "results.json").read_text())
    mutants = result["mutants"]
    kinds = [mutant["kind"] for mutant in mutants]
    assert kinds.count("fault") == len(faults.FAULTS)
    assert kinds.count("sampled") >= 300
    living = {mutant["name"] for mutant in mutants if mutant["outcome"] == "survived"}
    assert result["killed"] == len(mutants) - len(living) >= 0.95 * len(mutants)
    assert living == set(survivors.REASONS)

"""The lists of faults stay usable: each fault changes one place that is there."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def test_each_fault_of_the_lists_stands_once_and_its_tests_are_there():
    lists, count = sorted((ROOT / "tests" / "mutation").glob("*.toml")), 0
    for path in lists:
        for fault in tomllib.loads(path.read_text())["fault"]:
            where = f"{path.name}: {fault['file']}: {fault['find']!r}"
            file = ROOT / fault["file"]
            assert file.is_file() and file.read_text().count(fault["find"]) == 1, where
            assert fault["replace"] != fault["find"], where
            assert fault["tests"] and fault["why"], where
            for word in fault["tests"]:
                test, _, name = word.partition("::")
                if test.endswith(".py"):
                    assert (ROOT / test).is_file(), f"{where}: {test}"
                    bare = name.partition("[")[0].rpartition("::")[2]
                    assert f"def {bare}" in (ROOT / test).read_text(), f"{where}: {name}"
            count += 1
    assert len(lists) > 10 and count > 250

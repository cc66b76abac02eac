"""Every file of the package has its test: in the folder that mirrors its own, in its docstrings, or
in the list ``where.toml``, which says which test covers it or why none does.
"""

import tomllib

import pytest

from where import LIST, SOURCE, TESTS, files, has_doctests, has_its_own, reached

WHERE = tomllib.loads(LIST.read_text())


def test_every_file_has_a_test_or_a_line():
    missing = [
        str(path.relative_to(SOURCE))
        for path in files()
        if not (has_its_own(path) or has_doctests(path))
        and str(path.relative_to(SOURCE)) not in WHERE["covered_by"] | WHERE["why_not"]
    ]
    assert not missing, "python tests/where.py writes their lines"


def test_lines_are_about_files_that_need_them():
    for name in WHERE["covered_by"] | WHERE["why_not"]:
        path = SOURCE / name
        assert path.is_file(), f"{name} is gone: python tests/where.py writes the list anew"
        assert not has_its_own(path) and not has_doctests(path), f"{name} has its own test"


def test_the_tests_of_the_list_are_there():
    for test in WHERE["covered_by"].values():
        assert (TESTS / test).is_file(), f"{test} is gone: python tests/where.py writes the list"


@pytest.mark.slow
def test_some_test_imports_each_file_of_the_list():
    found = reached()
    for name in WHERE["covered_by"]:
        assert SOURCE / name in found, f"no test imports {name} any more"


def test_whoever_has_no_test_says_why():
    assert all(len(reason) > 20 for reason in WHERE["why_not"].values())
    assert len(WHERE["why_not"]) < 10

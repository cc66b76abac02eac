"""The list of mutants is about the code as it is."""

import ast
from pathlib import Path

import pytest

import singlearn
from mutants.run import PROJECT, chosen, listed

ROOT = Path(singlearn.__file__).parent


@pytest.mark.parametrize("mutant", listed(), ids=lambda mutant: f"{mutant.file}: {mutant.new[:30]}")
def test_a_mutant_changes_one_place_and_can_be_read(mutant):
    text = (ROOT / mutant.file).read_text()
    assert text.count(mutant.old) == 1, "the line has changed: change the mutant with it"
    changed = ast.dump(ast.parse(text.replace(mutant.old, mutant.new)))
    assert changed != ast.dump(ast.parse(text))


def test_there_are_enough_and_their_tests_are_there():
    assert len(listed()) >= 60
    assert all(
        (PROJECT / name.split("::")[0]).exists() for mutant in listed() for name in mutant.tests
    )


def test_a_sample_is_the_same_with_the_same_seed():
    assert chosen(sample=5, seed=3) == chosen(sample=5, seed=3) != chosen(sample=5, seed=4)
    assert {mutant.file.split("/")[0] for mutant in chosen("symmetry")} == {"symmetry"}

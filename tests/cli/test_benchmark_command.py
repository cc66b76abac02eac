"""``singlearn benchmark``: lists, shows, runs and reads back."""

from __future__ import annotations

import json

import pytest

from singlearn.benchmark import names
from singlearn.cli.main import main

SAMPLER = """
from singlearn.benchmark import Outcome
def sample(problem, budget, seed):
    return Outcome(-problem.known_value("free_energy").value + 0.01 * seed, 0.02)
"""


def test_lists_and_shows(capsys) -> None:
    assert main(["benchmark", "list", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["problems"]
    assert [row["name"] for row in listed] == list(names())
    assert main(["benchmark", "show", "polynomial-w4"]) == 0
    assert "λ = 1/4, m = 1" in capsys.readouterr().out
    assert main(["benchmark", "show", "polynomial-w4", "--stan"]) == 0
    assert "real K = w^4;" in capsys.readouterr().out


def test_runs_a_sampler_of_a_file_and_reads_the_folder(tmp_path, capsys) -> None:
    (tmp_path / "own.py").write_text(SAMPLER)
    folder, out = str(tmp_path / "runs"), ["--out", str(tmp_path)]
    run = ["benchmark", "run", "binomial", "--sampler", f"{tmp_path / 'own.py'}:sample"]
    assert main([*run, "--seeds", "2", "--folder", folder, "--json", *out]) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["samplers"][0]["runs"] == 2 and (tmp_path / "benchmark.png").is_file()
    assert main(["benchmark", "score", folder, "--json", *out]) == 0
    assert json.loads(capsys.readouterr().out)["samplers"] == first["samplers"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show"], "NAME: got none"),
        (["show", "nothing"], "name: got 'nothing'"),
        (["run", "binomial", "--sampler", "magic"], "sampler: got 'magic'"),
    ],
)
def test_refuses_in_a_sentence(arguments, words, capsys) -> None:
    assert main(["benchmark", *arguments]) == 2
    assert words in capsys.readouterr().err

"""``singlearn catalogue``: what it lists, what it evaluates, and what it says when it refuses."""

from __future__ import annotations

import json

import pytest

from singlearn.cli.catalogue import run as run_command
from singlearn.cli.parser import command_line
from singlearn.exact import catalogue


def run(*arguments: str) -> None:
    run_command(command_line().parse_args(["catalogue", *arguments]))


def test_lists_every_formula(capsys) -> None:
    run()
    printed = capsys.readouterr().out
    assert all(f"{name}  (" in printed for name in catalogue.table())
    run("--json")
    assert json.loads(capsys.readouterr().out)["formulas"] == catalogue.table().rows()


@pytest.mark.parametrize("name", list(catalogue.table()))
def test_evaluates_every_formula(name: str, capsys) -> None:
    entry = catalogue.table()[name]
    arguments = []
    for argument, value in entry.example.items():
        text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
        arguments += [f"--{argument.replace('_', '-')}", text]
    run(name, *arguments)
    found = entry.function(**entry.example)
    assert f"λ = {found.value}, m = {found.multiplicity}" in capsys.readouterr().out
    run("--json", name, *arguments)
    first = json.loads(capsys.readouterr().out)
    run(name, *arguments, "--json")
    assert first == json.loads(capsys.readouterr().out)
    assert first["learning_coefficient"] == str(found.value) and first["status"] == "proved"


def test_reads_flags_fractions_and_names_with_dashes(capsys) -> None:
    run("naive-bayes", "--features", "3", "--truth", "independent", "--class-bounded")
    assert "λ = 9/4" in capsys.readouterr().out
    run(
        "gaussian-location-mixture",
        "--components",
        "2",
        "--true-components",
        "1",
        "--dimension",
        "1",
        "--concentration",
        "1/4",
    )
    assert "λ = 5/8" in capsys.readouterr().out
    run("relu-phase", "--inputs", "1", "--kinks", "1", "--phase", "shared-boundary")
    assert "λ = 11/6" in capsys.readouterr().out
    run("tanh-one-true-node")
    assert "λ = 5/4" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["reduced-ranks"], "FORMULA: got 'reduced-ranks'; it should be one of reduced-rank,"),
        (
            ["reduced-rank", "--inputs", "2"],
            "the following arguments are required: --outputs, --hidden, --rank",
        ),
        (
            ["tanh-zero-truth", "--hidden", "many"],
            "--hidden: got 'many'; it should be a whole number",
        ),
        (
            ["tanh-zero-truth", "--hidden", "0"],
            "hidden: got 0; it should be a whole number, at least 1",
        ),
        (["tanh-zero-truth", "--hidden", "1", "--width", "2"], "unrecognized arguments: --width 2"),
        (["deep-linear", "--widths", "2,x", "--rank", "0"], "got 'x'; it should be a whole number"),
        (
            ["gaussian-location-mixture", "--concentration", "1/0"],
            "got '1/0'; it should be a number such as 1/2 or 0.5",
        ),
    ],
)
def test_refuses_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:
        run(*arguments)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)

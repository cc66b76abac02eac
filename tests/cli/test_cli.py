"""The command line: what it prints, what machines read, and what it says when it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import numpy as np
import pytest

from singlearn.cli import main
from singlearn.experiments import REGISTRY, Experiment, ExperimentResult
from singlearn.results.refusal import RefusalError
from singlearn.selection.csv_table import read_csv

QUICK = ["--particles", "64", "--replicates", "2"]

MODEL = """
import numpy as np
import numpyro.distributions as dist
from singlearn import Triple

y = np.linspace(-1.0, 2.0, 20)
triple = Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 1.0), y,
                name="location")

def made():
    return triple

def broken():
    return 1 / 0

number = 3
"""


@pytest.fixture
def model(tmp_path):
    path = tmp_path / "model.py"
    path.write_text(MODEL)
    return path


def one_document(text: str) -> dict:
    def refuse(token: str) -> None:
        raise AssertionError(f"{token} is not JSON")

    return json.loads(text, parse_constant=refuse)


# ---- select


def test_select_galaxies_prints_a_table_and_saves_a_figure(tmp_path, capsys) -> None:
    assert main(["select", "galaxies", "--max", "1", "--out", str(tmp_path / "new"), *QUICK]) == 0
    out = capsys.readouterr().out
    assert out.startswith("galaxies  82 velocities (km/s ÷ 1000), Gaussian mixture")
    assert "F = −log evidence" in out and "best: K = 1" in out and "galaxies.png" in out
    assert (tmp_path / "new" / "galaxies.png").stat().st_size > 10_000


def test_select_reduced_rank_as_json(tmp_path, capsys) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2))
    y = x @ np.array([[1.0, -1.0], [0.5, -0.5]]) + 0.3 * rng.normal(size=(60, 2))
    path = tmp_path / "yields.csv"
    np.savetxt(path, np.hstack([x, y]), delimiter=",", header="heat,time,yield,purity", comments="")
    arguments = [
        "select",
        str(path),
        "--model",
        "reduced-rank",
        "--response",
        "yield,4",
        "--json",
        "--out",
        str(tmp_path),
        *QUICK,
    ]
    assert main(arguments) == 0
    captured = capsys.readouterr()
    document = one_document(captured.out)
    assert captured.err == ""
    assert document["name"] == "yields" and "yield, purity from 2 inputs" in document["description"]
    assert [c["K"] for c in document["candidates"]] == [1, 2]
    assert [c["half_dimension"] for c in document["candidates"]] == [2.0, 4.0]
    assert document["best"] == 1
    assert set(document["candidates"][0]["free_energy"]) == {"value", "standard_error"}


@pytest.mark.parametrize(
    ("content", "arguments", "sentence"),
    [
        ("a\n1\n\n2\nx\n", [], "line 5, column 1 (a): got 'x'; it should be a number"),
        ("1,2\n3,\n", [], "line 2, column 2 (column 2): the value is missing"),
        ("1,2\n3\n", [], "line 2: it has 1 entries; it should have 2"),
        ("1\n2\ninf\n", [], "line 3, column 1 (column 1): got 'inf'; it should be a finite number"),
        ("", [], "it is empty"),
        ("a,b\n", [], "a header and no rows"),
        ("1\n1\n1\n", [], "all its values are 1; a mixture needs at least two different ones"),
        ("a,b\n1,2\n2,3\n", ["--columns", "c"], "no column 'c'; its columns are a, b"),
        ("a,b\n1,2\n2,3\n", ["--response", "a"], "--response: got 'a' for --model mixture"),
        (
            "a,b\n1,2\n2,3\n",
            ["--model", "reduced-rank", "--response", "a,b"],
            "all 2 columns are responses",
        ),
        ("a,b\n1,2\n2,3\n", ["--model", "reduced-rank"], "2 rows for 1 inputs"),
        ("a,b\n1,2\n2,4\n3,6\n4,8\n", ["--model", "reduced-rank"], "exact linear function"),
        ("1\n2\n", ["--max", "0"], "--max: got 0; it should be at least 1"),
        ("1\n2\n", ["--particles", "many"], "--particles: got 'many'; it should be a whole number"),
    ],
)
def test_select_refuses_in_one_sentence(content, arguments, sentence, tmp_path, capsys) -> None:
    path = tmp_path / "data.csv"
    path.write_text(content)
    assert status(["select", str(path), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and sentence in captured.err
    assert captured.err.count("\n") == 1 and "Traceback" not in captured.err


def status(arguments: list[str]) -> int:
    """argparse leaves by SystemExit, we by a return value."""
    try:
        return main(arguments)
    except SystemExit as leaving:
        return int(leaving.code or 0)


FAMILY = """
import numpy as np
import numpyro.distributions as dist
from singlearn import Triple

y = np.linspace(-1.0, 2.0, 20)

def family(K):
    return Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, float(K)), y)

def broken(K):
    return family(K) if K == 1 else 1 / 0

def forgot(K):
    family(K)

number = 3
"""


def test_select_a_family_of_ones_own(tmp_path, capsys) -> None:
    path = tmp_path / "own.py"
    path.write_text(FAMILY)
    arguments = ["--max", "2", "--out", str(tmp_path), "--json", *QUICK]
    assert main(["select", f"{path}:family", *arguments]) == 0
    document = one_document(capsys.readouterr().out)
    assert [row["K"] for row in document["candidates"]] == [1, 2]
    assert (tmp_path / "family.png").exists()


@pytest.mark.parametrize(
    ("name", "arguments", "sentence"),
    [
        ("broken", ["--max", "2"], "own.py, line 12: ZeroDivisionError"),
        ("forgot", ["--max", "1"], "own.py:forgot: K = 1 gives NoneType; it should be a "),
        ("number", [], "own.py:number: it is int; it should be a function of K"),
        ("family", ["--decimal", ","], "own.py:family: it is not a table; --header"),
        ("family", ["--model", "mixture"], "it is a family by itself; --model and --columns"),
        ("nothing", [], "own.py: it defines no 'nothing'"),
    ],
)
def test_select_refuses_what_is_no_family(name, arguments, sentence, tmp_path, capsys) -> None:
    path = tmp_path / "own.py"
    path.write_text(FAMILY)
    assert main(["select", f"{path}:{name}", "--out", str(tmp_path), *arguments, *QUICK]) == 2
    assert sentence in capsys.readouterr().err


def test_missing_file(capsys) -> None:
    assert main(["select", "galaxy"]) == 2
    assert (
        "DATA: got 'galaxy', which is not a file; it should be a CSV file, FILE.py:NAME or galaxies"
        in capsys.readouterr().err
    )


def test_csv_dialects(tmp_path) -> None:
    path = tmp_path / "data.csv"
    path.write_text("\ufeffname;value\nA;1.5\nB;2\n", encoding="utf-8")
    table = read_csv(path, ["value"])
    assert table.columns == ("value",)
    np.testing.assert_array_equal(table.values, [[1.5], [2.0]])
    path.write_text("1e3\t2\n3\t4")
    np.testing.assert_array_equal(read_csv(path).values, [[1000, 2], [3, 4]])
    with pytest.raises(RefusalError, match="cannot be read"):
        read_csv(tmp_path / "absent.csv")


# ---- temper


def test_temper_a_file(model, tmp_path, capsys) -> None:
    saved = tmp_path / "run.nc"
    arguments = ["temper", f"{model}:made", "--out", str(tmp_path), "--save", str(saved), *QUICK]
    assert main([*arguments, "--json"]) == 0
    document = one_document(capsys.readouterr().out)
    assert document["name"] == "location" and document["dimension"] == 1
    assert saved.exists() and (tmp_path / "made.png").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("absent", "it defines no 'absent'; its triples are triple"),
        ("broken", "line 14: ZeroDivisionError: division by zero"),
        ("number", "it is int; it should be a singlearn.Triple"),
    ],
)
def test_temper_refuses_in_one_sentence(name, sentence, model, capsys) -> None:
    assert main(["temper", f"{model}:{name}"]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1


def test_temper_refuses_before_the_run(model, tmp_path, capsys) -> None:
    assert main(["temper", str(model)]) == 2
    assert "such as model.py:triple" in capsys.readouterr().err
    assert main(["temper", f"{model}:triple", "--save", str(tmp_path / "absent" / "run.nc")]) == 2
    assert "--save: the folder" in capsys.readouterr().err
    model.write_text("x = (\n")
    assert main(["temper", f"{model}:x"]) == 2
    assert "line 1: SyntaxError" in capsys.readouterr().err


# ---- experiment


def test_experiments_are_listed(capsys) -> None:
    assert main(["experiment", "--json"]) == 0
    assert list(one_document(capsys.readouterr().out)["experiments"]) == list(REGISTRY)
    assert main(["experiment"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(REGISTRY)
    assert main(["experiment", "table1"]) == 2
    assert "NAME: got 'table1'; it should be one of" in capsys.readouterr().err


def test_an_experiment_is_run_and_printed(tmp_path, capsys, monkeypatch) -> None:
    def run(quick, seed, out, progress):
        rows = [{"λ": float("nan"), "quick": quick, "seed": seed}]
        return ExperimentResult(
            rows, [{"reason": "poor_mixing", "message": "no"}], "a table", [out / "a.png"]
        )

    monkeypatch.setattr(
        "singlearn.experiments.REGISTRY", {"fake": Experiment("fake", "nothing", run)}
    )
    assert main(["experiment", "fake", "--quick", "--seed", "7", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.startswith("a table\n  figure: ")
    assert (
        main(["experiment", "fake", "--quick", "--seed", "7", "--out", str(tmp_path), "--json"])
        == 0
    )
    document = one_document(capsys.readouterr().out)
    assert document["rows"] == [{"λ": None, "quick": True, "seed": 7}]
    assert document["figures"] == [str(tmp_path / "a.png")]


# ---- the program


def test_interruption_and_failure_have_their_own_status(model, monkeypatch, capsys) -> None:
    def raising(error):
        def run(options):
            raise error

        return run

    monkeypatch.setattr("singlearn.cli.temper.run", raising(KeyboardInterrupt()))
    assert main(["temper", f"{model}:triple"]) == 130
    monkeypatch.setattr(
        "singlearn.cli.temper.run", raising(RuntimeError("the ladder\nends nowhere"))
    )
    assert main(["temper", f"{model}:triple"]) == 1
    assert capsys.readouterr().err.splitlines()[-1] == "singlearn temper: the ladder ends nowhere"


def test_help_is_fast_and_imports_nothing_heavy() -> None:
    program = (
        "import sys; from singlearn.cli import main\n"
        "try: main(['--help'])\nfinally: print('jax' in sys.modules)"
    )
    started = time.monotonic()
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert time.monotonic() - started < 2.0  # 0.1 s on an idle machine
    assert result.stdout.splitlines()[-1] == "False"
    for word in ("select", "temper", "experiment", "examples:"):
        assert word in result.stdout


@pytest.mark.parametrize("command", ["select", "temper", "experiment"])
def test_every_command_explains_itself_with_an_example(command, capsys) -> None:
    assert status([command, "--help"]) == 0
    out = capsys.readouterr().out
    assert f"example:\n  singlearn {command}" in out
    for option in ("--seed", "--json", "--out"):
        assert option in out


def test_an_option_is_offered_where_it_is_used_only(capsys) -> None:
    for command, absent in (
        (["catalogue"], ("--seed", "--out ")),
        (["symmetry", "compress"], ("--seed", "--out ")),
        (["symmetry", "describe"], ("--seed",)),
        (["flow", "laws"], ("--out ",)),
    ):
        assert status([*command, "--help"]) == 0
        out = capsys.readouterr().out
        assert "--json" in out and not any(option in out for option in absent), command

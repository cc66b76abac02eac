"""The archive of the problems is whole, and is the same each time."""

import json
import zipfile

from singlearn.benchmark import load, names, write_data


def test_the_archive_holds_every_problem_its_format_and_programs(tmp_path):
    first = write_data(tmp_path / "a.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        held = set(archive.namelist())
        text = archive.read("singlearn-benchmark/problems/polynomial-w4.json")
        index = json.loads(archive.read("singlearn-benchmark/index.json"))
    assert {f"singlearn-benchmark/problems/{name}.json" for name in names()} <= held
    assert {"singlearn-benchmark/README.md", "singlearn-benchmark/schema.json"} <= held
    assert json.loads(text) == load("polynomial-w4").to_dict()
    assert [row["name"] for row in index] == list(names())
    assert sum(name.endswith(".stan") for name in held) >= 60
    assert write_data(tmp_path / "b.zip").read_bytes() == first


def test_a_stan_program_declares_its_data_and_every_parameter():
    program = load("poisson-mixture-3-of-1-small").stan()
    assert "simplex[3] weights;" in program and "vector[10] y;" in program
    assert "rates ~ gamma(2.0, 0.5);" in program and "target += beta * log_likelihood;" in program
    assert load("relu-1-of-1").stan() is None

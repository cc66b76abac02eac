"""A user's type checker sees our types: the marker of PEP 561, and names that resolve
statically.
"""

import os
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

NAMES = {
    "sl.temper": "singlearn.tempering.run.Run",
    "sl.Triple": "singlearn.triple.triple.Triple",
    "sl.plot.thermodynamics": "Figure",
    "sl.local.trajectory": "singlearn.local.training.points.Trajectory",
    "sl.exact.rlct": "singlearn.exact",
    "sl.flow.timeline": "singlearn.flow",
    "sl.explore": "singlearn.explore.explorer.Explorer",
}


def test_the_package_is_marked_as_typed():
    assert files("singlearn").joinpath("py.typed").is_file()


@pytest.mark.slow
def test_a_users_type_checker_sees_what_functions_return(tmp_path):
    user = tmp_path / "user.py"
    user.write_text("import singlearn as sl\n" + "".join(f"reveal_type({n})\n" for n in NAMES))
    source = Path(str(files("singlearn"))).parent
    asked = [sys.executable, "-m", "mypy", str(user), "--cache-dir", str(tmp_path / "cache")]
    asked += ["--ignore-missing-imports"]
    environment = {**os.environ, "MYPYPATH": str(source)}
    found = subprocess.run(
        asked, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False
    )
    revealed = [line for line in found.stdout.splitlines() if "Revealed type" in line]
    assert len(revealed) == len(NAMES), found.stdout
    for line, (name, word) in zip(revealed, NAMES.items(), strict=True):
        assert word in line, (name, line)

"""What takes long to import is imported where it is needed."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import singlearn as sl; dir(sl)", ["jax", "numpy", "scipy", "pandas"]),
        (
            "import singlearn as sl; sl.temper, sl.temper_from, sl.Run.load",
            ["blackjax", "pandas", "xarray", "arviz_stats", "scipy.stats", "matplotlib"],
        ),
        ("import singlearn.selection.families, singlearn.selection.csv_table", ["jax"]),
        (
            "from singlearn.cli.parser import command_line; command_line()",
            ["jax", "torch", "matplotlib", "sympy", "scipy", "singlearn.symmetry.two_layer"],
        ),
    ],
)
def test_not_loaded(statement, absent) -> None:
    code = f"{statement}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_functions_survive_the_import_of_a_module_of_their_room() -> None:
    code = (
        "import singlearn.selection.compare, singlearn.agreement, singlearn.tempering.run\n"
        "import singlearn as sl\n"
        "assert all(map(callable, (sl.select, sl.selection.select, sl.agreement, sl.temper)))"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

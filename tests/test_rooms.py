"""Data flows left to right: a room imports only from rooms before it, and the light rooms stay
light.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import singlearn

ROOT = Path(singlearn.__file__).parent
GROUND = ["numbers", "results", "running", "data"]
ORDER = [
    *GROUND,
    "exact",
    "symmetry",
    "local",
    "triple",
    "models",
    "measure",
    "volume",
    "phases",
    "tempering",
    "selection",
    "transitions",
    "generalise",
    "agreement",
    "flow",
    "plot",
    "experiments",
    "explore",
    "cli",
    "__main__",
]


def room(path):
    parts = path.relative_to(ROOT).parts
    return parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_point_backwards(path):
    own = room(path)
    if own == "__init__":
        return
    assert own in ORDER, f"{own} is not a room of the architecture"
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module == "singlearn"
                else [node.module]
            )
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            if name.startswith("singlearn."):
                other = name.split(".")[1]
                assert ORDER.index(other) <= ORDER.index(own), f"{path} imports {name}"
                if own in ("exact", "symmetry", "data", "running", "results"):
                    # One validator of arguments and one way to show an answer for all; everything
                    # else of these rooms is their own.
                    assert other in (own, "running", "results", "numbers"), (
                        f"{own} stands alone but {path} imports {name}"
                    )


@pytest.mark.parametrize(
    ("statement", "absent"),
    [
        ("import singlearn, singlearn.tempering, singlearn.models", ["torch"]),
        ("import singlearn.exact, singlearn.exact.catalogue", ["jax", "torch", "numpyro"]),
        ("import singlearn.symmetry.deep, singlearn.symmetry.transformer", ["jax", "torch"]),
        ("import singlearn.cli", ["jax", "torch", "matplotlib"]),
    ],
)
def test_light_imports(statement, absent):
    if "symmetry" in statement and not (ROOT / "symmetry").exists():
        return
    check = f"{statement}\nimport sys\nprint([m for m in {absent!r} if m in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_every_work_that_is_cited_is_in_the_bibliography():
    bibliography = (ROOT.parents[1] / "docs" / "references.bib").read_text(encoding="utf-8")
    listed = set(re.findall(r"^@\w+\{(\w+),", bibliography, re.MULTILINE))
    pages = [*ROOT.rglob("*.py"), *(ROOT.parents[1] / "docs").glob("*.md")]
    cited = {
        key
        for page in pages
        for key in re.findall(r"\[([a-z]+\d{4}[a-z]+)\]_", page.read_text(encoding="utf-8"))
    }
    assert len(cited) > 20 and cited <= listed, cited - listed

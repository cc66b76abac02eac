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
    "benchmark",
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


def modules():
    """Every module and the ones of ours it imports, at its top, within its functions or for its
    types; packages that only pass names on count as what they are.
    """
    paths = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT.parent).with_suffix("").parts
        paths[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    imports = {}
    for name, path in paths.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                whole = {f"{node.module}.{alias.name}" for alias in node.names}
                found |= {one if one in paths else node.module for one in whole}
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
        # The face of the package names its rooms, and rooms ask it for the version.
        imports[name] = (found & set(paths)) - {name, "singlearn"}
    del imports["singlearn"]
    return imports


def test_no_circles():
    """No module needs itself, by whatever way: taking away modules that import none that is left
    takes all of them away.
    """
    left = modules()
    while free := {name for name, needed in left.items() if not needed & set(left)}:
        left = {name: needed for name, needed in left.items() if name not in free}
    assert not left, {name: sorted(needed & set(left)) for name, needed in left.items()}


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

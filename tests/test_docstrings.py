"""What users call says what it returns and raises: ruff's DOC rules on every exported name.

Ruff knows no public names for these rules; in the rooms that pyproject.toml does not except they
hold for all functions.
"""

from __future__ import annotations

import ast
import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

import singlearn

SOURCE = Path(singlearn.__file__).parent
HELD = [
    "--select=DOC201,DOC402,DOC501",
    "--config=lint.preview=true",
    "--config=lint.pydocstyle.convention='google'",
    "--config=lint.pydoclint.ignore-one-line-docstrings=true",
]


def exported() -> set[tuple[str, str]]:
    """Module and name of what rooms have in ``__all__``, read from their text: importing all of
    them takes many seconds.
    """
    imported: dict[tuple[str, str], tuple[str, str]] = {}
    offered: list[tuple[str, str]] = []
    for path in SOURCE.rglob("__init__.py"):
        room = ".".join(path.parent.relative_to(SOURCE.parent).parts)
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    imported[room, alias.asname or alias.name] = (node.module, alias.name)
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__":
                offered += [(room, name) for name in ast.literal_eval(statement.value)]
    found = set()
    for one in offered:
        # A package that a room offers is imported from the room itself.
        while imported.get(one, one) != one:
            one = imported[one]
        found.add(one)
    return found


@functools.cache
def docstrings(path: Path) -> list[tuple[int, int, str]]:
    """First and last line of every function's docstring, and the function's dotted name."""
    found: list[tuple[int, int, str]] = []
    ahead: list[tuple[ast.AST, str]] = [(ast.parse(path.read_text()), "")]
    while ahead:
        node, name = ahead.pop()
        for child in getattr(node, "body", ()):
            if isinstance(child, (ast.FunctionDef, ast.ClassDef)):
                own = f"{name}.{child.name}".lstrip(".")
                first = child.body[0]
                if isinstance(child, ast.FunctionDef):
                    found.append((first.lineno, first.end_lineno or first.lineno, own))
                ahead.append((child, own))
    return found


def test_exported_names_say_what_they_return_and_raise() -> None:
    ruff = Path(sys.executable).with_name("ruff")
    if not ruff.exists():
        pytest.skip("ruff is not installed: pip install .[test]")
    command = [str(ruff), "check", str(SOURCE), "--isolated", "--no-cache", *HELD]
    done = subprocess.run([*command, "--output-format=json"], capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    public, missing = exported(), []
    modules = {module for module, _ in public}
    for one in json.loads(done.stdout):
        path, line = Path(one["filename"]), one["location"]["row"]
        parts = path.relative_to(SOURCE.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if module not in modules:
            continue
        # What is raised through a helper has the helper's name; an assertion is nobody's contract.
        raised = one["message"].split("`")[1] if one["code"] == "DOC501" else "Error"
        if raised == "AssertionError" or not raised.endswith("Error"):
            continue
        for first, last, name in docstrings(path):
            hidden = any(part.startswith("_") for part in name.split("."))
            known = {(module, name), (module, name.split(".")[0])} & public
            if first <= line <= last and known and not hidden:
                missing.append(f"{module}.{name}: {one['message']}")
    assert len(public) > 300
    assert not missing, "\n".join(missing)

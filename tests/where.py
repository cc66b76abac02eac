"""Which test covers each file of the package: ``python tests/where.py`` writes ``where.toml``.

A file whose test stands in the mirrored folder, or that has doctests, needs no line. Of the others
the line names the test that imports it, by itself or through the fewest files between.
"""

from __future__ import annotations

import ast
import tomllib
from collections import deque
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "singlearn"
TESTS = ROOT / "tests"
LIST = TESTS / "where.toml"
READERS = ("test_rooms.py", "test_mirror.py", "test_typed.py")
"""They read every file and run none."""


def files() -> list[Path]:
    """Every file that holds code: folders' ``__init__`` that only name what is in them do not."""
    return [path for path in sorted(SOURCE.rglob("*.py")) if path.stat().st_size and holds(path)]


@cache
def holds(path: Path) -> bool:
    """Whether a file makes a function or a class of its own, other than ``__getattr__``."""
    lazily = ("__getattr__", "__dir__")
    return any(
        isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name not in lazily
        for node in parsed(path).body
    )


@cache
def parsed(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text())


def has_doctests(path: Path) -> bool:
    """Whether a docstring of the file is run."""
    return ">>> " in path.read_text()


def has_its_own(path: Path) -> bool:
    """Whether a test named for the file stands in the folder that mirrors its own."""
    place = path.relative_to(SOURCE).with_suffix("")
    return (TESTS / place.parent / f"test_{place.name}.py").is_file()


@cache
def imported(path: Path) -> frozenset[Path]:
    """The files of ours that a file imports; lazy names of rooms through the file they are in."""
    found: set[Path | None] = set()
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            found |= {module(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                found |= {module(f"{node.module}.{alias.name}"), module(node.module)}
        elif isinstance(node, ast.Attribute) and TESTS in path.parents:
            found |= named(dotted(node))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            found |= run_by_name(path, node.value)
    return frozenset(found - {None, path})


def run_by_name(path: Path, word: str) -> set[Path | None]:
    """The command or the experiment that a test names: both are loaded by name."""
    place = path.parent.name
    if place not in ("cli", "experiments") or TESTS not in path.parents or not word.isascii():
        return set()
    stem = f"{word.replace('-', '_')}.py"
    return set((SOURCE / place).rglob(stem)) if stem.removesuffix(".py").isidentifier() else set()


def dotted(node: ast.expr) -> str:
    """Of ``sl.plot.kinks`` what follows ``sl.``; empty for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    is_ours = isinstance(node, ast.Name) and node.id == "sl"
    return ".".join(reversed(parts)) if is_ours else ""


@cache
def named(name: str) -> frozenset[Path]:
    """The file in which a public name is made, as the rooms' lists of imports tell it."""
    if not name:
        return frozenset()
    path, place = SOURCE / "__init__.py", "singlearn"
    for part in name.split("."):
        source = next(
            (
                node.module
                for node in ast.walk(parsed(path))
                if isinstance(node, ast.ImportFrom)
                and part in {alias.asname or alias.name for alias in node.names}
            ),
            place,
        )
        found = module(f"{source}.{part}") or module(source or "")
        if found is None:
            break
        path, place = found, f"{source}.{part}"
        if path.name != "__init__.py":
            return frozenset({path})
    return frozenset({path})


@cache
def module(dotted: str) -> Path | None:
    """The file of a module of ours, or of what is in it."""
    parts = dotted.split(".")
    if parts[0] != "singlearn":
        return None
    place = SOURCE.joinpath(*parts[1:])
    if place.with_suffix(".py").is_file():
        return place.with_suffix(".py")
    return place / "__init__.py" if (place / "__init__.py").is_file() else None


def covering() -> dict[Path, Path]:
    """For each file the test that reaches it over the fewest imports; of these the one in the same
    room, then the first by name.
    """
    nearest: dict[Path, tuple[tuple[int, bool, str], Path]] = {}
    for test in sorted(TESTS.rglob("test_*.py")):
        if test.name in READERS:
            continue
        seen, queue = {test: 0}, deque([test])
        while queue:
            path = queue.popleft()
            for other in imported(path):
                if other not in seen:
                    seen[other] = seen[path] + 1
                    queue.append(other)
        for path, steps in seen.items():
            if path == test:
                continue
            elsewhere = path.relative_to(SOURCE).parts[0] != test.relative_to(TESTS).parts[0]
            key = (steps, elsewhere, str(test))
            if path not in nearest or key < nearest[path][0]:
                nearest[path] = (key, test)
    return {path: test for path, (_, test) in nearest.items()}


def reached() -> set[Path]:
    """Every file that some test imports, by itself or through others."""
    found: set[Path] = set()
    queue = [test for test in TESTS.rglob("test_*.py") if test.name not in READERS]
    while queue:
        new = imported(queue.pop()) - found
        found |= new
        queue += new
    return found


def main() -> None:
    """Write the list."""
    kept = tomllib.loads(LIST.read_text()).get("why_not", {}) if LIST.is_file() else {}
    by, lines = covering(), []
    why = {}
    for path in files():
        if has_its_own(path) or has_doctests(path):
            continue
        name = str(path.relative_to(SOURCE))
        if path in by:
            lines.append(f'"{name}" = "{by[path].relative_to(TESTS)}"')
        else:
            why[name] = kept.get(name, "")
    head = "# Files without a test of their name and without doctests; written by where.py.\n\n"
    body = "[covered_by]\n" + "\n".join(lines) + "\n\n[why_not]\n"
    body += "".join(f'"{name}" = "{reason}"\n' for name, reason in why.items())
    LIST.write_text(head + body)


if __name__ == "__main__":
    main()

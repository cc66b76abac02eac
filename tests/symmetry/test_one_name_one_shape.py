"""Test of ``singlearn.exact`` and ``singlearn.symmetry`` as rooms: names, circles, and results."""

from __future__ import annotations

import ast
from pathlib import Path

import singlearn

ROOT = Path(singlearn.__file__).parent


def files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


def test_no_module_imports_itself_by_way_of_others():
    graph = {}
    known = {module(path): path for room in ("exact", "symmetry") for path in files(room)}
    for name, path in known.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                inner = {f"{node.module}.{alias.name}" for alias in node.names} & set(known)
                found |= inner or {node.module} & set(known)
            elif isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names} & set(known)
        # A package's front page names what is in it; that is no way back.
        graph[name] = {f for f in found if known[f].name != "__init__.py"}
    assert [name for name in graph if name in reached(graph, name)] == []


def module(path: Path) -> str:
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def reached(graph: dict[str, set[str]], start: str) -> set[str]:
    seen: set[str] = set()
    ahead = set(graph[start])
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead |= graph[name]
    return seen

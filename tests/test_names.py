"""One name, one thing: no class name stands twice in the package."""

import ast
from collections import defaultdict
from pathlib import Path

import singlearn

ROOT = Path(singlearn.__file__).parent

TWICE: dict[str, str] = {}
"""Names that two classes may share, each with the reason; none needs one today."""


def test_no_public_class_name_stands_twice():
    found = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(str(path.relative_to(ROOT)))
    assert len(found) > 100
    twice = {name: files for name, files in found.items() if len(files) > 1}
    assert set(twice) == set(TWICE), twice

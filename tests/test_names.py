"""One name, one thing: no class name stands twice in the package, and exceptions are called so."""

import re
from collections import defaultdict
from pathlib import Path

import singlearn

ROOT = Path(singlearn.__file__).parent
FILES = {str(path.relative_to(ROOT)): path.read_text() for path in sorted(ROOT.rglob("*.py"))}

TWICE: dict[str, str] = {}
"""Names that two classes may share, each with the reason; none needs one today."""


def test_no_public_class_name_stands_twice():
    found = defaultdict(list)
    for name, text in FILES.items():
        for own in re.findall(r"^class ([A-Z]\w*)", text, re.MULTILINE):
            found[own].append(name)
    assert len(found) > 100
    twice = {own: names for own, names in found.items() if len(names) > 1}
    assert set(twice) == set(TWICE), twice


def test_exceptions_end_in_error():
    found = [
        f"{name}: {own}"
        for name, text in FILES.items()
        for own, bases in re.findall(r"^ *class (\w+)\(([^)]*)\)", text, re.MULTILINE)
        # A result WithError is a number that has one, and no exception.
        for base in re.findall(r"\w+(?:Error|Exception)\b", bases.replace("WithError", ""))
        if not own.endswith("Error")
    ]
    assert not found

"""CPU seconds of every test, and the list of those that ``make test`` leaves to ``make long``.

    PYTHONPATH=tests CPU_SECONDS=FOLDER make test ARGS='-p cpu_seconds -m "not slow"'
    python tests/cpu_seconds.py FOLDER

The first command runs all of them and writes what each took; the second writes ``long.txt``. A
fixture counts for each test that needs it, whichever of them comes first.
"""

from __future__ import annotations

import json
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

LIST = Path(__file__).parent / "long.txt"
LONG = 3.0
"""CPU seconds from which on a test is in the list, with any of its parameters."""


def listed() -> frozenset[str]:
    """The tests that ``make long`` runs, without their parameters."""
    return frozenset(line for line in LIST.read_text().splitlines() if not line.startswith("#"))


def without_parameters(test: str) -> str:
    """The function of a test.

    >>> without_parameters("tests/test_a.py::test_b[1-x[0]]")
    'tests/test_a.py::test_b'
    """
    return test.split("[")[0]


_FIXTURES: dict[str, float] = {}
"""CPU seconds of making each fixture, by file and name."""


@pytest.hookimpl(hookwrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[object]) -> Iterator[None]:
    """Count what a fixture takes, without those it needs, which are made before it."""
    before = _seconds()
    yield
    name = f"{fixturedef.baseid}::{fixturedef.argname}"
    _FIXTURES[name] = max(_FIXTURES.get(name, 0.0), _seconds() - before)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call() -> Iterator[None]:
    """Count what a test takes by itself."""
    before = _seconds()
    yield
    _CALL.append(_seconds() - before)


_CALL: list[float] = []


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write down what a test took, with its children, and the fixtures that it needed."""
    yield
    needed = getattr(item, "_fixtureinfo", None)
    definitions = {} if needed is None else needed.name2fixturedefs
    shared = sum(
        _FIXTURES.get(f"{own.baseid}::{own.argname}", 0.0)
        for name in getattr(item, "fixturenames", ())
        for own in definitions.get(name, ())
    )
    file = Path(os.environ["CPU_SECONDS"]) / f"{os.getpid()}.jsonl"
    with file.open("a") as stream:
        stream.write(json.dumps([item.nodeid, (_CALL.pop() if _CALL else 0.0) + shared]) + "\n")


def _seconds() -> float:
    now = os.times()
    return now.user + now.system + now.children_user + now.children_system


def write(folder: Path) -> None:
    """The list, from what was written down."""
    most: defaultdict[str, float] = defaultdict(float)
    for file in folder.glob("*.jsonl"):
        for line in file.read_text().splitlines():
            test, seconds, *_ = json.loads(line)
            name = without_parameters(test)
            most[name] = max(most[name], seconds)
    # A page that a user reads is always run.
    long = sorted(
        test
        for test, seconds in most.items()
        if seconds >= LONG and not test.startswith(("docs/", "README"))
    )
    head = f"# Tests of {LONG:g} CPU seconds and more; cpu_seconds.py says how it is made\n"
    LIST.write_text(head + "".join(f"{test}\n" for test in long))


if __name__ == "__main__":
    write(Path(sys.argv[1]))

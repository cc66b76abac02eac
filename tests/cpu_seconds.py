"""CPU seconds of every test, and the list of those that ``make test`` leaves to ``make long``.

    PYTHONPATH=tests CPU_SECONDS=FOLDER make test ARGS='-p cpu_seconds -m "not slow"'
    python tests/cpu_seconds.py FOLDER

The first command runs all of them and writes what each took; the second writes ``long.txt``. A
fixture of a module counts for the test that needs it first.
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


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Write down what a test took, with its children."""
    before = _seconds()
    yield
    file = Path(os.environ["CPU_SECONDS"]) / f"{os.getpid()}.jsonl"
    with file.open("a") as stream:
        stream.write(json.dumps([item.nodeid, _seconds() - before]) + "\n")


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

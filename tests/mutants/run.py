"""One mutation after the other, in a copy of the project."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).parents[2]
COPIED = ("src", "tests", "checkers", "docs", "pyproject.toml", "README.md")
LONGEST = 900
"""Seconds that the tests of one mutant may take; a mutant that hangs is noticed."""


@dataclass(frozen=True)
class Mutant:
    """A line that is changed, and the tests that should notice.

    Args:
        file: below ``src/singlearn``.
        old: what is replaced; it occurs once.
        new: by what.
        promise: what the line promises.
        tests: arguments of pytest.
    """

    file: str
    old: str
    new: str
    promise: str
    tests: tuple[str, ...]


def listed() -> list[Mutant]:
    data = tomllib.loads((Path(__file__).parent / "mutants.toml").read_text())
    return [
        Mutant(*four, tuple(room["tests"])) for room in data["room"] for four in room["mutants"]
    ]


def chosen(room: str = "", sample: int | None = None, seed: int = 0) -> list[Mutant]:
    """Those whose file contains ``room``; a sample of them."""
    found = [mutant for mutant in listed() if room in mutant.file]
    return found if sample is None else random.Random(seed).sample(found, min(sample, len(found)))


@dataclass(frozen=True)
class Outcome:
    """Whether the tests failed, as they should; ``sound`` is that they pass without the
    mutation.
    """

    mutant: Mutant
    killed: bool
    seconds: float


def run(mutants: Sequence[Mutant], folder: Path) -> list[Outcome]:
    """Copy the project to the folder, and print a row per mutant.

    Raises:
        RuntimeError: tests fail without any mutation, so that their failing would say nothing.
    """
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    for tests in dict.fromkeys(mutant.tests for mutant in mutants):
        said = _failure(folder, tests)
        if said is not None:
            raise RuntimeError(f"{' '.join(tests)}: they fail without a mutation: {said}")
    found = []
    for mutant in mutants:
        path = folder / "src" / "singlearn" / mutant.file
        text = path.read_text()
        if text.count(mutant.old) != 1:
            raise RuntimeError(
                f"{mutant.file}: {mutant.old!r} occurs {text.count(mutant.old)} times"
            )
        path.write_text(text.replace(mutant.old, mutant.new))
        begin = time.monotonic()
        killed = _failure(folder, mutant.tests) is not None
        path.write_text(text)
        found.append(Outcome(mutant, killed, time.monotonic() - begin))
        verdict = "killed  " if killed else "SURVIVES"
        print(
            f"{verdict} {found[-1].seconds:5.0f} s  {mutant.file:38} {mutant.promise}", flush=True
        )
    return found


def _failure(folder: Path, tests: Sequence[str]) -> str | None:
    """What pytest says at its end, or None if all tests pass."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(folder / "src"),
        "OPENBLAS_NUM_THREADS": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-x",
        "-q",
        "-p",
        "no:cacheprovider",
        "--no-header",
        "-m",
        "not slow",
        *tests,
    ]
    try:
        done = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, timeout=LONGEST
        )
    except subprocess.TimeoutExpired:
        return f"not done after {LONGEST} s"
    if done.returncode not in (0, 1, 2):  # 2: a module cannot be imported
        raise RuntimeError(f"pytest: {done.stdout.decode()[-2000:]}{done.stderr.decode()[-2000:]}")
    return None if done.returncode == 0 else done.stdout.decode()[-1000:]

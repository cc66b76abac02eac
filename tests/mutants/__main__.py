"""The command of :mod:`tests.mutants`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from .run import chosen, run

ENOUGH = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument(
        "--room", default="", help="only files whose path contains this, such as symmetry/deep"
    )
    parser.add_argument("--sample", type=int, help="so many of them, at random")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    given = parser.parse_args()
    mutants = chosen(given.room, given.sample, given.seed)
    with tempfile.TemporaryDirectory() as folder:
        outcomes = run(mutants, Path(folder))
    killed = sum(outcome.killed for outcome in outcomes)
    print(f"{killed} of {len(outcomes)} mutants killed.")
    for outcome in outcomes:
        if not outcome.killed:
            print(f"  {outcome.mutant.file}: {outcome.mutant.old!r} → {outcome.mutant.new!r}")
    raise SystemExit(killed < ENOUGH * len(outcomes))


if __name__ == "__main__":
    main()

"""Scores out of the folders in which runs were kept."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from singlearn.benchmark.scores import BenchmarkScores, BenchmarkTrial
from singlearn.running import identity


def stored_scores(folders: Sequence[Path]) -> BenchmarkScores:
    """Every trial that lies in the folders, by name of problem and by seed.

    Args:
        folders: as ``score(folder=…)`` wrote them.

    Returns:
        All of them as one.

    Raises:
        ValueError: a folder without trials, or a file that was changed or is none of ours.
    """
    trials = []
    for folder in folders:
        own = []
        for path in sorted(Path(folder).glob("*-seed-*.json")):
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                stored = document.pop("stored")
                if stored.pop("digest") != identity.digest_of([document, stored]):
                    raise ValueError("it was changed after it was written")
                own.append(BenchmarkTrial.from_dict(document))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise ValueError(f"folder: {path} is no trial: {error}") from None
        if not own:
            raise ValueError(f"folder: {folder} holds no trials of singlearn benchmark run")
        trials += sorted(own, key=lambda trial: (trial.problem, trial.seed))
    return BenchmarkScores(tuple(trials))

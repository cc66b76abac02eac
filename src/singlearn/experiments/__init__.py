"""Published tables and figures, one per file, in a folder per paper, run by name.

A module here defines ``EXPERIMENT``; ``REGISTRY`` finds it by the module's name, hyphens for
underscores, and imports it when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from singlearn.experiments.experiment import Experiment, ExperimentResult

__all__ = ["REGISTRY", "Experiment", "ExperimentResult"]

FOLDERS = {
    "compressibility": "recipes",
    "condensation": "own",
    "deep-staircase": "own",
    "deform-to-degenerate": "carroll2021",
    "degenerate-node": "carroll2021",
    "drift": "own",
    "figure2": "wei2022",
    "flatness": "own",
    "generalisation": "wei2022",
    "grokking": "recipes",
    "heads": "recipes",
    "hundred-layers": "own",
    "hyperbolas": "own",
    "influence-through-learning": "recipes",
    "known": "own",
    "last-layer-or-two": "wei2022",
    "laws-table": "own",
    "learning-curves": "own",
    "local-through-training": "own",
    "loss-kernel": "recipes",
    "model-selection": "own",
    "relu-symmetries": "carroll2021",
    "retraining": "recipes",
    "sgd-and-posterior": "own",
    "staircase": "own",
    "table2": "wei2022",
    "table2-explained": "wei2022",
    "toy-transitions": "own",
    "weight-annihilation": "carroll2021",
    "worked-examples": "carroll2021",
}
"""Experiments by name, and the paper they are from; ``own`` are ours, ``recipes`` are those of
several papers, each on a small trained network.
"""


class _Registry(Mapping[str, Experiment]):
    """Experiments by name. Raises ``KeyError`` for a name that is not in ``FOLDERS``."""

    def __getitem__(self, name: str) -> Experiment:
        if name not in FOLDERS:
            raise KeyError(name)
        experiment = import_module(
            f"singlearn.experiments.{FOLDERS[name]}.{name.replace('-', '_')}"
        ).EXPERIMENT
        assert isinstance(experiment, Experiment)
        return experiment

    def __iter__(self) -> Iterator[str]:
        return iter(FOLDERS)

    def __len__(self) -> int:
        return len(FOLDERS)


REGISTRY: Mapping[str, Experiment] = _Registry()

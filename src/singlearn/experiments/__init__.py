"""Published tables and figures, one a file, run by name.

A module here defines ``EXPERIMENT``; ``REGISTRY`` finds it by the module's name, hyphens for underscores, and imports it when it is
asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module

from singlearn.experiments.experiment import Experiment, ExperimentResult

__all__ = ["REGISTRY", "Experiment", "ExperimentResult"]

NAMES = (
    "condensation",
    "deep-staircase",
    "deform-to-degenerate",
    "degenerate-node",
    "drift",
    "figure2",
    "generalisation",
    "hundred-layers",
    "hyperbolas",
    "known",
    "last-layer-or-two",
    "laws-table",
    "learning-curves",
    "local-through-training",
    "model-selection",
    "relu-symmetries",
    "sgd-and-posterior",
    "staircase",
    "table2",
    "table2-explained",
    "toy-transitions",
    "weight-annihilation",
    "worked-examples",
)


class _Registry(Mapping[str, Experiment]):
    """Experiments by name. Raises ``KeyError`` for a name that is not one of ``NAMES``."""

    def __getitem__(self, name: str) -> Experiment:
        if name not in NAMES:
            raise KeyError(name)
        experiment = import_module(f"singlearn.experiments.{name.replace('-', '_')}").EXPERIMENT
        assert isinstance(experiment, Experiment)
        return experiment

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


REGISTRY: Mapping[str, Experiment] = _Registry()

"""Singular posteriors with known truths, and what samplers make of them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from singlearn.benchmark.adapters import ADAPTERS, adapter
    from singlearn.benchmark.comparison import ClaimAgainstTruth
    from singlearn.benchmark.outcome import ClaimedNumber, CountedLikelihood, Outcome
    from singlearn.benchmark.priors import ParameterPrior
    from singlearn.benchmark.problem import Problem, load, names, problems
    from singlearn.benchmark.release import write_data
    from singlearn.benchmark.scores import BenchmarkScores, BenchmarkTrial, Calibration
    from singlearn.benchmark.scoring import Sampler, score
    from singlearn.benchmark.truth import KnownCoefficient, KnownValue, Phase

PLACES = {
    "adapters": ("ADAPTERS", "adapter"),
    "comparison": ("ClaimAgainstTruth",),
    "outcome": ("CountedLikelihood", "Outcome", "ClaimedNumber"),
    "priors": ("ParameterPrior",),
    "problem": ("Problem", "load", "names", "problems"),
    "release": ("write_data",),
    "scores": ("Calibration", "BenchmarkScores", "BenchmarkTrial"),
    "scoring": ("Sampler", "score"),
    "truth": ("KnownCoefficient", "KnownValue", "Phase"),
}
"""Public names by the module they are in: listing problems loads neither JAX nor a sampler."""

__all__ = [
    "ADAPTERS",
    "BenchmarkScores",
    "BenchmarkTrial",
    "Calibration",
    "ClaimAgainstTruth",
    "ClaimedNumber",
    "CountedLikelihood",
    "KnownCoefficient",
    "KnownValue",
    "Outcome",
    "ParameterPrior",
    "Phase",
    "Problem",
    "Sampler",
    "adapter",
    "load",
    "names",
    "problems",
    "score",
    "write_data",
]


def __getattr__(name: str) -> Any:
    for module, names in PLACES.items():
        if name in names:
            return getattr(import_module(f"singlearn.benchmark.{module}"), name)
    raise AttributeError(
        f"module 'singlearn.benchmark' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])

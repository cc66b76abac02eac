"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither JAX nor PyTorch."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from singlearn.exact import catalogue
from singlearn.exact.certificate import Certificate
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.expression import Expression
from singlearn.exact.learning import ResolvedCoefficient
from singlearn.exact.relu_kl import relu_kl
from singlearn.exact.verification import Verdict, verify

if TYPE_CHECKING:
    from singlearn.exact import worked_examples
    from singlearn.exact.mellin.zeta_function import Law, LaurentPole, NotSeparableError, ZetaFunction, zeta_function
    from singlearn.exact.minimal_singularity import MinimalSingularity, ReducedRank, Stratum, minimally_singular
    from singlearn.exact.resolution import rlct
    from singlearn.exact.true_set_chart import TrueSetChart
    from singlearn.exact.worked_example import WorkedExample
    from singlearn.exact.zeta_function import Pole, VolumeLaw, volume, zeta

WHEN_USED = {
    "Law": "mellin.zeta_function",
    "LaurentPole": "mellin.zeta_function",
    "MinimalSingularity": "minimal_singularity",
    "NotSeparableError": "mellin.zeta_function",
    "Pole": "zeta_function",
    "ReducedRank": "minimal_singularity",
    "Stratum": "minimal_singularity",
    "TrueSetChart": "true_set_chart",
    "VolumeLaw": "zeta_function",
    "WorkedExample": "worked_example",
    "ZetaFunction": "mellin.zeta_function",
    "minimally_singular": "minimal_singularity",
    "rlct": "resolution",
    "volume": "zeta_function",
    "zeta": "zeta_function",
    "zeta_function": "mellin.zeta_function",
}
"""Name and module of what is imported when it is used: what needs SymPy, which takes half a second to import, and what needs the
search for resolutions, so that certificates can be verified where none of it is loaded."""

__all__ = [
    "Certificate",
    "ExactCoefficient",
    "Expression",
    "Law",
    "LaurentPole",
    "MinimalSingularity",
    "NotSeparableError",
    "Pole",
    "ReducedRank",
    "ResolvedCoefficient",
    "Stratum",
    "TrueSetChart",
    "Verdict",
    "VolumeLaw",
    "WorkedExample",
    "ZetaFunction",
    "catalogue",
    "minimally_singular",
    "relu_kl",
    "rlct",
    "verify",
    "volume",
    "worked_examples",
    "zeta",
    "zeta_function",
]


def __getattr__(name: str) -> Any:
    if name == "worked_examples":
        return import_module("singlearn.exact.worked_examples")
    if name in WHEN_USED:
        return getattr(import_module(f"singlearn.exact.{WHEN_USED[name]}"), name)
    raise AttributeError(f"module 'singlearn.exact' has no attribute {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])

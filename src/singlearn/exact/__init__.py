"""Learning coefficients by algebra: exact fractions, with conditions and sources. Imports neither
JAX nor PyTorch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from singlearn.exact import catalogue
from singlearn.exact.certificate import Certificate
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.exact.divergences.relu_kl import relu_kl
from singlearn.exact.read.expression import Expression
from singlearn.exact.verify.verify import Verdict, verify

if TYPE_CHECKING:
    from singlearn.exact.divergences import worked_examples
    from singlearn.exact.divergences.minimal_singularity import (
        MinimalSingularity,
        ReducedRank,
        Stratum,
        minimally_singular,
    )
    from singlearn.exact.divergences.true_set_chart import TrueSetChart
    from singlearn.exact.divergences.worked_example import WorkedExample
    from singlearn.exact.mellin.zeta_function import (
        AsymptoticLaw,
        LaurentPole,
        NotSeparableError,
        ZetaFunction,
        zeta_function,
    )
    from singlearn.exact.monomial_zeta import Pole, VolumeLaw, volume, zeta
    from singlearn.exact.resolution import rlct

WHEN_USED = {
    "AsymptoticLaw": "mellin.zeta_function",
    "LaurentPole": "mellin.zeta_function",
    "MinimalSingularity": "divergences.minimal_singularity",
    "NotSeparableError": "mellin.zeta_function",
    "Pole": "monomial_zeta",
    "ReducedRank": "divergences.minimal_singularity",
    "Stratum": "divergences.minimal_singularity",
    "TrueSetChart": "divergences.true_set_chart",
    "VolumeLaw": "monomial_zeta",
    "WorkedExample": "divergences.worked_example",
    "ZetaFunction": "mellin.zeta_function",
    "minimally_singular": "divergences.minimal_singularity",
    "rlct": "resolution",
    "volume": "monomial_zeta",
    "zeta": "monomial_zeta",
    "zeta_function": "mellin.zeta_function",
}
"""Name and module of what is imported when it is used: what needs SymPy, which takes half a second
to import, and what needs the search for resolutions, so that certificates can be verified where
none of it is loaded.
"""

__all__ = [
    "AsymptoticLaw",
    "Certificate",
    "ExactCoefficient",
    "Expression",
    "LaurentPole",
    "MinimalSingularity",
    "NotSeparableError",
    "Pole",
    "ReducedRank",
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
        return import_module("singlearn.exact.divergences.worked_examples")
    if name in WHEN_USED:
        return getattr(import_module(f"singlearn.exact.{WHEN_USED[name]}"), name)
    raise AttributeError(
        f"module 'singlearn.exact' has no attribute {name!r}; it has {', '.join(__all__)}"
    )


def __dir__() -> list[str]:
    return sorted([*__all__, *(name for name in globals() if name.startswith("__"))])

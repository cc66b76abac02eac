"""Answers about a snapped network, which say of which."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.deep import ExplainedRank as DeepExplainedRank
from singlearn.symmetry.fibre.fibre import Fibre
from singlearn.symmetry.two_layer.explained_rank import ExplainedRank
from singlearn.symmetry.two_layer.generators import Generator
from singlearn.symmetry.two_layer.kink_form import KinkForm
from singlearn.symmetry.two_layer.minimal_width import MinimalWidth
from singlearn.symmetry.two_layer.network import TwoLayerReLU


@dataclass(frozen=True, kw_only=True, repr=False)
class SnappedFibre(Fibre):
    """The fibre of a snapped network.

    Attributes:
        snapped: the snapped network beside the original one.
    """

    snapped: Any = field(repr=False)

    def component_of(self, net: TwoLayerReLU) -> int:
        """The index in ``components`` of the component a parameter lies in; the original network's
        is the snapped one's.
        """
        return super().component_of(self.snapped.net if net == self.snapped.original else net)

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.snapped.sentence}"


@dataclass(frozen=True, kw_only=True, repr=False)
class SnappedRank(ExplainedRank):
    """The explained rank of a snapped network.

    Attributes:
        snapped: the snapped network beside the original one.
    """

    snapped: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.snapped.sentence}"


@dataclass(frozen=True, kw_only=True, repr=False)
class SnappedDeepRank(DeepExplainedRank):
    """The explained rank of a snapped deep network.

    Attributes:
        snapped: the snapped network beside the original one.
    """

    snapped: Any = field(repr=False)

    def __str__(self) -> str:
        return f"{super().__str__()}\n{self.snapped.sentence}"


class SnappedDeepReLU(DeepReLU):
    """A deep network that an answer about a snapped one is; ``snapped`` has both."""

    snapped: Any

    def __str__(self) -> str:
        return f"{self!r}\n{self.snapped.sentence}"


class SnappedRoles(tuple[Any, ...]):
    """Roles of the nodes of a snapped network; ``snapped`` has both networks."""

    snapped: Any

    def __str__(self) -> str:
        return f"{_in_brackets(self)}\n{self.snapped.sentence}"


class SnappedGenerators(list[Generator]):
    """Generators of a snapped network; ``snapped`` has both networks."""

    snapped: Any

    def __str__(self) -> str:
        return f"{len(self)} directions\n{self.snapped.sentence}"


def _in_brackets(roles: tuple[Any, ...]) -> str:
    inside = (_in_brackets(role) if isinstance(role, tuple) else str(role) for role in roles)
    return f"({', '.join(inside)})"


WITH_A_FIELD = (KinkForm, MinimalWidth)
WITH_A_CLASS: dict[type, type] = {
    Fibre: SnappedFibre,
    ExplainedRank: SnappedRank,
    DeepExplainedRank: SnappedDeepRank,
}


def about(result: Any, snapped: Any) -> Any:
    """The result, with the networks it is about."""
    if isinstance(result, TwoLayerReLU):
        return result.after_snapping(snapped)
    if isinstance(result, DeepReLU):
        deep = SnappedDeepReLU(result.weights, result.biases)
        object.__setattr__(deep, "snapped", snapped)
        return deep
    if isinstance(result, WITH_A_FIELD):
        return replace(result, snapped=snapped)
    if type(result) in WITH_A_CLASS:
        return WITH_A_CLASS[type(result)](
            **{f.name: getattr(result, f.name) for f in fields(result)}, snapped=snapped
        )
    if isinstance(result, (tuple, list)):
        own = SnappedRoles(result) if isinstance(result, tuple) else SnappedGenerators(result)
        own.snapped = snapped
        return own
    raise TypeError(f"result: got {type(result).__name__}; it is no answer of an exact question")

"""Answers about a snapped network, which say of which."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from singlearn.symmetry.deep import DeepReLU
from singlearn.symmetry.two_layer.generators import Generator
from singlearn.symmetry.two_layer.network import TwoLayerReLU


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


def about(result: Any, snapped: Any) -> Any:
    """The result, with the networks it is about.

    Raises:
        TypeError: it is not an answer of an exact question.
    """
    if isinstance(result, TwoLayerReLU):
        return result.after_snapping(snapped)
    if isinstance(result, DeepReLU):
        deep = SnappedDeepReLU(result.weights, result.biases)
        object.__setattr__(deep, "snapped", snapped)
        return deep
    if is_dataclass(result) and any(f.name == "snapped" for f in fields(result)):
        return replace(result, snapped=snapped)  # type: ignore[type-var]
    if isinstance(result, (tuple, list)):
        own = SnappedRoles(result) if isinstance(result, tuple) else SnappedGenerators(result)
        own.snapped = snapped
        return own
    raise TypeError(
        f"result: got {type(result).__name__}; it should be the answer of an exact question"
    )

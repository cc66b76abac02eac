"""Parameters chosen, and tied to w*, by name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

Selection = str | Sequence[str] | Mapping[str, Any] | None
"""A pattern such as ``"layers.3.attn.*"``, several of them, masks by name, or ``None`` for all."""

Tie = float | int | str | Mapping[str, Any]
"""γ: one number, or a mapping from name patterns to numbers or arrays of the parameter's shape, or
:data:`AUTO`.
"""

AUTO = "auto"
"""γ that is chosen from the scale of the parameters."""


def tie_scales(
    masks: Mapping[str, Bool[np.ndarray, "..."]], gamma: Tie, known: Iterable[str] | None = None
) -> tuple[float, dict[str, Float[np.ndarray, " chosen"]]]:
    r"""The tie as one number γ on coordinates :math:`u = (w - w^*) / s`, and the scales s of the
    chosen entries.

    One number leaves the parameters as they are, :math:`s = 1`. With :math:`γ_i` by name,
    :math:`s_i = γ_i^{-1/2}` and γ = 1: a network whose parameters are rescaled by :math:`d_i` with
    ties :math:`γ_i / d_i^2` then has the same chains in u.

    Args:
        masks: as of :func:`choose`.
        gamma: γ; where patterns overlap the first that a name matches counts. Where it is to be
            chosen, by :data:`AUTO`, the coordinates stay as they are, and the number stands for
            none.
        known: names of all parameters, those that are not sampled too; where they are given, a
            pattern that ties nothing is refused.

    Returns:
        γ and s, by name.

    Raises:
        ValueError: a chosen parameter that no pattern matches, a pattern that no parameter matches
            or that never counts, a shape that does not fit, numbers that are not positive.

    >>> masks = {"a.w": np.ones(2, dtype=bool), "b.w": np.ones(1, dtype=bool)}
    >>> tie_scales(masks, {"a.*": 4.0, "*": 0.25})
    (1.0, {'a.w': array([0.5, 0.5]), 'b.w': array([2.])})
    """
    if not isinstance(gamma, Mapping):
        one = 1.0 if isinstance(gamma, str) else float(gamma)
        return one, {name: np.ones(int(mask.sum())) for name, mask in masks.items()}
    if known is not None:
        _refuse_idle_patterns(list(known), gamma)
    scales = {}
    for name, mask in masks.items():
        pattern = next((pattern for pattern in gamma if fnmatchcase(name, pattern)), None)
        if pattern is None:
            raise ValueError(
                f"gamma: no pattern of {', '.join(gamma)} matches the parameter {name}; every "
                f"sampled one should have a tie"
            )
        try:
            given = np.asarray(gamma[pattern], dtype=float)
        except (TypeError, ValueError):
            raise ValueError(
                f"gamma: for {name} it is {gamma[pattern]!r}; it should be a positive number, or "
                f"an array of them"
            ) from None
        if given.ndim and given.shape != mask.shape:
            raise ValueError(
                f"gamma: for {name} it has shape {given.shape}; it should be a number or have "
                f"shape {mask.shape}"
            )
        if not bool((given > 0).all() and np.isfinite(given).all()):
            raise ValueError(
                f"gamma: for {name} it has entries that are not positive; a direction without a "
                f"tie has no posterior"
            )
        scales[name] = np.broadcast_to(given, mask.shape)[mask] ** -0.5
    return 1.0, scales


def _refuse_idle_patterns(names: Sequence[str], gamma: Mapping[str, Any]) -> None:
    """A tie that ties nothing was meant for something.

    Raises:
        ValueError: such a pattern.
    """
    patterns = list(gamma)
    for place, pattern in enumerate(patterns):
        own = [name for name in names if fnmatchcase(name, pattern)]
        if not own:
            raise ValueError(f"gamma: {pattern!r} matches no parameter; there are {_listed(names)}")
        before = [next((p for p in patterns[:place] if fnmatchcase(name, p)), None) for name in own]
        if all(before):
            raise ValueError(
                f"gamma: {pattern!r} never counts, because {before[0]!r} stands before it and "
                f"matches {own[0]} too; "
                "the first pattern that matches counts, so special ones should come first"
            )


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    return ", ".join(names[:12]) + (", …" if len(names) > 12 else "")


def choose(
    shapes: Mapping[str, tuple[int, ...]], only: Selection, held: Mapping[str, str] | None = None
) -> dict[str, Bool[np.ndarray, "..."]]:
    """The entries to sample: a mask for every parameter of which some are.

    Args:
        shapes: of all parameters, by name.
        only: patterns as of a shell (``*``, ``?``, ``[…]``), of which a parameter matches at least
            one; or masks by name.
        held: by name, what cannot be sampled and why, such as ``"int32"``; for the sentence of a
            refusal.

    Returns:
        A mask for every parameter of which entries were chosen.

    Raises:
        ValueError: a pattern that matches nothing, a mask of an unknown name or another shape,
            nothing chosen.

    >>> shapes = {"a.w": (2, 3), "a.b": (3,), "c.w": (3, 1)}
    >>> {name: int(mask.sum()) for name, mask in choose(shapes, "a.*").items()}
    {'a.w': 6, 'a.b': 3}
    >>> diagonal = {"w": np.eye(2, dtype=bool)}
    >>> {name: int(mask.sum()) for name, mask in choose({"w": (2, 2)}, diagonal).items()}
    {'w': 2}
    """
    known, held = _listed(shapes), held or {}
    if isinstance(only, Mapping):
        masks = {}
        for name, mask in only.items():
            if name in held:
                raise ValueError(
                    f"only: {name} is {held[name]}, which is not sampled; there are {known}"
                )
            if name not in shapes:
                raise ValueError(f"only: no parameter is called {name!r}; there are {known}")
            given = _mask(name, mask)
            if given.shape != tuple(shapes[name]):
                raise ValueError(
                    f"only: the mask of {name} has shape {given.shape}; it should be "
                    f"{tuple(shapes[name])}"
                )
            if given.any():
                masks[name] = given
    else:
        patterns = ["*"] if only is None else [only] if isinstance(only, str) else list(only)
        for pattern in patterns:
            if not isinstance(pattern, str):
                raise ValueError(
                    f"only: got {pattern!r} among the patterns; they should be strings, such as "
                    f"'layers.0.*'"
                )
            if not any(fnmatchcase(name, pattern) for name in shapes):
                still = next((name for name in held if fnmatchcase(name, pattern)), None)
                if still is not None and only is not None:
                    raise ValueError(
                        f"only: {still} is {held[still]}, which is not sampled; there are {known}"
                    )
                raise ValueError(f"only: {pattern!r} matches no parameter; there are {known}")
        masks = {
            name: np.ones(shape, dtype=bool)
            for name, shape in shapes.items()
            if any(fnmatchcase(name, pattern) for pattern in patterns) and int(np.prod(shape)) > 0
        }
    if not masks:
        raise ValueError(f"only: got {only!r}, which chooses no parameter; there are {known}")
    return masks


def _mask(name: str, mask: Any) -> Bool[np.ndarray, "..."]:
    """Truth values; zeros and ones of any number type count as such.

    Raises:
        ValueError: other numbers, such as indices.
    """
    given = np.asarray(mask)
    if given.dtype != bool and not (given.dtype.kind in "iuf" and np.isin(given, (0, 1)).all()):
        raise ValueError(
            f"only: the mask of {name} holds {given.dtype} that are not all 0 or 1; it should hold "
            f"truth values"
        )
    return given.astype(bool)

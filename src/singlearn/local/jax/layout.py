"""How a flat vector of real coordinates becomes the parameters of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Integer

from singlearn.local.jax.leaves import COMPLEX, HELD, Leaf


class Same:
    """An object that is equal to itself only, so that anything can be part of a key."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and (
            self.value is other.value or _equal(self.value, other.value)
        )

    def __hash__(self) -> int:
        return hash(type(self.value))


@dataclass(frozen=True)
class Layout:
    """What the programs of a network are compiled for; two equal ones share them.

    Attributes:
        structure: of the pytree.
        leaves: shape, number type and kind of each leaf.
        static: leaves that are not arrays, and arrays that the network needs as constants.
        chosen: places of the coordinates that move, as bytes of 64-bit integers.
        scales: of these coordinates, as bytes of 64-bit numbers.
        wide: 64 bits in the place of 32.
    """

    structure: Any
    leaves: tuple[tuple[tuple[int, ...], str, str], ...]
    static: tuple[Same, ...]
    chosen: bytes
    scales: bytes
    wide: bool = False

    @classmethod
    def of(
        cls,
        leaves: Sequence[Leaf],
        structure: Any,
        masks: Mapping[str, Bool[np.ndarray, "..."]],
        scales: Mapping[str, Any],
    ) -> Layout:
        """The layout of parameters of which the entries of ``masks`` move, in units of ``scales``;
        a complex entry in two directions.

        Args:
            leaves: of :func:`singlearn.local.jax.leaves.sorted_leaves`.
            structure: of the pytree.
            masks: by name, of the leaves of which entries move.
            scales: by name, of these entries.

        Returns:
            The layout.
        """
        chosen: list[np.ndarray] = []
        steps: list[np.ndarray] = []
        for leaf in (leaf for leaf in leaves if leaf.moves):
            times = 2 if leaf.kind == COMPLEX else 1
            mask = masks.get(leaf.name)
            own = np.zeros(leaf.value.size, bool) if mask is None else np.ravel(mask)
            chosen.append(np.tile(own, times))
            if mask is not None:
                steps.append(np.tile(np.asarray(scales[leaf.name], np.float64), times))
        kinds = tuple(
            (tuple(np.shape(leaf.value)), str(getattr(leaf.value, "dtype", "")), leaf.kind)
            for leaf in leaves
        )
        static = tuple(Same(leaf.value) for leaf in leaves if not leaf.moves and leaf.kind != HELD)
        places = np.flatnonzero(np.concatenate(chosen)).astype(np.int64)
        return cls(structure, kinds, static, places.tobytes(), np.concatenate(steps).tobytes())

    def with_constants(self, leaves: Sequence[Leaf]) -> Layout:
        """The same with held arrays as constants, for a network that looks at their values while it
        is compiled.
        """
        kinds = tuple(
            (shape, dtype, "static" if kind == HELD else kind) for shape, dtype, kind in self.leaves
        )
        return replace(
            self, leaves=kinds, static=tuple(Same(leaf.value) for leaf in leaves if not leaf.moves)
        )

    def widened(self) -> Layout:
        """The same in double precision."""
        return replace(self, wide=True)

    @property
    def places(self) -> Integer[np.ndarray, " d"]:
        """Of the coordinates that move, among all."""
        return np.frombuffer(self.chosen, np.int64)

    @property
    def steps(self) -> Float[np.ndarray, " d"]:
        """Scales of the coordinates that move."""
        return np.frombuffer(self.scales, np.float64)

    @property
    def count(self) -> int:
        """Of all real coordinates."""
        return sum(self._sizes())

    def spans(self, names: Sequence[str]) -> list[tuple[str, Any]]:
        """For every leaf of which entries move, its name and the places of its coordinates among
        those that move.

        Args:
            names: of all leaves.

        Returns:
            Names and places.
        """
        moving = [
            name
            for name, (_, _, kind) in zip(names, self.leaves, strict=True)
            if kind in ("real", "complex")
        ]
        ends = np.cumsum([0, *self._sizes()])
        found = [
            (name, np.flatnonzero((self.places >= a) & (self.places < b)))
            for name, a, b in zip(moving, ends[:-1], ends[1:], strict=True)
        ]
        return [(name, own) for name, own in found if len(own)]

    def flat(self, leaves: Sequence[Leaf]) -> Array:
        """All real coordinates of parameters of this layout."""
        parts: list[Array] = []
        for leaf in (leaf for leaf in leaves if leaf.moves):
            parts += [
                jnp.ravel(part)
                for part in (
                    (leaf.value.real, leaf.value.imag) if leaf.kind == COMPLEX else (leaf.value,)
                )
            ]
        kind = jnp.result_type(*parts, *([jnp.float64] if self.wide else [jnp.float32]))
        return jnp.concatenate([part.astype(kind) for part in parts])

    def rebuild(self, flat: Array, held: Sequence[Any]) -> Any:
        """The pytree of these coordinates and held arrays."""
        arrays, objects = iter(held), iter(self.static)
        found: list[Any] = []
        begun = 0

        def part(shape: tuple[int, ...]) -> Array:
            nonlocal begun
            size = int(np.prod(shape))
            begun += size
            return flat[begun - size : begun].reshape(shape)

        for shape, dtype, kind in self.leaves:
            if kind == "real":
                found.append(part(shape) if self.wide else part(shape).astype(dtype))
            elif kind == COMPLEX:
                whole = jax.lax.complex(part(shape), part(shape))
                found.append(whole if self.wide else whole.astype(dtype))
            elif kind == HELD:
                found.append(next(arrays))
            else:
                found.append(next(objects).value)
        return jax.tree.unflatten(self.structure, found)

    def _sizes(self) -> list[int]:
        sizes = {"real": 1, COMPLEX: 2}
        return [
            sizes[kind] * int(np.prod(shape)) for shape, _, kind in self.leaves if kind in sizes
        ]


def _equal(one: Any, other: Any) -> bool:
    """Equal numbers in arrays, or objects that say so themselves."""
    if type(one) is not type(other):
        return False
    if isinstance(one, jax.Array | np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        same = (
            jax.random.key_data(one) == jax.random.key_data(other)
            if jnp.issubdtype(one.dtype, jax.dtypes.prng_key)
            else one == other
        )
        return bool(same.all())
    try:
        return bool(one == other)
    except Exception:  # objects compare as they like
        return False

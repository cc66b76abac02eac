"""The names of a model's sites and of their dimensions, which go with a triple into its results."""

from __future__ import annotations

import base64
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass(frozen=True)
class ObservedSite:
    """Where the observations of one sample statement are in the pointwise log likelihood.

    Attributes:
        name: of the sample statement.
        shape: of its log density, one number per observation, masked ones included.
        dimensions: a name for each axis of ``shape``.
        kept: places in C order of the observations that are not masked; ``None`` where all are
            kept.
        numbers: in each observation: 1, or as many as an event has.
        digest: of the values that are kept; empty in runs that were stored without it.
    """

    name: str
    shape: tuple[int, ...]
    dimensions: tuple[str, ...]
    kept: tuple[int, ...] | None = None
    numbers: int = 1
    digest: str = ""

    @property
    def size(self) -> int:
        """How many observations the site gives."""
        if self.kept is not None:
            return len(self.kept)
        size = 1
        for length in self.shape:
            size *= length
        return size


@dataclass(frozen=True)
class Sites:
    """What a model calls its parameters' dimensions and its observations; empty for a plain triple.

    Attributes:
        dimensions: by parameter, a name for each of its axes.
        observed: in the order of the pointwise log likelihood.
        imputed: by site, how many of its coordinates stand for values that were not observed.
    """

    dimensions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    observed: tuple[ObservedSite, ...] = ()
    imputed: dict[str, int] = field(default_factory=dict)

    def as_setting(self) -> dict[str, Any]:
        """What the settings of a run say of the sites: nothing where there are none."""
        return {"sites": self.to_dict()} if self.observed else {}

    def to_dict(self) -> dict[str, Any]:
        """Plain lists, numbers and strings, for JSON; which observations are kept is packed, for
        attributes of files are short.
        """
        observed = [
            {
                "name": site.name,
                "shape": list(site.shape),
                "dimensions": list(site.dimensions),
                "kept": None if site.kept is None else _packed(site.kept),
                "numbers": site.numbers,
                "digest": site.digest,
            }
            for site in self.observed
        ]
        dimensions = {name: list(names) for name, names in self.dimensions.items()}
        return {"dimensions": dimensions, "observed": observed, "imputed": dict(self.imputed)}

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Sites:
        """The inverse of :meth:`to_dict`.

        >>> sites = Sites({"m": ("group",)}, (ObservedSite("y", (3,), ("i",), (0, 2)),))
        >>> import json
        >>> Sites.from_dict(json.loads(json.dumps(sites.to_dict()))) == sites
        True
        """
        observed = tuple(
            ObservedSite(
                site["name"],
                tuple(site["shape"]),
                tuple(site["dimensions"]),
                None if site["kept"] is None else _unpacked(site["kept"]),
                site.get("numbers", 1),
                site.get("digest", ""),
            )
            for site in plain["observed"]
        )
        dimensions = {name: tuple(names) for name, names in plain["dimensions"].items()}
        return cls(dimensions, observed, dict(plain["imputed"]))


def _packed(places: tuple[int, ...]) -> str:
    flags = np.zeros(max(places, default=-1) + 1, bool)
    flags[list(places)] = True
    return base64.b64encode(zlib.compress(np.packbits(flags).tobytes())).decode()


def _unpacked(text: str) -> tuple[int, ...]:
    packed = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8)
    return tuple(np.flatnonzero(np.unpackbits(packed)).tolist())

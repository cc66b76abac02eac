"""A proof of a learning coefficient as plain data, which :func:`singlearn.exact.verify` checks with
code of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from singlearn.results.result import Answer

FORMAT = "singlearn rlct certificate 2"


@dataclass(frozen=True)
class Certificate(Answer):
    """Statement and proof, made of lists, strings and whole numbers only.

    Args:
        statement: K, the prior, the points that it is about, and the bounds claimed.
        proofs: a tree for every place: a point, or all points where just certain coordinates are 0.
    """

    statement: Mapping[str, Any]
    proofs: tuple[Mapping[str, Any], ...]

    def to_dict(self) -> dict[str, Any]:
        """For ``json.dumps``; every field is described in ``docs/certificate-format.md``."""
        return {"format": FORMAT, "statement": dict(self.statement), "proofs": list(self.proofs)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Certificate:
        """The inverse of :meth:`to_dict`.

        Returns:
            The certificate that was written.

        Raises:
            ValueError: the data is no certificate, or one of another version of the format.
        """
        given = dict(data) if isinstance(data, Mapping) else {}
        if set(given) != {"format", "statement", "proofs"}:
            raise ValueError(
                "data: it should be a dictionary with the fields format, statement and proofs, and "
                "no other"
            )
        if given["format"] != FORMAT:
            raise ValueError(f"data: got format {given['format']!r}; this version reads {FORMAT!r}")
        return cls(given["statement"], tuple(given["proofs"]))

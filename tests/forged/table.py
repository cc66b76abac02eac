"""Which forged certificates are accepted when a guard is missing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from .guards import Guard, checker, find

FOLDER = Path(__file__).parent / "certificates"


@dataclass(frozen=True)
class Row:
    """A guard, and the forged certificates made for it that are accepted without it."""

    guard: Guard
    accepted: tuple[str, ...]


@cache
def forged() -> dict[str, dict[str, Any]]:
    """By name: the certificate, the lie that it tells, and the labels of the guards that refute
    it.
    """
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def rows(guards: Sequence[Guard] | None = None) -> list[Row]:
    """One per guard."""
    found = []
    for guard in find() if guards is None else guards:
        with checker(guard) as verification:
            names = [name for name, file in forged().items() if guard.label in file["guards"]]
            found.append(
                Row(guard, tuple(name for name in names if verification.verify(file_of(name))))
            )
    return found


def file_of(name: str) -> Any:
    return forged()[name]["certificate"]

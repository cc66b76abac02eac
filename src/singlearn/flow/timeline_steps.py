"""The step of a checkpoint out of its name, where the name says which number it is."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from singlearn.local.training.checkpoints import Checkpoint, in_order

STEP = re.compile(r"(step|iter(ation)?|global_step)s?[-_=]?$", re.IGNORECASE)
"""What stands before the number of a step."""


def in_order_of_steps(checkpoints: Any) -> list[Checkpoint]:
    """Checkpoints by step (:func:`singlearn.local.training.checkpoints.in_order`); names with
    several numbers are read or refused.

    Of several numbers in the names the step is the one that differs between them. Where several
    differ (``epoch2_step10``), it is the one behind ``step`` or ``iter``; where that does not say
    it, the names are refused.

    Args:
        checkpoints: a folder, several paths, or weights or paths by step.

    Returns:
        Checkpoints in the order of their steps.

    Raises:
        ValueError: names in which it is not clear which number is the step, and as ``in_order``
            does.

    >>> [c.step for c in in_order_of_steps(["step_20_seed3.pt", "step_100_seed3.pt"])]
    [20.0, 100.0]
    """
    if isinstance(checkpoints, Mapping):
        return in_order(checkpoints)
    if (
        isinstance(checkpoints, Sequence)
        and not isinstance(checkpoints, str)
        and all(isinstance(p, str | os.PathLike) for p in checkpoints)
    ):
        paths = [Path(path) for path in checkpoints]
    elif isinstance(checkpoints, str | os.PathLike):
        paths = _paths(checkpoints)
    else:
        return in_order(checkpoints)
    names = [_name(path) for path in paths]
    if all(len(_numbers(name)) <= 1 for name in names):
        return in_order([str(path) for path in paths])
    place = _place(names)
    steps = [_numbers(name)[place] for name in names]
    for step in {s for s in steps if steps.count(s) > 1}:
        one, other, *_ = (name for name, own in zip(names, steps, strict=True) if own == step)
        raise ValueError(
            f"checkpoints: {one} and {other} have the same step {step}; give them by step, {{step: "
            f"path}}"
        )
    return in_order(dict(zip(steps, paths, strict=True)))


def _paths(folder: str | os.PathLike[str]) -> list[Path]:
    """Files or folders that ``in_order`` takes from a folder, whatever steps it reads off them."""
    from singlearn.local.training.checkpoints import _in_folder

    found = _in_folder(Path(folder))
    return found or [checkpoint.weights for checkpoint in in_order(folder)]


def _name(path: Path) -> str:
    return path.stem if _numbers(path.stem) else path.absolute().parent.name


def _numbers(name: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", name)]


def _place(names: Sequence[str]) -> int:
    """Which of the numbers is the step.

    Raises:
        ValueError: it is not clear.
    """
    shapes = {re.sub(r"\d+", "#", name) for name in names}
    by_step = "give them by step, {step: path}"
    if len(shapes) > 1:
        raise ValueError(
            f"checkpoints: the names {' and '.join(sorted(names)[:2])} have several numbers and "
            "differ in more than these, so that it is not "
            f"clear which is the step; {by_step}"
        )
    (shape,) = shapes
    rows = [_numbers(name) for name in names]
    places = range(len(rows[0]))
    differing = [k for k in places if len({row[k] for row in rows}) > 1]
    if len(differing) == 1:
        return differing[0]
    pieces = shape.split("#")
    named = [k for k in (differing or places) if STEP.search(pieces[k])]
    if len(named) == 1:
        return named[0]
    raise ValueError(
        f"checkpoints: in {sorted(names)[0]} it is not clear which of the numbers "
        f"{', '.join(map(str, rows[0]))} is the step; {by_step}"
    )

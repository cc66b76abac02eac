"""The checkpoints of a training run, in the order of their steps."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Real
from pathlib import Path
from typing import Any

from singlearn.local.weight_files import ENDINGS
from singlearn.results.prompt import Shown

STEP_FOLDER = re.compile(r"(.*(checkpoint|ckpt|step|epoch|iter)[a-z]*[-_=]?)?\d+", re.IGNORECASE)
PIECE = re.compile(r"-\d+-of-\d+$")
"""How the files of weights in pieces end."""


@dataclass(frozen=True)
class Checkpoint(Shown):
    """Weights after ``step`` steps: a path, or the weights themselves."""

    step: float
    name: str
    weights: Any


def in_order(checkpoints: Any) -> list[Checkpoint]:
    """Checkpoints by step.

    Args:
        checkpoints: weights or paths by step; several paths; or a folder of files ending in .pt,
            .pth, .bin, .ckpt or .safetensors, or of folders with such a file. The step is the last
            number in a name (``step_200.pt``), so that 1000 comes after 200, or that of a folder
            called checkpoint, step, epoch or iteration, or by its number alone
            (``checkpoint-200/model.safetensors``).

    Raises:
        FileNotFoundError: the folder does not exist.
        ValueError: none, a name without a number, two with the same step, or a step that is not
            finite and at least 0.
    """
    if isinstance(checkpoints, str | os.PathLike):
        checkpoints = _in_folder(Path(checkpoints))
    if isinstance(checkpoints, Mapping):
        if not all(isinstance(step, Real) and not isinstance(step, bool) for step in checkpoints):
            keys = ", ".join(map(repr, list(checkpoints)[:3]))
            raise ValueError(
                f"checkpoints: the keys are {keys}; they should be steps, {{0: weights, 100: "
                f"weights, …}}"
            )
        found = [
            Checkpoint(float(step), _name(step, weights), weights)
            for step, weights in checkpoints.items()
        ]
    elif isinstance(checkpoints, Sequence):
        if not all(isinstance(path, str | os.PathLike) for path in checkpoints):
            raise ValueError(
                "checkpoints: got several without their steps; weights in memory should come by "
                "step, {0: weights, …}"
            )
        found = [Checkpoint(_step(Path(path)), str(path), Path(path)) for path in checkpoints]
    else:
        raise ValueError(
            f"checkpoints: got {type(checkpoints).__name__}; it should be a folder, several paths, "
            f"or weights by step"
        )
    if not found:
        raise ValueError("checkpoints: got none; at least one is needed")
    found.sort(key=lambda checkpoint: checkpoint.step)
    for one, other in pairwise(found):
        if one.step == other.step:
            raise ValueError(
                f"checkpoints: {one.name} and {other.name} have the same step {one.step:g}; give "
                f"them by step, {{step: path}}"
            )
    if not all(0 <= checkpoint.step < math.inf for checkpoint in found):
        raise ValueError(
            f"checkpoints: the steps are {[checkpoint.step for checkpoint in found]}; they should "
            f"be finite and not negative"
        )
    return found


def number_in(name: str) -> int | None:
    """The last whole number in a name without its ending.

    >>> number_in("run2/step_00100.pt"), number_in("checkpoint-500"), number_in("final.pt")
    (100, 500, None)
    """
    numbers = re.findall(r"\d+", Path(name).stem)
    return int(numbers[-1]) if numbers else None


def _in_folder(folder: Path) -> list[Path]:
    if not folder.is_dir():
        raise FileNotFoundError(
            f"checkpoints: {folder} is not a folder; it should hold files such as step_100.pt"
        )
    files = [path for path in sorted(folder.iterdir()) if path.suffix in ENDINGS]
    folders = [
        path
        for path in sorted(folder.iterdir())
        if path.is_dir() and any(file.suffix in ENDINGS for file in path.iterdir())
    ]
    if any(number_in(path.name) is not None and not PIECE.search(path.stem) for path in files):
        return files
    # Beside its checkpoint-500 a trainer leaves the last weights and files that hold none.
    return [path for path in folders if STEP_FOLDER.fullmatch(path.name)] or files or folders


def _step(path: Path) -> float:
    number = number_in(path.name)
    folder = path.absolute().parent.name
    # The number of a folder is a step only where its name says so: run3/final.pt is not after step
    # 3.
    if number is None and STEP_FOLDER.fullmatch(folder):
        number = number_in(folder)
    if number is None:
        raise ValueError(
            f"checkpoints: there is no step in the name of {path}; leave it out, or give paths by "
            f"step, {{step: path}}"
        )
    return float(number)


def _name(step: float | int, weights: Any) -> str:
    return str(weights) if isinstance(weights, str | os.PathLike) else f"step {step:g}"

"""λ̂ along a training, of the loss and of the network's own function, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from singlearn.experiments.recipes.checkpoints import cross_entropy
from singlearn.experiments.recipes.report import doubts_of, number

if TYPE_CHECKING:
    import torch

    from singlearn.local import Trajectory

Reference = Literal["loss", "self"]


def followed(
    kept: Mapping[int, Any],
    model: torch.nn.Module,
    data: tuple[Any, Any],
    references: Sequence[Reference],
    *,
    quick: bool,
    most: int,
    seed: int,
    folder: Path,
    progress: bool | None,
) -> dict[Reference, Trajectory]:
    """A trajectory of the cross entropy for each reference, each in a folder of its own.

    Args:
        kept: weights by step.
        model: the network whose weights they are.
        data: inputs and classes.
        references: what the loss is compared with; see ``sl.local.llc``.
        quick: four chains and an error of a tenth, instead of eight and a twentieth.
        most: steps of a chain.
        seed: of the chains.
        folder: where finished checkpoints are kept.
        progress: as for ``sl.local.trajectory``.

    Returns:
        The trajectories, by reference.
    """
    from singlearn.local import trajectory

    return {
        reference: trajectory(
            kept,
            model,
            cross_entropy,
            data,
            reference=reference,
            chains=4 if quick else 8,
            tolerance=0.1 if quick else 0.05,
            max_steps=most,
            seed=seed,
            folder=folder / reference,
            progress=progress,
        )
        for reference in references
    }


def readings(found: Mapping[Reference, Trajectory], step: float) -> dict[str, Any]:
    """The cells of a step: λ̂, its error and status for each reference; none where it was not
    measured.
    """
    row: dict[str, Any] = {}
    for reference, line in found.items():
        for point in line.points:
            if point.step == step:
                row[f"λ̂ ({reference})"] = number(point.value)
                row[f"standard error ({reference})"] = number(point.standard_error)
                row[f"status ({reference})"] = str(point.status)
    return row


def doubts(found: Mapping[Reference, Trajectory]) -> list[dict[str, Any]]:
    """The cautions of all trajectories, each with its reference."""
    return doubts_of(
        ({"reference": reference}, caution)
        for reference, line in found.items()
        for caution in line.cautions
    )

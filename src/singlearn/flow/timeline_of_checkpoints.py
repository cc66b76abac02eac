"""``timeline``: the symmetries of a network at every checkpoint of its training."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import nn

from singlearn.flow.law import Law
from singlearn.flow.laws import laws as laws_of
from singlearn.flow.laws_found import Laws
from singlearn.flow.timeline_points import Timeline, TimelinePoint
from singlearn.flow.timeline_roles import NodeAtCheckpoint, NodeRole, boundaries, roles_on_data
from singlearn.flow.timeline_steps import in_order_of_steps
from singlearn.local import Trajectory
from singlearn.local.torch.data import Samples, samples_of
from singlearn.local.torch.module import copy_to_load
from singlearn.local.torch.weights import read_state, with_weights
from singlearn.local.training.checkpoints import Checkpoint
from singlearn.local.training.fingerprint import digest
from singlearn.local.training.identity import identity_of_sweep
from singlearn.running import identity
from singlearn.running.arguments import real_number
from singlearn.running.progress import Progress, counted
from singlearn.running.whole_files import as_path
from singlearn.symmetry import (
    Box,
    DeepReLU,
    explained_rank,
    from_deep,
    from_torch,
    hidden_polytopes,
    kink_form,
)

if TYPE_CHECKING:
    from singlearn.running.sweep import FinishedPoints

SHARE = 0.01
"""Of the spread of the targets (for class labels: of one nat) that an output may change by, where
no tolerance is given."""
LARGEST_RANK = 1000
"""Parameters up to which the rank of the Jacobian is computed."""
MOST_ROWS = 2048
"""Inputs × outputs of that Jacobian."""
MOST_EXACT = 64
"""Hidden nodes up to which hidden kinks of deep networks, and exact kink forms, are computed."""
MILP_SECONDS = 5.0
"""For the hidden kinks of a deep network, at each checkpoint."""
Loss = Callable[[Any, Any], Any]


def timeline(
    checkpoints: Any,
    build: nn.Module | Callable[[], nn.Module],
    *,
    data: Any,
    loss: Loss | None = None,
    tolerance: float | None = None,
    hidden_kinks: bool = True,
    learning_coefficient: bool | Mapping[str, Any] = False,
    folder: str | os.PathLike[str] | None = None,
    progress: Progress = None,
) -> Timeline:
    r"""What every hidden node does at every checkpoint, and which symmetries are born and die
    between them.

    A symmetry of the architecture (scaling, permutation) is always there. These are the others: a
    node that is dead, silent, constant or bypassed on the data, nodes that share a boundary,
    cancel, or annihilate. A trained network has none of them to the last digit, so that each is
    given up to a ``tolerance``: a network that has it exactly computes the same outputs on all
    inputs of the data within that (:func:`singlearn.flow.timeline_roles.roles_on_data`). Dead
    nodes, ranks and exact kinks have no tolerance.

    Args:
        checkpoints: a folder of state dictionaries, several paths, or weights or paths by step
            (:func:`singlearn.flow.timeline_steps.in_order_of_steps`).
        build: a ``Sequential`` of ``Linear`` and ``ReLU`` into which the weights fit, or a function
            that returns one.
        data: as for :func:`singlearn.local.llc`: inputs, and targets if there are any.
        loss: per sample, ``loss(output, target)``. Without one, cross entropy for class labels,
            half the squared error for targets that are like the outputs, none for others; the
            result says which.
        tolerance: largest change of an output on the data, in units of the outputs; by default 1 %
            of the root mean square of the targets about their mean, or 0.01 nats for class labels.
        hidden_kinks: look for kinks that do not show, and how far they can slide; in deep networks
            by mixed-integer programs.
        learning_coefficient: λ̂ of every checkpoint's own function (``reference="self"``); a
            dictionary has arguments of :func:`singlearn.local.trajectory` that are to be others.
        folder: finished checkpoints are kept there and not computed again; it belongs to its data,
            network, loss and tolerance.
        progress: as for ``temper``.

    Returns:
        Roles, kinks, ranks, conserved quantities, loss and λ̂ by checkpoint, with births and
        deaths.

    Raises:
        ValueError: a network that is no chain of Linear and ReLU, checkpoints that do not fit it or
            have no clear order, inputs of another width, a folder of another timeline.

    >>> net = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 1)).double()
    >>> def weights(b): return {"0.weight": torch.ones(2, 1), "0.bias": torch.tensor([0.0, b]), "2.weight": torch.ones(1, 2),
    ...                         "2.bias": torch.zeros(1)}
    >>> x = torch.linspace(-1, 1, 20, dtype=torch.float64)[:, None]
    >>> found = timeline({0: weights(0.0), 10: weights(0.5), 20: weights(2.0)}, net, data=(x, x), progress=False)
    >>> [str(event) for event in found.events][::2]
    ['0 to 10: node 0.0 duplicate with 1 died', '10 to 20: node 0.1 bypassed born']
    """  # noqa: E501
    ordered = in_order_of_steps(checkpoints)
    module = _built(build)
    samples = samples_of(data, torch.device("cpu"))
    inputs, target = _parts(samples)
    net = from_torch(module)
    if inputs.flatten(1).shape[1] != net.widths[0]:
        raise ValueError(
            f"data: inputs have {inputs.flatten(1).shape[1]} numbers; the network takes "
            f"{net.widths[0]}"
        )
    said, loss_is = _loss(loss, net.widths[-1], len(inputs), target)
    allowed, tolerance_is = _tolerance(tolerance, target)
    read = laws_of(module, inputs[:8].to(next(module.parameters()).dtype))
    notes = _notes(module, hidden_kinks, read)
    measure = _CheckpointMeasurement(
        module, inputs, target, said, allowed, hidden_kinks, notes, read.laws
    )
    store = None
    if folder is not None:
        from singlearn.running.sweep import (
            FinishedPoints,
        )  # in a room that imports JAX

        parts = {
            **identity_of_sweep(
                module,
                said or _nothing,
                (inputs, inputs if target is None else target),
                _state(ordered[0], module),
            ),
            **identity.settings({"tolerance": allowed, "hidden_kinks": hidden_kinks}),
        }
        store = FinishedPoints(as_path("folder", folder), "timeline", parts, "another timeline")
    points = tuple(
        point
        for _, point in counted(
            "timeline", enumerate(_points(ordered, measure, store)), len(ordered), progress
        )
    )
    found = None
    if learning_coefficient is not False:
        if said is None:
            raise ValueError(
                "learning_coefficient: λ̂ needs targets and a loss; give loss(output, target), per "
                "sample in nats"
            )
        asked = {} if learning_coefficient is True else dict(learning_coefficient)
        found = _trajectory(ordered, module, said, (inputs, target), folder, progress, asked)
    return Timeline(points, allowed, tolerance_is, loss_is, len(inputs), measure.notes, found)


def _points(
    ordered: list[Checkpoint], measure: _CheckpointMeasurement, store: FinishedPoints | None
) -> Any:
    for checkpoint in ordered:
        yield measure(checkpoint) if store is None else _kept(checkpoint, measure, store)


def _kept(
    checkpoint: Checkpoint, measure: _CheckpointMeasurement, store: FinishedPoints
) -> TimelinePoint:
    """The point in the folder, or measured and put there."""
    name = f"step_{checkpoint.step!r}"
    with store.held(name):
        point: TimelinePoint | None = store.load(name, None, TimelinePoint.from_dict)
        if point is not None:
            if point.weights != digest(_state(checkpoint, measure.module)):
                raise ValueError(
                    f"folder: it has step {checkpoint.step:g} of other weights than "
                    f"{checkpoint.name}; give a fresh folder"
                )
            return point
        point = measure(checkpoint)
        store.save(name, point.to_dict())
        return point


def _trajectory(
    ordered: list[Checkpoint],
    module: nn.Module,
    loss: Loss,
    data: Any,
    folder: Any,
    progress: Progress,
    asked: dict[str, Any],
) -> Trajectory:
    from singlearn.local.training.trajectory import trajectory  # likewise

    where = {} if folder is None else {"folder": Path(folder) / "learning-coefficient"}
    return trajectory(
        {c.step: c.weights for c in ordered},
        module,
        loss,
        data,
        **{"reference": "self", "progress": progress, **where, **asked},
    )


@dataclass(frozen=True)
class _CheckpointMeasurement:
    """What is done at one checkpoint."""

    module: nn.Module
    inputs: torch.Tensor
    target: torch.Tensor | None
    loss: Loss | None
    tolerance: float
    hidden_kinks: bool
    notes: tuple[str, ...]
    laws: tuple[Law, ...]

    def __call__(self, checkpoint: Checkpoint) -> TimelinePoint:
        """The symmetries there."""
        state = _state(checkpoint, self.module)
        module = with_weights(self.module, state, checkpoint.name).eval()
        try:
            net = from_torch(module)
        except ValueError as error:  # entries that are not finite
            raise ValueError(f"{checkpoint.name}: {str(error).removeprefix('module: ')}") from None
        x = self.inputs.flatten(1).double().numpy()
        nodes = roles_on_data(net, x, self.tolerance)
        rank, explained, unexplained = self._null(net, x)
        return TimelinePoint(
            checkpoint.step,
            checkpoint.name,
            nodes,
            tuple(boundaries(nodes, layer) for layer in range(net.hidden_layers)),
            _exact_kinks(net, x),
            _hidden_kinks(net, x, nodes) if self.hidden_kinks else None,
            rank,
            explained,
            unexplained,
            _conserved(module, self.laws),
            self._loss(module),
            digest(state),
        )

    def _null(
        self, net: DeepReLU, x: Float[np.ndarray, "points inputs"]
    ) -> tuple[int | None, int | None, int | None]:
        if net.parameters > LARGEST_RANK or _parameters(self.module) != net.parameters:
            return None, None, None
        rows = max(net.parameters, MOST_ROWS) // net.widths[-1] + 1
        found = explained_rank(
            net, x[np.unique(np.linspace(0, len(x) - 1, min(rows, len(x))).astype(int))]
        )
        return found.rank, found.explained, found.unexplained

    def _loss(self, module: nn.Module) -> float | None:
        if self.loss is None:
            return None
        kind = next(module.parameters()).dtype
        target = self.target
        assert target is not None
        with torch.no_grad():
            each = self.loss(
                module(self.inputs.to(kind)),
                target.to(kind) if target.is_floating_point() else target,
            )
        if each.shape != (len(self.inputs),):
            raise ValueError(
                f"loss: it gives shape {tuple(each.shape)} for {len(self.inputs)} samples; it "
                f"should give one number per sample"
            )
        return float(each.double().mean())


def _built(build: Any) -> nn.Module:
    module = build() if callable(build) and not isinstance(build, nn.Module) else build
    if not isinstance(module, nn.Module):
        raise ValueError(
            f"build: got {type(module).__name__}; it should be a torch.nn.Module, or a function "
            f"without arguments that returns one"
        )
    module = copy_to_load(module).eval()  # the caller's keeps its mode
    try:
        net = from_torch(module)
    except ValueError as error:
        raise ValueError(
            f"build: {str(error).removeprefix('module: ')} (roles of nodes are those of ReLU "
            f"networks, a Sequential of Linear and ReLU)"
        ) from None
    if net.hidden_layers == 0:
        raise ValueError(
            "build: the network has no hidden layer, and so no nodes whose symmetries could be "
            "born or die"
        )
    return module


def _parts(samples: Samples) -> tuple[torch.Tensor, torch.Tensor | None]:
    parts = list(samples.parts.values()) if isinstance(samples.parts, dict) else list(samples.parts)
    if isinstance(samples.parts, dict) or len(parts) > 2:
        raise ValueError(
            f"data: they have {len(parts)} parts; it should be inputs, or a pair of inputs and "
            f"targets"
        )
    if not parts[0].is_floating_point():
        raise ValueError(
            f"data: the inputs are {parts[0].dtype}; they should be floating-point numbers"
        )
    if not bool(torch.isfinite(parts[0]).all()):
        raise ValueError("data: inputs have entries that are not finite")
    return parts[0], parts[1] if len(parts) == 2 else None


def _loss(
    loss: Loss | None, outputs: int, samples: int, target: torch.Tensor | None
) -> tuple[Loss | None, str]:
    """The loss, and what it is."""
    if loss is not None:
        if target is None:
            raise ValueError("loss: the data have no targets; give a pair of inputs and targets")
        return loss, "as given"
    if target is None:
        return None, ""
    whole = not (target.is_floating_point() or target.is_complex() or target.dtype == torch.bool)
    if whole and target.ndim == 1 and int(target.min()) >= 0 and int(target.max()) < outputs > 1:
        return _cross_entropy, "cross entropy of class labels, nats per sample"
    if target.is_floating_point() and target.numel() == samples * outputs:
        return _half_squared_error, "half the squared error per sample (none was given)"
    return None, ""


def _cross_entropy(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(output, target.long(), reduction="none")


def _half_squared_error(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return 0.5 * ((output - target.reshape(output.shape)) ** 2).sum(-1)


def _nothing(output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    return output.flatten(1).sum(1)


def _tolerance(tolerance: float | None, target: torch.Tensor | None) -> tuple[float, str]:
    if tolerance is not None:
        return real_number(
            "tolerance", tolerance, above=0, meaning="a positive change of the outputs"
        ), "as given"
    if target is None:
        raise ValueError(
            "tolerance: missing; without targets give the largest change of an output that is to "
            "count as none"
        )
    if not target.is_floating_point():
        return SHARE, f"{SHARE:g} nats of a logit, by default"
    spread = float((target.double() - target.double().mean(0)).square().mean().sqrt())
    if not spread > 0:
        raise ValueError(
            "tolerance: the targets do not differ, so that there is no scale to choose one by; "
            "give it"
        )
    return SHARE * spread, f"{SHARE:.0%} of the spread of the targets, by default"


def _parameters(module: nn.Module) -> int:
    """Fewer than those of its layers one by one without biases or with shared layers, more with
    BatchNorm.
    """
    return sum(part.numel() for part in module.parameters())


def _notes(module: nn.Module, hidden_kinks: bool, read: Laws) -> tuple[str, ...]:
    """What is not looked for."""
    net = from_torch(module)
    found = []
    if _parameters(module) != net.parameters:
        found.append(
            f"null directions: not computed, the module has {_parameters(module)} parameters and "
            f"its "
            f"layers, read as weights and biases, {net.parameters}"
        )
    elif net.parameters > LARGEST_RANK:
        found.append(
            f"null directions: not computed, {net.parameters} parameters are more than "
            f"{LARGEST_RANK}"
        )
    if hidden_kinks and net.hidden_layers > 1 and sum(net.widths[1:-1]) > MOST_EXACT:
        found.append(
            f"hidden kinks: not looked for, {sum(net.widths[1:-1])} hidden nodes are more than "
            f"{MOST_EXACT}"
        )
    found += [
        *read.without,
        *(f"conserved quantities: not read ({text})" for text in read.not_understood),
    ]
    return tuple(found)


def _state(checkpoint: Checkpoint, module: nn.Module) -> dict[str, torch.Tensor]:
    weights = checkpoint.weights
    return (
        read_state(Path(weights), module)
        if isinstance(weights, str | os.PathLike)
        else dict(weights)
    )


def _conserved(module: nn.Module, laws: tuple[Law, ...]) -> dict[str, tuple[float, ...]]:
    parameters = {name: part.detach().double().numpy() for name, part in module.named_parameters()}
    return {
        law.formula: tuple(map(float, np.asarray(law.values(parameters)).ravel())) for law in laws
    }


def _exact_kinks(net: DeepReLU, x: Float[np.ndarray, "points inputs"]) -> int | None:
    if (
        net.hidden_layers != 1
        or net.widths[1] > MOST_EXACT
        or (x.min(axis=0) == x.max(axis=0)).any()
    ):
        return None
    return len(kink_form(from_deep(net), Box(x.min(axis=0), x.max(axis=0))).kinks)


def _hidden_kinks(
    net: DeepReLU, x: Float[np.ndarray, "points inputs"], nodes: tuple[NodeAtCheckpoint, ...]
) -> tuple[tuple[int, int, float, float], ...] | None:
    """Cancelling nodes, one of each set, which slide for ever; in deep networks also kinks that
    gates hide.
    """
    infinite = float("inf")
    cancelling = [
        (node.layer, node.node, infinite, infinite)
        for node in nodes
        if node.role is NodeRole.CANCELLING
        and node.node < min(node.partners, default=node.node + 1)
    ]
    if net.hidden_layers == 1:
        return tuple(cancelling)
    if sum(net.widths[1:-1]) > MOST_EXACT or (x.min(axis=0) == x.max(axis=0)).any():
        return None
    gated = hidden_polytopes(net, (x.min(axis=0), x.max(axis=0)), milp_seconds=MILP_SECONDS)
    found = {kink[:2]: kink for kink in cancelling}
    for kink in gated:  # sets may overlap: a node is named once, with the first set it leads
        found.setdefault(
            (kink.layer, kink.node), (kink.layer, kink.node, kink.backward, kink.forward)
        )
    return tuple(found.values())

"""``trajectory``: λ̂ at every checkpoint of a training run."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.own_function import Reference, reference_of
from singlearn.local.llc import coefficient_of, one_tie
from singlearn.local.names import AUTO, Selection, Tie
from singlearn.local.network import Network
from singlearn.local.sampling.expected_time import ExpectedTime, checked_progress
from singlearn.local.sampling.sampled import Progress
from singlearn.local.target import Target
from singlearn.local.tokens import Tokens
from singlearn.local.training.checkpoints import Checkpoint, in_order
from singlearn.local.training.fingerprint import digest
from singlearn.local.training.identity import (
    identity_of_selection,
    identity_of_sweep,
    leaves_of,
    plain_tie,
)
from singlearn.local.training.points import Trajectory, TrajectoryPoint
from singlearn.local.training.swept import CountedRuns, SweptRun
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.shard import share_of
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path


def trajectory(
    checkpoints: Any,
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    *,
    only: Selection = None,
    gamma: Tie = AUTO,
    nbeta: float | int | None = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.05,
    max_steps: int = 20_000,
    reference: Reference = "loss",
    tokens: Tokens = None,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    client: Client | Executor | None = None,
    shard: str | None = None,
    progress: Progress | bool | None = None,
) -> Trajectory:
    r"""λ̂ and the exact loss at every checkpoint, all with the same random numbers, and the stages
    they fall into.

    In a ``torchrun`` job of W processes (``RANK``, ``WORLD_SIZE``) each takes every W-th
    checkpoint, on the GPU ``LOCAL_RANK`` if there is one, and writes what it found into the common
    ``folder``, which then is needed. Each returns what is finished by then and names the rest; the
    same call outside the job reads all of it.

    Args:
        checkpoints: a folder, several paths, or weights or paths by step: see
            :func:`singlearn.local.training.checkpoints.in_order`.
        model: a ``torch.nn.Module`` into which the weights fit; its own are not used. Or a JAX
            function ``model(parameters, x)``, with pytrees of parameters by step as checkpoints.
        loss, data, only, gamma, nbeta, sampler, chains, batch_size, largest_batch, seed: as for
            ``llc``. One γ holds for all points, or they could not be compared: where it is to be
            chosen, it is chosen once, at the last checkpoint, and the result says so.
        tolerance: wanted relative standard error of each λ̂.
        max_steps: of each chain at most, at each checkpoint.
        reference: as for ``llc``: ``"self"`` for λ̂ of each checkpoint's own function, which is
            defined everywhere along training; the loss of every point is then 0.
        tokens: as for ``llc``.
        folder: finished points are written there, one file each, and not measured again when the
            sweep is started again. It belongs to what it was made of: settings and data are
            compared by value, model and loss by what they say at weights of our own. Several
            processes may share it: each takes checkpoints that no other process works on.
        client: a Dask client or any ``concurrent.futures.Executor`` (processes of this machine,
            submitit, MPI, loky), to spread the checkpoints over its workers; by default they run
            here, one after the other.
        shard: ``"2/5"``: the second of five shares of the checkpoints, for a job array; the
            ``folder``, which then is needed, joins them. Each job returns what is finished by then
            and names the rest.
        progress: a function that is called with the checkpoints done, how many are to be measured,
            and λ̂ of the last one (where they are spread by a client, in its workers); or as for
            ``llc``.

    Returns:
        λ̂ with its error and its status at every checkpoint, in the order of steps, and the stages.

    Raises:
        ValueError: checkpoints that have no order, that do not fit the model, or that are not those
            of the folder; a folder of another sweep, or with a damaged file; a torchrun job without
            a folder or with a client; and as ``llc`` does.
        FileNotFoundError: a folder or file of checkpoints that does not exist.
        OSError: the folder cannot be written to.

    >>> import torch
    >>> x = torch.randn(60, 1, generator=torch.Generator().manual_seed(0))
    >>> def loss(output, target): return 0.5 * ((output - target) ** 2).sum(-1)
    >>> layer, weights = torch.nn.Linear(1, 1, bias=False), {"weight": torch.ones(1, 1)}
    >>> quick = dict(chains=4, max_steps=1000, tolerance=0.5)
    >>> (point,) = trajectory({100: weights}, layer, loss, (x, x), **quick).points
    >>> point.step, point.loss, bool(0.1 < point.value < 0.5)  # nβh/2(nβh + γ) = 0.29
    (100.0, 0.0, True)
    """
    reference = reference_of(reference)
    asked = Chains(
        gamma=gamma,
        nbeta=nbeta,
        sampler=sampler,
        chains=chains,
        batch_size=batch_size,
        largest_batch=largest_batch,
        tolerance=tolerance,
        max_steps=max_steps,
        seed=seed,
    )
    found = in_order(checkpoints)
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    if world > 1 and (folder is None or client is not None):
        raise ValueError(
            "folder: a torchrun job needs one that all its processes see, and no client"
        )
    if shard is not None and (folder is None or world > 1):
        raise ValueError(
            "shard: shares of a sweep need a folder, which joins them, and no torchrun job"
        )
    progress = checked_progress(progress)
    torch = sys.modules.get("torch")
    is_module = torch is not None and isinstance(model, torch.nn.Module)
    if torch is not None and is_module:
        from singlearn.local.torch.data import samples_of

        data = samples_of(data, torch.device("cpu"))
        pair: Any = data
    else:
        from singlearn.local.jax.data import as_pair

        pair = as_pair(data)
        data = pair if isinstance(data, list) else data  # a list of samples is put together once
    # Before the model moves to a device of its own: numbers of one device are compared.
    made_of = {} if folder is None else identity_of_sweep(model, loss, pair, found[0].weights)
    if torch is not None and is_module and torch.cuda.is_available() and "LOCAL_RANK" in os.environ:
        from singlearn.local.torch.module import copy_to_load

        model = copy_to_load(model).to(f"cuda:{os.environ['LOCAL_RANK']}")
    if not is_module:
        from singlearn.local.jax.programs import CompiledOnce

        model = CompiledOnce(model)
    brought = Network(model, loss, data, only=only, reference=reference, tokens=tokens)
    measure = _Measurement(brought=brought, asked=asked, is_module=is_module)
    chosen_at = None
    if asked.gamma == AUTO:
        chosen_at = found[-1].step
        measure = replace(measure, asked=one_tie(asked, lambda tie: measure.target(found[-1], tie)))
    if folder is not None:
        parts = {**measure.identity(), **made_of}
        measure = replace(
            measure,
            store=FinishedPoints(
                as_path("folder", folder), "trajectory", parts, "another trajectory"
            ),
        )
    kept = {
        checkpoint.step: point
        for checkpoint in found
        if (point := measure.finished(checkpoint)) is not None
    }
    own = share_of(found[rank::world], shard)
    left = [checkpoint for checkpoint in own if checkpoint.step not in kept]
    if (
        world > 1 or shard is not None
    ):  # nobody waits for points of others: the last process to end reads them all
        measure = replace(measure, waits=False)
    if client is None and progress in (None, True):
        measure = replace(measure, expected=ExpectedTime("trajectory", len(left)))
    if callable(progress):
        measure = replace(measure, report=CountedRuns(progress, len(left)))
    bar = False if callable(progress) else progress
    measured = [
        point for point in spread("checkpoints", measure, left, client, bar) if point is not None
    ]
    if world > 1 or shard is not None:  # others may have finished theirs in the meantime
        kept |= {
            checkpoint.step: point
            for checkpoint in found
            if (point := measure.finished(checkpoint)) is not None
        }
    kept |= {point.step: point for point in measured}
    missing = tuple(checkpoint.step for checkpoint in found if checkpoint.step not in kept)
    return Trajectory(
        tuple(kept[step] for step in sorted(kept)),
        missing,
        plain_tie(measure.asked.gamma),
        chosen_at,
    )


@contextmanager
def _named(checkpoint: Checkpoint) -> Iterator[None]:
    """Refusals with the name of the checkpoint.

    Raises:
        ValueError: what was refused inside.
    """
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{checkpoint.name}: {error}") from error


@dataclass(frozen=True, kw_only=True)
class _Measurement(SweptRun[Checkpoint, TrajectoryPoint]):
    """What is done at one checkpoint."""

    is_module: bool

    def file(self, checkpoint: Checkpoint) -> str:
        """The name of its file."""
        return f"step_{checkpoint.step!r}"

    def identity(self) -> dict[str, Part]:
        """What was asked for, for all points of a folder."""
        reference = self.brought.reference
        return {
            **identity.settings(vars(self.asked) | {"gamma": plain_tie(self.asked.gamma)}),
            "only": identity_of_selection(self.brought.only),
            # Folders from before there was a choice have none of this.
            **({} if reference == "loss" else {"reference": identity.setting(reference)}),
            **({} if (t := self.brought.tokens) is None else {"tokens": identity.setting(t)}),
        }

    def target(self, checkpoint: Checkpoint, tie: Tie) -> Target:
        """The model at a checkpoint, tied as is asked.

        Raises:
            ValueError: as ``llc`` does, with the name of the checkpoint.
        """
        model, parameters, _ = self._at(checkpoint)
        with _named(checkpoint), _device_of_this_process(self.is_module):
            return replace(self.brought, model=model, parameters=parameters).target(
                tie, self.asked.nbeta
            )

    def finished(self, checkpoint: Checkpoint) -> TrajectoryPoint | None:
        """The point, if it is in the folder.

        Raises:
            ValueError: the folder has it for other weights, or its file is damaged.
        """
        point: TrajectoryPoint | None = (
            None
            if self.store is None
            else self.store.load(self.file(checkpoint), None, TrajectoryPoint.from_dict)
        )
        if point is None:
            return None
        if point.weights != digest(_leaves(self._weights(checkpoint))):
            raise ValueError(
                f"folder: it has step {checkpoint.step:g} of other weights than {checkpoint.name}; "
                f"give a fresh folder"
            )
        return point

    def measured(self, checkpoint: Checkpoint) -> TrajectoryPoint:
        """λ̂ and the loss at the checkpoint.

        Raises:
            ValueError: as ``llc`` does, with the name of the checkpoint.
        """
        model, parameters, weights = self._at(checkpoint)
        brought = replace(self.brought, model=model, parameters=parameters)
        with _named(checkpoint), _device_of_this_process(self.is_module):
            found = coefficient_of(brought, self.asked, self.watch)
        if self.report is not None:
            self.report(found.value)
        return TrajectoryPoint.of(checkpoint.step, checkpoint.name, digest(_leaves(weights)), found)

    def _at(self, checkpoint: Checkpoint) -> tuple[Any, Any, Any]:
        """The model, the parameters of a JAX function, and the weights."""
        weights = self._weights(checkpoint)
        if not self.is_module:
            return self.brought.model, weights, weights
        from singlearn.local.torch.weights import with_weights

        return with_weights(self.brought.model, weights, checkpoint.name), None, weights

    def _weights(self, checkpoint: Checkpoint) -> Any:
        if not isinstance(checkpoint.weights, str | os.PathLike):
            return checkpoint.weights
        if not self.is_module:
            raise ValueError(
                "checkpoints: files hold weights of a torch.nn.Module; for a JAX function give "
                "pytrees by step"
            )
        from singlearn.local.torch.weights import read_state

        return read_state(Path(checkpoint.weights), self.brought.model)


def _device_of_this_process(is_module: bool) -> AbstractContextManager[Any]:
    """In a torchrun job JAX computes on the device that ``LOCAL_RANK`` numbers; a module is there
    already.
    """
    rank = os.environ.get("LOCAL_RANK")
    if is_module or rank is None:
        return nullcontext()
    import jax

    devices = jax.local_devices()
    context: AbstractContextManager[Any] = jax.default_device(devices[int(rank) % len(devices)])
    return context


def _leaves(tree: Any) -> dict[str, Any]:
    """Arrays of nested dicts, tuples and lists, and of whatever else JAX knows, by name."""
    if isinstance(tree, Mapping):
        return {
            f"{key}.{name}": leaf
            for key, value in tree.items()
            for name, leaf in _leaves(value).items()
        }
    if isinstance(tree, list | tuple):
        return {
            f"{i}.{name}": leaf
            for i, value in enumerate(tree)
            for name, leaf in _leaves(value).items()
        }
    return {str(i) if i else "": leaf for i, leaf in enumerate(leaves_of(tree))}

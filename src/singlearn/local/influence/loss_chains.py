"""Losses of single samples or tokens along chains, for the whole network and for parts of it: what
susceptibilities, influence and kernels are read from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.unfelt import unfelt
from singlearn.local.influence.recording import Recording, recorded
from singlearn.local.influence.results import LossChains
from singlearn.local.influence.written import LossesInMemory, Written
from singlearn.local.llc import one_tie, tempered
from singlearn.local.measuring.measurements import measure
from singlearn.local.names import AUTO, Selection, Tie
from singlearn.local.network import Network
from singlearn.local.sampling.expected_time import Watch, watched
from singlearn.local.sampling.sample import sample
from singlearn.local.sampling.sampled import Progress
from singlearn.local.tokens import Tokens
from singlearn.local.training.by_component import Components, by_name, once_loaded, weights_digest
from singlearn.local.training.identity import (
    identity_of_selection,
    identity_of_sweep,
    leaves_of,
    plain_tie,
)
from singlearn.local.verdict.verdict import verdict
from singlearn.running import identity
from singlearn.running.arguments import whole_number
from singlearn.running.whole_files import as_path

WHOLE: Mapping[str, Selection] = {"all": None}


def loss_chains(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    components: Components = WHOLE,
    shifts: Mapping[str, Any] | None = None,
    *,
    parameters: Any = None,
    gamma: Tie = AUTO,
    nbeta: float | int | None = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.05,
    max_steps: int = 20_000,
    draws: int = 400,
    tokens: Tokens = None,
    anyway: bool = False,
    folder: str | os.PathLike[str] | None = None,
    seed: int = 0,
    progress: Progress | bool | None = None,
) -> LossChains:
    r"""Sample around w* as ``llc`` does and record :math:`ℓ_i(w) - ℓ_i(w^*)` of every sample i,
    or of every token of it, at ``draws`` points of every chain.

    One run serves :func:`susceptibilities`, :func:`influence` and :func:`loss_kernel`. Each
    component is sampled by itself, all other parameters staying at w*. Recording begins where the
    run of ``llc`` ends, with the step frozen, and takes as many steps again.

    Args:
        model, loss, data, parameters, nbeta, sampler, chains, batch_size, largest_batch: as for
            ``llc``.
        tolerance, max_steps, seed: as for ``llc``.
        gamma: as for ``llc``. One γ serves all components: where it is to be chosen, it is chosen
            once, for the whole network.
        components: by name, which parameters are sampled (a pattern, several, masks by name, or
            ``None`` for all); or names of parts, ``["l0h3", "l1 mlp"]``.
        shifts: by name, samples of other distributions, in the form of ``data``.
        draws: recorded of each chain.
        tokens: where the loss gives one number per token: what the loss of a sample is, as for
            ``llc``. Losses are then recorded by token.
        anyway: record chains around a w* that is not a minimum too. Their numbers are covariances
            of the tied posterior, not the response of a trained network; ``status`` and a caution
            say so. By default they are withheld.
        folder: a folder such as ``losses.zarr``, into which losses are written as they come, for
            they may not fit in memory: components × chains × draws × samples (× tokens) × 4 bytes.
            The result reads from there. The same call goes on where an earlier one was ended, with
            the components, and where Langevin steps are taken, the draws, that are there. It needs
            ``pip install singlearn[zarr]``.
        progress: as for ``llc``; while losses are recorded, what is done and to do are draws.

    Returns:
        ``loss`` (component, chain, draw, sample, and token if ``tokens`` is said) and
        ``loss_NAME`` for every shift, in nats above w*; ``learning_coefficient``, its
        ``standard_error`` and ``status`` by component. A component whose chains diverged, or for
        which w* is not a minimum, holds NaN.

    Raises:
        ValueError: no component, fewer than 8 draws, a folder of other chains, and as ``llc``
            does.
        ImportError: a folder without Zarr.
    """
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
    draws = whole_number("draws", draws, at_least=8, why="covariances need them")
    if shifts is not None and not isinstance(shifts, Mapping):
        raise ValueError(f"shifts: got {type(shifts).__name__}; it should be a dictionary by name")
    if not isinstance(anyway, bool):
        raise ValueError(f"anyway: got {anyway!r}; it should be True or False")
    named = by_name(components)
    given = {} if shifts is None else dict(shifts)
    brought = once_loaded(Network(model, loss, data, parameters, tokens=tokens))
    asked = one_tie(asked, lambda tie: brought.target(tie, asked.nbeta))
    kept: LossesInMemory = LossesInMemory()
    if folder is not None:
        made_of = {
            **identity.settings(vars(asked) | {"gamma": plain_tie(asked.gamma)}),
            **identity.settings({"draws": draws, "tokens": tokens, "anyway": anyway}),
            **{f"component {name}": identity_of_selection(own) for name, own in named.items()},
            **{
                f"shift {name}, array {k}": identity.array(leaf)
                for name, own in given.items()
                for k, leaf in enumerate(leaves_of(own))
            },
            "weights": identity.setting(weights_digest(brought)),
            **identity_of_sweep(model, loss, brought.data, parameters),
        }
        kept = Written(as_path("folder", folder), made_of)
    kept.begin(list(named), ["", *given], draws, tokens)
    with watched(progress, "loss_chains", len(named)) as watch:
        for place, (name, only) in enumerate(named.items()):
            if not kept.finished(name):
                own = _Component(replace(brought, only=only), asked, draws, given, anyway, watch)
                own.record(name, place, kept)
    return kept.result()


@dataclass(frozen=True)
class _Component:
    """Chains of one component."""

    brought: Network
    asked: Chains
    draws: int
    shifts: Mapping[str, Any]
    anyway: bool
    watch: Watch

    def record(self, name: str, place: int, kept: LossesInMemory) -> None:
        """Run the chains, and hand their losses on as they come."""
        target = self.brought.target(self.asked.gamma, self.asked.nbeta)
        tempering = tempered(target, self.asked)
        before = kept.interrupted(name)
        if before is None:
            run = sample(
                self.watch.clocked(target, self.asked.max_steps),
                tempering,
                self.asked,
                self.watch.report,
            )
            felt = unfelt(target, self.asked.seed)
            measured = measure(target, tempering, run, felt, self.asked.seed)
            found = verdict(measured, self.asked.tolerance)
            before = Recording.of(run, found, self.draws, self.anyway, name)
            kept.started(name, before)
            moving = before.onward(target, tempering, run)
        else:
            moving = before.onward(target, tempering, None)
        by_token = self.brought.tokens is not None
        for draw, state, rows in recorded(
            target, before, moving, self.draws, self.shifts, by_token, tempering
        ):
            kept.add(place, draw, rows, before.after(target, state, draw))
            if self.watch.report is not None:
                self.watch.report(draw + 1, self.draws, before.value)
        kept.finish(name, before)

"""An old run of ``devinterp`` judged by its losses: what its chains say without their burn-in."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jaxtyping import Float

from singlearn.local.sampling.agreement import doubts, error
from singlearn.local.sampling.mixing import Mixing, mixing
from singlearn.local.verdict.shown import with_cautions
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import frame
from singlearn.running.arguments import real_number

if TYPE_CHECKING:
    import pandas

BURN_INS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
"""Shares of the draws that are tried as burn-in."""
NEARLY = 1.25
"""Times the least error of λ̂ over these shares, which is itself a little noisy."""
FEWEST = 8
"""Draws of a chain, from which anything is read."""
APART = 10.0
"""Times the median λ̂ of the chains: a chain that ends beyond has left the others."""
FORMAT = (
    "it should be the DataTree that devinterp's sample() returned or the folder it wrote "
    "(samples.zarr), or the dictionary of its LLCEstimator with 'loss/trace'"
)


class Recorded(NamedTuple):
    """What a run left behind.

    Attributes:
        losses: mean loss of every draw of every chain, in nats; NaN where nothing was written.
        init_loss: mean loss at w*, of every chain.
        init_error: the standard error of the latter, as far as it is known.
        nbeta: nβ, or ``None``.
        burn_in: steps that the run itself left out before its first draw.
    """

    losses: Float[np.ndarray, "chains draws"]
    init_loss: Float[np.ndarray, " chains"]
    init_error: float
    nbeta: float | None
    burn_in: int


@dataclass(frozen=True)
class Audit(Answer):
    """λ̂ of somebody else's run, with what there is to doubt about it.

    Attributes:
        value: λ̂ of the draws after the burn-in; NaN (withheld) where a chain diverged.
        standard_error: of λ̂, with that of the loss at w*.
        status: the verdict, by the rules of ``llc``.
        claimed: λ̂ as that library computes it, of all chains and draws.
        per_chain: λ̂ of every chain after the burn-in.
        effective_sample_size: of all chains that count.
        r_hat: split R-hat of λ̂ over them.
        burn_in: draws of each chain that were left out here.
        draws: of each chain, all told.
        nbeta: nβ, in units of 1/loss.
        baseline_error: what the error of the loss at w* alone makes of λ̂.
        dead: chains without draws, or whose loss never changes; they are left out.
        diverged: chains with losses that are not finite, or that left the others.
        cautions: what may be wrong with λ̂.
    """

    value: float
    standard_error: float
    status: Status
    claimed: float
    per_chain: tuple[float, ...]
    effective_sample_size: float
    r_hat: float
    burn_in: int
    draws: int
    nbeta: float
    baseline_error: float
    dead: tuple[int, ...] = ()
    diverged: tuple[int, ...] = ()
    cautions: tuple[Caution, ...] = field(default=())

    def __str__(self) -> str:
        shown = (
            "withheld" if math.isnan(self.value) else str(Estimate(self.value, self.standard_error))
        )
        rows = [
            f"λ̂ = {shown}   {self.status}   (the run itself says {self.claimed:.4g})",
            f"  {len(self.per_chain)} chains × {self.draws} draws, the first {self.burn_in} left "
            f"out, nβ = {self.nbeta:.6g}",
            f"  ESS {self.effective_sample_size:.0f}, R-hat {self.r_hat:.3f}, error of the loss at "
            f"w* in units of λ: {self.baseline_error:.2g}",
        ]
        return with_cautions(rows, self.cautions)

    def table(self) -> pandas.DataFrame:
        """A row for every chain.

        Returns:
            ``learning_coefficient`` after the burn-in and what became of the chain, by ``chain``.
        """
        state = ["dead" if c in self.dead else "counts" for c in range(len(self.per_chain))]
        for chain in self.diverged:
            state[chain] = "diverged"
        rows = [
            {"chain": c, "learning_coefficient": value, "state": state[c]}
            for c, value in enumerate(self.per_chain)
        ]
        return frame(rows).set_index("chain")


def from_devinterp(
    run: Any, *, nbeta: float | None = None, init_loss: float | None = None, tolerance: float = 0.05
) -> Audit:
    r"""Judge a run of ``devinterp``: :math:`λ̂ = nβ (\bar L - L(w^*))` of its recorded losses.

    Chains of that library begin at w*, and their first draws count in its λ̂ unless burn-in steps
    were asked for. Here a share of the draws, up to a half, is left out, the smallest after which
    the error of λ̂ (drift included) is nearly the least. Losses of minibatches are compared with a
    loss at w* of other batches, whose error is the same for all chains. It is estimated where the
    losses of single sequences are recorded, and is part of the error of λ̂.

    Args:
        run: the ``DataTree`` of its version 2 or the Zarr folder it wrote; or the dictionary of
            results of version 1, with ``"loss/trace"``.
        nbeta: nβ, where the run does not say it (version 1).
        init_loss: L(w*), where the run does not say it; version 1 writes ``llc-chain/0``, …, from
            which it follows.
        tolerance: relative standard error from which λ̂ is called converged.

    Returns:
        λ̂ with its error and verdict; chains that are dead or diverged are named.

    Raises:
        ValueError: no such run, or one without nβ or a loss at w*; fewer than two chains with 8
            draws.
        FileNotFoundError: the folder does not exist.

    >>> rng = np.random.default_rng(0)
    >>> trace = 1.0 + rng.gamma(2.0, size=(4, 2000)) / 100
    >>> found = from_devinterp({"loss/trace": trace, "init_loss": 1.0}, nbeta=100.0)
    >>> str(found.status), bool(abs(found.value - 2.0) < 4 * found.standard_error < 0.4)
    ('converged', True)
    """
    tolerance = real_number("tolerance", tolerance, above=0, meaning="a positive number")
    found = _read(run)
    used = found.nbeta if nbeta is None else real_number("nbeta", nbeta, above=0, meaning="nβ")
    if used is None:
        raise ValueError("nbeta: the run does not say it; give the nβ that its chains had")
    start = found.init_loss
    if isinstance(run, Mapping) and not np.isfinite(start).any():
        start = _from_claims(run, found.losses, used)
    if init_loss is not None:
        start = np.full(len(found.losses), real_number("init_loss", init_loss))
    if not np.isfinite(start).any():
        raise ValueError("init_loss: the run does not say the loss at w*; give it")
    start = np.where(np.isfinite(start), start, np.nanmean(start))
    return _judged(used * (found.losses - start[:, None]), found, used, tolerance)


def _judged(
    excess: Float[np.ndarray, "chains draws"], found: Recorded, nbeta: float, tolerance: float
) -> Audit:
    chains, draws = excess.shape
    written = ~np.isnan(excess).all(axis=1)
    still = np.isfinite(excess[:, 0]) & (excess == excess[:, :1]).all(axis=1)
    dead = [c for c in range(chains) if not written[c] or still[c]]
    alive = [c for c in range(chains) if c not in dead]
    left = _left(excess, alive)
    with np.errstate(invalid="ignore", over="ignore"):
        claimed = float(excess.mean())
    cautions = _of_lost_chains(dead, left, chains)
    baseline = nbeta * found.init_error
    usable = alive if not left else []
    if draws < FEWEST or len(usable) < 2:
        if not left:
            words = (
                f"{len(usable)} chains of {draws} draws are left; at least 2 of {FEWEST} are needed"
            )
            cautions.append(Caution(Reason.NO_ANSWER, words))
        means = _means(excess, 0)
        nothing = math.nan
        return Audit(
            nothing, nothing, Status.DIVERGED, claimed, means, nothing, nothing, 0, draws, nbeta,
            baseline, tuple(dead), tuple(left), tuple(cautions),
        )  # fmt: skip
    burn_in, seen, doubtful = _without_burn_in(excess[usable])
    spread = math.hypot(error(seen), baseline)
    status = Status.CONVERGED
    if seen.mean < -2 * spread:
        status = Status.NOT_LOCAL_MINIMUM
        words = (
            f"λ̂ is {seen.mean:.3g} ± {spread:.1g}: chains found lower losses than that at w*, "
            "which is not a minimum, or its loss was measured on easier batches"
        )
        cautions.append(Caution(Reason.NOT_A_MINIMUM, words))
    elif doubtful:
        status = Status.DRIFTING
        cautions += [Caution(Reason.POOR_MIXING, f"{why}; run longer") for why in doubtful]
    elif spread > tolerance * abs(seen.mean):
        status = Status.NOISE_LIMITED
        words = f"the standard error {spread:.2g} is above {tolerance:g} of λ̂; run longer"
        cautions.append(Caution(Reason.ABOVE_TOLERANCE, words))
    cautions += _of_the_recipe(seen, claimed, baseline, found, burn_in)
    return Audit(
        value=seen.mean,
        standard_error=spread,
        status=status,
        claimed=claimed,
        per_chain=_means(excess, burn_in),
        effective_sample_size=seen.effective_sample_size,
        r_hat=seen.r_hat,
        burn_in=burn_in,
        draws=draws,
        nbeta=nbeta,
        baseline_error=baseline,
        dead=tuple(dead),
        diverged=(),
        cautions=tuple(cautions),
    )


def _left(excess: Float[np.ndarray, "chains draws"], alive: list[int]) -> list[int]:
    """Chains with numbers that are not finite, or that end far above the others."""
    left = [c for c in alive if not np.isfinite(excess[c]).all()]
    rest = [c for c in alive if c not in left]
    if len(rest) > 2:
        ends = excess[rest, -max(excess.shape[1] // 4, 1) :].mean(axis=1)
        middle = float(np.median(ends))
        spread = 1.5 * float(np.median(np.abs(ends - middle)))
        limit = middle + max(APART * abs(middle), APART * spread)
        left += [c for c, end in zip(rest, ends, strict=True) if end > limit]
    return sorted(left)


def _without_burn_in(
    excess: Float[np.ndarray, "chains draws"],
) -> tuple[int, Mixing, list[str]]:
    """The draws that are left out, what the others say, and why they do not agree.

    Left out is the smallest share after which the error of λ̂ is nearly the least: that error holds
    half of what λ̂ still drifts, and fewer draws have more noise.
    """
    draws, start = excess.shape[1], np.zeros(len(excess))
    firsts = [int(share * draws) for share in BURN_INS]
    tried = [
        (first, mixing(excess[:, first:], start)) for first in firsts if draws - first >= FEWEST
    ]
    allowed = NEARLY * min(error(seen) for _, seen in tried)
    burn_in, seen = next(one for one in tried if error(one[1]) <= allowed)
    # All chains began at w*, so that there is no gap between two kinds of start.
    doubtful = [why for why in doubts(seen) if not why.startswith("no two chains")]
    return burn_in, seen, doubtful


def _of_lost_chains(dead: list[int], left: list[int], chains: int) -> list[Caution]:
    found = []
    if dead:
        words = (
            f"chain {', '.join(map(str, dead))} of {chains} has no draws, or a loss that never "
            "changes: left out"
        )
        found.append(Caution(Reason.UNFINISHED, words))
    if left:
        words = (
            f"chain {', '.join(map(str, left))} of {chains} diverged, so λ̂ is withheld: the "
            f"chains "
            "that are left are a biased choice; take a smaller learning rate or a larger "
            "localization"
        )
        found.append(Caution(Reason.DIVERGED, words))
    return found


def _of_the_recipe(
    seen: Mixing, claimed: float, baseline: float, found: Recorded, burn_in: int
) -> list[Caution]:
    """What no longer run would cure."""
    cautions = [
        Caution(
            Reason.NOT_CHECKED,
            "all chains began at w*: only chains from below show that λ̂ has stopped rising, and "
            "nothing shows whether the steps were short enough",
        )
    ]
    if found.init_error == 0.0:
        words = "the error of the loss at w* is not recorded, and is not part of that of λ̂"
        cautions.append(Caution(Reason.NOT_CHECKED, words))
    elif baseline > 0.03 * abs(seen.mean):
        words = (
            f"the loss at w* was measured on few batches, which costs λ̂ ±{baseline:.2g}, the same "
            "for all chains"
        )
        cautions.append(Caution(Reason.MINIBATCH_NOISE, words))
    if burn_in and not found.burn_in and abs(claimed - seen.mean) > 0.03 * abs(seen.mean):
        words = (
            f"the first draws count in the λ̂ = {claimed:.4g} of the run itself; without the first "
            f"{burn_in} it is {seen.mean:.4g}"
        )
        cautions.append(Caution(Reason.READINGS_DISAGREE, words))
    return cautions


def _means(excess: Float[np.ndarray, "chains draws"], burn_in: int) -> tuple[float, ...]:
    with np.errstate(invalid="ignore", over="ignore"):
        return tuple(float(row[burn_in:].mean()) for row in excess)


def _read(run: Any) -> Recorded:
    """The losses, whatever version wrote them.

    Raises:
        ValueError: no such run.
        FileNotFoundError: the folder does not exist.
    """
    if isinstance(run, str | os.PathLike):
        path = Path(run)
        if not path.exists():
            raise FileNotFoundError(f"run: {path} does not exist; {FORMAT}")
        import xarray as xr

        run = xr.open_datatree(str(path), engine="zarr", consolidated=False)
    if isinstance(run, Mapping) and "loss/trace" in run:
        losses = np.asarray(run["loss/trace"], dtype=np.float64)
        if losses.ndim != 2:
            raise ValueError(
                f"run: 'loss/trace' has shape {losses.shape}; it should be by chain and draw"
            )
        start = np.asarray(run.get("init_loss", math.nan), dtype=np.float64)
        return Recorded(losses, np.broadcast_to(start, len(losses)).copy(), 0.0, None, 0)
    names = getattr(run, "data_vars", {})
    if "sampling_loss" not in names or "init_loss" not in names:
        raise ValueError(f"run: got {type(run).__name__}; {FORMAT}")
    return _of_tree(run)


def _from_claims(
    run: Mapping[str, Any], losses: Float[np.ndarray, "chains draws"], nbeta: float
) -> Float[np.ndarray, " chains"]:
    """The loss at w* that version 1 subtracted from all draws of a chain and does not write down:
    it writes the difference, times nβ.
    """
    claims = [float(run.get(f"llc-chain/{c}", math.nan)) for c in range(len(losses))]
    with np.errstate(invalid="ignore", over="ignore"):
        found: Float[np.ndarray, " chains"] = losses.mean(axis=1) - np.array(claims) / nbeta
    return found


def _of_tree(run: Any) -> Recorded:
    """Version 2: losses by chain, draw, sequence and token."""
    sampling = run["sampling_loss"].transpose("chain", "draw", ...)
    values = np.asarray(sampling.values, dtype=np.float64)
    sequences = values.reshape(*values.shape[:2], values.shape[2], -1).mean(axis=3)
    start = run["init_loss"].transpose("chain", ...)
    init = np.asarray(start.values, dtype=np.float64).reshape(len(values), -1).mean(axis=1)
    settings = dict(run.attrs.get("metadata", {})).get("config", {}).get("sampler", {})
    count = (
        settings.get("num_init_loss_batches", 0)
        * settings.get("batch_size", values.shape[2])
        * settings.get("gradient_accumulation_steps", 1)
    )
    finite = sequences[np.isfinite(sequences).all(axis=2)]
    within = float(np.sqrt(finite.var(axis=1, ddof=1).mean())) if finite.shape[-1] > 1 else 0.0
    nbeta = settings.get("n_beta")
    return Recorded(
        sequences.mean(axis=2),
        init,
        within / math.sqrt(count) if count else 0.0,
        None if nbeta is None else float(nbeta),
        int(settings.get("num_burnin_steps", 0)),
    )

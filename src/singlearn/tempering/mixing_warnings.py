"""Whether the rungs of a ladder mixed."""

from __future__ import annotations

from singlearn.results.caution import Caution, Reason
from singlearn.tempering.decorrelate import POOR_CORRELATION, POOR_STUCK_SHARE
from singlearn.tempering.drift import drifting
from singlearn.tempering.rungs import Rungs


def mixing_warnings(rungs: Rungs) -> list[Caution]:
    """A warning if any rung kept too much of its rank correlation or left too many particles
    unmoved, and one if moves changed the mean energy of a rung.
    """
    return [*_kept(rungs), *_drifted(rungs)]


def _drifted(rungs: Rungs) -> list[Caution]:
    found = drifting(rungs)
    if found is None:
        return []
    where, change = found
    betas = rungs.inverse_temperature[where]
    return [
        Caution(
            Reason.POOR_MIXING,
            f"the energies of {len(betas)} of {len(rungs)} rungs (β = {betas.min():.3g} … "
            f"{betas.max():.3g}) {'fell' if change < 0 else 'rose'} while particles moved, by "
            f"{abs(change):.1f} standard errors where moves in equilibrium change nothing: the "
            "posterior has a part that particles reach slowly (the neck of a funnel), and F, E and "
            "C lack some of it; raise particles and target_ess, or use other coordinates "
            "(a non-centred parameter)",
        )
    ]


def _kept(rungs: Rungs) -> list[Caution]:
    poor = (rungs.rank_correlation > POOR_CORRELATION) | (rungs.stuck_share > POOR_STUCK_SHARE)
    if not poor.any():
        return []
    betas = rungs.inverse_temperature[poor]
    return [
        Caution(
            Reason.POOR_MIXING,
            f"{int(poor.sum())} of {len(rungs)} rungs (β = {betas.min():.3g} … {betas.max():.3g}) "
            f"kept up to "
            f"{rungs.rank_correlation[poor].max():.2f} of their rank correlation, or left up to "
            f"{rungs.stuck_share[poor].max():.0%} of particles unmoved",
        )
    ]

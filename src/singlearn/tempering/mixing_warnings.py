"""Whether the rungs of a ladder mixed."""

from __future__ import annotations

from singlearn.results.caution import Caution, Reason
from singlearn.tempering.decorrelate import POOR_CORRELATION, POOR_STUCK_SHARE
from singlearn.tempering.rungs import Rungs


def mixing_warnings(rungs: Rungs) -> list[Caution]:
    """One warning if any rung kept too much of its rank correlation or left too many particles
    unmoved.
    """
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

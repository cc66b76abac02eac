"""The table of ratios, and when a ratio may be printed at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cell import error_of_independent_draws

from singlearn.results.estimate import Estimate

# Split R-hat above this: the chains have not seen the same distribution.
AGREEMENT = 1.05


@dataclass(frozen=True)
class Rival:
    """What a rival reached in the time it was given.

    ``fixed`` seconds (compilation, warm-up) are paid once; ``sampling`` seconds bought ``slope``'s
    standard error.
    """

    name: str
    slope: Estimate
    fixed: float
    sampling: float
    worst_rhat: float
    smallest_ess: float
    draws: int

    def seconds_to(self, standard_error: float) -> float:
        """Fixed cost, and sampling time scaled as 1/error²."""
        return self.fixed + self.sampling * (self.slope.standard_error / standard_error) ** 2


def compare(work: str, ours: Estimate, cold: float, warm: float, rival: Rival) -> None:
    """Print the table, with and without our compilation, and under it what it rests on."""
    trusted = math.isfinite(rival.worst_rhat) and rival.worst_rhat < AGREEMENT
    target = ours.standard_error
    needed = rival.seconds_to(target)
    same = abs(ours.value - rival.slope.value) < 4 * math.hypot(target, rival.slope.standard_error)
    verdict = f"{ours} / {rival.slope}: {'within' if same else 'beyond'} 4 s.e."
    spent = f"{rival.fixed + rival.sampling:.0f} s for ± {rival.slope.standard_error:.2g}"
    print(f"{'work':<34}{'ours':>9}  {rival.name:>14}  {'ratio':>8}  same answer?")
    for label, seconds in ((f"{work}, compiling", cold), (f"{work}, compiled", warm)):
        theirs, ratio = (
            (f"{needed:.0f} s", f"{needed / seconds:.1f}x") if trusted else ("no figure", "none")
        )
        print(f"{label:<34}{seconds:>7.1f} s  {theirs:>14}  {ratio:>8}  {verdict}")
    print(
        f"  {rival.name}: {spent}, {rival.draws} draws a β, smallest effective sample size "
        f"{rival.smallest_ess:.0f}, "
        f"worst R-hat {rival.worst_rhat:.2f}"
    )
    if trusted:
        print(
            f"  its time for ± {target:.2g} is extrapolated: {rival.fixed:.0f} s warm-up and "
            f"compilation, once, and "
            f"{rival.sampling:.0f} s × ({rival.slope.standard_error:.2g}/{target:.2g})²"
        )
    else:
        print(
            f"  no ratio: its chains disagree (R-hat {rival.worst_rhat:.2f} > {AGREEMENT}), so its "
            f"standard error does not hold "
            "and neither would an extrapolation from it"
        )
    # Draws of a chain are hardly ever worth more than as many independent ones of the energy: a
    # lower bound that rests on no R-hat.
    independent = error_of_independent_draws(ours.value, rival.draws)
    bound = rival.fixed + rival.sampling * (independent / target) ** 2
    print(
        f"  if each of its {rival.draws} draws a β were independent (± {independent:.2g}): "
        f"{bound:.0f} s, {bound / cold:.0f}x ours with "
        f"compilation, {bound / warm:.0f}x without"
    )

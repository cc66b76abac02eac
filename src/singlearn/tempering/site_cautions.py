"""What is to be known of the sites of a NumPyro model before its numbers are used."""

from __future__ import annotations

from singlearn.results.caution import Caution, Reason
from singlearn.triple.sites import Sites


def event_cautions(sites: Sites) -> list[Caution]:
    """What to know where all data are one observation of many numbers."""
    kept = [site for site in sites.observed if site.size]
    if len(kept) != 1 or kept[0].size != 1 or kept[0].numbers == 1:
        return []
    site = kept[0]
    return [
        Caution(
            Reason.ONE_OBSERVATION,
            f"site {site.name!r} is one event of {site.numbers} numbers (to_event, or a "
            f"distribution of vectors), so that n = 1 "
            "observation: F is right, but WBIC, BIC, λ̂, WAIC and LOO need many; where the numbers "
            "are independent given the "
            "parameters, leave out to_event",
        )
    ]


def imputed_cautions(sites: Sites, dimension: int) -> list[Caution]:
    """What to know where coordinates stand for values that were not observed."""
    if not sites.imputed:
        return []
    count = sum(sites.imputed.values())
    names = ", ".join(f"{name!r}" for name in sites.imputed)
    return [
        Caution(
            Reason.IMPUTED_OBSERVATIONS,
            f"{count} of d = {dimension} dimensions are unobserved values that obs_mask imputes "
            f"({names}): n does not count "
            "them and F integrates over them, but BIC charges ½ log n for each as for a parameter; "
            "compare models by F",
        )
    ]

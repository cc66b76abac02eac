"""Samplers that the benchmark knows how to run, one a file; each needs its own package."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from singlearn.benchmark.scoring import Sampler

ADAPTERS: Mapping[str, str] = MappingProxyType(
    {
        "temper": "singlearn",
        "local-llc": "singlearn",
        "numpyro-nuts": "numpyro",
        "blackjax-smc": "blackjax",
        "blackjax-nested-slice": "blackjax",
        "dynesty": "dynesty",
        "nautilus": "nautilus-sampler",
        "pocomc": "pocomc",
        "pymc-smc": "pymc",
        "reddemcee": "reddemcee",
    }
)
"""Names, and the package that each needs."""


def adapter(name: str) -> Sampler:
    """The sampler of a name: ``sample(problem, budget, seed)``.

    Args:
        name: one of :data:`ADAPTERS`.

    Returns:
        The function; it imports its package when it runs.

    Raises:
        ValueError: an unknown name.

    >>> adapter("temper").__module__
    'singlearn.benchmark.adapters.temper_adapter'
    """
    if name not in ADAPTERS:
        raise ValueError(f"sampler: got {name!r}; it should be one of {', '.join(ADAPTERS)}")
    module = f"singlearn.benchmark.adapters.{name.replace('-', '_')}_adapter"
    sampler: Sampler = import_module(module).sample
    return sampler

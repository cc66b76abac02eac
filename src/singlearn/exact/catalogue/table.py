"""The catalogue as a table: every formula, what it needs, on what conditions it holds, and who
proved it.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from singlearn.exact.catalogue.deep_linear import deep_linear
from singlearn.exact.catalogue.gaussian_mixture import gaussian_location_mixture
from singlearn.exact.catalogue.hidden_markov import hidden_markov_binary
from singlearn.exact.catalogue.matrix_factorisation import (
    latent_dirichlet_allocation,
    nonnegative_factorisation,
    nonnegative_factorisation_zero_truth,
)
from singlearn.exact.catalogue.naive_bayes import naive_bayes
from singlearn.exact.catalogue.one_factor import one_factor
from singlearn.exact.catalogue.poisson_mixture import poisson_mixture
from singlearn.exact.catalogue.reduced_rank import reduced_rank, reduced_rank_local
from singlearn.exact.catalogue.relu_network import relu_phase, relu_two_layer
from singlearn.exact.catalogue.tanh_network import tanh_one_true_node, tanh_zero_truth, vandermonde
from singlearn.exact.coefficient import ExactCoefficient
from singlearn.results.result import Answer


@dataclass(frozen=True)
class Entry(Answer):
    """One formula of the catalogue.

    Attributes:
        model: what λ belongs to, in one line.
        formula: λ and m in one line; by cases where the function's documentation has them.
        reference: keys of docs/references.bib; empty where the proof is this project's own.
        function: ``function(**arguments)`` gives the coefficient, or refuses.
        example: arguments inside the conditions.
    """

    model: str
    formula: str
    reference: tuple[str, ...]
    function: Callable[..., ExactCoefficient]
    example: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As the command line writes it."""
        return self.function.__name__.replace("_", "-")

    @property
    def arguments(self) -> tuple[str, ...]:
        """Names of the function's arguments, in order."""
        return tuple(inspect.signature(self.function).parameters)

    def to_dict(self) -> dict[str, Any]:
        """The row for machines; ``value`` is λ of the example, as a fraction in words."""
        found = self.function(**self.example)
        return {
            "name": self.name,
            "model": self.model,
            "formula": self.formula,
            "arguments": list(self.arguments),
            "example": dict(self.example),
            "value": str(found.value),
            "multiplicity": found.multiplicity,
            "status": found.status,
            "source": found.source,
            "reference": list(self.reference),
            "conditions": found.conditions,
        }

    def __str__(self) -> str:
        row = self.to_dict()
        return (
            f"{self.name}  ({', '.join(self.arguments)})\n    {self.model}\n    {self.formula}\n"
            f"    {row['status']}: {row['source']}\n    if: {row['conditions']}"
        )


@dataclass(frozen=True)
class CatalogueTable(Answer, Mapping[str, Entry]):
    """The formulas by name; ``print`` it for a list, ``details`` has formulas and conditions,
    ``rows`` is for machines.
    """

    entries: tuple[Entry, ...]

    def __getitem__(self, name: str) -> Entry:
        for entry in self.entries:
            if entry.name == name:
                return entry
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return (entry.name for entry in self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary per formula, of strings, numbers and lists."""
        return [entry.to_dict() for entry in self.entries]

    def to_dict(self) -> dict[str, Any]:
        """The rows, for machines."""
        return {"formulas": self.rows()}

    def details(self) -> str:
        """Every formula with its conditions and source."""
        return "\n\n".join(str(entry) for entry in self.entries)

    def __str__(self) -> str:
        width = max(map(len, self))
        lines = [f"{entry.name:<{width}}  {entry.model}" for entry in self.entries]
        return "\n".join(line if len(line) <= 110 else f"{line[:109]}…" for line in lines)


def table() -> CatalogueTable:
    """Every formula of the catalogue, with its conditions and references.

    Returns:
        The formulas by name.

    >>> "reduced-rank" in table(), table().rows()[0]["value"]
    (True, '2')
    >>> print(table()["poisson-mixture"])
    poisson-mixture  (components, true_components)
        mixture of K Poisson distributions, truth with K₀
        λ = (3K₀ + K - 2)/4, m = 1
        proved: Sato & Watanabe 2019
        if: weights uniform on the simplex; true rates positive and distinct, true weights
        positive; ...
    """
    return CatalogueTable(_ENTRIES)


_ENTRIES = (
    Entry(
        "reduced rank regression y = BAx + noise, true map of rank r",
        "λ = [-(H+r)² - M² - N² + 2(H+r)(M+N) + 2MN (+1, m = 2 if M+N+H+r odd)]/8, or by three "
        "other cases",
        ("aoyagi2005reduced",),
        reduced_rank,
        {"inputs": 2, "outputs": 2, "hidden": 2, "rank": 1},
    ),
    Entry(
        "the same at one true parameter, with a = rank A, b = rank B, r = rank BA",
        "λ = (aN + bM - ab)/2 + λ of reduced-rank with M-a inputs, N-b outputs, H-a-b+r hidden "
        "units, true rank 0",
        ("aoyagi2005reduced",),
        reduced_rank_local,
        {"inputs": 2, "outputs": 2, "hidden": 2, "rank": 0, "first_rank": 1, "second_rank": 1},
    ),
    Entry(
        "deep linear network y = W_L ⋯ W_1 x + noise, true map of rank r",
        "by the widths that bind (see the function); for two matrices reduced-rank",
        ("aoyagi2024deep",),
        deep_linear,
        {"widths": [4, 3, 2, 3, 4], "rank": 1},
    ),
    Entry(
        "tanh network of H nodes, one input, one output, true function zero",
        "λ = (h² + h + H)/(4h + 2), h = ⌊√H⌋; m = 2 if H = h², else 1",
        ("aoyagi2005layered", "watanabe2009algebraic"),
        tanh_zero_truth,
        {"hidden": 4},
    ),
    Entry(
        "tanh network of two nodes, one input, one output, truth one node; as a whole or by phase",
        "λ = 5/4 where the nodes merge, 3/2 where one is idle (m = 2 where both its weights are 0)",
        (),
        tanh_one_true_node,
        {"phase": "any"},
    ),
    Entry(
        "Vandermonde type singularity Σ_n (Σ_j a_j b_j^(1+Qn))², terms of either sign",
        "λ = (2H + Q h(h+1))/(4(1 + Qh)), h the largest i with 2i + Q i(i-1) ≤ 2H; m = 2 if equal, "
        "else 1",
        ("aoyagi2010vandermonde",),
        vandermonde,
        {"terms": 4, "step": 1},
    ),
    Entry(
        "mixture of H Gaussians of known covariance in D dimensions, weights Dirichlet(α), truth "
        "with H₀",
        "λ = (H₀(D + 1) - 1)/2 + (H - H₀) min(α/2, D/4), m = 1 + (H - H₀)[α = D/2]",
        ("yamazaki2003mixture", "rousseau2011asymptotic"),
        gaussian_location_mixture,
        {"components": 4, "true_components": 1, "dimension": 1, "concentration": 1},
    ),
    Entry(
        "mixture of K Poisson distributions, truth with K₀",
        "λ = (3K₀ + K - 2)/4, m = 1",
        ("sato2019poisson",),
        poisson_mixture,
        {"components": 3, "true_components": 1},
    ),
    Entry(
        "factor analysis with one factor, p variables, by the number of nonzero true loadings",
        "λ = p (three or more), (2p - 1)/2 (two), 3p/4 (none or one; m = 2 for p = 2)",
        ("drton2025singular",),
        one_factor,
        {"variables": 4, "nonzero_loadings": 0},
    ),
    Entry(
        "naive Bayes (latent class model) with two classes and n binary features",
        "generic truth (2n + 1)/2; one linked pair (2n - 1)/2; independent (n + 1)/2 for n ≥ 3, "
        "3/2 with m = 3 for n = 2",
        ("rusakov2005naive", "zwiernik2011tree"),
        naive_bayes,
        {"features": 3, "truth": "independent"},
    ),
    Entry(
        "non-negative matrix factorisation XY, X of M × H, Y of H × N, true matrix of rank r",
        "λ, m = reduced-rank(M, N, H, r)",
        ("hayashi2017nmf", "aoyagi2005reduced"),
        nonnegative_factorisation,
        {"rows": 4, "columns": 5, "hidden": 3, "rank": 2},
    ),
    Entry(
        "the same, true matrix zero",
        "λ = H min(M, N)/2, m = H + 1 if M = N, else 1",
        ("hayashi2017nmf",),
        nonnegative_factorisation_zero_truth,
        {"rows": 3, "columns": 3, "hidden": 2},
    ),
    Entry(
        "latent Dirichlet allocation: M words, N documents, H topics, r true topics",
        "λ = (M - 1)/2 + λ of reduced-rank(M-1, N-1, H-1, r-1), same m",
        ("hayashi2021lda",),
        latent_dirichlet_allocation,
        {"vocabulary": 10, "documents": 20, "topics": 5, "true_topics": 2},
    ),
    Entry(
        "hidden Markov model, two states, binary emissions, sequences of length T, truth "
        "independent",
        "λ = 3/4, m = 1 for T ≥ 2",
        ("yamazaki2005hidden",),
        hidden_markov_binary,
        {"length": 4},
    ),
    Entry(
        "two-layer ReLU network with N inputs and M outputs, truth with d kinks, any width ≥ d",
        "λ = (d(N + M) + M)/2, m = 1 (volume exponent)",
        (),
        relu_two_layer,
        {"inputs": 2, "outputs": 1, "kinks": 3},
    ),
    Entry(
        "the same with one node too many, by what that node does",
        "λ = (d(N + 1) + 1)/2 plus 0 (dead), 1/2 (q = 0), N/2 (w = 0), N/3 (shared boundary), …",
        (),
        relu_phase,
        {"inputs": 1, "kinks": 1, "phase": "shared_boundary"},
    ),
)

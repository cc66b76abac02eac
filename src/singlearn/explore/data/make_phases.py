"""Writes ``phases.json``: shares and free energies of phases against nβ, measured by the library
with fixed seeds.

Run ``python -m singlearn.explore.data.make_phases`` (under five minutes of processor time). Four
sets: a two-layer ReLU network with one node too many, and Table 2 of Wei et al. 2022 for the truths
s_3, s_4 and s_5, whose all-dead phase is known in closed form.
"""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.exact import catalogue
from singlearn.experiments.carroll2021 import degenerate_node
from singlearn.experiments.carroll2021.relu_chart import from_inside, near
from singlearn.experiments.carroll2021.relu_laplace import (
    constant_fit,
    dead_free_energy,
    laplace_free_energy,
)
from singlearn.experiments.wei2022 import table2_explained
from singlearn.experiments.wei2022.table2 import HIDDEN, KINKS, PRIOR_SCALE, SAMPLES
from singlearn.experiments.wei2022.table2_cell import PUBLISHED
from singlearn.experiments.wei2022.table2_truth import BETA, ordered_free_energy, pieces
from singlearn.models import star_truth, two_layer_population
from singlearn.results.estimate import Estimate
from singlearn.tempering import temper

PLACE = Path(__file__).with_name("phases.json")
SEED = 0
PARTICLES = 128
NODE_SIZES = [10.0 ** (k / 4) for k in range(4, 29)]
"""nβ of the first set: from 10 to 10⁷, four to a decade."""
TABLE_SIZES = [10.0 ** (k / 8) for k in range(8, 65)]
"""nβ of Table 2: from 10 to 10⁸, eight to a decade."""
INSIDE_PARTICLES = 64
MEASURED_AT = (SAMPLES * BETA, 1e3, 1e4, 1e6)
SPARE = {
    "dead": ("the spare node is dead on [−1, 1]", "3/2"),
    "q = 0": ("the spare node has q = 0", "2"),
    "always active": ("the spare node is active everywhere", None),
    "shared boundary": ("both nodes share the kink, equal orientation", "11/6"),
    "opposite pair": ("both nodes share the kink, opposite orientations", None),
    "two kinks apart": ("each node has a kink of its own", None),
    "no kink in use": ("no node has its kink on [−1, 1]", None),
}
"""Words and the exact local exponent of each phase, where it is proved."""


def digits(number: float | None, places: int = 6) -> float | None:
    """Rounded to significant digits, so that the file stays small."""
    return None if number is None or not math.isfinite(number) else float(f"{number:.{places}g}")


def columns(estimates: list[Estimate | None]) -> dict[str, list[float | None]]:
    """Values and standard errors."""
    return {
        "value": [None if e is None else digits(e.value) for e in estimates],
        "error": [None if e is None else digits(e.standard_error, 2) for e in estimates],
    }


def one_node_too_many() -> dict[str, Any]:
    """One run over all nβ; the free energy of a phase is F - log of its share."""
    triple = two_layer_population(2, degenerate_node.one_node(1), [(-1.0, 1.0)])
    run = temper(
        triple, NODE_SIZES[-1], particles=PARTICLES, replicates=8, seed=SEED, progress=False
    )
    labelled = run.phases(degenerate_node.role_of_the_spare(1))
    phases = []
    for code, name in enumerate(degenerate_node.PHASES):
        readings = [labelled.reading(code, n) for n in NODE_SIZES]
        words, exact = SPARE[name]
        phases.append(
            {
                "id": name,
                "words": words,
                "lambda": exact,
                "share": columns([r.occupancy for r in readings]),
                "share_below": [
                    digits(r.largest_occupancy, 2) if r.occupancy is None else None
                    for r in readings
                ],
                "F": columns([r.free_energy for r in readings]),
                "E": columns([r.energy for r in readings]),
                "C": columns([r.heat_capacity for r in readings]),
            }
        )
    return {
        "id": "one-node-too-many",
        "title": "One node too many",
        "words": "Two hidden nodes learn ReLU(x − 0.2) on [−1, 1]; prior N(0, 1). What does the "
        "spare node do?",
        "axis": "nβ",
        "n": [digits(n) for n in NODE_SIZES],
        "phases": phases,
        "method": f"tempered run, {PARTICLES} particles, 8 populations; F of a phase is F - log "
        f"share",
        "warnings": [f"{w.reason}: {w.message}" for w in run.energy_cautions],
        "seed": SEED,
    }


def table2(kinks: int) -> dict[str, Any]:
    """The all-dead phase in closed form; the phase at W_0 by Laplace's method, corrected by runs
    from inside.
    """
    truth = star_truth(kinks, kinks)
    crossing = table2_explained.find_crossing(kinks, ()).value
    sizes = sorted([*MEASURED_AT, crossing])
    inside = near(truth)
    cold = tuple(
        from_inside(truth, truth, inside, x, PRIOR_SCALE, INSIDE_PARTICLES, SEED + i, f"s_{kinks}")
        for i, x in enumerate(sizes)
    )
    mean, divergence = constant_fit(truth)
    ordered = ordered_free_energy(kinks, cold)
    found = table2_explained.find_crossing(kinks, cold)
    dead = [dead_free_energy(x, mean, divergence, HIDDEN, PRIOR_SCALE) for x in TABLE_SIZES]
    count = pieces(kinks, 1.0)
    measured = [
        {
            "n": digits(run.n_beta),
            "F": digits(run.free_energy.value - count),
            "error": digits(run.free_energy.standard_error, 2),
            "E": digits(run.energy.value),
            "C": digits(run.heat_capacity.value, 4),
            "warnings": list(run.warnings),
        }
        for run in cold
    ]
    return {
        "id": f"table2-s{kinks}",
        "title": f"Table 2, truth s_{kinks}",
        "words": f"Width {HIDDEN}, prior N(0, {PRIOR_SCALE:g}²), two inputs on [−1, 1]². At the "
        f"paper's "
        f"nβ = {MEASURED_AT[0]:.0f} the phase whose hidden nodes are all dead wins, and the "
        f"published "
        f"λ̂ = {PUBLISHED[kinks, 'relu'][0]:.3f} is that of a constant, 1/2.",
        "axis": "nβ",
        "n": [digits(x) for x in TABLE_SIZES],
        "phases": [
            {
                "id": "all dead",
                "words": "every hidden node is dead on the square",
                "lambda": "1/2",
                "K": digits(divergence, 10),
                "F": {"value": [digits(f, 8) for f in dead]},
                "how": "closed form",
                "hidden": HIDDEN,
                "scale": PRIOR_SCALE,
                "mean": digits(mean, 10),
            },
            {
                "id": "at W_0",
                "words": "the true parameters: every kink of the truth has its node",
                "lambda": str(catalogue.relu_two_layer(2, 1, kinks).value),
                "K": 0.0,
                "F": {"value": [digits(ordered(x), 8) for x in TABLE_SIZES]},
                "laplace_at_one": digits(laplace_free_energy(1.0, truth, PRIOR_SCALE) - count, 10),
                "measured": measured,
                "how": "Laplace's method, corrected by local runs from inside",
            },
        ],
        "crossing": {"n": digits(found.value), "error": digits(found.standard_error, 2)},
        "paper": {"n": SAMPLES * BETA, "published": PUBLISHED[kinks, "relu"][0]},
        "method": f"{INSIDE_PARTICLES} particles, 4 populations at each measured nβ; dead excess "
        f"nodes are counted, live ones are not",
        "seed": SEED,
    }


def main() -> None:
    """Write the file."""
    started = time.process_time()
    sets = [one_node_too_many()]
    print(f"one node too many: {time.process_time() - started:.0f} s")
    for kinks in KINKS:
        sets.append(table2(kinks))
        print(f"s_{kinks}: {time.process_time() - started:.0f} s, {sets[-1]['crossing']}")
    made = {
        "format": "singlearn explore phases 1",
        "made_by": "python -m singlearn.explore.data.make_phases",
        "sets": sets,
    }
    PLACE.write_text(
        json.dumps(made, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8"
    )
    print(f"{PLACE.name}: {PLACE.stat().st_size} bytes; nβ up to {np.max(NODE_SIZES):g}")


if __name__ == "__main__":
    main()

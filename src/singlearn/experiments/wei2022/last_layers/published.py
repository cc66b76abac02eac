"""What the paper prints: slope and R² of E G(n) against 1/n, Tables 1, 3 and 4 of Wei et al.
[wei2022deep]_; for Table 5 what the authors released.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from singlearn.experiments.wei2022.last_layers.cell import LastLayersCell
from singlearn.experiments.wei2022.last_layers.methods import METHODS

_NONE = (math.nan, math.nan)
_INFINITE = (math.inf, math.nan)
# By table, then (layers of g, ReLU in h), in the order of METHODS.
_TABLES: Mapping[int, Mapping[tuple[int, bool], tuple[tuple[float, float], ...]]] = {
    1: {
        (1, False): (
            (9.709027, 0.966124),
            (6.410380, 0.988921),
            _INFINITE,
            (2154.989266, 0.801077),
            (10.714216, 0.951051),
        ),
        (5, False): (
            (1.286290, 0.985161),
            (1.298504, 0.982298),
            _INFINITE,
            (2038.605589, 0.803736),
            (1.437473, 0.983411),
        ),
        (1, True): (
            (3.117187, 0.977313),
            (3.152710, 0.980132),
            _INFINITE,
            (1120.648298, 0.742412),
            (5.343311, 0.972212),
        ),
        (5, True): (
            (0.835593, 0.957824),
            (1.466273, 0.920716),
            _INFINITE,
            (1416.294288, 0.808991),
            (1.981483, 0.889519),
        ),
    },
    3: {
        (1, False): (
            (36.721594, 0.992839),
            (20.676920, 0.983695),
            _INFINITE,
            (1768.655088, 0.838035),
            _INFINITE,
        ),
        (5, False): (
            (13.729278, 0.924049),
            (9.170642, 0.945613),
            _INFINITE,
            (1943.793236, 0.794679),
            (14.123308, 0.917502),
        ),
        (1, True): (
            (22.175448, 0.975450),
            (10.675455, 0.968584),
            _INFINITE,
            _INFINITE,
            (35.647464, 0.983284),
        ),
        (5, True): (
            (4.652483, 0.922693),
            (3.533366, 0.862125),
            _INFINITE,
            (1004.852367, 0.901899),
            (6.256696, 0.940437),
        ),
    },
    4: {
        (1, False): (
            (11.086023, 0.969991),
            (7.377871, 0.957824),
            _NONE,
            (30.692954, 0.029238),
            (12.947959, 0.970173),
        ),
        (5, False): (
            (0.808601, 0.144260),
            (0.799114, 0.127686),
            _NONE,
            (-33.817429, 0.009074),
            (1.204743, 0.242671),
        ),
        (1, True): (
            (5.987187, 0.848490),
            (5.384686, 0.801313),
            _NONE,
            (38.629167, 0.059012),
            (8.560722, 0.816794),
        ),
        (5, True): (
            (0.794055, 0.088305),
            (1.141580, 0.162585),
            _NONE,
            (-5.682602, 0.000365),
            (1.648073, 0.284088),
        ),
    },
    # The paper prints Table 4 here. These are the slopes of the authors' released results; where
    # errors are infinite or undefined they have none, and R² they do not give.
    5: {
        (1, False): ((34.06, math.nan), (17.44, math.nan), _NONE, (230.96, math.nan), _NONE),
        (5, False): (
            (17.38, math.nan),
            (12.39, math.nan),
            _NONE,
            (275.38, math.nan),
            (19.09, math.nan),
        ),
        (1, True): ((22.72, math.nan), (11.08, math.nan), _NONE, _NONE, _NONE),
        (5, True): ((5.88, math.nan), (4.20, math.nan), _NONE, _NONE, (7.66, math.nan)),
    },
}


def published(cell: LastLayersCell, method: str) -> tuple[float, float]:
    """Slope and R² of the paper; infinite or not a number where the paper prints that.

    Table 5 of the paper (minibatches, not realisable) repeats Table 4 to the last digit, though its
    training is another: Table 4 was printed twice. In its place stand the slopes of the authors'
    released results, which agree with the other tables to every printed digit.

    Args:
        cell: of the experiment.
        method: one of ``METHODS``.

    Returns:
        Slope and R²; not a number where there is none.
    """
    return _TABLES[cell.table][cell.layers, cell.relu][METHODS.index(method)]

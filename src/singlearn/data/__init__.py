"""Small public data sets; README.md beside them names their sources."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from jaxtyping import Float

__all__ = ["fitness", "galaxies"]


def galaxies() -> Float[np.ndarray, " 82"]:
    """Velocities of 82 galaxies in the Corona Borealis region, in 1000 km/s, increasing.

    Postman, Huchra & Geller 1986 [postman1986probes]_, as tabulated by Roeder 1990
    [roeder1990density]_.

    Returns:
        The velocities in 1000 km/s, increasing, of shape (82,).

    >>> velocities = galaxies()
    >>> len(velocities), float(velocities[0]), float(velocities[-1])
    (82, 9.172, 34.279)
    """
    text = files("singlearn.data").joinpath("galaxies.csv").read_text(encoding="utf-8")
    return np.array([float(line) for line in text.split()[1:]]) / 1000


def fitness() -> tuple[Float[np.ndarray, "20 3"], Float[np.ndarray, "20 3"]]:
    """Exercise (chins, sit-ups, jumps) and physiology (weight in pounds, waist in inches, pulse in
    beats per minute) of 20 men of a fitness club.

    A. C. Linnerud's data, as tabulated by Tenenhaus 1998 [tenenhaus1998regression]_; the usual
    example of canonical correlation.

    Returns:
        Exercise and physiology, one man per row, each of shape (20, 3), in the units named above.

    >>> exercise, physiology = fitness()
    >>> exercise[0].tolist(), physiology[0].tolist()
    ([5.0, 162.0, 60.0], [191.0, 36.0, 50.0])
    """
    text = files("singlearn.data").joinpath("fitness.csv").read_text(encoding="utf-8")
    table = np.array([[float(cell) for cell in line.split(",")] for line in text.split()[1:]])
    return table[:, 3:], table[:, :3]

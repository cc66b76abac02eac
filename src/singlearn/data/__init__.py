"""Small public data sets; README.md beside them names their sources."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
from jaxtyping import Float


def galaxies() -> Float[np.ndarray, " 82"]:
    """Velocities of 82 galaxies in the Corona Borealis region, in 1000 km/s, increasing.

    Postman, Huchra & Geller 1986 [postman1986probes]_, as tabulated by Roeder 1990 [roeder1990density]_.

    >>> velocities = galaxies()
    >>> len(velocities), float(velocities[0]), float(velocities[-1])
    (82, 9.172, 34.279)
    """
    text = files("singlearn.data").joinpath("galaxies.csv").read_text(encoding="utf-8")
    return np.array([float(line) for line in text.split()[1:]]) / 1000

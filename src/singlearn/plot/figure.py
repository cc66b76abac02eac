"""A figure that shows itself in a notebook."""

from __future__ import annotations

import io

from matplotlib.figure import Figure as PlainFigure


class Figure(PlainFigure):
    """A matplotlib figure that pyplot does not know of, so that it is shown once: as the last value
    of a cell.

    Under ``%matplotlib inline`` IPython has its own way to show figures and uses that; elsewhere it
    asks ``_repr_png_``.

    >>> Figure()._repr_png_()[1:4]
    b'PNG'
    """

    def _repr_png_(self) -> bytes:
        """The picture as a PNG, for IPython."""
        picture = io.BytesIO()
        self.savefig(picture, format="png", bbox_inches="tight")
        return picture.getvalue()

"""A selection as a table of LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence

from singlearn.selection.candidate import Candidate

HEADS = ("$K$", "$F$", "$P(K)$", "WBIC", "WAIC", "LOO", "BIC", r"$\hat\lambda$", "$d/2$")
UNITS = ("", "nats", "", "nats", "nats", "nats", "nats", "", "")


def to_latex(candidates: Sequence[Candidate], best: Candidate) -> str:
    r"""The table with errors in brackets, which count the last digits: 246.14(5) is 246.14 ± 0.05.

    Args:
        candidates: in the order of K.
        best: the one whose row is bold.

    Returns:
        A ``tabular`` with the rules of the package booktabs; the best model's row is bold. What is
        not known is a dash.
    """
    rows = []
    for c in candidates:
        cells = [
            str(c.size),
            bracketed(c.free_energy),
            bracketed(c.probability),
            bracketed(c.wbic),
            bracketed(c.waic),
            bracketed(c.loo),
            f"{c.bic:.2f}",
            bracketed(c.learning_coefficient),
            f"{c.half_dimension:g}",
        ]
        if c is best:
            cells = [rf"\textbf{{{cell}}}" for cell in cells]
        rows.append(" & ".join(cells) + r" \\")
    lines = [
        rf"\begin{{tabular}}{{{'r' * len(HEADS)}}}",
        r"\toprule",
        " & ".join(HEADS) + r" \\",
        " & ".join(f"[{unit}]" if unit else "" for unit in UNITS) + r" \\",
        r"\midrule",
        *rows,
        r"\bottomrule",
        r"\end{tabular}",
    ]
    return "\n".join(lines)


def bracketed(reading: object) -> str:
    """A number with the error of its last digits in brackets.

    >>> from singlearn.results.estimate import Estimate
    >>> bracketed(Estimate(246.138, 0.052)), bracketed(Estimate(246.1, 31.0)), bracketed(None)
    ('246.14(5)', '250(30)', '--')
    """
    if reading is None:
        return "--"
    value, error = float(reading.value), float(reading.standard_error)  # type: ignore[attr-defined]
    if not (math.isfinite(error) and error > 0):
        return f"{value:.2f}"
    decimals = -math.floor(math.log10(error))
    digit = round(error * 10.0**decimals)
    if digit == 10:
        decimals, digit = decimals - 1, 1
    if decimals > 8:
        return f"{value:.8f}"
    return f"{round(value, decimals):.{max(decimals, 0)}f}({digit * 10 ** max(-decimals, 0)})"

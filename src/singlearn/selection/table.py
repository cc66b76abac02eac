"""A selection as a table for people."""

from __future__ import annotations

import math
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import Literal

from singlearn.results.estimate import Estimate
from singlearn.selection.selection import CRITERIA, Candidate, Difference, Selection

WIDTH = 110


def table(selection: Selection) -> str:
    """Numbers line up, errors beside values, a unit wherever there is one, warnings in words
    beneath.
    """
    candidates = selection.candidates
    columns = [
        ("K", "", [str(c.size) for c in candidates]),
        ("F = −log evidence", "nats", estimates([c.free_energy for c in candidates])),
        ("P(K)", "", shares([c.probability for c in candidates])),
        ("WBIC", "nats", estimates([c.wbic for c in candidates])),
        ("BIC", "nats", _right([f"{c.bic:.2f}" for c in candidates])),
        ("λ̂", "", estimates([c.learning_coefficient for c in candidates])),
        ("d/2", "", _right([f"{c.half_dimension:.1f}" for c in candidates])),
        (
            "note",
            "",
            [", ".join(dict.fromkeys(str(w.reason) for w in c.warnings)) for c in candidates],
        ),
    ]
    head = selection.name + (f"  {selection.description}" if selection.description else "")
    lines = [
        head,
        "",
        *aligned(columns),
        "",
        *_wrapped(verdict(selection)),
        *out_of_sample(selection),
    ]
    sentences = [f"K = {c.size}: {w}" for c in candidates for w in c.warnings]
    sentences += [f"K = {c.size}: λ̂ is not read: {c.not_read}" for c in candidates if c.not_read]
    at_mode = ", ".join(f"K = {c.size}" for c in candidates if not c.is_likelihood_maximum)
    if at_mode:
        sentences.append(
            f"{at_mode}: BIC stands at the lowest energy met, for no maximum of the likelihood was "
            "reached"
        )
    spikes = ", ".join(
        f"{c.spike_height:.1f} nats (K = {c.size})" for c in candidates if c.spike_height > 0
    )
    if spikes:
        sentences.append(
            "BIC leaves out maxima of the likelihood that the prior all but forbids, a component "
            "on a few observations, say; "
            f"higher ones were met: by {spikes}"
        )
    if sentences:
        lines.append("")
        for sentence in sentences:
            lines += _wrapped(sentence)
    return "\n".join(lines)


def out_of_sample(selection: Selection) -> list[str]:
    """WAIC and LOO with both of their errors: a table, and what it decides; no lines where no
    candidate has them.
    """
    candidates = selection.candidates
    columns = [("K", "", [str(c.size) for c in candidates])]
    for name in CRITERIA:
        readings = [getattr(c, name) for c in candidates]
        if all(reading is None for reading in readings):
            continue
        over_data = ["–" if r is None else f"{r.standard_error_over_data:.2g}" for r in readings]
        columns += [
            (
                name.upper(),
                "± computation",
                estimates([r and Estimate(r.value, r.standard_error) for r in readings]),
            ),
            ("SE over data", "", _right(over_data)),
        ]
        if len(candidates) > 1:
            columns.append(
                (
                    "above lowest",
                    "± over data",
                    _right([_above(selection.difference(c, name)) for c in candidates]),
                )
            )
    if len(columns) == 1:
        return []
    if any(c.loo is not None for c in candidates):
        columns.append(
            (
                "bad k̂",
                "",
                _right(["–" if c.loo is None else str(c.loo.unreliable) for c in candidates]),
            )
        )
    lines = [
        "",
        "  out of sample, in nats: what n new observations would cost",
        "",
        *aligned(columns),
    ]
    if len(candidates) > 1:
        lines += ["", *(line for name in CRITERIA for line in _wrapped(_decision(selection, name)))]
    for candidate in candidates:
        if candidate.loo is not None and candidate.loo.caution is not None:
            lines += _wrapped(f"K = {candidate.size}: LOO: {candidate.loo.caution}")
    return lines


def _above(difference: Difference | None) -> str:
    if difference is None:
        return "–"
    if difference.standard_error_over_data is None:
        return f"{difference.value:.1f} (not paired)"
    return (
        f"{difference.value:.1f} ± {difference.standard_error_over_data:.1f}"
        if difference.value
        else "0"
    )


def _decision(selection: Selection, name: Literal["waic", "loo"]) -> str:
    """Which model predicts best by a criterion, and which ones the data or the runs cannot tell
    from it.
    """
    best = selection.best_by(name)
    if best is None:
        return ""
    others = [(c, selection.difference(c, name)) for c in selection.candidates if c is not best]
    near = [
        f"K = {c.size}"
        for c, difference in others
        if difference is not None and not difference.is_decisive
    ]
    text = f"lowest {name.upper()}: K = {best.size}"
    if near:
        text += (
            f"; {', '.join(near)} within two standard errors of the difference: these data do not "
            "tell which predicts best"
        )
    return text


def _wrapped(sentence: str) -> list[str]:
    return textwrap.wrap(
        sentence, WIDTH, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False
    )


def verdict(selection: Selection) -> str:
    """Which K is best, and which others these runs cannot exclude."""
    best = selection.best
    text = f"best: K = {best.size}"
    if len(selection.candidates) > 1:
        share = shares([best.probability])[0]
        text += f", P {share}" if share[0] in "<>" else f", P = {share}"
    tied: Sequence[Candidate] = selection.tied
    if tied:
        gaps = ", ".join(f"K = {c.size} ({selection.gap(c)} nats above)" for c in tied)
        text += f"; within the error of these runs also {gaps}: raise particles to tell them apart"
    return text


def estimates(values: Sequence[Estimate | None]) -> list[str]:
    """Estimates of one quantity with as many decimals as the smallest of their errors carries,
    aligned.

    >>> estimates([Estimate(246.14, 0.05), None, Estimate(27.1, 0.2)])
    ['246.14 ± 0.05', '            –', ' 27.10 ± 0.20']
    """
    errors = [
        v.standard_error
        for v in values
        if v is not None and math.isfinite(v.standard_error) and v.standard_error > 0
    ]
    decimals = max(0, min(4, -math.floor(math.log10(min(errors))))) if errors else 2
    cells = []
    for value in values:
        if value is None:
            cells.append("–")
        elif math.isfinite(value.standard_error):
            cells.append(f"{value.value:.{decimals}f} ± {value.standard_error:.{decimals}f}")
        else:
            cells.append(f"{value.value:.{decimals}f}")
    return _right(cells)


def shares(values: Sequence[Estimate]) -> list[str]:
    """Probabilities with two decimals; what two decimals cannot show is said to be near 0 or near
    1.

    >>> shares([Estimate(0.4, 0.03), Estimate(1e-9, 1e-10), Estimate(0.9999, 1e-5)])
    ['0.40 ± 0.03', '     < 0.01', '     > 0.99']
    """

    def cell(share: Estimate) -> str:
        if share.value + share.standard_error < 0.005:
            return "< 0.01"
        if share.value - share.standard_error > 0.995:
            return "> 0.99"
        return f"{share.value:.2f} ± {share.standard_error:.2f}"

    return _right([cell(share) for share in values])


def _right(cells: Sequence[str]) -> list[str]:
    width = max(map(_width, cells), default=0)
    return [" " * (width - _width(cell)) + cell for cell in cells]


def _width(text: str) -> int:
    """Columns on a terminal: the hat of λ̂ takes none."""
    return sum(not unicodedata.combining(letter) for letter in text)


def aligned(columns: Sequence[tuple[str, str, Sequence[str]]]) -> list[str]:
    """Columns of (head, unit, cells) as lines of text, cells padded on the right."""

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True)
        ]
        return "  " + "   ".join(padded).rstrip()

    widths = [max(map(_width, (head, unit, *cells))) for head, unit, cells in columns]
    rows = zip(*(cells for _, _, cells in columns), strict=True)
    units = [line([unit for _, unit, _ in columns])] if any(unit for _, unit, _ in columns) else []
    return [line([head for head, _, _ in columns]), *units, *map(line, rows)]

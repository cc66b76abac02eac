"""Phases and ledgers as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from singlearn.results.estimate import Estimate

if TYPE_CHECKING:
    from singlearn.phases.ledger import Ledger
    from singlearn.phases.of_a_run import Phases


def phases_table(phases: Phases, beta: float | int) -> str:
    """One phase a line; see ``Phases.table``."""
    rows: list[Sequence[str]] = [
        ("phase", "P(k)", "F_k [nats]", "E_k [nats]", "C_k", "lowest energy [nats]")
    ]
    for reading in phases.at(beta):
        lowest = f"{phases.lowest_energy(reading.phase):.4g}"
        if reading.is_seen:
            assert reading.occupancy is not None
            cells = (reading.free_energy, reading.energy, reading.heat_capacity)
            rows.append(
                (str(reading.phase), share_cell(reading.occupancy), *map(str, cells), lowest)
            )
        else:
            bounds = (
                f"unseen: < {reading.largest_occupancy:.2g}",
                f"> {reading.smallest_free_energy:.4g}",
            )
            rows.append((str(reading.phase), *bounds, "–", "–", lowest))
    head = f"{phases.triple.name}: phases by {phases.labeller} at β = {beta:.4g}, F = {phases.view.free_energy(beta)} nats"
    note = "unseen: fewer than ten effective particles; bounds are 95 %, as far as the sampler moves between phases"
    lines = [head, "", *aligned(rows)]
    return "\n".join(
        [*lines, f"  {note}"] if any("unseen" in row[1] for row in rows[1:]) else lines
    )


def ledger_table(ledger: Ledger) -> str:
    """One account a line, the winner first, and the predicted changes of order beneath."""
    rows: list[Sequence[str]] = [("phase", "F_k", "β n L_n(ŵ_k)", "λ_k log nβ", "constant", "λ_k")]
    for a in ledger.accounts:
        rows.append(
            (
                str(a.phase),
                str(a.free_energy),
                f"{a.accuracy:.2f}",
                str(a.complexity),
                str(a.constant),
                str(a.learning_coefficient),
            )
        )
    head = f"{ledger.name}: accuracy and complexity at n = {ledger.n:g}, β = {ledger.inverse_temperature:.4g}, in nats"
    lines = [head, "", *aligned(rows), f"  wins here: {ledger.winner.phase}"]
    for c in ledger.crossings:
        lines.append(
            f"  predicted: {c.before} → {c.after} at nβ ≈ {c.n:.3g} ({c.low:.3g} … {c.high:.3g})"
        )
    return "\n".join(lines)


def share_cell(share: Estimate) -> str:
    """A share for people: near 1 the digits that its tiny error carries say nothing.

    >>> share_cell(Estimate(0.4, 0.03)), share_cell(Estimate(0.9999, 1e-5)), share_cell(Estimate(3.2e-9, 1e-9))
    ('0.40 ± 0.03', '> 0.99', '3.2e-09')
    """
    if share.value - share.standard_error > 0.995:
        return "> 0.99"
    return f"{share.value:.2g}" if share.value + share.standard_error < 0.005 else str(share)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return [
        "  "
        + "   ".join(
            [
                row[0].ljust(widths[0]),
                *(cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)),
            ]
        )
        for row in rows
    ]

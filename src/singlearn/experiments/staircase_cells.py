"""What the tables of both staircases have in common."""

from __future__ import annotations

from typing import Any

from singlearn.measure.estimate import Estimate

LARGEST_ERROR = 0.1
"""Of λ, beyond which an agreement within two standard errors means nothing."""


def cells(row: dict[str, Any]) -> tuple[str, str, str, str]:
    """Loss, exit, λ̂ and exact λ of one plateau, each beside theory."""
    out = (
        ""
        if row["exit measured"] is None
        else f"{row['exit measured']:.3f} ({row['exit predicted']:.3f})"
    )
    loss = f"{row['loss']:.4f} ({row['loss of the plateau']:.3f})"
    exact = row["exact λ"] + (f" (m {row['m']})" if row["m"] > 1 else "")
    return loss, out, str(Estimate(row["λ̂"], row["standard error"])), exact


def ending(rows: list[dict[str, Any]], warnings: list[dict[str, Any]]) -> list[str]:
    """How many plateaus are right, and what is to be doubted."""
    good = sum(row["within 5 % or 2 s.e."] for row in rows)
    lines = [
        f"\n  {good} of {len(rows)} plateaus within 5 % or 2 standard errors of the exact λ"
    ]
    return lines + [f"  warning: rank {w['rank']}: {w['message']}" for w in warnings]

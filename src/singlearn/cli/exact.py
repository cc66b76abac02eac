"""``singlearn exact``."""

from __future__ import annotations

import argparse
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singlearn.cli.figure_file import is_picture, place, saved_or_why
from singlearn.exact import ExactCoefficient, rlct
from singlearn.results.document import print_document
from singlearn.results.estimate import Estimate
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def run_exact(options: argparse.Namespace) -> None:
    """Resolve, print, draw."""
    if options.everywhere and options.at:
        raise RefusalError("--everywhere, --at: got both; at most one of them should be given")
    wanted = options.picture or options.picture_of is not None or is_picture(options.out)
    out = place(options.out) if wanted else None
    polynomials = options.polynomials
    result = rlct(
        polynomials if len(polynomials) > 1 or options.squares else polynomials[0],
        at=dict(_coordinate(text) for text in options.at) if options.at else None,
        domain="all" if options.everywhere else None,
        prior=options.prior,
        timeout=options.timeout,
    )
    rows = _check(result, options) if options.check else []
    figure, not_drawn = None, None
    if out is not None:
        figure, not_drawn = saved_or_why(_picture(result, options.picture_of), out, "exact")
    if options.json:
        print_document({**_document(result, figure), "check": rows})
    else:
        parts = [str(result), result.explain() if options.full else result.summary()]
        parts += [_table(rows)] if rows else []
        parts += [f"  figure: {figure or 'not written'}"] if out is not None else []
        print("\n\n".join(parts))
    # A full disk, say: the proof took long, and is printed all the same.
    if not_drawn is not None:
        raise not_drawn


def _picture(result: ExactCoefficient, of: str | None) -> Figure:
    """The picture that was asked for, or the one that says most."""
    from singlearn import plot

    if of == "tree":
        return plot.chart_tree(result)
    if of == "blow-up":
        return plot.blow_up(result)
    if of == "polyhedron":
        return plot.newton_polyhedron(result)
    try:
        return plot.newton_polyhedron(result)
    except ValueError:  # another number of variables, many points, or a prior with several terms
        return plot.chart_tree(result)


def _check(result: ExactCoefficient, options: argparse.Namespace) -> list[dict[str, Any]]:
    """λ by algebra over all real points and by measurement under the prior N(0, 1), which sees them
    all.
    """
    from singlearn.cli.exact_check import check

    if options.at or options.prior:
        raise RefusalError(
            "--check: it measures λ of the whole prior N(0, 1); leave out --at and --prior"
        )
    several = len(options.polynomials) > 1 or options.squares
    text = (
        " + ".join(f"({g})^2" for g in options.polynomials) if several else options.polynomials[0]
    )
    everywhere = result if options.everywhere else rlct(text, domain="all", timeout=options.timeout)
    if everywhere.value == inf:
        raise RefusalError("--check: K has no real zero, so there is no λ to measure")
    known = everywhere if everywhere.status == "proved" else None
    row = {
        "reading": "algebra, all real points",
        "learning_coefficient": str(everywhere.value),
        "multiplicity": everywhere.multiplicity,
    }
    rows: list[dict[str, Any]] = [
        {
            **row,
            "status": everywhere.status,
            "lower": str(everywhere.lower),
            "upper": str(everywhere.upper),
        }
    ]
    for reading in check(text, known, seed=options.seed):
        agrees = None if known is None else reading.agrees_with(float(known))
        rows.append({**reading.to_dict(), "agrees": agrees})
    return rows


def _table(rows: list[dict[str, Any]]) -> str:
    first = rows[0]
    value = (
        first["learning_coefficient"]
        if first["status"] == "proved"
        else f"{first['lower']} … {first['upper']}"
    )
    lines = [
        f"  {'reading':<26} {'λ':>16}  {'m':>2}  seconds",
        f"  {first['reading']:<26} {value:>16}  {first['multiplicity'] or '?':>2}",
    ]
    for row in rows[1:]:
        measured = str(Estimate(row["learning_coefficient"], row["standard_error"]))
        verdict = {True: "", False: "  does not agree", None: ""}[row["agrees"]]
        lines.append(
            f"  {row['reading']:<26} {measured:>16}  {row['multiplicity'] or '?':>2}  "
            f"{row['seconds']:7.0f}{verdict}"
        )
        lines += [f"    warning: {warning}" for warning in row["warnings"]]
    return "\n".join(lines)


def _coordinate(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise RefusalError(
            f"--at: got {text!r}; it should be a variable, =, a number, such as x=1/2"
        )
    return name.strip(), value.strip()


def _document(result: ExactCoefficient, figure: Path | None) -> dict[str, Any]:
    return {
        "command": "exact",
        **result.to_dict(),
        "summary": result.summary(),
        "explanation": result.explain(),
        "figure": figure,
    }

"""``singlearn exact``."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from singlearn.cli.document import print_document
from singlearn.cli.figure_file import folder, save_figure
from singlearn.cli.refusal import Refusal
from singlearn.exact import ResolvedCoefficient, rlct


def run_exact(options: argparse.Namespace) -> None:
    """Resolve, print, draw."""
    if options.everywhere and options.at:
        raise Refusal("--everywhere, --at: got both; at most one of them should be given")
    out = folder(Path(options.out)) if options.picture else None
    polynomials = options.polynomials
    result = rlct(
        polynomials if len(polynomials) > 1 or options.squares else polynomials[0],
        at=dict(_coordinate(text) for text in options.at) if options.at else None,
        domain="all" if options.everywhere else None,
        prior=options.prior,
        timeout=options.timeout,
    )
    figure = None
    if out is not None:
        from singlearn import plot

        two = len(result.certificate.statement["variables"]) == 2
        figure = save_figure(plot.newton_polygon(result) if two else plot.chart_tree(result), out, "exact")
    if options.json:
        print_document(_document(result, figure))
        return
    print(f"{result}\n\n{result.explain()}" + (f"\n\n  figure: {figure}" if figure else ""))


def _coordinate(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name.strip().isidentifier():
        raise Refusal(f"--at: got {text!r}; it should be a variable, =, a number, such as x=1/2")
    return name.strip(), value.strip()


def _document(result: ResolvedCoefficient, figure: Any) -> dict[str, Any]:
    return {
        "command": "exact",
        "value": None if result.value is None else str(result.value),
        "multiplicity": result.multiplicity,
        "status": result.status,
        "lower": str(result.lower),
        "upper": str(result.upper),
        "reason": result.reason,
        "explanation": result.explain(),
        "certificate": result.certificate.to_dict(),
        "figure": figure,
    }

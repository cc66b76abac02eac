"""``singlearn exact``."""

from __future__ import annotations

import argparse
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singlearn.cli.arguments import Commands, add_command, positive
from singlearn.cli.figure_file import is_picture, place, saved_or_why
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from singlearn.agreement import Agreement
    from singlearn.exact import ExactCoefficient


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "exact",
        "find λ and m of a polynomial by algebra, proved or bounded",
        'singlearn exact "(x + y^2)^2 + z^2" --picture',
    )
    command.add_argument(
        "polynomials",
        nargs="+",
        metavar="K",
        help="K itself, or several polynomials whose squares are added",
    )
    command.add_argument(
        "--squares",
        action="store_true",
        help="a single polynomial is a generator too: K is its square",
    )
    command.add_argument(
        "--at",
        action="append",
        metavar="x=1/2",
        help="a coordinate of the point (default: the origin)",
    )
    command.add_argument(
        "--everywhere", action="store_true", help="the smallest λ over all real points"
    )
    command.add_argument("--prior", metavar="φ", help='a factor of the density, such as "|x|*y^2"')
    command.add_argument(
        "--timeout",
        type=positive,
        default=60.0,
        metavar="SECONDS",
        help="then the bounds found so far (default 60)",
    )
    command.add_argument(
        "--check",
        action="store_true",
        help="measure λ too, by volume and by tempering under N(0, 1), and print all side by side",
    )
    command.add_argument(
        "--full",
        action="store_true",
        help="print every chart of the proof, not only how many there are of each kind",
    )
    command.add_argument(
        "--picture",
        action="store_true",
        help="draw what --picture-of says; --out FILE asks for it too",
    )
    command.add_argument(
        "--picture-of",
        choices=("polyhedron", "blow-up", "tree"),
        help="the Newton polyhedron (the default for two or three variables at a point), the curve "
        "beside the charts of its blow-up, or the tree of charts",
    )


def run(options: argparse.Namespace) -> None:
    """Resolve, print, draw."""
    from singlearn.exact import rlct

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
    checked = _check(result, options) if options.check else None
    figure, not_drawn = None, None
    if out is not None:
        figure, not_drawn = saved_or_why(_picture(result, options.picture_of), out, "exact")
    if options.json:
        rows = [] if checked is None else checked.rows()
        print_document({**_document(result, figure), "check": rows})
    else:
        parts = [str(result), result.explain() if options.full else result.summary()]
        parts += [] if checked is None else [str(checked)]
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


def _check(result: ExactCoefficient, options: argparse.Namespace) -> Agreement:
    """λ by algebra over all real points, and by measurement under the prior N(0, 1), which sees
    them all.
    """
    from singlearn.agreement import agreement
    from singlearn.exact import rlct

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
    return agreement(text, everywhere, seed=options.seed)


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

"""A proof by resolution as people read it: charts, their divisors, the argument in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from singlearn.exact.marked_text import formula, latex, plain
from singlearn.results.prompt import shortened
from singlearn.results.result import Answer

MOST_DIVISORS = 4
"""Of a chart that are written down, those of the smallest λ first."""


@dataclass(frozen=True)
class Divisor(Answer):
    r"""A hypersurface u = 0 on which K, pulled back, is :math:`u^k` and the density
    :math:`|u|^h`, each times a unit.

    The zeta function has there the factor :math:`1/(kz + h + 1)`, so that the divisor alone gives
    :math:`λ = (h + 1)/k`.

    Args:
        name: of the coordinate, or the weights of the blow-up that makes the divisor.
        h: order of the density, the Jacobian included.
        k: order of K, above 0.

    >>> print(plain(Divisor("(3, 2)", 4, 12).words))
    (3, 2): h = 4, k = 12, λ = 5/12
    """

    name: str
    h: int
    k: int

    @property
    def value(self) -> Fraction:
        """λ that this divisor alone gives."""
        return Fraction(self.h + 1, self.k)

    @property
    def words(self) -> str:
        """Its name, h, k and λ, marked as formulas."""
        numbers = ", ".join(formula(t) for t in (f"h = {self.h}", f"k = {self.k}"))
        return f"{formula(self.name)}: {numbers}, {formula(f'λ = {self.value}')}"


@dataclass(frozen=True)
class ProofChart(Answer):
    """A chart of the resolution, or several that are equal up to names and signs of coordinates.

    Texts have their formulas marked (:mod:`singlearn.exact.marked_text`).

    Args:
        how: the change of coordinates that leads here; empty at a root.
        function: K in the chart, and the density.
        simplified: the same after changes of coordinates in the chart; empty where there are none.
        result: λ and m of the chart, or bounds.
        divisors: of the chart and of the blow-up made there, by their λ.
        count: how many charts are equal to this one.
        children: charts that lie above it.
        left_open: why the chart is not resolved; empty if it is.
    """

    how: str
    function: str
    simplified: str
    result: str
    divisors: tuple[Divisor, ...]
    count: int = 1
    children: tuple[ProofChart, ...] = ()
    left_open: str = ""

    def line(self) -> str:
        """The chart in one line, formulas marked."""
        times = f"{self.count} × " if self.count > 1 else ""
        how = f"{self.how}: " if self.how else ""
        return f"{times}{how}{self.function}   {self.result}"

    def divisors_line(self) -> str:
        """The divisors of the smallest λ, formulas marked; empty where K has none."""
        shown = "; ".join(divisor.words for divisor in self.divisors[:MOST_DIVISORS])
        rest = self.divisors[MOST_DIVISORS:]
        if rest:
            shown += f"; … {len(rest)} more with {formula(f'λ ≥ {rest[0].value}')}"
        return shown

    def walk(self, depth: int = 0) -> Iterator[tuple[int, ProofChart]]:
        """The chart and all above it, each with its depth."""
        yield depth, self
        for child in self.children:
            yield from child.walk(depth + 1)


@dataclass(frozen=True)
class ResolutionProof(Answer):
    """What was done, in words, and the charts.

    Args:
        words: the whole argument, formulas marked.
        short: the argument in a few lines, formulas marked.
        charts: the roots, one for each place.
    """

    words: str
    short: str
    charts: tuple[ProofChart, ...]

    def __str__(self) -> str:
        return shortened(self.summary(), where="summary() has all")

    def summary(self) -> str:
        """The proof in a few lines."""
        return plain(self.short)

    def explain(self) -> str:
        """The proof in words."""
        return plain(self.words)

    def tree(self) -> str:
        """The charts, each under the chart from which it comes, and the divisors of each.

        Equal charts under one parent are written once, with how many there are.
        """
        lines = []
        for root in self.charts:
            for depth, chart in root.walk():
                indent = "  " * depth
                lines.append(indent + plain(chart.line()))
                if chart.simplified:
                    lines.append(f"{indent}    then {plain(chart.simplified)}")
                if chart.divisors:
                    lines.append(f"{indent}    {plain(chart.divisors_line())}")
        return "\n".join(lines)

    def latex(self) -> str:
        """The proof in words, as nested lists of LaTeX."""
        return _nested([_depth_and_text(line) for line in self.words.split("\n")])

    def tree_latex(self) -> str:
        """The charts as nested lists of LaTeX."""
        lines = []
        for root in self.charts:
            for depth, chart in root.walk():
                text = chart.line()
                if chart.simplified:
                    text += f"; then {chart.simplified}"
                if chart.divisors:
                    text += f"; divisors {chart.divisors_line()}"
                lines.append((depth, text))
        return _nested(lines)

    def _repr_latex_(self) -> str:
        return self.latex()

    def to_dict(self) -> dict[str, Any]:
        """Texts, and the charts as nested dictionaries."""
        return {
            "summary": self.summary(),
            "explanation": self.explain(),
            "charts": [_plain_chart(chart) for chart in self.charts],
        }


def _plain_chart(chart: ProofChart) -> dict[str, Any]:
    return {
        "how": plain(chart.how),
        "function": plain(chart.function),
        "simplified": plain(chart.simplified),
        "result": plain(chart.result),
        "divisors": [
            {"name": d.name, "h": d.h, "k": d.k, "value": str(d.value)} for d in chart.divisors
        ],
        "count": chart.count,
        "left_open": chart.left_open,
        "children": [_plain_chart(child) for child in chart.children],
    }


def _depth_and_text(line: str) -> tuple[int, str]:
    text = line.lstrip(" ")
    return (len(line) - len(text)) // 2, text


def _nested(lines: list[tuple[int, str]]) -> str:
    """Lists in lists, one item a line; LaTeX allows four levels, deeper ones stay on the fourth."""
    written: list[str] = []
    depth = -1
    for wanted, text in lines:
        level = min(wanted, 3, depth + 1)
        while depth < level:
            depth += 1
            written.append("  " * depth + r"\begin{itemize}")
        while depth > level:
            written.append("  " * depth + r"\end{itemize}")
            depth -= 1
        written.append("  " * depth + rf"  \item {latex(text)}")
    while depth >= 0:
        written.append("  " * depth + r"\end{itemize}")
        depth -= 1
    return "\n".join(written)

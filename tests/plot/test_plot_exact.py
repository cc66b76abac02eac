"""Pictures of exact answers: what is drawn is what was proved."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from singlearn import plot
from singlearn.exact import catalogue, rlct
from singlearn.plot.charts_of_blow_up import regular_fan


def texts(figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def rendered(figure) -> None:
    figure.savefig("/dev/null", format="png", dpi=40)


@pytest.fixture(scope="module")
def cusp():
    return rlct("(y^2 - x^3)^2")


def points(axes, label):
    for line in axes.lines:
        if line.get_label() == label:
            data = line.get_data_3d() if hasattr(line, "get_data_3d") else line.get_data()
            return {tuple(int(v) for v in p) for p in zip(*data, strict=True)}
    return set()


@pytest.mark.parametrize(
    ("K", "vertices", "others", "note"),
    [
        ("(y^2 - x^3)^2", {(4, 0), (0, 6)}, {(2, 3)}, "t = 12/5: 1/t = 5/12 = λ"),
        ("x^2*y^2", {(2, 2)}, set(), "t = 2: 1/t = 1/2 = λ"),
        # Degenerate: λ = 1 of (x - y)² + y⁴... is below what the polyhedron gives.
        ("(x^2 - 2*x*y + y^2) + y^6", {(2, 0), (0, 2)}, {(1, 1), (0, 6)}, "1/t = 1 ≥ λ"),
        (
            "x^2*y^2 + y^6 + z^4 + x^2*z^6",
            {(2, 2, 0), (0, 6, 0), (0, 0, 4)},
            {(2, 0, 6)},
            "t = 4/3: 1/t = 3/4 = λ",
        ),
    ],
)
def test_polyhedron_shows_every_term_and_where_the_diagonal_enters(K, vertices, others, note):
    figure = plot.newton_polyhedron(rlct(K))
    (axes,) = figure.axes
    assert points(axes, "vertices") == vertices and points(axes, "other terms") == others
    assert any(note in text for text in texts(figure))
    rendered(figure)


def test_polyhedron_belongs_to_the_point_and_the_prior():
    moved = plot.newton_polyhedron(rlct("(x - 1)^2 + y^4", at={"x": 1}))
    assert moved.axes[0].get_xlabel() == "exponent of x - 1"
    assert points(moved.axes[0], "vertices") == {(2, 0), (0, 4)}
    # Under |x| the ray is t (2, 1): it enters x²y² at t = 2.
    weighted = plot.newton_polyhedron(rlct("x^2*y^2", prior="|x|"))
    assert any("t = 2: 1/t = 1/2 = λ" in text for text in texts(weighted))
    (diamond,) = [line for line in weighted.axes[0].lines if line.get_marker() == "D"]
    assert (diamond.get_xdata()[0], diamond.get_ydata()[0]) == (4, 2)


@pytest.mark.parametrize(
    ("result", "sentence"),
    [
        (lambda: rlct("x^2*y^2", domain="all"), "about many points"),
        (lambda: rlct("x^2"), "about 1 variable;"),
        (lambda: catalogue.reduced_rank(1, 1, 1, 0), "has no function"),
    ],
)
def test_pictures_refuse_what_has_no_polyhedron(result, sentence):
    for draw in (plot.newton_polyhedron, plot.blow_up):
        with pytest.raises(ValueError, match=f"^result: .*{sentence}"):
            draw(result())


@pytest.mark.parametrize("ray", [(2, 3), (5, 7), (1, 4), (7, 2)])
def test_regular_fan_has_unit_determinants_and_keeps_its_rays(ray):
    fan = regular_fan([ray])
    assert ray in fan and fan[0] == (1, 0) and fan[-1] == (0, 1)
    assert all(a * d - b * c == 1 for (a, b), (c, d) in pairwise(fan))


def test_blow_up_of_the_cusp(cusp):
    figure = plot.blow_up(cusp)
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert "$E_{3,2}$: $h$ = 4, $k$ = 12, $λ$ = 5/12" in legend  # as after three point blow-ups
    assert len(figure.axes) == 5 and "everything crosses normally" in figure.get_suptitle()
    rendered(figure)
    # x = u³v, y = u²v (or the other way round): the strict transform is one coordinate equal to 1.
    charts = [axes for axes in figure.axes if "u^{3}" in axes.get_title()]
    (curve,) = [c for axes in charts for c in axes.collections]
    vertices = np.concatenate([path.vertices for path in curve.get_paths()])
    np.testing.assert_allclose(vertices[:, 1], 1, atol=0.01)


@pytest.mark.parametrize(
    ("K", "normal"),
    [
        ("x^2*y^2", True),
        ("x^2*(y^2 - x^3)^2*(x - y)^2", True),
        ("(y^2 - 2*x^2*y + x^4 - x^5)^2", False),  # (y - x²)² = x⁵: touches its divisor
        (["y^2 - x^3", "x*y^2"], False),
        (["x", "y"], True),
    ],
)
def test_blow_up_says_whether_all_crosses_normally(K, normal):
    title = plot.blow_up(rlct(K)).get_suptitle()
    assert ("not everything crosses normally yet" not in title) == normal


def test_tree_shows_divisors_and_equal_charts_once():
    result = rlct(["a1*b1+a2*b2", "a1*b1^2+a2*b2^2"])
    figure = plot.chart_tree(result)
    shown = texts(figure)
    assert sum("2 ×" in text or r"2 $\times$" in text for text in shown) == 1
    divisors = [text for text in shown if text.startswith("divisors")]
    assert len(divisors) == 4 and any("h = 2" in t and "3/4" in t for t in divisors)
    values = {d.value for root in result.proof.charts for _, c in root.walk() for d in c.divisors}
    assert min(values) == Fraction(3, 4)
    rendered(figure)
    with pytest.raises(ValueError, match=r"only those of exact.rlct have charts"):
        plot.chart_tree(catalogue.reduced_rank(2, 2, 2, 1))


def test_long_trees_say_what_is_left_out():
    result = rlct(["x*y + z*w", "x*z - w^2"])
    charts = sum(c.count for root in result.proof.charts for _, c in root.walk())
    shown = texts(plot.chart_tree(result))
    assert (charts > 24) == any("more charts" in text for text in shown)

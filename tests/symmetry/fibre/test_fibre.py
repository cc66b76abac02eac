"""The fibre of a ReLU network: its components against verified counts and against a count without
the theorem; paths proved exactly.
"""

import math
from fractions import Fraction
from random import Random

import pytest

from conftest import truth
from fibre_cells import count_components
from singlearn.numbers.linear_algebra import rank
from singlearn.numbers.rational import dot
from singlearn.symmetry import Box, Node, TwoLayerReLU, fibre, kink_form
from singlearn.symmetry.fibre.components import ComponentKind
from singlearn.symmetry.fibre.sample import random_parameter
from singlearn.symmetry.fibre.segments import FibrePath, Motion, Segment, motion_between
from singlearn.symmetry.fibre.strata import Pair, strata
from singlearn.symmetry.two_layer.kink_form import boundary

TRUTH = truth("relu_and_examples")["true_parameter_sets"]
FUNCTIONS = {
    "N1 d1 relu(x)": ([[1]], [0], [1]),
    "N1 d2 relu(x)+relu(x-1)": ([[1], [1]], [0, -1], [1, 1]),
    "N1 d2 relu(x+1)+relu(1-x) (annihilating)": ([[1], [-1]], [1, 1], [1, 1]),
    "N1 d2 relu(x)+2relu(x-1)": ([[1], [1]], [0, -1], [1, 2]),
    "N1 d3 relu(x)+relu(x-1)-2relu(x-2) (annihilating)": ([[1], [1], [1]], [0, -1, -2], [1, 1, -2]),
    "N1 d3 relu(x)+2relu(x-1)+4relu(x-2)": ([[1], [1], [1]], [0, -1, -2], [1, 2, 4]),
    "N2 d1 relu(x1)": ([[1, 0]], [0], [1]),
    "N2 d2 relu(x1)+relu(x2)": ([[1, 0], [0, 1]], [0, 0], [1, 1]),
    "N2 d3 generic relu(x1)+relu(x2)+relu(x1+2x2-1)": (
        [[1, 0], [0, 1], [1, 2]],
        [0, 0, -1],
        [1, 1, 1],
    ),
    "N2 d3 annihilating (e1,e2,-e1-e2)": ([[1, 0], [0, 1], [-1, -1]], [0, 0, 0], [1, 1, 1]),
}
CASES = [
    pytest.param(TRUTH[name], TwoLayerReLU(*net, 0), id=name) for name, net in FUNCTIONS.items()
]


def test_every_true_parameter_set_with_counts_is_tested():
    assert {name for name, entry in TRUTH.items() if "components m=d" in entry} == set(FUNCTIONS)


@pytest.mark.parametrize(("entry", "net"), CASES)
def test_component_counts(entry, net):
    d = entry["d"]
    assert fibre(net, d - 1).number == 0
    minimal = fibre(net, d)
    assert minimal.number == entry["components m=d"]
    assert len(minimal.components) == entry["sign_patterns"]
    assert {c.dimension for c in minimal.components} == {entry["dim m=d"]}
    one = fibre(net, d + 1)
    assert one.number == entry["components m=d+1"]
    assert [c.kind for c in one.components].count(ComponentKind.RIGID) == entry[
        "m=d+1 opposite-pair types"
    ]
    assert [c.kind for c in one.components].count(ComponentKind.FREE) == entry["sign_patterns"]
    two = fibre(net, d + 2)
    assert two.number == entry["components m=d+2"]


@pytest.mark.parametrize(("entry", "net"), CASES)
def test_phases_with_one_node_more(entry, net):
    one = fibre(net, entry["d"] + 1)
    phases = entry["m=d+1 phases"]
    for index, component in enumerate(one.components):
        found = list(one.strata(index))
        assert component.dimension == max(s.dimension for s in found)
        if component.kind is ComponentKind.RIGID:
            assert component.dimension == phases["opposite_pair_dim"]
            continue
        assert {s.dimension for s in found if s.outgoing_zero} == {
            phases["main_dims"]["excess q=0"]
        }
        assert {s.dimension for s in found if s.incoming_zero} == {
            phases["main_dims"]["excess w=0"]
        }
        shared = [s for s in found if not s.outgoing_zero and not s.incoming_zero]
        assert {s.dimension for s in shared} == {
            phases["main_dims"]["shared boundary same orientation"]
        }
        assert len(shared) == entry["d"]  # any kink can be the shared one
        assert all(
            sorted((a, b)) in ([0, 1], [0, 2])
            for s in shared
            for a, b in zip(s.along, s.against, strict=True)
        )


@pytest.mark.parametrize(
    ("entry", "net"), [case for case in CASES if "m=d+2 detail" in TRUTH[case.id]]
)
def test_classes_with_two_nodes_more(entry, net):
    detail = entry["m=d+2 detail"]
    two = fibre(net, entry["d"] + 2)
    assert sorted(map(len, two.classification.classes), reverse=True) == detail["pattern_classes"]
    kinds = [c.kind for c in two.components]
    assert kinds.count(ComponentKind.FREE) == detail["main"]
    assert kinds.count(ComponentKind.LINEAR_PAIR) == detail["other_classes"]
    assert kinds.count(ComponentKind.RIGID) == detail["isolated_double_pairs"]


# Kinks (w, b, q) and a linear part that orientations alone need not pay for.
CELL_CASES = [
    ([[1]], [0], [0], [1, 2, 3, 4]),
    ([[1]], [0], [2], [1, 2, 3]),
    ([[1, 0]], [0], [3, 0], [2, 3]),
    ([[1, 0]], [0], [0, 1], [2, 3, 4]),
    ([[1], [1]], [0, -1], [0], [2, 3]),
    ([[1], [-1]], [1, 1], [0], [2, 3]),
    ([[1], [1]], [0, -1], [7], [3]),
    ([[1, 0], [0, 1]], [0, 0], [0, 0], [3, 4]),
    ([[1, 0], [0, 1]], [0, 0], [3, 0], [3, 4]),  # a class of two patterns without Σ_0
    ([[1, 0], [0, 1]], [0, 0], [3, 1], [4]),  # an isolated double pair
    ([[1, 0], [1, 0]], [0, -1], [3, 0], [4]),
]


def function(w, b, slope):
    """A sum of ReLU(<w_i, x> + b_i) plus <slope, x>, as a network."""
    rows, biases, outgoing = [*w], [*b], [1] * len(b)
    if any(slope):
        rows += [slope, [-v for v in slope]]
        biases += [99, -99]
        outgoing += [1, -1]
    return TwoLayerReLU(rows, biases, outgoing, 0, inputs=len(slope))


@pytest.mark.parametrize(("w", "b", "slope", "widths"), CELL_CASES)
def test_counts_agree_with_a_count_of_touching_pieces(w, b, slope, widths):
    net = function(w, b, slope)
    form = kink_form(net)
    for width in widths:
        counted = count_components(
            [h.normal for h in form.kinks],
            [float(a[0]) for a in form.kinks.values()],
            form.slope[0],
            width,
        )
        assert fibre(net, width).number == counted, width


def test_no_kink():
    plane = function([], [], [1, 2])
    assert [fibre(plane, width).number for width in range(5)] == [0, 0, 2, 1, 1]
    assert fibre(plane, 2).dimension == 3  # two scales and an offset
    constant = TwoLayerReLU([], [], [], 5, inputs=2)
    assert [fibre(constant, width).number for width in range(4)] == [1, 1, 1, 1]
    assert [fibre(constant, width).dimension for width in range(4)] == [0, 3, 6, 9]


def test_three_opposite_pairs_are_isolated_in_three_dimensions():
    """Not every pattern is connected from two nodes more on: three independent kinks can hold three
    pairs that balance in one way only.
    """
    net = function([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0], [1, 2, 3])
    three = fibre(net, 6)
    assert [c.kind for c in three.components] == [ComponentKind.FREE, ComponentKind.RIGID]
    assert three.number == 1 + math.factorial(6)
    a = three.sample(0, component=1)
    assert three.path(a, a)
    assert not three.path(a, a.replaced([a.nodes[1], a.nodes[0], *a.nodes[2:]]))
    assert "component" in three.path(a, three.sample(0, component=0)).reason
    assert fibre(net, 7).number == 1


def random_fibre(rng):
    inputs = rng.choice([1, 2, 2, 3])
    kinks = rng.randint(0, 4)
    w = [[rng.randint(-1, 1) for _ in range(inputs)] for _ in range(kinks)]
    b = [rng.randint(-2, 2) for _ in range(kinks)]
    slope = [rng.randint(-1, 1) if rng.random() < 0.4 else 0 for _ in range(inputs)]
    net = function(w, b, slope)
    return fibre(net, len(kink_form(net).kinks) + rng.randint(0, 4))


@pytest.mark.parametrize("seed", range(60))
def test_paths_connect_exactly_the_components(seed):
    rng = Random(seed)
    some = random_fibre(rng)
    if not some.components:
        with pytest.raises(ValueError, match="nothing to sample"):
            some.sample(seed)
        return
    for _ in range(3):
        i, j = rng.randrange(len(some.components)), rng.randrange(len(some.components))
        a, b = some.sample(rng.randrange(10**6), i), some.sample(rng.randrange(10**6), j)
        assert (some.component_of(a), some.component_of(b)) == (i, j)
        way = some.path(a, b)
        if i != j:
            assert not way and "component" in way.reason
        elif some.components[i].kind is ComponentKind.FREE:
            assert way
        if not way:
            scaled = a.replaced([node.scaled(Fraction(rng.randint(1, 9), 4)) for node in a.nodes])
            scaled = scaled if kink_form(scaled) == some.form else a
            way = some.path(a, scaled)
            assert way
        assert way.at(0) == way.start and way.at(1) == way.end
        assert way.verify()
        for _ in range(5):
            assert kink_form(way.at(Fraction(rng.randint(0, 10**6), 10**6))) == some.form


@pytest.mark.parametrize("seed", range(12))
def test_largest_stratum_has_the_dimension_of_its_component(seed):
    some = random_fibre(Random(1000 + seed))
    highest = [0] * len(some.components)
    for stratum in strata(some.classification.balance, some.width):
        index = some.classification.index_of(stratum.pattern)
        highest[index] = max(highest[index], stratum.dimension)
    assert highest == [c.dimension for c in some.components]


def arrangement_of(net, kinks):
    """Per kink the numbers of nodes along and against its normal, the rest off the kinks, and the
    degenerate nodes.
    """
    along, against, off = [0] * len(kinks), [0] * len(kinks), []
    for node in net.nodes:
        if node.is_degenerate:
            continue
        plane, factor = boundary(node)
        if plane not in kinks:
            off.append((plane, factor > 0))
        elif factor > 0:
            along[kinks.index(plane)] += 1
        else:
            against[kinks.index(plane)] += 1
    pair = Pair.NONE if not off else Pair.CANCELLING if off[0] == off[1] else Pair.LINEAR
    assert not off or (len(off) == 2 and off[0][0] == off[1][0])
    outgoing_zero = sum(not any(node.q) for node in net.nodes)
    return (
        tuple(along),
        tuple(against),
        pair,
        outgoing_zero,
        sum(node.is_degenerate for node in net.nodes) - outgoing_zero,
    )


def test_samples_visit_exactly_the_strata():
    two = fibre(TwoLayerReLU(*FUNCTIONS["N2 d2 relu(x1)+relu(x2)"], 0), 4)
    listed = {(s.along, s.against, s.pair, s.outgoing_zero, s.incoming_zero) for s in two.strata(0)}
    assert {
        arrangement_of(two.sample(seed, component=0), two.kinks) for seed in range(1000)
    } == listed


def equations(net, form, stratum):
    """Polynomials, of degree two at most in each direction, that cut the stratum out near one of
    its points.
    """
    values, totals, slope = [], dict.fromkeys(form.kinks, 0), [0] * net.inputs
    off = []
    for node, origin in zip(net.nodes, stratum.nodes, strict=True):
        if origin.is_degenerate:
            values += node.q if not any(origin.q) else node.w
            continue
        plane, factor = boundary(origin)
        normal = [Fraction(n) for n in plane.normal]
        amount = node.q[0] * dot(node.w, normal) / dot(normal, normal) * (1 if factor > 0 else -1)
        if plane in form.kinks:
            values += _minors((*node.w, node.b), (*plane.normal, plane.offset))
            totals[plane] += amount
        else:
            off.append((node, amount))
        if factor < 0:
            slope = [v + node.q[0] * w for v, w in zip(slope, node.w, strict=True)]
    if off:
        (x, amount_x), (y, amount_y) = off
        values += [*_minors((*x.w, x.b), (*y.w, y.b)), amount_x + amount_y]
    return [*values, *totals.values(), *slope]


def _minors(x, y):
    return [x[i] * y[j] - x[j] * y[i] for i in range(len(x)) for j in range(i)]


def tangent_dimension(net, form):
    """Number of parameters less the rank of the equations' Jacobian, by central differences, which
    are exact for quadratics.
    """
    flat = [v for node in net.nodes for v in (*node.w, node.b, *node.q)]
    columns = []
    for i in range(len(flat)):
        sides = []
        for step in (1, -1):
            moved = [v + step * (i == j) for j, v in enumerate(flat)]
            size = net.inputs + 2
            nodes = [
                Node(tuple(moved[k : k + size - 2]), moved[k + size - 2], (moved[k + size - 1],))
                for k in range(0, len(flat), size)
            ]
            sides.append(equations(net.replaced(nodes), form, net))
        columns.append([Fraction(u - v) / 2 for u, v in zip(*sides, strict=True)])
    return len(flat) - rank(columns)


@pytest.mark.parametrize(
    ("name", "extra"),
    [
        ("N1 d2 relu(x)+2relu(x-1)", 1),
        ("N1 d2 relu(x)+relu(x-1)", 2),
        ("N2 d1 relu(x1)", 3),
        ("N2 d2 relu(x1)+relu(x2)", 2),
    ],
)
def test_dimension_of_every_stratum_is_that_of_its_tangent_space(name, extra):
    some = fibre(TwoLayerReLU(*FUNCTIONS[name], 0), TRUTH[name]["d"] + extra)
    for stratum in strata(some.classification.balance, some.width):
        net = random_parameter(some.net, some.form, stratum, Random(1))
        assert tangent_dimension(net, some.form) == stratum.dimension, stratum


def test_a_path_that_was_tampered_with_is_refuted():
    one = fibre(TwoLayerReLU(*FUNCTIONS["N1 d2 relu(x)+relu(x-1)"], 0), 3)
    way = one.path(one.sample(1, 0), one.sample(2, 0))
    assert way.verify() and len(way) > 1
    gap = FibrePath(way.form, way.start, way.end, way.segments[1:])
    assert not gap.verify()
    middle = way.segments[1]
    node = middle.end.nodes[0]
    wrong = middle.end.replaced(
        [node.scaled(Fraction(2)), *middle.end.nodes[1:]], (middle.end.c[0] + 1,)
    )
    broken = (way.segments[0], Segment(middle.start, wrong, Motion.STRAIGHT), *way.segments[2:])
    assert not FibrePath(way.form, way.start, way.end, broken).verify()


def test_a_straight_line_between_equal_functions_need_not_keep_the_function():
    a = TwoLayerReLU([[1]], [0], [2], 0)
    b = TwoLayerReLU([[2]], [0], [1], 0)
    assert kink_form(a) == kink_form(b)
    assert motion_between(a, b) is Motion.RESCALE
    assert not FibrePath(kink_form(a), a, b, (Segment(a, b, Motion.STRAIGHT),)).verify()
    assert kink_form(Segment(a, b, Motion.STRAIGHT).at(Fraction(1, 2))) != kink_form(a)
    assert kink_form(Segment(a, b, Motion.RESCALE).at(Fraction(1, 2))) == kink_form(a)


def test_reasons_in_words():
    net = TwoLayerReLU(*FUNCTIONS["N1 d2 relu(x)+relu(x-1)"], 0)
    swapped = net.replaced(net.nodes[::-1])
    refusal = fibre(net).path(net, swapped)
    assert not refusal
    assert (
        "node 0 is along the normal on x = 0 in a, along the normal on x - 1 = 0 in b"
        in refusal.reason
    )
    wide = fibre(net, 3)
    opposite = TwoLayerReLU(
        [[1], [-1], [-1]], [0, 0, 1], [2, -1, 1], -1
    )  # THEORY's example: one pays for the other's reversal
    spare = TwoLayerReLU([[1], [1], [3]], [0, -1, 2], [1, 1, 0], 0)
    refusal = wide.path(spare, opposite)
    assert not refusal
    assert "two opposite nodes on kink 2, kink 1 reversed" in refusal.reason
    assert wide.path(spare, spare.replaced([spare.nodes[2], spare.nodes[0], spare.nodes[1]]))


def test_large_and_trained():
    rng = Random(5)
    net = TwoLayerReLU(
        [[rng.gauss(0, 1) for _ in range(2)] for _ in range(20)],
        [rng.gauss(0, 1) for _ in range(20)],
        [1.5] * 20,
        0.1,
    )
    assert fibre(net).number == math.factorial(20)
    one = fibre(net, 21)
    assert one.number == 1
    assert one.path(one.sample(1), one.sample(2))
    with pytest.raises(ValueError, match="20 kinks"):
        assert fibre(net, 22).components


def test_bad_input():
    net = TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0)
    two = TwoLayerReLU([[1]], [0], [[1], [1]], [0, 0])
    with pytest.raises(ValueError, match="2 outputs; paths are built for one output"):
        fibre(two).path(two, two)
    with pytest.raises(ValueError, match="a domain; strata are listed for one output"):
        list(fibre(net, 2, Box([-1], [2])).strata(0))
    with pytest.raises(ValueError, match="domain: it has dimension 2"):
        fibre(net, 2, Box([-1, -1], [2, 2]))
    with pytest.raises(ValueError, match="width: got -1"):
        fibre(net, -1)
    with pytest.raises(ValueError, match="b: it has 1 hidden nodes; the fibre is that of width 2"):
        fibre(net).path(net, TwoLayerReLU([[1]], [0], [1], 0))
    with pytest.raises(ValueError, match="a: it computes another function"):
        fibre(net).path(TwoLayerReLU([[1], [1]], [0, -1], [1, 2], 0), net)
    with pytest.raises(ValueError, match="component: got 5"):
        fibre(net).sample(0, component=5)
    with pytest.raises(ValueError, match="t: got 2"):
        fibre(net).path(net, net).at(2)
    with pytest.raises(ValueError, match="no dimension"):
        assert fibre(net, 1).dimension
    assert Pair.NONE in {s.pair for s in fibre(net, 2).strata(0)}

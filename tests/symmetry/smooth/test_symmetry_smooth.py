"""Two-layer networks of tanh, sigmoid, erf, SiLU and GELU: forms, equivalence, width, fibres,
rank."""

import itertools
import json
import random
from fractions import Fraction

import numpy as np
import pytest
from flint import arb, ctx

from singlearn.cli import main
from singlearn.symmetry import (
    Box,
    TwoLayerReLU,
    TwoLayerSmooth,
    compress,
    equivalent,
    explained_rank,
    fibre,
    from_parameters,
    minimal_width,
    node_roles,
    proximate_rank,
    read,
    write,
)
from singlearn.symmetry.smooth import Activation, Constant, in_base, smooth_form, smooth_generators
from singlearn.symmetry.smooth.constant import Base, ball
from singlearn.symmetry.smooth.equivalence import is_zero
from singlearn.symmetry.smooth.expansion import SmoothExpansion
from singlearn.symmetry.smooth.explained_rank import smooth_jacobian
from singlearn.symmetry.smooth.step import Remove, SmoothMerge, SmoothPermute, SmoothSplit
from singlearn.symmetry.smooth.transformation import SmoothTransformation
from singlearn.symmetry.smooth.witness import SmoothWitness
from singlearn.symmetry.two_layer.network import Node

NAMES = ("tanh", "sigmoid", "erf", "silu", "gelu")
EVEN = ("silu", "gelu")


def random_network(name, seed, inputs=2, outputs=1, width=5):
    """Small numbers, so that nodes coincide, cancel, turn round and vanish by themselves."""
    r = random.Random(seed)
    w = [[r.randint(-1, 1) for _ in range(inputs)] for _ in range(width)]
    b = [r.randint(-1, 1) for _ in range(width)]
    q = [[r.randint(-2, 2) for _ in range(width)] for _ in range(outputs)]
    return TwoLayerSmooth(
        name, w, b, q[0] if outputs == 1 else q, 0 if outputs == 1 else [0] * outputs
    )


def moved(net, seed):
    """The same function by other means: nodes split, turned with what they leave handed on,
    shuffled, and idle ones added."""
    r = random.Random(seed)
    nodes, c = list(net.nodes), list(net.c)
    turned = r.sample(range(len(nodes)), 2)
    for i in turned if net.activation.is_even else range(len(nodes)):
        node = nodes[i]
        if net.activation.is_even:
            # Its line goes to a pair on a unit of its own: q u = q σ(u) - q σ(-u).
            nodes[i] = Node(tuple(-v for v in node.w), -node.b, node.q)
            shift = Fraction(r.randint(3, 9))
            up = Node(node.w, node.b + shift, node.q)
            nodes += [up, Node(tuple(-v for v in up.w), -up.b, tuple(-v for v in up.q))]
            c = [d + -q * shift for d, q in zip(c, node.q, strict=True)]
        elif r.random() < 0.5:
            offset = net.activation.kind.offset
            nodes[i] = Node(tuple(-v for v in node.w), -node.b, tuple(-v for v in node.q))
            c = [d + 2 * offset * q for d, q in zip(c, node.q, strict=True)]
    i = r.randrange(len(nodes))
    part = tuple(Fraction(r.randint(-3, 3)) for _ in net.c)
    nodes.append(Node(nodes[i].w, nodes[i].b, part))
    nodes[i] = Node(
        nodes[i].w, nodes[i].b, tuple(a - b for a, b in zip(nodes[i].q, part, strict=True))
    )
    zero = (Fraction(0),) * net.inputs
    at, q = Fraction(r.randint(-2, 2), 3), tuple(Fraction(1) for _ in net.c)
    nodes.append(Node(zero, at, q))
    c = [d - net.activation.value(at) * v for d, v in zip(c, q, strict=True)]
    r.shuffle(nodes)
    return net.replaced(nodes, tuple(c))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("inputs", "outputs"), [(1, 1), (2, 2)])
def test_moved_networks_are_equal_and_the_steps_say_how(name, inputs, outputs):
    x = np.random.default_rng(0).normal(size=(7, inputs))
    for seed in range(4):
        net = random_network(name, seed, inputs, outputs)
        other = moved(net, seed)
        assert np.allclose(
            net.evaluate(x), other.evaluate(x), atol=1e-12
        )  # independent of the exact code
        answer = equivalent(net, other)
        assert answer and answer.transformation.verify()
        assert answer.transformation.apply(net) == other
        narrow = compress(other)
        assert narrow.width == int(minimal_width(net)) == int(minimal_width(other))
        assert equivalent(narrow, net) and np.allclose(
            narrow.evaluate(x), net.evaluate(x), atol=1e-12
        )


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_network_differs_and_the_witness_is_certified(name):
    net = random_network(name, 3)
    live = next(i for i, node in enumerate(net.nodes) if any(node.w) and any(node.q))
    for change in (Fraction(1, 3), Fraction(1, 10**30)):
        node = net.nodes[live]
        nodes = [*net.nodes[:live], Node(node.w, node.b + change, node.q), *net.nodes[live + 1 :]]
        answer = equivalent(net, net.replaced(nodes))
        assert not answer and answer.status == "different"
        witness = answer.witness
        a, b = (
            one.balls_at(witness.point, 2 * witness.bits)[0] for one in (net, net.replaced(nodes))
        )
        assert not a.overlaps(b)
    # On a box the witness lies in it.
    box = Box([5, 5], [6, 7])
    assert box.contains(equivalent(net, net.replaced(nodes), box).witness.point)


def test_floats_are_the_fractions_they_are():
    a, b = (TwoLayerSmooth("tanh", [[w]], [0], [1], 0) for w in (0.1 + 0.2, 0.3))
    assert not equivalent(a, b)
    assert equivalent(a, TwoLayerSmooth("tanh", [[-(0.1 + 0.2)]], [0], [-1], 0))


def test_turning_round_follows_the_law_of_each_activation():
    u = np.linspace(-4, 4, 9)
    for name in NAMES:
        act = Activation(name)
        kind = act.kind
        even = act.evaluate(u) - act.evaluate(-u) - 2 * float(kind.slope) * u
        odd = act.evaluate(u) + act.evaluate(-u) - 2 * float(kind.offset)
        assert np.allclose(even if act.is_even else odd, 0, atol=1e-12)
        assert np.allclose(
            (act.evaluate(u + 1e-6) - act.evaluate(u - 1e-6)) / 2e-6, act.derivative(u), atol=1e-8
        )
        for at in (Fraction(-7, 3), Fraction(0), Fraction(1, 2)):
            with ctx.workprec(200):
                assert act.value(at).enclosure().overlaps(act.enclosure(ball(at)))
            assert float(act.value(at)) == pytest.approx(
                float(act.evaluate(np.array([float(at)]))[0]), abs=1e-14
            )


@pytest.mark.parametrize("name", EVEN)
def test_reversal_needs_annihilation_as_with_relu(name):
    star = TwoLayerSmooth(name, [[1, 0], [0, 1], [-1, -1]], [1, 2, 3], [1, 1, 1], 0)
    turned = TwoLayerSmooth(name, [[-1, 0], [0, -1], [1, 1]], [-1, -2, -3], [1, 1, 1], 6)
    answer = equivalent(star, turned)
    assert answer and answer.transformation.annihilation == "(1, 0) + (0, 1) + (-1, -1) = 0"
    one = TwoLayerSmooth(name, [[-1, 0], [0, 1], [-1, -1]], [-1, 2, 3], [1, 1, 1], 6)
    assert not equivalent(star, one)
    assert fibre(star).number == 12 and fibre(star).dimension == 0
    # Scaling is no symmetry: ReLU's test of the same networks would say equal.
    assert not equivalent(
        TwoLayerSmooth(name, [[2]], [0], [1], 0), TwoLayerSmooth(name, [[1]], [0], [2], 0)
    )


@pytest.mark.parametrize("name", NAMES)
def test_minimal_parameters_are_counted_by_turning_every_set_of_nodes(name):
    for w in ([[1], [1], [2]], [[1], [2], [3]], [[1], [-1], [1]]):
        net = TwoLayerSmooth(name, w, [0, 1, 2], [1, 1, 1], 0)
        count = 0
        for signs in itertools.product((1, -1), repeat=3):
            turned = [
                Node(
                    tuple(s * v for v in n.w),
                    s * n.b,
                    tuple(v if net.activation.is_even else s * v for v in n.q),
                )
                for s, n in zip(signs, net.nodes, strict=True)
            ]
            gap = smooth_form(net).constant[0] - smooth_form(net.replaced(turned)).constant[0]
            count += bool(equivalent(net, net.replaced(turned, (net.c[0] + gap,))))
        assert fibre(net).number == 6 * count


@pytest.mark.parametrize(("kinks", "relu", "silu"), [(3, 10, 13), (4, 13, 17), (5, 16, 21)])
def test_silu_is_regular_where_relu_is_not(kinks, relu, silu):
    """The stars of Wei et al., width m: λ = rank/2 is (3m + 1)/2 for ReLU, and (4m + 1)/2 for SiLU
    with τ = 100."""
    angle = np.pi / kinks * (2 * np.arange(kinks) + 1)
    star = (
        np.stack([np.cos(angle), np.sin(angle)], axis=1),
        np.full(kinks, -1 / 3),
        np.ones(kinks),
        0.0,
    )
    x = np.random.default_rng(0).uniform(-1, 1, size=(1000, 2))
    assert explained_rank(TwoLayerReLU(*star), x).rank == relu
    found = explained_rank(TwoLayerSmooth(Activation("silu", 100), *star), x)
    assert (found.rank, found.parameters) == (silu, silu)


def test_two_opposite_nodes_pay_for_the_reversal_of_a_third():
    a = TwoLayerSmooth("silu", [[1], [1]], [0, -1], [1, 1], 0)
    b = TwoLayerSmooth("silu", [[1], [-1], [-1]], [0, 0, 1], [2, -1, 1], -1)
    assert equivalent(a, b) and equivalent(a, b).transformation.verify()
    # The classification of ReLU's fibre, without scales: 1 free component and 2 · 3! isolated
    # points.
    found = fibre(a, 3)
    assert sorted((c.copies, c.dimension) for c in found.components) == [(1, 2), (6, 0), (6, 0)]


def test_minimal_width_of_even_activations_against_exhaustion():
    """p + what is left: for N = 1 and one output every choice of orientations and pairs is tried by
    hand."""
    for seed in range(12):
        r = random.Random(seed)
        units = [(r.randint(1, 2), r.randint(-1, 1), r.choice([-2, -1, 1, 2])) for _ in range(3)]
        w, b, q = zip(*({(w, b): (w, b, q) for w, b, q in units}.values()), strict=True)
        signs = [r.choice([1, -1]) for _ in w]
        net = TwoLayerSmooth(
            "silu",
            [[s * v] for s, v in zip(signs, w, strict=True)],
            [s * v for s, v in zip(signs, b, strict=True)],
            q,
            0,
        )
        more = net.replaced(
            [*net.nodes, *TwoLayerSmooth("silu", [[1], [-1]], [5, -5], [3, -3], 0).nodes]
        )  # the line 3x + 15
        for one in (net, more):
            slope = smooth_form(one).slope[0][0]
            halves = [Fraction(v * a, 2) for v, a in zip(w, q, strict=True)]
            balanced = any(
                sum(s * h for s, h in zip(choice, halves, strict=True)) == slope
                for choice in itertools.product((1, -1), repeat=len(halves))
            )
            assert int(minimal_width(one)) == len(w) + (0 if balanced else 1)


def test_constants_are_compared_exactly():
    third = Fraction(1, 3)
    tanh = TwoLayerSmooth("tanh", [[0], [0]], [third, -third], [1, 1], 0)
    assert equivalent(tanh, TwoLayerSmooth("tanh", [[0]], [0], [5], 0))
    # tanh(2/3) = 2t/(1 + t²) with t = tanh(1/3): algebraic, and no relation over Q.
    double = TwoLayerSmooth("tanh", [[0]], [2 * third], [1], 0)
    answer = equivalent(
        double,
        TwoLayerSmooth(
            "tanh", [[0]], [third], [Fraction(float(np.tanh(2 / 3) / np.tanh(1 / 3)))], 0
        ),
    )
    assert not answer and answer.status == "different" and answer.witness is not None
    # SiLU at -b is SiLU at b, less b.
    assert equivalent(
        TwoLayerSmooth("silu", [[0]], [-2], [1], 0), TwoLayerSmooth("silu", [[0]], [2], [1], -2)
    )
    close = Constant.value(Base.ERF, Fraction(1), Fraction(1)) + Fraction(
        -842700792949714869341220635082609, 10**33
    )
    assert is_zero(close) is False and abs(float(close)) < 1e-33


def test_two_activations_that_are_one_function_in_other_units():
    sigmoid = TwoLayerSmooth("sigmoid", [[4, -2]], [1], [6], 0)
    tanh = TwoLayerSmooth("tanh", [[-2, 1]], [Fraction(-1, 2)], [-3], 3)
    assert equivalent(sigmoid, tanh) and "sigmoid(u) = 1/2" in str(equivalent(sigmoid, tanh))
    sharp = TwoLayerSmooth(Activation("silu", 100), [[1]], [1], [1], 0)
    assert equivalent(sharp, TwoLayerSmooth("swish", [[100]], [100], [Fraction(1, 100)], 0))
    assert not equivalent(sharp, TwoLayerSmooth("silu", [[1]], [1], [1], 0))
    # No two of the bases have a function in common but affine ones.
    line = [TwoLayerSmooth(name, [[1], [-1]], [0, 0], [2, -2], 1) for name in EVEN]
    assert equivalent(*line) and not equivalent(line[0], TwoLayerSmooth("tanh", [[1]], [0], [2], 1))
    x = np.linspace(-2, 2, 5)[:, None]
    assert np.allclose(in_base(sharp).evaluate(x), sharp.evaluate(x), atol=1e-14)


def test_fibres_of_odd_activations():
    net = TwoLayerSmooth("erf", [[1, 0], [0, 1], [1, 1]], [0, 0, 1], [[1, 2, 3], [0, 1, 1]], [0, 0])
    assert (fibre(net).number, fibre(net).dimension) == (6 * 8, 0)
    assert (fibre(net, 5).number, fibre(net, 5).dimension) == (1, 2 * 3)
    assert fibre(net, 2).number == 0 and "no network of 2" in str(fibre(net, 2))
    # The largest stratum's dimension is that of the kernel at a parameter of it, where nothing is
    # null to first order only.
    free = net.replaced(
        [*net.nodes, *TwoLayerSmooth("erf", [[3, 1]], [2], [[0], [0]], [0, 0]).nodes]
    )
    rank = explained_rank(free, np.random.default_rng(0).normal(size=(80, 2)))
    assert (rank.explained, rank.first_order, rank.unexplained) == (3, 0, 0)


@pytest.mark.parametrize("name", NAMES)
def test_every_generator_is_null_and_the_kernel_is_what_points_see(name):
    x = np.random.default_rng(0).normal(size=(120, 2))
    for seed in range(6):
        net = random_network(name, seed, outputs=1 + seed % 2)
        found = explained_rank(net, x)
        assert found.unexplained == 0 and found.first_order >= 0
        jacobian = smooth_jacobian(net, x)
        for own in smooth_generators(net):
            assert (
                np.abs(jacobian @ own.direction).max()
                < 1e-12 * max(1, np.abs(own.direction).max()) * 100
            )
    # Against differences of the function itself.
    direction = np.random.default_rng(1).normal(size=jacobian.shape[1])
    ends = [_shifted(net, step * direction).evaluate(x).ravel() for step in (1e-5, -1e-5)]
    assert np.allclose((ends[0] - ends[1]) / 2e-5, jacobian @ direction, atol=1e-7)


def _shifted(net, step):
    w, b, q, c = net.arrays()
    parts = np.split(step, np.cumsum([w.size, b.size, q.size]))
    moved = [a + p.reshape(a.shape) for a, p in zip((w, b, q, c), parts, strict=True)]
    return TwoLayerSmooth(net.activation, moved[0], moved[1], moved[2], moved[3])


def test_nodes_that_cancel_move_together():
    net = TwoLayerSmooth("tanh", [[1, 2], [-1, -2], [3, 1]], [1, -1, 0], [2, 2, 1], 0)
    assert int(minimal_width(net)) == 1
    fields = [str(g.field) for g in smooth_generators(net)]
    assert fields.count("nodes that cancel") == 3
    # A linear pair: w and v trade, the offset is free.
    pair = TwoLayerSmooth("silu", [[1, 2], [-1, -2], [3, 1]], [1, -1, 0], [2, -2, 1], 0)
    fields = [str(g.field) for g in smooth_generators(pair)]
    assert fields.count("nodes that cancel") == 2
    found = explained_rank(pair, np.random.default_rng(0).normal(size=(60, 2)))
    assert (found.explained, found.first_order) == (2, 0)


def test_roles_and_a_domain_that_changes_nothing():
    net = TwoLayerSmooth("gelu", [[1], [1], [-1], [0], [2]], [9, 9, -9, 1, 0], [1, 1, 1, 1, 0], 0)
    assert [str(r) for r in node_roles(net, Box([0], [1]))] == [
        "shared",
        "shared",
        "opposite",
        "w = 0",
        "q = 0",
    ]
    assert minimal_width(net).upper == minimal_width(net, Box([0], [1])).upper
    with pytest.raises(ValueError, match="dimension 2"):
        node_roles(net, Box([0, 0], [1, 1]))


def test_proximate_rank_is_exact_at_the_edge():
    tenth = Fraction(1, 10)
    net = TwoLayerSmooth(
        "tanh", [[1], [1 + tenth], [tenth], [-2]], [0, 0, 5, 0], [1, 1, 3, tenth], 0
    )
    assert [int(proximate_rank(net, e)) for e in (0, tenth - Fraction(1, 10**20), tenth)] == [
        4,
        4 - 1,
        1,
    ]
    # Floats are no better than they are: 0.1 + 0.2 is further than 0.3 from 0.
    far = TwoLayerSmooth("tanh", [[0.1 + 0.2]], [0], [1], 0)
    assert int(proximate_rank(far, 0.3)) == 1 and int(proximate_rank(far, 0.1 + 0.2)) == 0
    for seed in range(5):
        r = np.random.default_rng(seed)
        wide = TwoLayerSmooth("tanh", r.normal(size=(8, 2)), r.normal(size=8), r.normal(size=8), 0)
        bounds = [proximate_rank(wide, e) for e in (0.0, 0.4, 5.0)]
        assert bounds[0].bound == 8 and bounds[-1].bound == 0 and bounds[1].bound < 8
        for own in bounds:
            moves = [
                np.abs(a - b).max()
                for a, b in zip(wide.arrays(), own.nearest.arrays(), strict=True)
            ]
            assert max(moves) <= float(own.eps) + 1e-12
            assert int(minimal_width(own.nearest)) == own.bound
    # Three in a row, ε apart from the next: the first reaches one neighbour, a common centre all.
    row = TwoLayerSmooth("tanh", [[1], [3], [2]], [0, 0, 0], [9, 9, 9], 0)
    assert int(proximate_rank(row, 1)) == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_tolerance_is_bounded_from_both_sides(name):
    r = np.random.default_rng(0)
    w, b, q = r.normal(size=(8, 2)), r.normal(size=8), r.normal(size=(2, 8))
    net = TwoLayerSmooth(name, w, b, q, [0, 0])
    sign = -1 if name in ("tanh", "erf") else 1
    order = r.permutation(8)
    noisy = (sign * w + 1e-3 * r.normal(size=w.shape))[order], sign * b[order], sign * q[:, order]
    other = TwoLayerSmooth(name, *noisy, [0, 0])
    box = Box([-1, -1], [1, 1])
    answer = equivalent(net, other, box, 0.1)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 201)] * 2), -1).reshape(-1, 2)
    seen = np.abs(net.evaluate(grid) - other.evaluate(grid)).max()
    assert (
        0.5 * seen < answer.distance.lower <= seen * 1.05
        and seen <= answer.distance.upper < 8 * seen
    )
    assert answer and not answer.is_exact and answer.transformation is None
    if name == "erf":
        assert equivalent(net, other, box, seen / 4).status == "different"
        assert equivalent(net, other, box, seen * 1.1).status == "not shown"
        assert equivalent(net, net, box, 0).status == "equivalent"


def test_the_bound_holds_where_its_parts_are_known():
    unit = Box([0], [1])
    tanh = [TwoLayerSmooth("tanh", [[w]], [0], [1], 0) for w in (1, Fraction(9, 10))]
    answer = equivalent(*tanh, unit, 1)
    assert Fraction(4, 100) < answer.distance.lower < answer.distance.upper == Fraction(1, 10)
    # The units agree, a line 2x + 1 is left: all of the difference, and known exactly.
    gelu = [TwoLayerSmooth("gelu", [[s]], [Fraction(s, 2)], [2], 0) for s in (1, -1)]
    answer = equivalent(*gelu, unit, 1)
    assert answer.distance.upper == 3 and abs(answer.distance.lower - 3) < 1e-30
    assert not answer and "not equal up to 1 " in str(answer)


def test_steps_are_checked_and_not_believed():
    net = TwoLayerSmooth("tanh", [[1], [1]], [0, 1], [1, 1], 0)
    with pytest.raises(ValueError, match="different"):
        SmoothMerge(0, 1).apply(SmoothExpansion.of(net))
    with pytest.raises(ValueError, match="not a constant"):
        Remove(0).apply(SmoothExpansion.of(net))
    for steps in (
        (),
        (SmoothMerge(0, 1),),
        (SmoothPermute((0, 0)),),
        (SmoothSplit(0, (Fraction(1),)),),
    ):
        assert not SmoothTransformation(net, net.replaced(net.nodes[:1]), steps).verify()

    class Jump(SmoothSplit):
        def apply(self, expansion):
            return SmoothExpansion.of(net.replaced(net.nodes[:1]))

    assert not SmoothTransformation(
        net, net.replaced(net.nodes[:1]), (Jump(0, (Fraction(0),)),)
    ).verify()


def test_what_no_enclosure_separates_is_not_shown():
    far = TwoLayerSmooth("erf", [[0]], [10**5], [1], 0)
    answer = equivalent(far, TwoLayerSmooth("erf", [[0]], [0], [1], 1))
    assert not answer and answer.status == "not shown" and "not shown" in str(answer)
    assert is_zero(answer.forms[0].constant[0] - answer.forms[1].constant[0]) is None
    # For tanh the theorem decides where no enclosure does, for erf where the rational parts agree.
    for name in ("tanh", "erf"):
        pair = [TwoLayerSmooth(name, [[0]], [b], [1], 0) for b in (10**5, 10**5 + 1)]
        assert equivalent(*pair).status == "different" and equivalent(*pair).witness is None


def test_what_is_refused_is_named(tmp_path):
    net = TwoLayerSmooth("tanh", [[1]], [0], [1], 0)
    for call, words in (
        (lambda: TwoLayerSmooth("gelu_new", [[1]], [0], [1], 0), "another function"),
        (lambda: TwoLayerSmooth("relu", [[1]], [0], [1], 0), "should be one of tanh"),
        (lambda: Activation("tanh", 2), "only SiLU"),
        (lambda: Activation("silu", 0), "positive"),
        (lambda: TwoLayerSmooth("tanh", [[np.nan]], [0], [1], 0), "finite"),
        (
            lambda: equivalent(net, TwoLayerReLU([[1]], [0], [1], 0)),
            "TwoLayerReLU beside TwoLayerSmooth",
        ),
        (lambda: equivalent(net, net, tolerance=0.1), "give one"),
        (lambda: equivalent(net, net, Box([0], [1]), -1), "at least 0"),
        (lambda: proximate_rank(TwoLayerSmooth("gelu", [[1]], [0], [1], 0), 1), "GELU"),
        (lambda: fibre(TwoLayerSmooth("silu", [[1]], [0], [[1], [1]], [0, 0]), 2), "2 outputs"),
        (lambda: write(net, tmp_path / "net.npz"), "json"),
        (lambda: minimal_width(net, relative_tolerance="rounding"), "not"),
        (lambda: fibre(net, relative_tolerance="rounding"), "proximate_rank"),
        (
            lambda: from_parameters({"w": [[1]], "b": [0], "q": [1], "c": 0, "activation": "tanh"}),
            "their activation is 'tanh'",
        ),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_files_say_the_activation(tmp_path, capsys):
    net = TwoLayerSmooth("tanh", [[1], [-1], [0]], [0, 0, "1/4"], [3, 1, 1], "1/3")
    path, small = tmp_path / "net.json", tmp_path / "small.json"
    write(net, path)
    assert read(path) == net
    with pytest.raises(ValueError, match="it says that its activation is tanh"):
        read(path, activation="relu")
    assert main(["symmetry", "compress", str(path), "-o", str(small)]) == 0
    assert "1/3 + tanh(1/4)" in capsys.readouterr().out
    assert main(["symmetry", "equivalent", str(path), str(small)]) == 0
    sharp = TwoLayerSmooth(Activation("silu", 100), [[1]], [0], [1], 0)
    write(sharp, path)
    assert read(path) == sharp
    capsys.readouterr()
    assert main(["symmetry", "describe", str(path), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["activation"], document["sharpness"], document["roles"]) == (
        "silu",
        "100",
        ["live"],
    )
    arrays = {
        "0.weight": np.eye(2),
        "0.bias": np.zeros(2),
        "2.weight": np.ones((1, 2)),
        "2.bias": np.zeros(1),
    }
    np.savez(tmp_path / "state.npz", **arrays)
    assert read(tmp_path / "state.npz", activation="GELU") == TwoLayerSmooth(
        "gelu", np.eye(2), [0, 0], [1, 1], 0
    )
    assert (
        main(
            [
                "symmetry",
                "fibre",
                str(tmp_path / "state.npz"),
                "--activation",
                "tanh",
                "--width",
                "3",
            ]
        )
        == 0
    )
    assert "1 component, width 3" in capsys.readouterr().out
    for command in ("hidden", "hierarchy"):
        assert main(["symmetry", command, str(path), "--box", "-1", "1"]) == 2
        assert "SiLU" in capsys.readouterr().err
    for said, words in (("softplus", "softplus"), ("gelu_new", "gelu_new")):
        (tmp_path / "other.json").write_text(
            json.dumps({"activation": said, "w": [[1]], "b": [0], "q": [1], "c": 0})
        )
        with pytest.raises(ValueError, match=words):
            read(tmp_path / "other.json")


def test_torch_modules():
    torch = pytest.importorskip("torch")
    from singlearn.symmetry.smooth.files import smooth_from_torch, smooth_to_torch

    nn = torch.nn
    x = torch.linspace(-2, 2, 10, dtype=torch.float64).reshape(5, 2)
    for module in (nn.Tanh(), nn.SiLU(), nn.GELU()):
        whole = nn.Sequential(nn.Linear(2, 3), module, nn.Linear(3, 2))
        net = smooth_from_torch(whole)
        assert np.allclose(net.evaluate(x.numpy()), whole.double()(x).detach().numpy(), atol=1e-14)
        assert equivalent(smooth_from_torch(smooth_to_torch(net)), net)
    deep = nn.Sequential(nn.Linear(1, 1), nn.Tanh(), nn.Linear(1, 1), nn.ReLU(), nn.Linear(1, 1))
    for module, words in (
        (nn.Sequential(nn.Linear(1, 1), nn.GELU("tanh"), nn.Linear(1, 1)), "another function"),
        (deep, "hidden layers"),
        (nn.Sequential(nn.Linear(1, 1), nn.Softplus(), nn.Linear(1, 1)), "0 of Tanh"),
    ):
        with pytest.raises(ValueError, match=words):
            smooth_from_torch(module)


def test_a_witness_is_printed_where_all_certain_digits_agree():
    """Enclosures of 64 bits that do not meet, and differ behind their last certain digit."""
    one, other = arb(1e-30, 1e-30), arb(3.1e-30, 1e-30)
    assert not one.overlaps(other)
    assert "the same less -2.10e-30" in str(SmoothWitness((Fraction(0),), 0, one, other, 64))

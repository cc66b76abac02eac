"""Networks made of floats: relations that are planted are found, none is invented, and the distance
is certified.
"""

from fractions import Fraction

import numpy as np
import pytest

from singlearn.symmetry import (
    Box,
    DeepReLU,
    Polytope,
    TwoLayerReLU,
    compress,
    equivalent,
    explained_rank,
    fibre,
    generators,
    hierarchy,
    kink_form,
    minimal_width,
    node_roles,
    snap,
    sup_distance,
)
from singlearn.symmetry.trained.exact_kernel import satisfying
from singlearn.symmetry.trained.sentences import described, rounded_up
from singlearn.symmetry.trained.vanishing_sums import Rows, vanishing_sums


def kinds(found):
    return [str(relation.kind) for relation in found.imposed]


def moved(w, b, q, seed, turn=True):
    """The same function seen from other coordinates, every node scaled, in floats: relations hold
    only up to rounding.
    """
    random = np.random.default_rng(seed)
    w, b, q = (np.array(part, dtype=float) for part in (w, b, q))
    matrix = (
        np.linalg.qr(random.normal(size=(w.shape[1],) * 2))[0] * 1.7
        if turn
        else np.eye(w.shape[1]) * 1.7
    )
    w = w @ matrix
    b = b - w @ random.normal(size=w.shape[1])
    scale = np.exp(random.normal(size=len(w)))
    c = 0.0 if q.ndim == 1 else [0.0] * len(q)
    return TwoLayerReLU(w * scale[:, None], b * scale, q / scale, c)


def test_none_invented():
    random = np.random.default_rng(0)
    for k in range(12):
        inputs, width, dtype = (
            1 + k % 4,
            int(random.integers(1, 17)),
            np.float32 if k % 5 == 0 else np.float64,
        )
        parts = [
            random.normal(size=shape).astype(dtype)
            for shape in ((width, inputs), width, (1 + k % 2, width), 1 + k % 2)
        ]
        found = snap(
            TwoLayerReLU(*parts), domain=Box([-1] * inputs, [1] * inputs) if k % 2 else None
        )
        assert not found.imposed and not found.changed and found.distance.upper == 0


@pytest.mark.parametrize("inputs", [1, 2, 4])
@pytest.mark.parametrize("noise", [0.0, 1e-12])
def test_planted_relations_are_found_and_no_others(inputs, noise):
    random = np.random.default_rng(7 * inputs)
    w, b, q = random.normal(size=(14, inputs)), random.normal(size=14), random.normal(size=14)
    w[1], b[1] = -0.3 * w[0], -0.3 * b[0]
    w[3], b[3], q[3] = 7 * w[2], 7 * b[2], -q[2] / 7
    w[8] = -(q[4:8] @ w[4:8]) / q[8]
    q[9] = noise
    w, b, q = (part * (1 + noise * random.normal(size=part.shape)) for part in (w, b, q))
    scale = np.exp(random.normal(size=14))
    found = snap(
        TwoLayerReLU(w * scale[:, None], b * scale, q / scale, 0.0), 1e-10 if noise else None
    )
    assert {(str(relation.kind), relation.nodes) for relation in found.relations} == {
        ("boundaries coincide", (0, 1)),
        ("boundaries coincide", (2, 3)),
        ("kinks cancel", (2, 3)),
        ("weights annihilate", (4, 5, 6, 7, 8)),
        ("q = 0", (9,)),
    }
    # They hold exactly: a snapped network has nothing left to snap.
    again = snap(found.net)
    assert not again.changed and len(again.relations) == 5 and not again.imposed


def test_dead_always_active_and_constant_nodes():
    net = TwoLayerReLU(
        [[0.1], [0.1], [1e-18], [1.0]],
        [-0.1 + 1e-17, 0.1 - 1e-17, 0.7, 0.3],
        [1.0, 1.0, 2.0, 1.0],
        0.0,
    )
    box = Box([-1], [1])
    assert snap(net).imposed[0].nodes == (2,) and len(snap(net).imposed) == 1
    assert [str(role) for role in node_roles(net, box, relative_tolerance="rounding")] == [
        "dead",
        "always active",
        "w = 0",
        "live",
    ]
    assert [str(role) for role in node_roles(net, box)] == ["live", "live", "always active", "live"]
    triangle = Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    corner = TwoLayerReLU([[0.1, 0.3], [1.0, -1.0]], [-(0.1 + 0.2) + 1e-17, 0.1], [1.0, 1.0], 0.0)
    assert str(node_roles(corner, triangle, relative_tolerance=1e-12)[0]) == "dead"


@pytest.mark.parametrize(
    ("w", "b", "q", "width", "on_box"),
    [
        ([[1, 0], [-1, 0], [0, 1], [0, -1]], [0] * 4, [1] * 4, 4, 3),  # |x1| + |x2|
        (
            [[1, 0], [-1, 0], [0, 1], [0, -1], [-1, -1], [1, 1]],
            [0] * 6,
            [1, -1] * 3,
            0,
            0,
        ),  # slopes cancel: zero
        ([[1], [-1]] * 3, [0, 0, -1, 1, -2, 2], [3, 3, 1, 1, 2, 2], 3, 3),  # 3 = 1 + 2
        ([[1], [-1]] * 2, [0, 0, -1, 1], [1, 1, 2, 2], 3, 3),
        ([[1], [-1]], [0, 3], [[1, 1], [2, 2]], 2, 2),  # two outputs, both annihilate
        ([[1, 0], [-1, 0]], [0, 0], [1, -1], 2, 1),  # a linear function
    ],
)
def test_minimal_width_up_to_rounding(w, b, q, width, on_box):
    net, box = moved(w, b, q, 1), Box([-40] * len(w[0]), [40] * len(w[0]))
    assert int(minimal_width(net, relative_tolerance="rounding")) == width
    assert int(minimal_width(net, box, relative_tolerance="rounding")) == on_box
    assert compress(net, relative_tolerance=1e-10).width == width


@pytest.mark.parametrize("width", [4, 5, 6])
def test_fibres_of_wider_networks_agree_with_the_exact_one(width):
    # Width 5 needs boundaries that are parallel, not only weights that annihilate.
    w = [[1, 0], [0, 1], [-1, 0], [0, -1]]
    exact, net = TwoLayerReLU(w, [-1] * 4, [1] * 4, 0), moved(w, [-1] * 4, [1] * 4, 3)
    assert fibre(net, width, relative_tolerance="rounding").number == fibre(exact, width).number


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_distance_is_exact_and_never_below_a_grid(inputs):
    random = np.random.default_rng(inputs)
    w, b, q = random.normal(size=(6, inputs)), random.normal(size=6) * 0.4, random.normal(size=6)
    w[1] = w[0] * 1.7 + 1e-3 * random.normal(size=inputs)
    b[1], q[2] = 1.7 * b[0], 1e-3
    net, box = TwoLayerReLU(w, b, q, 0.3), Box([-1] * inputs, [1] * inputs)
    found = snap(net, 2e-2, box)
    assert len(found.imposed) >= 2
    ticks = np.linspace(-1, 1, {1: 4001, 2: 201, 3: 31}[inputs])
    grid = np.stack(np.meshgrid(*[ticks] * inputs), -1).reshape(-1, inputs)
    seen = np.abs(net.evaluate(grid) - found.net.evaluate(grid)).max()
    assert 0.5 * float(found.distance.upper) < seen <= float(found.distance.upper) * (1 + 1e-12)
    independent = sup_distance(net, found.net, box)
    assert found.distance.is_exact and found.distance.upper == independent.upper


def test_distance_of_rounding_is_exact_too():
    net, box = (
        moved([[1, 0], [-1, 0], [0, 1], [0, -1]], [0.2] * 4, [1] * 4, 1),
        Box([-2, -2], [2, 2]),
    )
    found = snap(net, domain=box)
    assert found.imposed and found.distance.upper == sup_distance(net, found.net, box).upper < 1e-14
    random = np.random.default_rng(0)
    for _ in range(50):
        point = [Fraction(float(v)) for v in random.uniform(-2, 2, 2)]
        assert abs(net(point) - found.net(point)) <= found.distance.upper


def test_distance_of_many_inputs_is_a_bound():
    random = np.random.default_rng(4)
    w, b = random.normal(size=(8, 6)), random.normal(size=8) * 0.1
    w[1], b[1] = w[0] + 1e-4, b[0]
    net = TwoLayerReLU(w, b, random.normal(size=8), 0.0)
    found, points = snap(net, 1e-2, Box([-1] * 6, [1] * 6)), random.uniform(-1, 1, (20000, 6))
    seen = np.abs(net.evaluate(points) - found.net.evaluate(points)).max()
    assert "boundaries coincide" in kinds(found)
    assert (
        seen <= float(found.distance.upper)
        and float(found.distance.lower) <= float(found.distance.upper) < 1e-2
    )


def test_exact_weights_are_left_as_they_are():
    net = TwoLayerReLU([[1], [2], [3]], [0, 0, 1], [1, Fraction(1, 3), 1], 0)
    found = snap(net)
    assert (
        found.relative_tolerance == 0
        and found.net == net
        and [relation.gap for relation in found.relations] == [0.0]
    )
    assert "your network" in str(kink_form(net, relative_tolerance="rounding"))
    nearly = TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0)
    assert not snap(nearly, 0).changed and snap(nearly).changed
    # An order of magnitude of tolerance that the user asks for is a relative one.
    assert kinds(
        snap(TwoLayerReLU([[1], [2]], [0, Fraction(1, 1000)], [1, 1], 0), 1e-2, Box([-1], [1]))
    ) == ["boundaries coincide"]


def test_accidents_are_not_structure():
    # With one input and 26 kinks some of the 2^26 subsets annihilate to 1e-7 by chance.
    random = np.random.default_rng(1)
    net = TwoLayerReLU(np.ones((26, 1)), random.normal(size=26), random.normal(size=26), 0.0)
    found = snap(net, 1e-7)
    assert not found.imposed and found.accidents > 0 and "by chance" in str(found)
    assert "not imposed" in found.sentence  # what fibre, minimal_width and the others print


def test_large_sets_annihilate():
    random = np.random.default_rng(2)
    values = random.normal(size=(48, 1, 2))
    values[19] = -values[:19].sum(axis=0)
    rows, _ = Rows.of(values, np.zeros((1, 2)), np.zeros(1))
    assert vanishing_sums(rows, 1e-14, 1e-4).subsets == (tuple(range(20)),)
    values[47] = -values[:47].sum(axis=0)
    rows, _ = Rows.of(values, np.zeros((1, 2)), np.zeros(1))
    assert set(vanishing_sums(rows, 1e-14, 1e-4).subsets) == {
        tuple(range(20)),
        tuple(range(20, 48)),
    }


def test_relations_are_solved_exactly():
    one, half = Fraction(1), Fraction(1, 2)
    vectors = ((one, half), (Fraction(-0.9), half), (Fraction(0.1), -one))
    moved_vectors = satisfying(
        [(one, one, one), (one, -half, Fraction(0))], vectors, [1.0, 1.0, 1.0]
    )
    for row in ((one, one, one), (one, -half, Fraction(0))):
        assert all(
            sum(c * v[i] for c, v in zip(row, moved_vectors, strict=True)) == 0 for i in range(2)
        )
    # Three independent relations among three vectors leave nothing but zero.
    assert (
        satisfying(
            [(one, one, one), (one, -half, 0 * one), (0 * one, one, one)], vectors, [1.0] * 3
        )
        is None
    )


def test_answers_say_of_which_network_they_are_true():
    net = moved([[1, 0], [0, 1], [-1, -1]], [-1] * 3, [1] * 3, 5)
    x = np.random.default_rng(0).uniform(-2, 2, (60, 2))
    answers = [
        kink_form(net, relative_tolerance="rounding"),
        fibre(net, relative_tolerance="rounding"),
        minimal_width(net, relative_tolerance="rounding"),
        compress(net, relative_tolerance="rounding"),
        node_roles(net, relative_tolerance="rounding"),
        explained_rank(net, x, relative_tolerance="rounding"),
        generators(net, relative_tolerance="rounding"),
    ]
    for answer in answers:
        assert answer.snapped.original == net and answer.snapped.changed
        assert str(answer).endswith(
            answer.snapped.sentence
        ) and "Exactly true of a network within" in str(answer)
    found = answers[1]
    assert found.number == 12 and found.component_of(net) == found.component_of(found.snapped.net)


def test_a_tolerance_makes_equal_what_rounding_made_differ():
    a = TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0)
    b = TwoLayerReLU([[0.1], [-0.3], [-0.7]], [0.0, 0.0, 0.7], [20.0, -1 / 0.3, 1 / 0.7], -1.0)
    answer = equivalent(a, b, Box([-2], [2]), tolerance=1e-12)
    assert answer and not answer.is_exact and answer.snapped.transformation.verify()
    far = equivalent(a, b, Box([-2], [2]), tolerance=1e-20)
    assert not far and far.snapped is None


def test_boundaries_of_floats_are_printed_with_normals_of_length_one():
    net = moved([[1, 0], [0, 1], [-1, -1]], [-1] * 3, [1] * 3, 5)
    text = str(kink_form(net))
    assert "e+" not in text and "e-17" not in text and "total kink 1.7 " in text
    # Exact small integers stay.
    assert "total kink 2 on 3x1 + 4x2 - 1 = 0" in str(
        kink_form(TwoLayerReLU([[3, 4]], [-1], [2], 0))
    )


@pytest.mark.parametrize("tolerance", [-1.0, 2, "small", True, float("nan")])
def test_tolerances_that_are_none_are_refused(tolerance):
    with pytest.raises(ValueError, match=r"^relative_tolerance: got"):
        snap(TwoLayerReLU([[1.0]], [0.0], [1.0], 0.0), tolerance)


def test_wrong_domains_are_refused():
    net = TwoLayerReLU([[1.0]], [0.0], [1.0], 0.0)
    with pytest.raises(ValueError, match=r"^domain: it has dimension 2"):
        snap(net, domain=Box([-1, -1], [1, 1]))


def test_weights_far_outside_floats():
    net = TwoLayerReLU([[Fraction(10) ** 400], [Fraction(3, 10**400)]], [1.5, 0], [1, 1], 0.25)
    assert snap(net).distance.upper >= 0 and str(kink_form(net))


def test_rounding_up_never_rounds_down():
    for value in (
        Fraction(1, 3),
        Fraction(999, 1000),
        Fraction(10**30 + 1),
        Fraction(1, 10**30),
        Fraction(17, 10**300),
    ):
        assert Fraction(rounded_up(value)) >= value > Fraction(rounded_up(value)) * Fraction(9, 10)


def test_deep_networks_are_snapped_layer_by_layer():
    random = np.random.default_rng(8)
    w = [random.normal(size=shape) for shape in ((5, 2), (4, 5), (3, 4), (1, 3))]
    b = [random.normal(size=5) * 0.3, random.normal(size=4) * 0.3, random.normal(size=3), [0.0]]
    w[0][3], b[0][3] = -3 * w[0][1] * (1 + 1e-15), -3 * b[0][1]
    w[1][3], b[1][3], w[2][:, 0] = 2.2 * w[1][1], 2.2 * b[1][1], 1e-17
    net, box = DeepReLU(w, b), Box([-1, -1], [1, 1])
    found = snap(net, domain=box)
    assert {(one.layer, str(one.kind), one.nodes) for one in found.imposed} == {
        (0, "boundaries coincide", (1, 3)),
        (1, "q = 0", (0,)),
        (1, "boundaries coincide", (1, 3)),
    }
    points = random.uniform(-1, 1, (200, 2))
    assert np.abs(net(points) - found.net(points)).max() < 1e-13 and 0 < found.bound < 1e-12
    again = snap(found.net, domain=box)
    assert not again.changed and len(again.relations) == 3
    # A wide tolerance moves the outputs, and the bound holds.
    for tolerance in (1e-2, 0.1, 0.3):
        wide = snap(net, tolerance, box)
        assert np.abs(net(points) - wide.net(points)).max() <= wide.bound
    roles = node_roles(net, box, relative_tolerance="rounding")
    assert [str(role) for role in roles[0]] == ["live", "opposite", "live", "opposite", "live"]
    assert [str(role) for role in roles[1]] == ["q = 0", "shared", "live", "shared"]
    assert compress(net, box, relative_tolerance="rounding").widths == (2, 5, 2, 3, 1)
    for answer in (
        roles,
        compress(net, box, relative_tolerance="rounding"),
        explained_rank(net, points, relative_tolerance="rounding"),
    ):
        assert "Exactly true of a network within" in str(answer)
    with pytest.raises(ValueError, match=r"^domain: got None"):
        snap(net)


def test_distances_of_far_moves_agree_with_the_other_way_to_find_them():
    random = np.random.default_rng(3)
    for k in range(6):
        inputs = 1 + k % 3
        shapes = (7, inputs), 7, (1 + k % 2, 7), 1 + k % 2
        net, box = (
            TwoLayerReLU(*(random.normal(size=s) for s in shapes)),
            Box([-1] * inputs, [1] * inputs),
        )
        found = snap(net, 0.2, box)
        assert (
            len(found.imposed) > 3
            and found.distance.upper == sup_distance(net, found.net, box).upper
        )


def test_networks_without_anything_to_snap():
    for net in (
        TwoLayerReLU(np.zeros((0, 2)), [], [], 0.5),
        TwoLayerReLU(np.zeros((2, 2)), [0.1, -0.2], [1.0, 1.0], 0.5),
        TwoLayerReLU(np.ones((2, 2)), [0.1, 0.1], [0.0, 0.0], 0.5),
    ):
        assert not snap(net).changed and not snap(net, domain=Box([-1, -1], [1, 1])).imposed
    far = TwoLayerReLU([[1e300, 1e-300], [1e-300, 1e300]], [1e300, 1.0], [1e-300, 1e300], 0.5)
    # Beside a node of 1e600 one of size 1 is rounding, and the distance says what leaving it out
    # costs.
    found = snap(far, domain=Box([-1, -1], [1, 1]))
    assert [one.nodes for one in found.imposed] == [(0,)] and 0.5 < float(found.distance.upper) < 3


def test_numbers_of_any_exponent_are_printed_and_told_apart():
    """Nothing that is not zero is printed as zero, and two values that differ are seen to
    differ.
    """
    tiny = TwoLayerReLU([["1e-400"]], [0.5], [1.0], 0.0)
    assert "total kink 1.00000e-400 on x + 5.00000e+399 = 0" in str(kink_form(tiny))
    assert "nothing to impose" in str(snap(TwoLayerReLU([[5e-324]], [0.5], [1.0], 0.0)))
    faint = snap(TwoLayerReLU([[1.0], [1.0]], [0.5, 0.5], [1, "1e-400"], 0.0), 1e-3)
    assert "at most 5.0e-401 on" in str(faint)
    one, other = (TwoLayerReLU([[0.1]], [0.3], [1.0], c) for c in (0.0, 1e-9))
    assert "the first gives 0.3, the second 0.300000001;" in str(equivalent(one, other))
    far = snap(one, domain=Box([10**10], [10**10 + 1]))
    assert not far.changed or "[1e+10, 10000000001]" in str(far)
    assert described(far.domain) == "on the box [1e+10, 10000000001]"


@pytest.mark.parametrize("width", [3, 24])
def test_kinks_of_the_first_level_are_those_of_the_function(width):
    """Two pairs of nodes share their boundaries from the start; one of them cancels."""
    w = [[1], [1], [1], [2], *([1] for _ in range(width - 3))]
    b = [Fraction(k, width) for k in (0, 0, 1, 2, *range(2, width - 1))]
    net = TwoLayerReLU(w, b, [1, -1, 1, 1, *(1 for _ in range(width - 3))], 0)
    box = Box([-2], [2])
    first = hierarchy(net, box).levels[0]
    kinks = len(kink_form(net, box).kinks)
    assert (first.kinks, kinks) == (width - 2, width - 2)
    assert first.lower <= width - 1 and first.minimal_width >= kinks

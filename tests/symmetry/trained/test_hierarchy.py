"""At which distance structure appears: planted relations come first, distances hold, counts agree
with the exact verbs.
"""

import json
import math
import time

import numpy as np
import pytest

from singlearn import plot
from singlearn.cli import main
from singlearn.symmetry import (
    Box,
    DeepReLU,
    Polytope,
    TwoLayerReLU,
    fibre,
    hierarchy,
    minimal_width,
    write,
)

BOX = Box([-1, -1], [1, 1])


def planted(noise):
    """A star of three, two nodes on one boundary, one that just looks into the box."""
    random = np.random.default_rng(3)
    angle = math.pi / 3 + 2 * np.pi * np.arange(3) / 3 + 0.4
    w = np.concatenate(
        [np.stack([np.cos(angle), np.sin(angle)], 1), [[0.8, -0.3], [1.6, -0.6], [-0.7, 0.2]]]
    )
    b, q = np.array([-1 / 3] * 3 + [0.1, 0.2, -0.899]), np.array([1, 1, 1, 0.7, 0.4, 0.5])
    w, b = w + noise * random.normal(size=w.shape), b + noise * random.normal(size=6)
    return TwoLayerReLU(w, b, q, 0.0)


@pytest.fixture(scope="module")
def found():
    return hierarchy(planted(1e-7), BOX)


def test_planted_relations_come_first_at_the_distance_of_the_noise(found):
    first = [(str(bar.relation.kind), bar.relation.nodes) for bar in found.bars[:3]]
    assert set(first[:2]) == {("boundaries coincide", (3, 4)), ("weights annihilate", (0, 1, 2))}
    assert all(1e-8 < bar.birth < 1e-6 for bar in found.bars[:2])
    # The last node reaches 0.001 into the box, with q = 0.5.
    assert first[2] == ("dead on the domain", (5,)) and abs(found.bars[2].birth - 0.0005) < 1e-5
    assert found.bars[3].birth > 0.1


def test_levels_count_what_the_exact_verbs_count(found):
    # Without structure 6! components of width 6; with it 4 kinks and two free nodes, in two
    # orientations of the star.
    assert (
        found.levels[0].minimal_width,
        found.levels[0].components,
        found.levels[0].dimension,
    ) == (6, 720, 6)
    for level in found.levels[:4]:
        width = minimal_width(level.net, BOX)
        assert (level.lower, level.minimal_width) == (width.lower, width.upper)
    after = found.at(1e-6)
    assert (
        after.components == fibre(after.net, 6).number
        and after.dimension == fibre(after.net, 6).dimension
    )
    assert found.levels[-1].minimal_width <= 1 and found.levels[-1].dimension == 18
    assert [level.distance for level in found.levels] == sorted(
        level.distance for level in found.levels
    )


def test_distances_are_never_below_a_grid(found):
    ticks = np.linspace(-1, 1, 201)
    grid = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    values = planted(1e-7).evaluate(grid)
    for level in found.levels:
        seen = np.abs(level.net.evaluate(grid) - values).max()
        assert seen <= level.distance * (1 + 1e-9) + 1e-14 and level.distance <= 2 * seen + 1e-7


@pytest.mark.parametrize("inputs", [1, 3, 5])
def test_other_numbers_of_inputs(inputs):
    random = np.random.default_rng(inputs)
    net = TwoLayerReLU(
        random.normal(size=(7, inputs)),
        random.normal(size=7) * 0.4,
        random.normal(size=(2, 7)),
        [0.0, 1.0],
    )
    found = hierarchy(net, Box([-1] * inputs, [1] * inputs))
    points = random.uniform(-1, 1, (3000, inputs))
    for level in found.levels:
        assert (
            np.abs(level.net.evaluate(points) - net.evaluate(points)).max()
            <= level.distance * (1 + 1e-9) + 1e-13
        )
    assert found.levels[-1].kinks == 0


def test_on_a_polytope_exact_relations_hold_at_distance_zero():
    net = TwoLayerReLU([[1, 0], [2, 0], [1, 1], [0, 1]], [-3, -6, -0.5, 0], [1, 1, 1, 0], 0)
    found = hierarchy(net, Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]))
    assert {(str(b.relation.kind), b.relation.nodes) for b in found.bars if b.birth == 0} == {
        ("dead on the domain", (0,)),
        ("dead on the domain", (1,)),
        ("q = 0", (3,)),
    }


def test_deep_networks_layer_by_layer():
    random = np.random.default_rng(8)
    w = [random.normal(size=(5, 2)), random.normal(size=(4, 5)), random.normal(size=(1, 4))]
    b = [random.normal(size=5) * 0.3, random.normal(size=4) * 0.3, [0.0]]
    w[1][3], b[1][3] = 2 * w[1][1] + 1e-9, 2 * b[1][1]
    net = DeepReLU(w, b)
    found = hierarchy(net, BOX)
    assert [layer.layer for layer in found.layers] == [0, 1] and found.amplification[1] == 1.0
    assert found.layers[1].bars[0].relation.nodes == (1, 3) and found.layers[1].bars[0].birth < 1e-7
    points = random.uniform(-1, 1, (2000, 2))
    for index, layer in enumerate(found.layers):
        for level in layer.levels:
            own_w, own_b, own_q, own_c = level.net.arrays()
            weights, biases = list(net.weights), list(net.biases)
            weights[index], biases[index], weights[index + 1], biases[index + 1] = (
                own_w,
                own_b,
                own_q,
                own_c,
            )
            changed = DeepReLU(weights, biases)
            assert np.abs(changed(points) - net(points)).max() <= level.distance + 1e-12


@pytest.mark.slow
def test_sixty_four_nodes_in_seconds():
    random = np.random.default_rng(0)
    net = TwoLayerReLU(
        random.normal(size=(64, 2)), random.normal(size=64) * 0.5, random.normal(size=64) / 64, 0.0
    )
    start = time.process_time()
    found = hierarchy(net, BOX)
    assert time.process_time() - start < 20  # alone, on a quiet core and without type checks: 5 s
    assert len(found.levels) > 50 and len(str(found)) < 2000


def test_the_figure_has_a_bar_for_every_relation(found):
    bars, counts, right = plot.barcode(found).axes
    assert sum(len(line.get_xdata()) == 2 for line in bars.lines) == len(found.bars)
    assert {t.get_text() for t in bars.texts} >= {"0, 1, 2", "3, 4", "5"}
    assert counts.get_ylabel() == "minimal width, dimension" and right.get_yscale() == "log"


def test_the_command(tmp_path, capsys):
    write(planted(1e-7), tmp_path / "net.npz")
    arguments = [
        "symmetry",
        "hierarchy",
        str(tmp_path / "net.npz"),
        "--box",
        "-1",
        "1",
        "--out",
        str(tmp_path),
        "--activation",
        "relu",
    ]
    assert main(arguments) == 0
    assert (
        "within   width" in capsys.readouterr().out
        and (tmp_path / "net-hierarchy.png").stat().st_size > 1000
    )
    assert main([*arguments, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert len(document["layers"][0]["relations"]) + 1 == len(document["layers"][0]["levels"])
    fibre_of = [
        "symmetry",
        "fibre",
        str(tmp_path / "net.npz"),
        "--activation",
        "relu",
        "--relative-tolerance",
        "1e-4",
    ]
    assert main(fibre_of) == 0 and "Exactly true of a network within" in capsys.readouterr().out
    described = [
        "symmetry",
        "describe",
        str(tmp_path / "net.npz"),
        "--activation",
        "relu",
        "--relative-tolerance",
        "1e-4",
        "--out",
        str(tmp_path),
    ]
    assert main([*described, "--json"]) == 0
    snapped = json.loads(capsys.readouterr().out)["snapped"]
    assert {one["kind"] for one in snapped["imposed"]} == {
        "boundaries coincide",
        "weights annihilate",
    }
    narrow = [
        "symmetry",
        "compress",
        str(tmp_path / "net.npz"),
        "-o",
        str(tmp_path / "small.json"),
        "--relative-tolerance",
        "1e-4",
    ]
    assert (
        main([*narrow, "--activation", "relu"]) == 0
        and "6 → 5 hidden nodes" in capsys.readouterr().out
    )


def test_wrong_domains_are_refused():
    with pytest.raises(ValueError, match=r"^domain: it has dimension 1"):
        hierarchy(planted(0), Box([-1], [1]))
    with pytest.raises(ValueError, match=r"^distance: got"):
        hierarchy(TwoLayerReLU([[1]], [0], [1], 0), Box([-1], [1])).at(-1.0)

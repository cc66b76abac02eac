"""The animation of a path: the nodes move, the function stays."""

import numpy as np
import pytest
from PIL import Image

from singlearn.plot import animate_fibre_path, fibre_path
from singlearn.symmetry import Box, TwoLayerReLU, fibre

LINE = fibre(TwoLayerReLU([[1], [1]], [0, -1], [1, 1], 0), 4)
PLANE = fibre(TwoLayerReLU([[1, 0], [-1, 2], [-1, -2]], [0, 1, 0], [2, 1, 1], 0), 4)


def test_on_a_line_the_function_stays_and_boundaries_move():
    path = LINE.path(LINE.sample(3), LINE.sample(8))
    seen = set()
    for t in np.linspace(0, 1, 7).tolist():
        graph, rows, amounts = fibre_path(path, t).axes
        before, now = graph.lines
        np.testing.assert_allclose(now.get_ydata(), before.get_ydata(), atol=1e-9)
        assert rows.get_xlabel() == "$x$" and amounts.get_xlabel() == "$q\\,|w|$"
        seen.add(
            tuple(float(line.get_xdata()[0]) for line in rows.lines if len(line.get_xdata()) == 1)
        )
    assert len(seen) > 3


def test_in_the_plane_every_boundary_carries_its_weight_vector():
    start = PLANE.sample(3, 0)
    path = PLANE.path(start, PLANE.sample(5, 0))
    plane, amounts = fibre_path(path, 0.5, Box([-40, -40], [40, 40])).axes
    middle = path.at(0.5)
    drawn = [node for node in middle.nodes if any(node.w)]
    assert len(plane.lines) == len(drawn)
    for node, line in zip(drawn, plane.lines, strict=True):
        ends = np.stack(line.get_data(), axis=1)
        w = np.array([float(v) for v in node.w])
        np.testing.assert_allclose(
            ends @ w + float(node.b), 0, atol=1e-9 * np.abs(ends).max() * np.abs(w).max()
        )
    assert len(amounts.patches) == middle.width


def test_the_gif_has_every_frame(tmp_path):
    spare = TwoLayerReLU([[1], [1], [3]], [0, -1, 2], [1, 1, 0], 0)
    moved = TwoLayerReLU([[1], [1], [-1]], [0, -1, 1], [1, 1, 0], 0)
    path = fibre(spare).path(spare, moved)
    assert len(path) == 1
    file = tmp_path / "path.gif"
    animate_fibre_path(path, file, Box([-2], [3]), frames_per_segment=3, frames_per_second=4)
    with Image.open(file) as image:
        assert image.n_frames == 4
        assert image.info["duration"] == 250


def test_refusals(tmp_path):
    space = fibre(TwoLayerReLU([[1, 0, 0]], [0], [1], 0))
    with pytest.raises(ValueError, match="3 inputs"):
        fibre_path(space.path(space.net, space.net), 0)
    same = LINE.path(LINE.sample(1), LINE.sample(1))
    with pytest.raises(ValueError, match="dimension 2"):
        fibre_path(same, 0, Box([0, 0], [1, 1]))
    with pytest.raises(ValueError, match="frames_per_segment: got 0"):
        animate_fibre_path(same, tmp_path / "none.gif", frames_per_segment=0)
    assert "same parameter" in fibre_path(same, 0).texts[0].get_text()

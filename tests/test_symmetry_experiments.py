"""The experiments on symmetries: their tables say what theory says, and their figures are written."""

from __future__ import annotations

from singlearn.experiments import REGISTRY


def test_figure_two_shows_the_stars(tmp_path):
    result = REGISTRY["figure2"].run(True, 0, tmp_path, False)
    found = [(row["kinks"], row["minimal width"], row["λ of the true parameters"]) for row in result.rows]
    assert found == [(3, 3, 5), (4, 4, 6.5), (5, 5, 8)]
    assert result.figures[0].stat().st_size > 50_000


def test_every_symmetry_is_decided_and_verified(tmp_path):
    result = REGISTRY["relu-symmetries"].run(True, 0, tmp_path, False)
    assert all(row["same function"] and row["verified"] for row in result.rows)
    joined = {row["symmetry"]: row["joined by a path"] for row in result.rows}
    # A minimal parameter can only be rescaled; a free node joins all orders; an opposite pair is isolated.
    assert joined == {
        "scaling": True,
        "permutation": False,
        "orientation reversal": False,
        "3-symmetric": False,
        "degenerate and shared": True,
        "opposite pair pays": False,
    }
    assert result.figures[0].stat().st_size > 50_000

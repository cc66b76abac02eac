"""A notebook is executed by a kernel, and its outputs are looked at: what a person sees there."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import singlearn as sl

TRIPLE = """
import numpy as np, numpyro.distributions as dist, singlearn as sl
y = np.linspace(-1, 1, 12)
triple = sl.Triple(lambda w, y: dist.Normal(w, 1.0).log_prob(y), dist.Normal(0.0, 2.0), y)
"""


def outputs(cells, monkeypatch):
    """The data of every output of every cell, run in a kernel of its own with the source tree."""
    source = str(Path(sl.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", f"{source}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("JUPYTER_PLATFORM_DIRS", "1")  # the older way warns
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=600, kernel_name="python3").execute()
    return [
        [
            {"text/plain": output.get("text", ""), **output.get("data", {})}
            for output in cell.outputs
        ]
        for cell in book.cells
    ]


def is_picture(data):
    return base64.b64decode(data["image/png"])[:4] == b"\x89PNG"


def test_results_and_figures_show_themselves_and_work_shows_a_bar(monkeypatch) -> None:
    answer, figure, work = outputs(
        [
            "import singlearn as sl; read = sl.exact.rlct('x**2 + y**4'); read",
            "sl.plot.newton_polygon(read)",
            "from singlearn.running.progress import counted; list(counted('pieces', [1, 4], 2))",
        ],
        monkeypatch,
    )
    assert "λ = 3/4" in answer[0]["text/plain"] and "λ = 3/4" in answer[0]["text/html"]
    assert len(figure) == 1 and is_picture(figure[0])
    assert "application/vnd.jupyter.widget-view+json" in work[0]
    assert work[-1]["text/plain"] == "[1, 4]"


@pytest.mark.slow
def test_a_run_is_a_table_and_its_thermodynamics_a_picture(monkeypatch) -> None:
    work, run, figure, free_energy = outputs(
        [
            f"{TRIPLE}\nrun = sl.temper(triple, particles=64, replicates=2)",
            "run",
            "sl.plot.thermodynamics(run)",
            "run.free_energy()",
        ],
        monkeypatch,
    )
    assert all("application/vnd.jupyter.widget-view+json" in data for data in work)
    assert "free energy F(1)" in run[0]["text/html"] and len(run[0]["text/plain"]) < 2000
    assert len(figure) == 1 and is_picture(figure[0])
    assert len(free_energy[0]["text/plain"]) < 2000

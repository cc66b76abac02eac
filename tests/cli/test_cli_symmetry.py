"""``singlearn symmetry``: plain words, documents for machines, exit statuses, and refusals that say
what to fix.
"""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

from singlearn.cli import figure_file, main
from singlearn.symmetry import DeepReLU, TwoLayerReLU, equivalent, read, write

A = {"w": [[1], [-1]], "b": [1, 1], "q": ["1/3", "1/3"], "c": 0}
B = {"w": [[-1], [1], [2]], "b": [-1, -1, 0], "q": ["1/3", "1/3", 0], "c": "2/3"}


@pytest.fixture
def files(tmp_path):
    for name, content in (("a", A), ("b", B)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
    return tmp_path


def run(*arguments) -> int:
    return main(["symmetry", *map(str, arguments)])


def test_equivalent_says_how_and_sets_the_status(files, capsys):
    assert run("equivalent", files / "a.json", files / "b.json") == 0
    out = capsys.readouterr().out
    assert out.startswith("the same function") and "annihilate" in out
    (files / "c.json").write_text(json.dumps({**A, "c": "1/1000"}))
    assert run("equivalent", files / "a.json", files / "c.json", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document["equivalent"] is False and document["witness"] == ["0"]
    assert (
        run(
            "equivalent",
            files / "a.json",
            files / "c.json",
            "--box",
            "-1",
            "1",
            "--tolerance",
            "0.01",
        )
        == 0
    )
    assert "equal up to 0.01" in capsys.readouterr().out


@pytest.mark.parametrize("document", [False, True])
def test_pictures_that_cannot_be_written_cost_no_answer(files, capsys, monkeypatch, document):
    def full(path, content):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(figure_file, "write_whole", full)
    assert run("describe", files / "b.json", "--out", files, *(["--json"] if document else [])) != 0
    out, err = capsys.readouterr()
    if document:
        assert json.loads(out)["width"] == 3 and json.loads(out)["figures"] == []
    else:
        assert "nodes:" in out and "figure: not written" in out
    assert "No space left on device" in err and "b-graph.png" in err


def test_describe_tells_nodes_kinks_and_pictures(files, capsys):
    assert run("describe", files / "b.json", "--out", files, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["roles"] == ["live", "live", "q = 0"]
    assert document["kinks"] == [
        {"normal": [1], "offset": -1, "total": ["1/3"]},
        {"normal": [1], "offset": 1, "total": ["1/3"]},
    ]
    assert document["minimal_width"] == {"lower": 2, "upper": 2}
    assert (files / "b-kinks.png").stat().st_size > 5000
    plane = TwoLayerReLU([[1, 0], [0, 1]], [0, 0], [1, 1], 0)
    write(plane, files / "plane.json")
    assert run("describe", files / "plane.json", "--out", files, "--box", "-1,-2", "1,2") == 0
    assert "minimal width 2" in capsys.readouterr().out
    assert (files / "plane-boundaries.png").exists() and (files / "plane-surface.png").exists()


@pytest.mark.parametrize("ending", ["json", "npz", "safetensors"])
def test_compress_writes_the_same_function(files, capsys, ending):
    if ending == "safetensors":
        pytest.importorskip("safetensors")
    out = files / f"small.{ending}"
    assert run("compress", files / "b.json", "-o", out) == 0
    assert "3 → 2 hidden nodes" in capsys.readouterr().out
    small = read(out)
    assert small.width == 2
    if ending == "json":
        assert equivalent(small, read(files / "b.json"))  # fractions survive
    else:
        assert equivalent(small, read(files / "b.json"), tolerance=1e-15, domain=_box())


def _box():
    from singlearn.symmetry import Box

    return Box([-2], [2])


def test_compress_with_loss(files, capsys):
    net = TwoLayerReLU([[1], [1], [1]], [0, Fraction(1, 1000), Fraction(-1, 2)], [1, 1, 1], 0)
    write(net, files / "net.json")
    assert (
        run(
            "compress",
            files / "net.json",
            "-o",
            files / "near.npz",
            "--eps",
            "0.002",
            "--box",
            "-1",
            "1",
        )
        == 0
    )
    assert "3 → 2 hidden nodes" in capsys.readouterr().out


def test_fibre_counts_components(files, capsys):
    assert run("fibre", files / "a.json", "--width", 3, "--json") == 0
    assert json.loads(capsys.readouterr().out)["number"] == 2


def test_deeper_networks(tmp_path, capsys):
    generator = np.random.default_rng(0)
    weights = [
        generator.normal(size=(4, 3)),
        generator.normal(size=(3, 4)),
        generator.normal(size=(1, 3)),
    ]
    biases = [generator.normal(size=n) for n in (4, 3, 1)]
    write(DeepReLU(weights, biases), tmp_path / "a.npz")
    order = [2, 0, 3, 1]
    moved = [2 * weights[0][order], weights[1][:, order] / 2, weights[2]]
    write(DeepReLU(moved, [2 * biases[0][order], *biases[1:]]), tmp_path / "b.npz")
    assert run("equivalent", tmp_path / "a.npz", tmp_path / "b.npz") == 0
    assert capsys.readouterr().out.startswith("equivalent")
    assert run("describe", tmp_path / "a.npz", "--box", "-1", "1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["widths"] == [3, 4, 3, 1]
    assert run("compress", tmp_path / "a.npz", "-o", tmp_path / "c.npz", "--box", "0", "0.001") == 0
    assert run("fibre", tmp_path / "a.npz") == 2


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["describe", "nope.json"], "no such file"),
        (["describe", "a.json", "--box", "1", "-1"], "empty"),
        (["describe", "a.json", "--box", "x", "1"], "--box LOW"),
        (["describe", "a.json", "--box", "0,0", "1"], "1 inputs"),
        (["describe", "bad.json"], "q missing"),
        (["describe", "misspelt.json"], "it names 'activaton'"),
        (["describe", "sharp.json"], "only SiLU has one"),
        (["hierarchy", "affine.npz", "--box", "-1", "1"], "no hidden layer"),
        (["describe", "affine.npz", "--relative-tolerance", "1e-6"], "this one has 0"),
        (["describe", "ragged.json"], "rows"),
        (["describe", "text.json"], "not JSON"),
        (["compress", "a.json", "-o", "x.txt"], "should end in"),
        (["compress", "a.json", "-o", "x.npz", "--eps", "0.1"], "--box"),
    ],
)
def test_refusals_say_what_to_fix(files, capsys, monkeypatch, arguments, complaint):
    monkeypatch.chdir(files)
    (files / "bad.json").write_text(json.dumps({"w": [[1]], "b": [0], "c": 0}))
    (files / "ragged.json").write_text(json.dumps({**A, "w": [[1], [1, 2]]}))
    (files / "text.json").write_text("{")
    (files / "misspelt.json").write_text(json.dumps({**A, "activaton": "tanh"}))
    (files / "sharp.json").write_text(json.dumps({**A, "activation": "relu", "sharpness": 100}))
    np.savez(files / "affine.npz", **{"0.weight": np.ones((1, 2)), "0.bias": np.zeros(1)})
    assert run(*arguments) == 2
    captured = capsys.readouterr()
    assert complaint in captured.err and captured.out == ""


def test_starts_without_jax_and_torch():
    code = (
        "import sys, singlearn.symmetry, singlearn.cli.symmetry; "
        "assert not {'jax', 'torch'} & set(sys.modules), sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_hidden_kinks_are_listed_and_drawn(tmp_path, capsys):
    pair = TwoLayerReLU([[1], [1], [1]], [0, Fraction(-1, 4), Fraction(-1, 4)], [1, 1, -1], 0)
    write(pair, tmp_path / "pair.json")
    out = tmp_path / "out"
    assert run("hidden", tmp_path / "pair.json", "--box", "-1", "1", "--out", out) == 0
    said = capsys.readouterr().out
    assert (
        "1 hidden kink on the box" in said
        and "nodes 1, 2: their kinks cancel; slides for ever, and turns" in said
    )
    assert (out / "pair-hidden.png").stat().st_size > 5000
    deep = DeepReLU(
        [np.eye(3), np.eye(3), np.ones((1, 3))], [np.array([0.0, 9.0, 9.0])] * 2 + [np.zeros(1)]
    )
    write(deep, tmp_path / "deep.npz")
    assert (
        run("hidden", tmp_path / "deep.npz", "--box", "-1", "1", "--activation", "relu", "--json")
        == 0
    )
    document = json.loads(capsys.readouterr().out)
    assert document["command"] == "symmetry hidden" and document["figures"] == []
    with pytest.raises(SystemExit):
        run("hidden", tmp_path / "pair.json")
    assert "--box" in capsys.readouterr().err


def test_fibre_on_a_box(files, capsys):
    assert run("fibre", files / "a.json", "--box", "-2", "2", "--json") == 0
    on_box = json.loads(capsys.readouterr().out)
    assert run("fibre", files / "a.json", "--json") == 0
    everywhere = json.loads(capsys.readouterr().out)
    assert (on_box["number"], everywhere["number"]) == (4, 4)
    assert run("fibre", files / "a.json", "--box", "-2", "2", "--animate", files / "x.gif") == 2
    assert "--animate" in capsys.readouterr().err


def test_a_fibre_document_says_of_which_network_its_number_is_true(tmp_path, capsys):
    angle = np.pi / 3 + 2 * np.pi * np.arange(3) / 3
    w = np.stack([np.cos(angle), np.sin(angle)], axis=1).tolist()
    (tmp_path / "star.json").write_text(
        json.dumps({"w": w, "b": [-1 / 3] * 3, "q": [1.0] * 3, "c": 0.0})
    )
    assert run("fibre", tmp_path / "star.json", "--json") == 0
    exact = json.loads(capsys.readouterr().out)
    assert (exact["number"], exact["snapped"]) == (
        6,
        None,
    ) and "weights annihilate (nodes 0, 1, 2)" in exact["up_to_rounding"]
    assert run("fibre", tmp_path / "star.json", "--relative-tolerance", "rounding", "--json") == 0
    snapped = json.loads(capsys.readouterr().out)
    assert (snapped["number"], snapped["up_to_rounding"]) == (12, None)
    assert (
        snapped["snapped"]["distance"][1] < 1e-15 and "of yours" in snapped["snapped"]["statement"]
    )


def test_a_weight_beyond_float64_is_refused_in_a_sentence(tmp_path, capsys):
    net = tmp_path / "big.json"
    net.write_text('{"w": [["1e400"]], "b": [0], "q": [1], "c": 0}')
    assert main(["symmetry", "describe", str(net), "--out", str(tmp_path)]) == 2
    assert "beyond what float64 holds" in capsys.readouterr().err

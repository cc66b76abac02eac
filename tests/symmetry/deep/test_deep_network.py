"""Deep networks: evaluation, bad input, files, PyTorch."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deep_networks import WIDTHS, absolute_value, random_network
from singlearn.symmetry.deep import DeepReLU, from_torch, read_network, to_torch, write_network
from singlearn.symmetry.deep.rounding import evaluation_error, exact_outputs


def test_evaluation_by_hand() -> None:
    x = np.array([[-2.0], [0.0], [3.0]])
    assert absolute_value()(x).tolist() == [[2.0], [0.0], [3.0]]
    # A tent: max(1 - |x|, 0).
    tent = DeepReLU([[[1.0], [-1.0]], [[-1.0, -1.0]], [[1.0]]], [[0.0, 0.0], [1.0], [0.0]])
    assert tent(np.array([[-2.0], [-0.25], [0.5]])).ravel().tolist() == [0.0, 0.75, 0.5]
    assert tent.widths == (1, 2, 1, 1) and tent.hidden_layers == 2


def test_vector_and_back() -> None:
    net = random_network((3, 5, 4, 2), 0)
    assert net.parameters == len(net.vector()) == 54
    again = net.with_vector(net.vector())
    assert all(
        np.array_equal(a, b)
        for a, b in zip(net.weights + net.biases, again.weights + again.biases, strict=True)
    )
    weights, biases = net.slices(1)
    assert np.array_equal(net.vector()[weights].reshape(4, 5), net.weights[1]) and np.array_equal(
        net.vector()[biases], net.biases[1]
    )


@pytest.mark.parametrize(
    ("weights", "biases", "reason"),
    [
        ([], [], "at least one layer"),
        ([[[1.0], [1.0, 2.0]]], [[0.0, 0.0]], "ragged"),
        ([[[1.0]]], [[np.nan]], "finite"),
        ([[[1.0]]], [[0.0, 1.0]], "one bias each"),
        ([[[1.0]], [[1.0, 2.0]]], [[0.0], [0.0]], "2 columns"),
        ([[1.0]], [[0.0]], "1 dimensions"),
        ([[[1.0]]], [], "one per layer"),
        ([[["a"]]], [[0.0]], "numeric"),
    ],
)
def test_bad_arrays_are_refused(weights: list, biases: list, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        DeepReLU(weights, biases)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match=r"should be \(points, 1\)"):
        absolute_value()(np.zeros((2, 3)))


@given(st.sampled_from(WIDTHS), st.integers(0, 10**6))
def test_rounding_stays_within_its_bound(widths: tuple[int, ...], seed: int) -> None:
    net = random_network(widths, seed)
    point = np.random.default_rng(seed).standard_normal(widths[0])
    exact = exact_outputs(net, point)
    error = evaluation_error(net, point[None])[-1][0]
    for computed, value, bound in zip(net(point[None])[0], exact, error, strict=True):
        assert abs(Fraction(float(computed)) - value) <= Fraction(float(bound))
    assert np.all(error < 1e-13)


@pytest.mark.parametrize("ending", [".npz", ".json", ".safetensors"])
def test_files_give_the_same_floats(tmp_path: Path, ending: str) -> None:
    net = random_network((3, 5, 4, 2), 1)
    write_network(net, tmp_path / f"net{ending}")
    assert np.array_equal(read_network(tmp_path / f"net{ending}").vector(), net.vector())


def test_layers_are_read_in_natural_order(tmp_path: Path) -> None:
    arrays = {"10.weight": [[1.0, 1.0]], "2.bias": [0.0, 1.0], "2.weight": [[1.0], [2.0]]}
    (tmp_path / "net.json").write_text(json.dumps(arrays))
    net = read_network(tmp_path / "net.json", activation="relu")
    assert net.widths == (1, 2, 1) and net.biases[1].tolist() == [0.0]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("net.json", b"{", "not JSON"),
        ("net.json", b"[1]", "should be an object"),
        ("net.json", b'{"0.weight": [[1], [1, 2]]}', "ragged"),
        ("net.json", b'{"w": [[1]]}', "names should be"),
        ("net.json", b'{"0.weight": [[1]], "1.bias": [0]}', "there is no '1.weight'"),
        ("net.json", b'{"0.weight": [[1]], "0.bias": [NaN]}', "finite"),
        ("net.json", b'{"0.weight": [[[1]]]}', "only fully connected"),
        ("net.npz", b"nothing", "not an .npz file"),
        ("net.safetensors", b"nothing at all", "not a safetensors file"),
        ("net.safetensors", b"\x02\0\0\0\0\0\0\0{]", "not a safetensors file"),
        (
            "net.safetensors",
            b"\x0a\0\0\0\0\0\0\0" + b'{"a":"b" }',
            "header entry of 'a' is damaged",
        ),
        ("net.onnx", b"", "should end in"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=reason):
        read_network(tmp_path / name)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such file"):
        read_network(tmp_path / "absent.npz")


def test_a_safetensors_file_that_is_cut_off(tmp_path: Path) -> None:
    write_network(absolute_value(), tmp_path / "net.safetensors")
    content = (tmp_path / "net.safetensors").read_bytes()
    (tmp_path / "net.safetensors").write_bytes(content[:-5])
    with pytest.raises(ValueError, match="cut off"):
        read_network(tmp_path / "net.safetensors")


def test_safetensors_of_the_reference_library(tmp_path: Path) -> None:
    safetensors = pytest.importorskip("safetensors.numpy")
    net = random_network((3, 4, 2), 2)
    arrays = {
        "0.weight": net.weights[0].astype(np.float32),
        "2.weight": net.weights[1].astype(np.float16),
        "0.bias": net.biases[0],
    }
    safetensors.save_file(arrays, tmp_path / "net.safetensors")
    ours = read_network(tmp_path / "net.safetensors", activation="relu")
    assert np.array_equal(ours.weights[0], arrays["0.weight"]) and np.array_equal(
        ours.weights[1], arrays["2.weight"]
    )
    write_network(ours, tmp_path / "ours.safetensors")
    theirs = safetensors.load_file(tmp_path / "ours.safetensors")
    assert np.array_equal(theirs["0.bias"], net.biases[0])


def test_torch_there_and_back(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    net = random_network((3, 5, 4, 2), 3)
    module = to_torch(net)
    x = np.random.default_rng(0).standard_normal((10, 3))
    assert np.allclose(module(torch.from_numpy(x)).detach().numpy(), net(x), rtol=0, atol=1e-14)
    assert np.array_equal(from_torch(module).vector(), net.vector())
    torch.save(module.state_dict(), tmp_path / "net.pt")
    assert np.array_equal(
        read_network(tmp_path / "net.pt", activation="relu").vector(), net.vector()
    )
    write_network(net, tmp_path / "ours.pt")
    module.load_state_dict(torch.load(tmp_path / "ours.pt", weights_only=True))
    bfloat = {"0.weight": torch.tensor([[1.5]], dtype=torch.bfloat16)}
    pytest.importorskip("safetensors.torch").save_file(bfloat, tmp_path / "b.safetensors")
    assert read_network(tmp_path / "b.safetensors").weights[0].tolist() == [[1.5]]


def test_torch_modules_that_are_refused(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    linear, relu = torch.nn.Linear, torch.nn.ReLU
    for children, reason in (
        ([linear(1, 1), torch.nn.Tanh()], "Tanh"),
        ([linear(1, 1), linear(1, 1)], "take turns"),
        ([linear(1, 1), relu()], "begin and end"),
        ([relu()], "child 0"),
    ):
        with pytest.raises(ValueError, match=reason):
            from_torch(torch.nn.Sequential(*children))
    module = torch.nn.Sequential(
        torch.nn.Flatten(), linear(4, 3, bias=False), relu(), torch.nn.Dropout(), linear(3, 1)
    )
    assert from_torch(module).biases[0].tolist() == [0.0, 0.0, 0.0]
    torch.save([1, 2], tmp_path / "list.pt")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    for name, reason in (("list.pt", "state dictionary"), ("junk.pt", "not a PyTorch file")):
        with pytest.raises(ValueError, match=reason):
            read_network(tmp_path / name)

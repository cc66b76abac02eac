"""What users brought of deep networks: files in other orders, numbers float64 does not hold, tolerances, compression, extremes."""

from __future__ import annotations

import collections
import json
import warnings

import numpy as np
import pytest

from singlearn.symmetry import DeepReLU, TwoLayerReLU, from_torch, read, write
from singlearn.symmetry.deep import read_network
from singlearn.symmetry.deep.files.named_arrays import network_from_arrays
from singlearn.symmetry.rational import rational


def chain(names, width=3, seed=0, bias=True):
    """Arrays of square layers in this order, and the network they are."""
    random = np.random.default_rng(seed)
    weights = [random.normal(size=(width, width)) for _ in names]
    biases = [random.normal(size=width) if bias else np.zeros(width) for _ in names]
    arrays = {}
    for name, weight, own in zip(names, weights, biases, strict=True):
        arrays[f"{name}.weight"] = weight
        if bias:
            arrays[f"{name}.bias"] = own
    return arrays, DeepReLU(weights, biases)


def save(arrays, path):
    """Write arrays in their order, the way other programs do: nothing says ReLU."""
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".json":
        path.write_text(json.dumps({name: array.tolist() for name, array in arrays.items()}))
    elif path.suffix == ".pt":
        torch = pytest.importorskip("torch")
        torch.save(collections.OrderedDict((name, torch.from_numpy(array)) for name, array in arrays.items()), path)
    else:
        pytest.importorskip("safetensors.numpy").save_file(arrays, path)
    return path


def same(a, b):
    return a.widths == b.widths and np.array_equal(a.vector(), b.vector())


@pytest.mark.parametrize("ending", [".npz", ".json", ".pt"])
@pytest.mark.parametrize("names", [("input", "hidden", "output"), ("stem", "body.1", "body.2", "a_head"), ("l2", "l10"), ("z", "y", "x")])
@pytest.mark.parametrize("bias", [True, False])
def test_layers_follow_each_other_as_the_file_lists_them(tmp_path, ending, names, bias):
    """Promise: a state dictionary keeps the order of the module, and that order is read."""
    arrays, net = chain(names, bias=bias)
    assert same(read_network(save(arrays, tmp_path / f"net{ending}"), activation="relu"), net)


@pytest.mark.parametrize("names", [("encoder", "decoder"), ("up", "down")])
def test_safetensors_do_not_keep_an_order(tmp_path, names):
    """Promise: the library sorts by name, so square layers with such names are refused; numbers, shapes or order= decide."""
    arrays, net = chain(names)
    path = save(arrays, tmp_path / "net.safetensors")
    with pytest.raises(ValueError, match="order of the layers"):
        read_network(path)
    assert same(read_network(path, activation="relu", order=names), net)
    arrays, net = chain(("l2", "l9", "l10"))
    assert same(read_network(save(arrays, path), activation="relu"), net)
    arrays = {"z.weight": np.ones((2, 3)), "a.weight": np.ones((1, 2))}
    assert read_network(save(arrays, path), activation="relu").widths == (3, 2, 1)


@pytest.mark.parametrize("ending", [".npz", ".json", ".pt"])
def test_sorted_names_say_nothing(tmp_path, ending):
    """Sorted keys put the bias before the weight, which no module does."""
    arrays, net = chain(("input", "hidden"))
    path = save(dict(sorted(arrays.items())), tmp_path / f"net{ending}")
    with pytest.raises(ValueError, match="order of the layers"):
        read_network(path)
    arrays, net = chain(("0", "2", "10"))
    assert same(read_network(save(dict(sorted(arrays.items())), path), activation="relu"), net)


def test_orders_that_contradict_are_refused():
    arrays, net = chain(("fc2", "fc1"))
    with pytest.raises(ValueError, match="lists fc2 before fc1"):
        network_from_arrays(arrays)
    assert same(network_from_arrays(arrays, order=("fc2", "fc1")), net)
    with pytest.raises(ValueError, match="order: got fc2"):
        network_from_arrays(arrays, order=("fc2",))
    arrays = {"b.weight": np.ones((2, 3)), "b.bias": np.ones(2), "a.weight": np.ones((3, 1))}
    with pytest.raises(ValueError, match=r"one does not feed the next; a, b would fit"):
        network_from_arrays(arrays)


@pytest.mark.parametrize(
    ("arrays", "reason"),
    [
        ({"0.weight": np.ones((2, 2)), "1.weight": np.ones((2, 2))}, "no room for an activation"),
        ({"emb.weight": np.ones((4, 4)), "out.weight": np.ones((4, 4))}, "embedding"),
        ({"model.wte.weight": np.ones((4, 4))}, "embedding"),
        ({"conv.weight": np.ones((4, 1, 3, 3))}, "convolution"),
        ({"norm.weight": np.ones(4), "norm.bias": np.ones(4)}, "normalisation"),
        ({"bn.weight": np.ones(4), "bn.bias": np.ones(4), "bn.running_mean": np.ones(4)}, "BatchNorm"),
        ({"rnn.weight_ih_l0": np.ones((4, 4))}, "fully connected"),
        ({"0.weight_v": np.ones((4, 4)), "0.weight_g": np.ones((4, 1))}, "fully connected"),
        ({"0.weight": np.ones((2, 2)), "0.bias": np.ones(3)}, "one bias each"),
    ],
)
def test_what_is_no_chain_of_linear_and_relu_is_named(arrays, reason):
    """Promise: refused, named."""
    with pytest.raises(ValueError, match=reason):
        network_from_arrays(arrays)


def test_neighbours_are_read_where_the_activation_is_said():
    assert network_from_arrays({"0.weight": np.ones((2, 2)), "1.weight": np.ones((2, 2))}, activation="relu").hidden_layers == 1
    with pytest.raises(ValueError, match="only networks with ReLU"):
        network_from_arrays({"0.weight": np.ones((2, 2))}, activation="tanh")


@pytest.mark.parametrize("ending", [".npz", ".json", ".safetensors", ".pt"])
def test_what_is_assumed_is_said_once(tmp_path, ending):
    """A foreign file does not say ReLU; ours does, in every format."""
    arrays, net = chain(("0", "2"))
    path = save(arrays, tmp_path / f"net{ending}")
    with pytest.warns(UserWarning, match="ReLU between its layers is assumed"):
        read(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        read(path, activation="relu")
        write(net, path)
        assert same(read_network(path), net)
    if ending == ".json":
        path.write_text(json.dumps({"activation": "tanh", "0.weight": [[1]]}))
        with pytest.raises(ValueError, match="tanh"):
            read(path)


@pytest.mark.parametrize("kind", [nn for nn in ("Tanh", "GELU", "Sigmoid", "LeakyReLU", "ReLU6", "Softmax")])
def test_torch_modules_with_other_activations_are_named(kind):
    nn = pytest.importorskip("torch").nn
    with pytest.raises(ValueError, match=kind):
        from_torch(nn.Sequential(nn.Linear(2, 2), getattr(nn, kind)(), nn.Linear(2, 1)))


def test_torch_modules_are_read_as_they_are_applied():
    """Oracle: the module's own outputs."""
    torch = pytest.importorskip("torch")
    nn = torch.nn
    torch.manual_seed(0)
    relu = nn.ReLU()
    norms = [nn.BatchNorm1d(4), nn.BatchNorm1d(4, affine=False), nn.BatchNorm1d(4, eps=0.1)]
    inner = nn.Sequential(nn.Linear(4, 4), norms[0], relu)
    module = nn.Sequential(nn.Linear(3, 4), relu, inner, norms[1], norms[2], nn.Linear(4, 4), relu, nn.Linear(4, 2)).double()
    for norm in norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        if norm.affine:
            nn.init.normal_(norm.weight), nn.init.normal_(norm.bias)
    with pytest.raises(ValueError, match="training mode"):
        from_torch(module)
    x = torch.randn(50, 3, dtype=torch.float64)
    assert np.allclose(from_torch(module.eval())(x.numpy()), module(x).detach().numpy(), rtol=0, atol=1e-12)

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act, self.b = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)

    with pytest.raises(ValueError, match="forward pass"):
        from_torch(Own())
    with pytest.raises(ValueError, match="no running statistics"):
        from_torch(nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2, track_running_stats=False), nn.ReLU(), nn.Linear(2, 1)))
    with pytest.raises(ValueError, match="complex"):
        from_torch(nn.Sequential(nn.Linear(2, 2, dtype=torch.complex64)))
    with pytest.raises(ValueError, match="hooks"):
        hooked = nn.Linear(2, 2)
        hooked.register_forward_hook(lambda *a: None)
        from_torch(nn.Sequential(hooked))


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (np.array([[1 + 2j]]), "complex"),
        (np.array([[1 + 0j]], dtype=np.complex64), "complex"),
        ([[1 + 2j]], "complex"),
        (np.array([[True]]), "True and False"),
        ([[2**53 + 1]], "no float64 number"),
        (np.array([[2**53 + 1]]), "no float64 number"),
        (np.array([[2**64 - 1]], dtype=np.uint64), "no float64 number"),
        (np.array([[np.longdouble(1) + np.longdouble(2) ** -60]]), "no float64 number"),
        ([[rational("1/3", "w")]], "no float64 number"),
        ([[10**400]], "too large"),
        ([["1"]], "numeric"),
        (np.ma.array([[1.0]], mask=[[True]]), "masked"),
    ],
)
def test_numbers_that_float64_does_not_hold(value, reason):
    """Promise: exact or refused."""
    with pytest.raises(ValueError, match=reason):
        DeepReLU([value], [[0.0]])


def test_numbers_that_float64_holds():
    for value in (2**53 + 2, np.longdouble(0.1), np.float32(0.1), rational("3/8", "w"), np.int8(-7), np.uint64(2**63)):
        assert DeepReLU([np.array([[value]])], [[0]]).weights[0][0, 0] == float(value)
    assert DeepReLU([np.array([[1.5]], dtype=">f8")], [[0]]).weights[0][0, 0] == 1.5


def test_two_layers_keep_every_digit_of_a_long_double():
    fine = np.longdouble(1) + np.longdouble(2) ** -60
    net = TwoLayerReLU(np.array([[fine]]), np.array([0], dtype=np.longdouble), [fine], np.longdouble(0))
    assert net.nodes[0].w[0] == 1 + rational("1/1152921504606846976", "w") == net.nodes[0].q[0]
    with pytest.raises(ValueError, match="complex"):
        TwoLayerReLU(np.array([[1j]]), [0], [1], 0)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (str(2**53 + 1), "no float64 number"),
        ("1e400", "too large"),
        ("1e-400", "too small"),
        ("1.00000000000000000001", "drops"),
        ("true", "numeric|number"),
        ("NaN", "finite"),
    ],
)
def test_json_numbers_that_float64_does_not_hold(tmp_path, number, reason):
    path = tmp_path / "net.json"
    path.write_text('{"0.weight": [[%s]], "0.bias": [0]}' % number)
    with pytest.raises(ValueError, match=reason):
        read_network(path)


def test_json_numbers_that_float64_holds(tmp_path):
    path = tmp_path / "net.json"
    for number in ("9007199254740994", f"{0.1:.20e}", f"{0.1:.18e}", "5e-324", "0.1", "-0.0", "1E5", repr(2 / 3)):
        path.write_text('{"0.weight": [[%s]], "0.bias": [0]}' % number)
        assert read_network(path).weights[0][0, 0] == float(number)
    path.write_text('{"0.weight": [[1]], "0.weight": [[2]]}')
    with pytest.raises(ValueError, match="twice"):
        read_network(path)


def test_torch_files_that_are_refused(tmp_path):
    torch = pytest.importorskip("torch")
    path = tmp_path / "net.pt"
    linear = torch.nn.Linear(2, 1)
    contents = (
        (linear, r"net\.pt: it holds a whole module"),
        ({"epoch": 3, "model": linear.state_dict()}, "'model' may be it"),
        ({"0.weight": torch.ones(1, 1, dtype=torch.complex64)}, "complex"),
        ({"0.weight": torch.eye(2).to_sparse()}, "sparse"),
        ({"0.weight": torch.tensor([[2**53 + 1]])}, "no float64 number"),
    )
    for content, reason in contents:
        torch.save(content, path)
        with pytest.raises(ValueError, match=reason) as refusal:
            read_network(path)
        assert "\x1b" not in str(refusal.value)

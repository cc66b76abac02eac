"""What users brought of deep networks: files in other orders, numbers float64 does not hold,
tolerances, compression, extremes.
"""

from __future__ import annotations

import collections
import inspect
import json
import warnings

import numpy as np
import pytest

from singlearn.cli.main import main
from singlearn.numbers.rational import rational
from singlearn.symmetry import (
    Box,
    DeepReLU,
    Role,
    TwoLayerReLU,
    canonical,
    compress,
    equivalent,
    explained_rank,
    fibre,
    fisher_kernel,
    from_deep,
    from_torch,
    generators,
    hidden_polytopes,
    kink_form,
    minimal_width,
    nearby,
    node_roles,
    node_states,
    read,
    sup_distance,
    to_deep,
    to_parameters,
    to_torch,
    write,
)
from singlearn.symmetry.deep import compress_deep, read_network
from singlearn.symmetry.deep.rounding import exact_outputs
from singlearn.symmetry.files.named_arrays import network_from_arrays


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
        torch.save(
            collections.OrderedDict(
                (name, torch.from_numpy(array)) for name, array in arrays.items()
            ),
            path,
        )
    else:
        pytest.importorskip("safetensors.numpy").save_file(arrays, path)
    return path


def same(a, b):
    return a.widths == b.widths and np.array_equal(a.vector(), b.vector())


@pytest.mark.parametrize("ending", [".npz", ".json", ".pt"])
@pytest.mark.parametrize(
    "names",
    [
        ("input", "hidden", "output"),
        ("stem", "body.1", "body.2", "a_head"),
        ("l2", "l10"),
        ("z", "y", "x"),
    ],
)
@pytest.mark.parametrize("bias", [True, False])
def test_layers_follow_each_other_as_the_file_lists_them(tmp_path, ending, names, bias):
    """Promise: a state dictionary keeps the order of the module, and that order is read."""
    arrays, net = chain(names, bias=bias)
    assert same(read_network(save(arrays, tmp_path / f"net{ending}"), activation="relu"), net)


@pytest.mark.parametrize("names", [("encoder", "decoder"), ("up", "down")])
def test_safetensors_do_not_keep_an_order(tmp_path, names):
    """Promise: the library sorts by name, so square layers with such names are refused; numbers,
    shapes or order= decide.
    """
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
        (
            {"bn.weight": np.ones(4), "bn.bias": np.ones(4), "bn.running_mean": np.ones(4)},
            "BatchNorm",
        ),
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
    assert (
        network_from_arrays(
            {"0.weight": np.ones((2, 2)), "1.weight": np.ones((2, 2))}, activation="relu"
        ).hidden_layers
        == 1
    )
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


@pytest.mark.parametrize("kind", ["Tanh", "GELU", "Sigmoid", "LeakyReLU", "ReLU6", "Softmax"])
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
    module = nn.Sequential(
        nn.Linear(3, 4), relu, inner, norms[1], norms[2], nn.Linear(4, 4), relu, nn.Linear(4, 2)
    ).double()
    for norm in norms:
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
        if norm.affine:
            nn.init.normal_(norm.weight)
            nn.init.normal_(norm.bias)
    with pytest.raises(ValueError, match="training mode"):
        from_torch(module)
    x = torch.randn(50, 3, dtype=torch.float64)
    assert np.allclose(
        from_torch(module.eval())(x.numpy()), module(x).detach().numpy(), rtol=0, atol=1e-12
    )

    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.act, self.b = nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 1)

    with pytest.raises(ValueError, match="forward pass"):
        from_torch(Own())
    with pytest.raises(ValueError, match="no running statistics"):
        from_torch(
            nn.Sequential(
                nn.Linear(2, 2),
                nn.BatchNorm1d(2, track_running_stats=False),
                nn.ReLU(),
                nn.Linear(2, 1),
            )
        )
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
        ([[2**53 + 1]], "not a float64 number"),
        (np.array([[2**53 + 1]]), "not a float64 number"),
        (np.array([[2**64 - 1]], dtype=np.uint64), "not a float64 number"),
        (np.array([[np.longdouble(1) + np.longdouble(2) ** -60]]), "not a float64 number"),
        ([[rational("1/3", "w")]], "not a float64 number"),
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
    for value in (
        2**53 + 2,
        np.longdouble(0.1),
        np.float32(0.1),
        rational("3/8", "w"),
        np.int8(-7),
        np.uint64(2**63),
    ):
        assert DeepReLU([np.array([[value]])], [[0]]).weights[0][0, 0] == float(value)
    assert DeepReLU([np.array([[1.5]], dtype=">f8")], [[0]]).weights[0][0, 0] == 1.5


def test_two_layers_keep_every_digit_of_a_long_double():
    fine = np.longdouble(1) + np.longdouble(2) ** -60
    net = TwoLayerReLU(
        np.array([[fine]]), np.array([0], dtype=np.longdouble), [fine], np.longdouble(0)
    )
    assert net.nodes[0].w[0] == 1 + rational("1/1152921504606846976", "w") == net.nodes[0].q[0]
    with pytest.raises(ValueError, match="complex"):
        TwoLayerReLU(np.array([[1j]]), [0], [1], 0)


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (str(2**53 + 1), "not a float64 number"),
        ("1e400", "too large"),
        ("1e-400", "too small"),
        ("1.00000000000000000001", "drops"),
        ("true", "numeric|number"),
        ("NaN", "finite"),
    ],
)
def test_json_numbers_that_float64_does_not_hold(tmp_path, number, reason):
    path = tmp_path / "net.json"
    path.write_text(f'{{"0.weight": [[{number}]], "0.bias": [0]}}')
    with pytest.raises(ValueError, match=reason):
        read_network(path)


def test_json_numbers_that_float64_holds(tmp_path):
    path = tmp_path / "net.json"
    for number in (
        "9007199254740994",
        f"{0.1:.20e}",
        f"{0.1:.18e}",
        "5e-324",
        "0.1",
        "-0.0",
        "1E5",
        repr(2 / 3),
    ):
        path.write_text(f'{{"0.weight": [[{number}]], "0.bias": [0]}}')
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
        ({"0.weight": torch.tensor([[2**53 + 1]])}, "not a float64 number"),
    )
    for content, reason in contents:
        torch.save(content, path)
        with pytest.raises(ValueError, match=reason) as refusal:
            read_network(path)
        assert "\x1b" not in str(refusal.value)


def two_hidden(first, second, bias=0.0):
    """A 1-2-1-1 network with these weights in front and behind."""
    return DeepReLU(
        [[[first[0]], [first[1]]], [list(second)], [[1.0]]], [[bias, 0.0], [0.0], [0.0]]
    )


@pytest.mark.parametrize(
    ("a", "b", "point", "difference"),
    [
        (two_hidden((1, 1), (1e14, -1e14)), two_hidden((1, 1), (1e14, -1e14), 5e-14), 1.0, 5.0),
        (two_hidden((1, 1), (1e16, -1e16)), two_hidden((1, 1), (1e16 + 2, -1e16)), 1.0, 2.0),
        (
            two_hidden((1e16, -1e16), (1, -1), 1.0),
            two_hidden((1e16, -1e16), (1, -1), 2.0),
            0.0,
            1.0,
        ),
        (two_hidden((1, 2), (3e8, -1.5e8)), two_hidden((1, 2), (3e8, -1.5e8 + 1)), 1.0, 2.0),
    ],
)
def test_close_parameters_are_no_verdict(a, b, point, difference):
    """By hand: the outputs at the point. Parameters agree to 1e-13 or better of their row."""
    outputs = [float(net(np.array([[point]]))[0, 0]) for net in (a, b)]
    assert abs(outputs[0] - outputs[1]) == pytest.approx(difference, rel=0.01)
    for how in ({}, {"domain": Box([-1], [1])}, {"domain": Box([-1], [1]), "tolerance": 0.5}):
        answer = equivalent(a, b, **how)
        assert not answer and answer.verify()
        assert answer.function_bound is None or answer.function_bound >= difference


def test_a_tolerance_is_the_largest_difference_of_outputs():
    """Closed form: the outputs differ by 0.01 at most, at x = 1; the bound is 0.01."""
    a, b, box = two_hidden((1, -1), (1, 1)), two_hidden((1, -1), (1.01, 1)), Box([-1], [1])
    close, far, open_ = (equivalent(a, b, box, tolerance) for tolerance in (0.0101, 0.0099, None))
    assert (
        close
        and close.verify()
        and 0.01 <= close.function_bound <= 0.0101
        and "absolute" in str(close)
    )
    assert str(far.status) == str(open_.status) == "different" and "absolute" in str(far)
    assert (
        far.verify()
        and far.witness.gap == pytest.approx(0.01)
        and far.witness.point.tolist() == [1.0]
    )
    with pytest.raises(ValueError, match="tolerance: networks that differ"):
        equivalent(a, b, tolerance=0.01)
    assert equivalent(
        a, DeepReLU([[[1.0]], [[0.0]]], [[0.0], [0.5]]), box, tolerance=1.0
    ).verify()  # ranges of the outputs alone


def test_not_shown_says_the_bound():
    """The largest difference, on a fine grid, is just below the tolerance; the bound, which takes
    absolute values, is above it.
    """
    random = np.random.default_rng(3)
    shapes = ((6, 1), (6, 6), (1, 6))
    a = DeepReLU(
        [random.normal(size=s) for s in shapes], [random.normal(size=s[0]) for s in shapes]
    )
    b = a.with_vector(a.vector() * (1 + 1e-6 * random.normal(size=a.parameters)))
    x = np.linspace(-1, 1, 20001)[:, None]
    tolerance = 1.05 * float(np.max(np.abs(a(x) - b(x))))
    answer = equivalent(a, b, Box([-1], [1]), tolerance=tolerance)
    assert str(answer.status) == "not shown" and answer.function_bound > tolerance
    assert f"they differ by at most {answer.function_bound:.3g} (absolute)" in str(answer)


@pytest.mark.parametrize("scale", [1e-300, 1e-200, 1e200, 1e300])
def test_extreme_weights_answer_or_name_the_weights(scale):
    """A layer scaled by a power of ten and the next by its inverse is one function; nothing else
    may be claimed.
    """
    random = np.random.default_rng(0)
    weights, biases = (
        [random.normal(size=(3, 3)) for _ in range(3)],
        [random.normal(size=3) for _ in range(3)],
    )
    a = DeepReLU(weights, biases)
    b = DeepReLU(
        [weights[0] * scale, weights[1] / scale, weights[2]], [biases[0] * scale, *biases[1:]]
    )
    assert equivalent(a, a) and equivalent(b, b)
    try:
        assert str(equivalent(a, b).status) in ("equivalent", "not shown")
    except ValueError as error:
        assert "weights are too large" in str(error)
    huge = DeepReLU([w * 1e300 for w in weights], biases)
    with pytest.raises(ValueError, match="a: its weights are too large"):
        equivalent(huge, a)


def test_layers_without_nodes():
    """The network is the constant that follows them."""
    empty = DeepReLU([np.zeros((0, 2)), np.zeros((1, 0))], [np.zeros(0), [1.0]])
    constant = DeepReLU([np.zeros((1, 2))], [[1.0]])
    assert (
        equivalent(empty, empty)
        and equivalent(empty, constant)
        and equivalent(empty, constant).verify()
    )
    assert str(equivalent(empty, DeepReLU([np.zeros((1, 2))], [[2.0]])).status) == "different"
    assert compress(empty, Box([0, 0], [1, 1])).widths == (2, 1)


def near_duplicates(inputs=14):
    """Two nodes that differ by 2^-20 and feed ±3e6, active near (1, …, 1) only: the output there is
    3 larger with both.
    """
    row = np.ones(inputs)
    other = row.copy()
    other[-1] += 2.0**-20
    first = np.array([row, other, np.eye(inputs)[0]])
    return DeepReLU(
        [first, [[-1, 1, 0], [0, 0, 1.5]], [[3e6, 1.0]]],
        [np.array([-(inputs - 1 / 64)] * 2 + [float(np.float32(0.333))]), [0, 0], [0]],
    )


@pytest.mark.parametrize("inputs", [3, 14])
def test_compression_never_changes_more_than_it_prints(inputs):
    """Exact outputs at the corner that 1,000 random points do not see."""
    net = near_duplicates(inputs)
    found = compress_deep(net, (0, 1))
    corner = np.ones(inputs)
    change = abs(float(exact_outputs(net, corner)[0] - exact_outputs(found.network, corner)[0]))
    assert change <= found.proved_change[0] < 1e-5
    assert any("merged with a duplicate" in reason for reason in found.refused)
    assert f"at most {found.proved_change[0]:.1e} on the box (proved)" in str(found)


def test_a_compressed_network_is_not_equivalent_to_another_one_that_rounding_hides():
    """At (0, 1) the outputs are 1.5 and 3; a node of 1e20 hides it in every bound relative to the
    largest output.
    """

    def net(v):
        return DeepReLU(
            [[[1e20, v], [1.0, 0.0]], [[1.0, 1.0], [0.5, -1]], [[1.0, 1.0]]],
            [[0.0, 0.0], [0.0, 0.0], [0.0]],
        )

    assert not equivalent(net(1.0), net(2.0), Box([-1, -1], [1, 1]))
    assert not equivalent(net(1.0), net(2.0))


def test_functions_for_any_depth_or_a_refusal():
    """Promise: they take any of our networks, or say for which they are not there."""
    random = np.random.default_rng(1)
    deep = DeepReLU(
        [random.normal(size=s) for s in ((5, 3), (4, 5), (2, 4))],
        [random.normal(size=n) for n in (5, 4, 2)],
    )
    assert explained_rank(deep, random.normal(size=(400, 3)) * 4).explained == 9
    assert [len(layer) for layer in node_roles(deep)] == [5, 4]
    assert set(node_roles(deep, Box([9, 9, 9], [10, 10, 10]))[0]) <= {
        Role.DEAD,
        Role.BYPASSED,
        Role.LIVE,
    }
    with pytest.raises(ValueError, match=r"net: got DeepReLU; fibre is for two-layer networks"):
        fibre(deep)
    with pytest.raises(ValueError, match="domain"):
        explained_rank(deep, random.normal(size=(9, 3)), Box([0] * 3, [1] * 3))
    shallow, exact = DeepReLU([[[1.0]], [[2.0]]], [[0.0], [0.0]]), TwoLayerReLU([[2]], [0], [1], 0)
    assert equivalent(shallow, exact) and equivalent(exact, shallow)
    with pytest.raises(ValueError, match="exactly"):
        equivalent(deep, TwoLayerReLU([["1/3"]], [0], [1], 0))
    with pytest.raises(ValueError, match="too large"):
        big = TwoLayerReLU([[1e300], [-1e300]], [1e300, 1e300], [1e300, 1e300], 0.0)
        equivalent(
            big, TwoLayerReLU([[1], [-1]], [1, 1], [1, 1], 0), Box([-1], [1]), tolerance=1e-3
        )


def as_users_call(function):
    """The function without the type checker of the tests, which users do not have."""
    return inspect.unwrap(function)


FOR_TWO_LAYERS = {
    "fisher_kernel": lambda net: as_users_call(fisher_kernel)(net, BOX),
    "generators": as_users_call(generators),
    "kink_form": as_users_call(kink_form),
    "minimal_width": as_users_call(minimal_width),
    "nearby": lambda net: as_users_call(nearby)(net, 0.1, BOX),
    "sup_distance": lambda net: as_users_call(sup_distance)(net, SHALLOW, BOX),
    "sup_distance of b": lambda net: as_users_call(sup_distance)(SHALLOW, net, BOX),
    "to_deep": as_users_call(to_deep),
    "to_parameters": as_users_call(to_parameters),
}
FOR_DEEP = {
    "canonical": as_users_call(canonical),
    "from_deep": as_users_call(from_deep),
    "hidden_polytopes": lambda net: as_users_call(hidden_polytopes)(net, (-1, 1)),
    "node_states": lambda net: as_users_call(node_states)(net, (-1, 1)),
    "to_torch": as_users_call(to_torch),
}
BOX = Box([0, 0], [1, 1])
SHALLOW = TwoLayerReLU([[2, 1], [1, -1]], [0, 1], [1, 1], 0)


@pytest.mark.parametrize("name", FOR_TWO_LAYERS)
def test_a_deep_network_is_refused_by_name_where_two_layers_are_asked_for(name):
    function = FOR_TWO_LAYERS[name]
    deep = DeepReLU([[[2.0, 1.0], [1.0, -1.0]], [[1.0, 1.0]], [[1.0]]], [[0.0, 1.0], [0.0], [0.0]])
    function(SHALLOW)
    with pytest.raises(ValueError, match=rf"net: got DeepReLU; {name.split()[0]} "):
        function(deep)


@pytest.mark.parametrize("name", FOR_DEEP)
def test_a_two_layer_network_is_refused_by_name_where_float64_is_asked_for(name):
    FOR_DEEP[name](to_deep(SHALLOW))
    with pytest.raises(ValueError, match=rf"net: got TwoLayerReLU; {name} "):
        FOR_DEEP[name](SHALLOW)


@pytest.mark.parametrize(
    ("tolerance", "is_one"), [(1, False), (1.9999, False), (2, True), (3, True)]
)
def test_a_difference_below_the_rounding_of_large_numbers_is_decided(tolerance, is_one):
    """1e16 and 1e16 + 2 are neighbours in float64, and differ by 2; closed form."""

    def net(c, scale=1.0):
        return DeepReLU(
            [[[1.0 * scale], [-3.0]], [[1.0 / scale, 1.0]], [[1.0]]],
            [[0.25 * scale, 0.0], [0.0], [c]],
        )

    for other in (net(1e16 + 2), net(1e16 + 2, scale=4.0)):
        found = equivalent(net(1e16), other, Box([-1], [1]), tolerance=tolerance)
        assert (
            bool(found) == is_one
            and found.status == ("equivalent" if is_one else "different")
            and found.verify()
        )


def test_a_rank_beside_a_weight_that_float64_cannot_hold_with_others_is_refused():
    net = TwoLayerReLU([[1e200], [1.0]], [1e200, 0], [1e200, 1], 0)
    with pytest.raises(ValueError, match=r"net: a weight of 1\.0e\+200 is too large"):
        explained_rank(net, np.linspace(-1, 1, 20)[:, None])


def test_the_command_line_says_what_it_assumed_and_takes_an_order(tmp_path, capsys):
    arrays, _ = chain(("encoder", "decoder"))
    path = save(dict(sorted(arrays.items())), tmp_path / "net.npz")
    assert (
        main(["symmetry", "equivalent", str(path), str(path)]) == 2
        and "--order" in capsys.readouterr().err
    )
    assert main(["symmetry", "equivalent", str(path), str(path), "--order", "encoder,decoder"]) == 0
    assert "assumed" in capsys.readouterr().out
    assert (
        main(
            [
                "symmetry",
                "equivalent",
                str(path),
                str(path),
                "--order",
                "encoder,decoder",
                "--activation",
                "relu",
            ]
        )
        == 0
    )
    assert "assumed" not in capsys.readouterr().out

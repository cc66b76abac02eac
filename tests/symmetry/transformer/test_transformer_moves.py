"""Moves on what Llama and nn.TransformerEncoder have, and how many directions of the weights do
nothing.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from singlearn.symmetry import transformer as st
from singlearn.symmetry.transformer import NotASymmetryError, Transformer
from singlearn.symmetry.transformer.refusal import random_inputs
from transformer_cases import KINDS, made

QUARTER = np.array([[0.0, -1.0], [1.0, 0.0]])


def same(a: Transformer, b: Transformer) -> bool:
    inputs = random_inputs(a, 5, 6, seed=4)
    return bool(np.max(np.abs(a(inputs) - b(inputs))) < 1e-11)


def test_rotary_positions_leave_a_turn_and_a_scale_of_each_plane() -> None:
    model = made(KINDS["llama"])
    first, second = 2 * QUARTER, np.array([[1.0, -0.5], [0.5, 1.0]])
    matrix = np.zeros((4, 4))
    matrix[np.ix_([0, 2], [0, 2])], matrix[np.ix_([1, 3], [1, 3])] = first, second
    assert same(model, st.mix_query_key(model, 0, 0, matrix))
    for wrong in (
        np.diag([1.0, 1.0, 2.0, 1.0]),
        np.kron(QUARTER, np.eye(2)) + np.eye(4)[[1, 0, 3, 2]],
        np.kron(np.eye(2), QUARTER),
    ):
        with pytest.raises(NotASymmetryError, match="rotary"):
            st.mix_query_key(model, 0, 0, wrong)
        changes = {
            "blocks.0.attention.query": np.einsum(
                "ij,hjd->hid", wrong, model.weights["blocks.0.attention.query"]
            ),
            "blocks.0.attention.key": np.einsum(
                "ji,hjd->hid", np.linalg.inv(wrong), model.weights["blocks.0.attention.key"]
            ),
        }
        assert not same(model, model.with_weights(changes))
    # Planes of one speed may mix.
    equal = model.with_weights({"blocks.0.attention.frequency": np.array([0.3, 0.3])})
    mixed = np.kron(np.array([[2.0, -0.3], [0.3, 2.0]]), np.array([[1.0, 2.0], [0.0, 1.0]]))
    assert same(equal, st.mix_query_key(equal, 0, 0, mixed))


def test_slow_planes_are_not_taken_for_still_ones() -> None:
    """At the first places a slow rotation is hardly seen; the commutant is asked for all places."""
    model = made(KINDS["llama"]).with_weights(
        {"blocks.0.attention.frequency": np.array([1.0, 1e-13])}
    )
    with pytest.raises(NotASymmetryError, match="rotary"):
        st.mix_query_key(model, 0, 0, np.diag([1.0, 1.0, 1.0, 2.0]))


def test_grouped_heads_stay_together() -> None:
    kind = KINDS["llama"]
    model = made(kind)
    weights = dict(model.weights)
    for block in range(2):
        at = f"blocks.{block}.attention"
        for part in ("query", "output"):
            weights[f"{at}.{part}"] = np.concatenate(
                [weights[f"{at}.{part}"], weights[f"{at}.{part}"][::-1] * 0.5]
            )
        for part in ("key", "value"):
            weights[f"{at}.{part}"] = np.concatenate(
                [weights[f"{at}.{part}"], weights[f"{at}.{part}"][:, ::-1] * 0.7]
            )
    model = replace(model, weights=weights)
    assert model.heads(0) == (4, 2)
    assert same(model, st.permute_heads(model, 0, [3, 2, 0, 1]))
    with pytest.raises(NotASymmetryError, match="groups of 2"):
        st.permute_heads(model, 0, [0, 2, 1, 3])
    order = np.array([0, 2, 1, 3])
    torn = {
        f"blocks.0.attention.{part}": weights[f"blocks.0.attention.{part}"][order]
        for part in ("query", "output")
    }
    assert not same(model, model.with_weights(torn))
    assert same(
        model, st.mix_value_output(model, 0, 1, np.random.default_rng(0).standard_normal((4, 4)))
    )


def test_gates_let_through_what_their_activation_does() -> None:
    silu, relu = made(KINDS["llama"]), made(KINDS["reglu"])
    scales = np.array([-2.0, 0.5, 1.0, -1.0, 3.0])
    assert same(silu, st.scale_mlp(silu, 0, scales)) and same(
        relu, st.scale_mlp(relu, 0, scales, "in")
    )
    assert same(relu, st.scale_mlp(relu, 1, np.abs(scales), "gate"))
    with pytest.raises(NotASymmetryError, match="only ReLU"):
        st.scale_mlp(silu, 0, np.abs(scales), "gate")
    with pytest.raises(NotASymmetryError, match="positive"):
        st.scale_mlp(relu, 0, scales, "gate")
    with pytest.raises(NotASymmetryError, match="but 0"):
        st.scale_mlp(silu, 0, np.zeros(5))
    with pytest.raises(ValueError, match="branch"):
        st.scale_mlp(made(KINDS["gpt2"]), 0, scales, "gate")


def test_a_rotated_key_bias_is_not_redundant() -> None:
    model = made(KINDS["qwen2"])
    settled = st.settle_attention_biases(model)
    assert (
        "blocks.0.attention.key_bias" in settled.weights
        and "blocks.0.attention.value_bias" not in settled.weights
    )
    assert same(model, settled)
    bare = {name: array for name, array in model.weights.items() if not name.endswith("key_bias")}
    assert not same(model, replace(model, weights=bare))


@pytest.mark.parametrize("kind", ["encoder", "encoder-post"])
def test_streams_that_are_seen_have_no_other_basis(kind: str) -> None:
    model = made(KINDS[kind])
    turn = np.linalg.qr(np.random.default_rng(0).standard_normal((4, 4)))[0]
    for refused in (
        lambda: st.rotate(model, turn),
        lambda: st.rescale_stream(model, 2.0),
        lambda: st.layer_to_rms(model),
    ):
        with pytest.raises(NotASymmetryError):
            refused()
    if kind == "encoder":
        folded = st.fold_gain(model)
        assert same(model, folded) and [name for name in folded.weights if "norm" in name] == [
            "final_norm.gain",
            "final_norm.bias",
        ]
    else:
        with pytest.raises(NotASymmetryError, match="behind the additions"):
            st.fold_gain(model)


def jacobian(model: Transformer) -> np.ndarray:
    """Of outputs to weights, by differences of the fourth order; a tied array is one."""
    names = [
        name
        for name in model.weights
        if not name.endswith("frequency") and not (model.is_tied and name == "unembedding")
    ]
    start = np.concatenate([model.weights[name].ravel() for name in names])
    inputs = random_inputs(model, 30, 6, seed=5)

    def outputs(vector: np.ndarray) -> np.ndarray:
        weights, at = dict(model.weights), 0
        for name in names:
            size = model.weights[name].size
            weights[name] = vector[at : at + size].reshape(model.weights[name].shape)
            at += size
        if model.is_tied:
            weights["unembedding"] = weights["embedding"]
        return replace(model, weights=weights)(inputs).ravel()

    step = 1e-4
    columns = []
    for unit in np.eye(len(start)) * step:
        near, far = (
            outputs(start + unit) - outputs(start - unit),
            outputs(start + 2 * unit) - outputs(start - 2 * unit),
        )
        columns.append((8 * near - far) / (12 * step))
    return np.array(columns).T


NULLITY = {
    "gpt2": 142,
    "gpt2-untied": 162,
    "llama": 76,
    "llama-tied": 66,
    "no norm": 70,
    "encoder": 136,
    "encoder-post": 105,
}
"""Of the Jacobian, as the slow test below measures it; for encoder-post by PyTorch's derivatives,
with a gap of 1000 too.
"""


@pytest.mark.parametrize("kind", NULLITY)
def test_as_many_directions_as_the_jacobian_has_nullity(kind: str) -> None:
    assert sum(found.count for found in st.symmetry_directions(made(KINDS[kind]))) == NULLITY[kind]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [kind for kind in NULLITY if kind != "encoder-post"])
def test_the_directions_are_the_whole_null_space_of_the_jacobian(kind: str) -> None:
    """In general position nothing else leaves the function alone: the count is the nullity, with a
    gap of 1000 beside it.
    """
    model = made(KINDS[kind])
    smaller = 0.5 if kind == "no norm" else 1.0
    weights = {
        name: array * smaller
        for name, array in model.weights.items()
        if not name.endswith("frequency")
    }
    if model.is_tied:
        weights["unembedding"] = weights["embedding"]
    model = model.with_weights(weights)
    values = np.linalg.svd(jacobian(model), compute_uv=False)
    count = NULLITY[kind]
    assert values[-count] < 1e-9 * values[0] and values[-count - 1] > 1000 * values[-count]


@pytest.mark.parametrize(
    ("move", "reason"),
    [
        (lambda model: st.permute_heads(model, 0, [True, False]), "order: got"),
        (lambda model: st.permute_mlp(model, 0, [0, 0, 1, 2, 3]), "permutation"),
        (lambda model: st.mix_query_key(model, True, 0, np.eye(2)), "block: got True"),
        (lambda model: st.mix_value_output(model, 0, -1, np.eye(2)), "head: got -1"),
        (lambda model: st.rescale_stream(model, 1e200), "factor: got"),
        (
            lambda model: model.with_weights({"embedding": model.weights["embedding"] * 1j}),
            "complex128",
        ),
    ],
)
def test_arguments_of_another_kind_are_refused_by_their_names(move, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        move(made(KINDS["gpt2-relu"]))

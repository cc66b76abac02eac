"""Transformers are one function up to their symmetries; a changed weight is seen; "different" comes
with a proven witness.
"""

from __future__ import annotations

from dataclasses import replace

import flint
import numpy as np
import pytest

from singlearn.symmetry import transformer as st
from singlearn.symmetry.deep.equivalence import Sameness
from singlearn.symmetry.transformer import Transformer
from singlearn.symmetry.transformer.ball import proven_outputs
from singlearn.symmetry.transformer.precision import kept_as
from singlearn.symmetry.transformer.refusal import random_inputs
from transformer_cases import KINDS, elsewhere_in_orbit, made, with_change, with_redundancy

EVERY_KIND = [
    kind
    if kind in ("gpt2", "llama", "encoder-post-relu")
    else pytest.param(kind, marks=pytest.mark.slow)
    for kind in KINDS
]


def rounded(model: Transformer, dtype: type) -> Transformer:
    return model.with_weights(
        {name: array.astype(dtype).astype(float) for name, array in model.weights.items()}
    )


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_the_orbit_is_one_function_and_every_weight_counts(kind: str) -> None:
    """One weight in a billion, anywhere, is no rounding, unless a softmax or a norm drops it
    anyway.
    """
    model = made(KINDS[kind])
    other = elsewhere_in_orbit(model)
    assert any(
        not np.allclose(array, other.weights.get(name, np.nan))
        for name, array in model.weights.items()
    )
    found = st.equivalent(model, other)
    assert found and found.roundings < 20, str(found)
    inputs = random_inputs(model, 20, 6, seed=8)
    names = [name for name in other.weights if not name.endswith("frequency")]
    for name in names[:: 11 if kind == "gpt2" else 19]:
        changed = with_change(other, name, 1e-8)
        moves = np.max(np.abs(changed(inputs) - other(inputs)))
        seen = st.equivalent(model, changed)
        assert bool(seen) == name.endswith("key_bias") == (moves < 1e-14) or (
            not seen and moves < 1e-12
        ), (name, str(seen))


def test_rounding_to_single_precision_is_rounding_and_a_thousandth_is_not() -> None:
    model = rounded(made(KINDS["llama"]), np.float32)
    other = rounded(elsewhere_in_orbit(model), np.float32)
    assert kept_as(model) == kept_as(other) == "float32"
    found = st.equivalent(model, other)
    assert found and "float32" in found.reason
    changed = with_change(other, "blocks.1.mlp.out", 1e-3)
    assert not st.equivalent(model, changed)
    assert st.equivalent(model, changed, relative_error=1e-3)
    # The numbers of a single-precision checkpoint are exact beside those of double precision.
    moved = elsewhere_in_orbit(model)
    assert st.equivalent(model, moved) and not st.equivalent(
        model, with_change(moved, "blocks.1.mlp.out", 1e-8)
    )


def test_half_precision_is_no_excuse() -> None:
    """A few steps of training move weights in bfloat16 by a few per cent; that is another
    function.
    """
    model = made(KINDS["llama"])
    coarse = model.with_weights(
        {
            n: (a.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32)
            for n, a in model.weights.items()
        }
    )
    assert kept_as(coarse) == "bfloat16" and st.equivalent(coarse, coarse).roundings == 0
    random = np.random.default_rng(0)
    trained = {}
    for name, array in coarse.weights.items():
        moved = (array * (1 + 0.03 * random.standard_normal(array.shape))).astype(np.float32)
        trained[name] = (moved.view(np.uint32) & 0xFFFF0000).view(np.float32)
    assert not st.equivalent(
        coarse,
        coarse.with_weights({**trained, "blocks.0.attention.frequency": np.array([1.0, 0.3])}),
    )


@pytest.mark.parametrize("kind", ["gpt2", "reglu", "encoder-post-relu"])
def test_a_witness_is_proven_and_the_ball_holds_the_output(kind: str) -> None:
    model = made(KINDS[kind])
    name = "blocks.1.attention.value"
    changed = with_change(model, name, 0.1)
    found = st.equivalent(model, changed)
    assert found.status is Sameness.DIFFERENT and found.witness is not None, str(found)
    row, output = found.witness.input, found.witness.output
    for net, said in ((model, found.witness.first), (changed, found.witness.second)):
        measured = net(row[None])[0, -1, output]
        assert abs(measured - said) < 1e-12
        ball = proven_outputs(net, row, output, 128)
        assert ball.rad() < 1e-20 and abs(ball - flint.arb(float(measured))) < 1e-12
    assert found.witness.least < abs(found.witness.first - found.witness.second) + 1e-14


def test_longer_inputs_agree_in_ball_arithmetic() -> None:
    """Softmax, rotations and windows matter from the second place on."""
    for kind in ("qwen2", "gpt2", "encoder-post"):
        model = made(KINDS[kind])
        model = replace(model, windows=(2, None)) if kind == "qwen2" else model
        row = random_inputs(model, 1, 4, seed=3)[0]
        ball = proven_outputs(model, row, 1, 128)
        assert abs(float(ball.mid()) - model(row[None])[0, -1, 1]) < 1e-12


def test_what_is_seen_only_far_back_is_not_called_the_same() -> None:
    model = made(KINDS["llama"])
    for other in (
        replace(model, epsilon=0.1 * (1 + 1e-9)),
        model.with_weights({"blocks.0.attention.frequency": np.array([1.0, 0.3 + 1e-9])}),
        replace(model, score_scales=(0.5, 0.5 + 1e-9)),
    ):
        found = st.equivalent(model, other)
        assert not found and found.status is not Sameness.EQUIVALENT, str(found)
    assert st.equivalent(model, replace(model, score_scales=(0.5, 0.5)))  # 1 / sqrt(4)
    assert st.equivalent(model, replace(model, windows=(300, None))).status is Sameness.NOT_SHOWN


def test_a_short_token_vector_counts_as_much_as_the_others() -> None:
    """A norm brings it to the length of the others, and random inputs need not contain that
    token.
    """
    random = np.random.default_rng(0)
    model = made(KINDS["llama"])
    embedding = random.standard_normal((400, 4))
    embedding[399] *= 2.0**-30
    given = {"embedding": embedding, "unembedding": random.standard_normal((400, 4))}
    model = rounded(replace(model, weights={**model.weights, **given}, epsilon=1e-24), np.float32)
    assert kept_as(model) == "float32"
    embedding = model.weights["embedding"]
    turned = embedding.copy()
    turned[399] = embedding[399, ::-1]
    found = st.equivalent(model, model.with_weights({"embedding": turned}))
    assert (
        found.status is Sameness.DIFFERENT and found.witness is not None and found.measured > 1e-3
    )
    assert list(found.witness.input) == [399]
    close = replace(found.witness, first=1.23456789, second=1.23456799)
    assert str(close).endswith("1.2345679 and 1.234568")
    assert st.equivalent(model, elsewhere_in_orbit(model))


def test_a_symmetry_that_is_not_looked_for_is_not_shown_rather_than_different() -> None:
    r"""φ(u) = u + φ(-u) for SiLU: two units of one row and opposite outputs may turn round
    together.
    """
    model = made(KINDS["gpt2"])
    model = replace(model, activation="silu")
    weights = {name: array.copy() for name, array in model.weights.items()}
    at = "blocks.0.mlp"
    weights[f"{at}.in"][1], weights[f"{at}.out"][:, 1] = (
        weights[f"{at}.in"][0],
        -weights[f"{at}.out"][:, 0],
    )
    weights[f"{at}.in_bias"][1] = weights[f"{at}.in_bias"][0] + 0.5
    weights["unembedding"] = weights["embedding"]
    model = replace(model, weights=weights)
    turned = {name: array.copy() for name, array in weights.items()}
    turned[f"{at}.in"][:2] *= -1
    turned[f"{at}.in_bias"][:2] *= -1
    turned[f"{at}.out_bias"] = weights[f"{at}.out_bias"] + weights[f"{at}.out"][:, 0] * -0.5
    turned["unembedding"] = turned["embedding"]
    other = replace(model, weights=turned)
    inputs = random_inputs(model, 9, 6)
    assert np.max(np.abs(model(inputs) - other(inputs))) < 1e-13
    assert st.equivalent(model, other).status is Sameness.NOT_SHOWN


def test_tied_and_untied_storage_of_one_function() -> None:
    tied = made(KINDS["llama-tied"])
    untied = st.fold_gain(tied)
    assert tied.is_tied and not untied.is_tied and untied.parameters > tied.parameters - 5 * 4
    assert st.equivalent(tied, untied)


def test_functions_of_different_kinds_are_not_compared() -> None:
    model = made(KINDS["gpt2-untied"])
    larger = model.with_weights(
        {name: np.vstack([model.weights[name]] * 2) for name in ("embedding", "unembedding")}
    )
    with pytest.raises(ValueError, match="12 inputs"):
        st.equivalent(model, larger)
    with pytest.raises(ValueError, match="vectors"):
        st.equivalent(model, made(KINDS["encoder"]))
    with pytest.raises(ValueError, match="relative_error"):
        st.equivalent(model, model, relative_error=0.0)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_compression_keeps_the_function_and_says_what_went(kind: str) -> None:
    model = with_redundancy(made(KINDS[kind]))
    found = st.compress(model)
    said = str(found)
    assert "dead" in said and "duplicate" in said and "which write nothing" in said
    assert found.after < found.before and found.change < 1e-11 * found.largest
    assert all(removal.bound == 0 for removal in found.removals)
    assert found.model.is_tied == model.is_tied
    if model.is_rotary(0):
        assert ("1 of 2 rotary planes" in said) == (KINDS[kind].head == 4)
    else:
        assert "queries and keys of 2 entries now have 1" in said
    assert st.equivalent(model, found.model), str(st.equivalent(model, found.model))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_nothing_is_taken_from_a_transformer_in_general_position(kind: str) -> None:
    model = made(KINDS[kind])
    found = st.compress(model)
    assert found.model is model and not found.removals and found.change == 0


def test_a_removal_with_loss_changes_what_a_head_writes_by_no_more_than_its_bound() -> None:
    model = made(KINDS["llama"])
    found = st.compress(model, relative_tolerance=0.3)
    assert found.removals and found.change > 0
    folded, at = st.fold_gain(model), "blocks.0.attention"
    removal = next(
        removal for removal in found.removals if removal.block == 0 and "values" in removal.what
    )
    random = np.random.default_rng(0).standard_normal((4000, 4))
    reads = random / np.sqrt(np.mean(random**2, axis=1, keepdims=True))
    for head in range(2):
        before, after = (
            net.weights[f"{at}.output"][head] @ net.weights[f"{at}.value"][0]
            for net in (folded, found.model)
        )
        written = np.max(np.linalg.norm(reads @ (before - after).T, axis=1))
        assert written <= removal.bound
    with pytest.raises(ValueError, match="tolerance"):
        st.compress(model, relative_tolerance=1.0)


def test_relu_units_that_no_normalised_input_wakes_are_dead() -> None:
    r"""Behind a norm :math:`|ν| ≤ \sqrt d`: a bias below :math:`-|w| \sqrt d` keeps a unit at 0,
    one just above does not.
    """
    model = st.fold_gain(made(KINDS["gpt2-relu"]))
    row = model.weights["blocks.0.mlp.in"]
    bias = model.weights["blocks.0.mlp.in_bias"].copy()
    reach = np.linalg.norm(row, axis=1) * 2
    bias[0], bias[1] = -1.0001 * reach[0], -0.999 * reach[1]
    found = st.compress(model.with_weights({"blocks.0.mlp.in_bias": bias}))
    assert [str(removal) for removal in found.removals] == ["block 0: 1 dead of 5 hidden units"]

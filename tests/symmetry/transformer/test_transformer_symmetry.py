"""Transformer symmetries: logits unchanged to 1e-10 where a transformation is given, changed where
one is refused.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr

from singlearn.symmetry import transformer
from singlearn.symmetry.transformer import NotASymmetryError, Transformer
from singlearn.symmetry.transformer.stream import readers, written_through

VOCABULARY, WIDTH, HEADS, HEAD, HIDDEN = 11, 8, 2, 3, 12


def model(norm: str, activation: str = "gelu", gains: bool = True, seed: int = 0) -> Transformer:
    random = np.random.default_rng(seed)

    def normal(*shape: int) -> np.ndarray:
        return random.standard_normal(shape) / np.sqrt(shape[-1])

    weights = {
        "embedding": random.standard_normal((VOCABULARY, WIDTH)),
        "position": normal(6, WIDTH),
    }
    weights["unembedding"] = normal(VOCABULARY, WIDTH)
    places = ["final_norm"]
    for block in ("blocks.0.", "blocks.1."):
        for part in ("query", "key", "value"):
            weights[f"{block}attention.{part}"] = normal(HEADS, HEAD, WIDTH)
            weights[f"{block}attention.{part}_bias"] = normal(HEADS, HEAD)
        weights[f"{block}attention.output"], weights[f"{block}attention.output_bias"] = (
            normal(HEADS, WIDTH, HEAD),
            normal(WIDTH),
        )
        weights[f"{block}mlp.in"], weights[f"{block}mlp.in_bias"] = (
            normal(HIDDEN, WIDTH),
            normal(HIDDEN),
        )
        weights[f"{block}mlp.out"], weights[f"{block}mlp.out_bias"] = (
            normal(WIDTH, HIDDEN),
            normal(WIDTH),
        )
        places += [f"{block}norm1", f"{block}norm2"]
    if gains and norm != "none":
        for place in places:
            weights[f"{place}.gain"], weights[f"{place}.bias"] = (
                np.exp(normal(WIDTH)),
                normal(WIDTH),
            )
    return Transformer(weights, norm, activation, 1e-3)


def orthogonal(seed: int = 1, size: int = WIDTH) -> np.ndarray:
    return np.linalg.qr(np.random.default_rng(seed).standard_normal((size, size)))[0]


def keeping_the_mean(seed: int = 1, sign: float = 1.0) -> np.ndarray:
    """Orthogonal on the complement of (1, …, 1), which goes to ``sign`` times itself."""
    basis = np.linalg.qr(np.concatenate([np.ones((WIDTH, 1)), np.eye(WIDTH)[:, 1:]], axis=1))[0]
    inner = np.eye(WIDTH)
    inner[0, 0], inner[1:, 1:] = sign, orthogonal(seed, WIDTH - 1)
    return basis @ inner @ basis.T


def signed_permutation() -> np.ndarray:
    random = np.random.default_rng(5)
    return np.eye(WIDTH)[random.permutation(WIDTH)] * np.where(np.arange(WIDTH) % 3 == 0, -1.0, 1.0)


def same_function(a: Transformer, b: Transformer) -> bool:
    tokens = np.random.default_rng(9).integers(VOCABULARY, size=(20, 6))
    return float(np.max(np.abs(a(tokens) - b(tokens)))) < 1e-10


def moved(a: Transformer, b: Transformer) -> bool:
    return any(
        not np.allclose(array, b.weights[name])
        for name, array in a.weights.items()
        if name in b.weights
    )


def test_reference_against_a_plain_loop() -> None:
    """One block, one token after another, straight from the formula."""
    net = model("layer")
    w, tokens = net.weights, np.array([[3, 1, 4, 1]])

    def nu(x: np.ndarray, place: str) -> np.ndarray:
        return (
            w[f"{place}.gain"] * (x - x.mean()) / np.sqrt(x.var() + net.epsilon)
            + w[f"{place}.bias"]
        )

    stream = [w["embedding"][t] + w["position"][i] for i, t in enumerate(tokens[0])]
    for block in ("blocks.0", "blocks.1"):
        read = [nu(x, f"{block}.norm1") for x in stream]
        att = f"{block}.attention"
        for t in range(len(stream)):
            for h in range(HEADS):
                q = w[f"{att}.query"][h] @ read[t] + w[f"{att}.query_bias"][h]
                scores = [
                    q @ (w[f"{att}.key"][h] @ read[s] + w[f"{att}.key_bias"][h]) / np.sqrt(HEAD)
                    for s in range(t + 1)
                ]
                weight = np.exp(scores) / np.sum(np.exp(scores))
                mixed = sum(
                    weight[s] * (w[f"{att}.value"][h] @ read[s] + w[f"{att}.value_bias"][h])
                    for s in range(t + 1)
                )
                stream[t] = stream[t] + w[f"{att}.output"][h] @ mixed
            stream[t] = stream[t] + w[f"{att}.output_bias"]
        for t in range(len(stream)):
            u = w[f"{block}.mlp.in"] @ nu(stream[t], f"{block}.norm2") + w[f"{block}.mlp.in_bias"]
            stream[t] = (
                stream[t] + w[f"{block}.mlp.out"] @ (u * ndtr(u)) + w[f"{block}.mlp.out_bias"]
            )
    logits = np.array([w["unembedding"] @ nu(x, "final_norm") for x in stream])
    assert np.allclose(net(tokens)[0], logits, rtol=0, atol=1e-12)


def test_without_norms_the_stream_has_all_of_gl() -> None:
    net = model("none")
    matrix = np.random.default_rng(3).standard_normal((WIDTH, WIDTH))
    turned = transformer.rotate(net, matrix)
    assert moved(net, turned) and same_function(net, turned)
    with pytest.raises(NotASymmetryError, match="condition number"):
        transformer.rotate(net, np.ones((WIDTH, WIDTH)))


@pytest.mark.parametrize(
    ("norm", "gains", "matrix"),
    [
        ("rms", False, orthogonal()),
        ("rms", False, signed_permutation()),
        ("rms", True, signed_permutation()),  # safe with a gain too: it is permuted
        ("layer", False, keeping_the_mean()),
        ("layer", False, keeping_the_mean(sign=-1.0)),
        ("layer", True, np.eye(WIDTH)[np.roll(np.arange(WIDTH), 3)]),
        ("layer", True, -np.eye(WIDTH)),
        # More than orthogonal: the mean direction may be stretched, and receive anything.
        ("layer", False, keeping_the_mean() + np.outer(np.ones(WIDTH), np.arange(WIDTH))),
    ],
)
def test_rotations_that_a_norm_allows(norm: str, gains: bool, matrix: np.ndarray) -> None:
    net = model(norm, gains=gains)
    turned = transformer.rotate(net, matrix)
    assert moved(net, turned) and same_function(net, turned)


@pytest.mark.parametrize(
    ("norm", "gains", "matrix", "reason"),
    [
        ("rms", False, np.diag(np.arange(1.0, WIDTH + 1)), "orthogonal"),
        ("rms", True, orthogonal(), "gain"),
        ("layer", False, orthogonal(), "mean direction"),
        ("layer", False, signed_permutation(), "mean direction"),
        ("layer", True, keeping_the_mean(), "gain"),
        ("layer", False, 2 * keeping_the_mean(), "orthogonal"),
    ],
)
def test_rotations_that_a_norm_refuses(
    norm: str, gains: bool, matrix: np.ndarray, reason: str
) -> None:
    net = model(norm, gains=gains)
    with pytest.raises(NotASymmetryError, match=reason):
        transformer.rotate(net, matrix)
    # The refusal is right: writing A x and reading with the inverse changes the function.
    changes = written_through(net, matrix) | {
        name: net.weights[name] @ np.linalg.inv(matrix) for name, _ in readers(net)
    }
    assert not same_function(net, net.with_weights(changes))


def test_equal_gains_may_mix() -> None:
    net = model("rms")
    gain = np.array([2.0] * 4 + [0.5] * 4)
    net = net.with_weights({name: gain for name in net.weights if name.endswith("gain")})
    matrix = np.eye(WIDTH)
    matrix[:4, :4], matrix[4:, 4:] = orthogonal(1, 4), orthogonal(2, 4)
    assert same_function(net, transformer.rotate(net, matrix))


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_folded_gains_free_the_rotation(norm: str) -> None:
    net = model(norm)
    folded = transformer.fold_gain(net)
    assert not any("norm" in name for name in folded.weights) and same_function(net, folded)
    if norm == "layer":
        assert same_function(net, transformer.rotate(folded, keeping_the_mean()))
        folded = transformer.layer_to_rms(folded)
        assert folded.norm == "rms" and same_function(net, folded)
    assert same_function(net, transformer.rotate(folded, orthogonal(4)))


def test_layernorm_with_gains_becomes_rmsnorm() -> None:
    net = model("layer")
    assert same_function(net, transformer.layer_to_rms(net))
    with pytest.raises(NotASymmetryError, match="LayerNorm"):
        transformer.layer_to_rms(model("rms"))
    with pytest.raises(NotASymmetryError, match="no norms"):
        transformer.fold_gain(model("none"))


@pytest.mark.parametrize("norm", ["none", "layer", "rms"])
def test_scale_of_the_stream(norm: str) -> None:
    net = model(norm)
    scaled = transformer.rescale_stream(net, 3.0)
    assert same_function(net, scaled) and scaled.epsilon == net.epsilon * (
        1 if norm == "none" else 9
    )
    with pytest.raises(NotASymmetryError, match="factor: got 0"):
        transformer.rescale_stream(net, 0.0)


@pytest.mark.parametrize("norm", ["none", "layer", "rms"])
def test_heads_and_mlp(norm: str) -> None:
    net = model(norm, activation="relu")
    random = np.random.default_rng(7)
    changed = transformer.mix_query_key(net, 0, 1, random.standard_normal((HEAD, HEAD)))
    changed = transformer.mix_value_output(changed, 1, 0, random.standard_normal((HEAD, HEAD)))
    changed = transformer.permute_heads(changed, 1, [1, 0])
    changed = transformer.permute_mlp(changed, 0, random.permutation(HIDDEN))
    changed = transformer.scale_mlp(changed, 1, np.exp(random.standard_normal(HIDDEN)))
    changed = transformer.settle_attention_biases(changed)
    assert "blocks.0.attention.key_bias" not in changed.weights
    assert moved(net, changed) and same_function(net, changed)


def test_refusals_of_heads_and_mlp() -> None:
    net = model("rms")
    with pytest.raises(NotASymmetryError, match="only ReLU"):
        transformer.scale_mlp(net, 0, np.full(HIDDEN, 2.0))
    with pytest.raises(NotASymmetryError, match="positive"):
        transformer.scale_mlp(model("rms", "relu"), 0, np.full(HIDDEN, -1.0))
    with pytest.raises(NotASymmetryError, match="condition"):
        transformer.mix_query_key(net, 0, 0, np.zeros((HEAD, HEAD)))
    with pytest.raises(ValueError, match="head: got 2"):
        transformer.mix_value_output(net, 0, 2, np.eye(HEAD))
    with pytest.raises(ValueError, match="block: got 5"):
        transformer.permute_mlp(net, 5, [0])
    with pytest.raises(ValueError, match="order"):
        transformer.permute_heads(net, 0, [0, 0])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"blocks.0.mlp.inn": np.zeros((1, WIDTH))}, "not the name"),
        ({"blocks.0.mlp.in": np.zeros((HIDDEN, WIDTH + 1))}, "its d is 9"),
        ({"unembedding": np.full((VOCABULARY, WIDTH), np.nan)}, "finite"),
        ({"blocks.4.mlp.in": np.zeros((HIDDEN, WIDTH))}, "numbered"),
        ({"position": np.zeros(WIDTH)}, "shape"),
    ],
)
def test_bad_weights_are_refused(change: dict[str, np.ndarray], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        model("rms").with_weights(change)

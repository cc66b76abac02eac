"""Parts of transformers by name: the weights of a head decide its own output and no other's."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from singlearn.local.components import Heads, component_masks
from singlearn.local.torch.coordinates import entries_to_sample

transformers = pytest.importorskip("transformers")
HEADS, WIDTH, TOKENS = 4, 16, torch.arange(6)[None]


def network(kind: str) -> torch.nn.Module:
    torch.manual_seed(0)
    if kind == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=11, n_positions=8, n_embd=WIDTH, n_layer=2, n_head=HEADS
        )
        return transformers.GPT2LMHeadModel(config)
    shape = {
        "vocab_size": 11,
        "hidden_size": WIDTH,
        "intermediate_size": 8,
        "num_hidden_layers": 2,
        "num_attention_heads": HEADS,
    }
    if kind == "neox":
        return transformers.GPTNeoXForCausalLM(transformers.GPTNeoXConfig(**shape))
    keys = 2 if kind == "grouped" else HEADS
    if kind in ("qwen2", "qwen3"):
        shape |= {"num_key_value_heads": HEADS}
        if kind == "qwen2":
            return transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**shape))
        return transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**shape, head_dim=8))
    return transformers.LlamaForCausalLM(
        transformers.LlamaConfig(**shape, num_key_value_heads=keys)
    )


def counts(module: torch.nn.Module, only) -> int:
    return sum(int(mask.sum()) for mask in entries_to_sample(module, only, {}).values())


def into_output_map(module: torch.nn.Module) -> torch.Tensor:
    """What the heads of layer 0 hand to the map to the residual stream, by head."""
    seen = []
    name = next(
        name
        for name, _ in module.named_modules()
        if name.endswith(("h.0.attn.c_proj", "layers.0.attention.dense", "0.self_attn.o_proj"))
    )
    hook = module.get_submodule(name).register_forward_pre_hook(
        lambda _, given: seen.append(given[0].detach().clone())
    )
    with torch.no_grad():
        module.eval()(TOKENS)
    hook.remove()
    return seen[0].unflatten(-1, (HEADS, -1))


@pytest.mark.parametrize("kind", ["gpt2", "neox", "llama", "qwen2", "qwen3"])
def test_queries_keys_and_values_of_a_head_change_this_head_alone(kind) -> None:
    module = network(kind)
    before = into_output_map(module)
    masks = entries_to_sample(module, ["l0h2 q", "l0h2 k", "l0h2 v"], {})
    with torch.no_grad():
        for name, mask in masks.items():
            module.get_parameter(name)[torch.as_tensor(mask)] += 0.5
    changed = (into_output_map(module) - before).abs().amax(dim=(0, 1, 3))
    assert changed[2] > 1e-3 and changed[[0, 1, 3]].max() < 1e-6


@pytest.mark.parametrize("kind", ["gpt2", "neox", "llama"])
def test_heads_make_up_the_layer_and_parts_the_head(kind) -> None:
    module = network(kind)
    heads = [counts(module, f"l1h{h}") for h in range(HEADS)]
    assert len(set(heads)) == 1 and heads[0] >= 4 * WIDTH * WIDTH // HEADS
    bias = 0 if kind == "llama" else WIDTH  # of the output map, no head's
    assert sum(heads) + bias == counts(module, "l1 attn")
    assert heads[0] == sum(counts(module, f"l1h0 {part}") for part in "qkvo")
    both = counts(module, ["l1h0", "l1h1", "*.mlp.*"])
    assert both == 2 * heads[0] + counts(module, "l0 mlp") + counts(module, "l1 mlp")
    assert counts(module, "embed") >= 11 * WIDTH


def test_names_of_transformer_lens() -> None:
    shapes = {
        "embed.W_E": (11, 8),
        "pos_embed.W_pos": (6, 8),
        "blocks.0.attn.W_Q": (2, 8, 4),
        "blocks.0.attn.W_O": (2, 4, 8),
        "blocks.0.attn.b_Q": (2, 4),
        "blocks.0.attn.b_O": (8,),
        "blocks.0.mlp.W_in": (8, 32),
        "unembed.W_U": (8, 11),
    }
    for component, expected in {
        "embed": {"embed.W_E": 88, "pos_embed.W_pos": 48},
        "unembed": {"unembed.W_U": 88},
        "l0h1": {"blocks.0.attn.W_Q": 32, "blocks.0.attn.W_O": 32, "blocks.0.attn.b_Q": 4},
        "l0h1 o": {"blocks.0.attn.W_O": 32},
        "l0 mlp": {"blocks.0.mlp.W_in": 256},
    }.items():
        found = component_masks(component, shapes, None)
        assert {name: int(mask.sum()) for name, mask in found.items()} == expected
    assert not component_masks("l0h1", shapes, None)["blocks.0.attn.W_Q"][0].any()


def test_what_a_network_does_not_have_is_refused_by_name() -> None:
    gpt2 = network("gpt2")
    for only, words in (
        ("l7 mlp", "only: 'l7 mlp': its layers are 0 to 1"),
        ("l0h9", "only: 'l0h9': layer 0 has the heads 0 to 3"),
        ("l0", "only: 'l0' is not part of a transformer"),
        ("unembed", "only: 'unembed': no parameter ends in lm_head.weight; it may be tied"),
    ):
        with pytest.raises(ValueError, match=words):
            entries_to_sample(gpt2, only, {})
    grouped = network("grouped")
    with pytest.raises(ValueError, match="only: 'l0h3': 4 heads share 2 keys and values"):
        entries_to_sample(grouped, "l0h3", {})
    assert counts(grouped, "l0h3 q") == WIDTH * WIDTH // HEADS
    with pytest.raises(ValueError, match="this network has no such names"):
        component_masks("l0h3", {"0.weight": (2, 2)}, Heads(1, 1))
    # A parameter that is called so comes first.
    module = torch.nn.Module()
    module.embed = torch.nn.Parameter(torch.zeros(np.int64(3)))
    assert counts(module, "embed") == 3


def test_a_union_is_all_of_its_parts() -> None:
    module = network("gpt2")
    parts = ["l0h3 q", "l1 mlp", "*.ln_f.*"]
    expected = entries_to_sample(module, parts, {})
    for union in (
        "l0h3 q,l1 mlp,*.ln_f.*",
        "l0h3 q + l1 mlp + *.ln_f.*",
        ["l0h3 q, l1 mlp", parts[2]],
    ):
        found = entries_to_sample(module, union, {})
        assert found.keys() == expected.keys()
        assert all((found[name] == expected[name]).all() for name in found)
    # Of parts that overlap every entry counts once.
    assert counts(module, "l0h3,l0h3 q") == counts(module, "l0h3")
    with pytest.raises(ValueError, match="only: 'l0 qkv' matches no parameter"):
        entries_to_sample(module, "l0h3,l0 qkv", {})


def test_heads_of_a_layout_that_is_not_known_are_refused() -> None:
    """One set of keys and values for all heads, as rows: GPT-2's columns would be another part."""
    config = transformers.GPTBigCodeConfig(
        vocab_size=11, n_positions=8, n_embd=WIDTH, n_layer=1, n_head=HEADS
    )
    shared = transformers.GPTBigCodeForCausalLM(config)
    with pytest.raises(ValueError, match=r"only: 'l0h3': which head owns what of .*c_attn.weight"):
        entries_to_sample(shared, "l0h3", {})
    assert counts(shared, "l0 attn") > 0
    shapes = {
        "layers.0.self_attn.q_proj.weight": (8, 8),
        "layers.0.self_attn.out_proj.weight": (8, 8),
    }
    with pytest.raises(ValueError, match=r"which head owns what of layers\.0\.self_attn\.out_proj"):
        component_masks("l0h1", shapes, Heads(2, 2))

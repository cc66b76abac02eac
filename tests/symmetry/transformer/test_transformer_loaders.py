"""What is read from Hugging Face and from nn.TransformerEncoder gives the library's outputs, or is
refused by name.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from singlearn.cli import main
from singlearn.symmetry.transformer import (
    equivalent,
    from_hugging_face,
    from_torch_encoder,
    read_transformer,
)

torch.set_num_threads(1)
TOKENS = np.random.default_rng(1).integers(13, size=(3, 8))
GPT = dict(
    vocab_size=13, n_positions=9, n_embd=8, n_layer=2, n_head=2, bos_token_id=0, eos_token_id=0
)
LLAMA = dict(
    vocab_size=13,
    hidden_size=8,
    intermediate_size=10,
    num_hidden_layers=2,
    num_attention_heads=4,
    num_key_value_heads=2,
    bos_token_id=0,
    eos_token_id=0,
)


def scrambled(model, dtype=torch.float64, seed=0):
    """Random weights of a size at which every part of the model matters; epsilon too, as the stream
    is small.
    """
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            gain = parameter.ndim == 1 and name.endswith("weight")
            size = 0.03 if "wte" in name or "wpe" in name or "embed_tokens" in name else 0.5
            parameter.copy_(
                torch.randn(parameter.shape, generator=generator) * size + (1.0 if gain else 0.0)
            )
    return model.to(dtype).eval()


def outputs(model, tokens=TOKENS):
    with torch.no_grad():
        found = model(input_ids=torch.tensor(tokens))
    return (found.logits if hasattr(found, "logits") else found.last_hidden_state).double().numpy()


def gpt2(**settings):
    return scrambled(transformers.GPT2LMHeadModel(transformers.GPT2Config(**{**GPT, **settings})))


def llama(kind="Llama", **settings):
    config = getattr(transformers, f"{kind}Config")(**{**LLAMA, **settings})
    return scrambled(getattr(transformers, f"{kind}ForCausalLM")(config))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"activation_function": "gelu"},
        {"activation_function": "relu", "n_inner": 5, "layer_norm_epsilon": 1e-2},
        {"scale_attn_by_inverse_layer_idx": True},
        {"scale_attn_weights": False, "tie_word_embeddings": False},
        {"reorder_and_upcast_attn": True},
    ],
)
def test_gpt2_gives_the_logits_of_the_library(settings, tmp_path):
    model = gpt2(**settings)
    expected = outputs(model)
    assert np.allclose(from_hugging_face(model)(TOKENS), expected, rtol=0, atol=1e-10)
    model.save_pretrained(tmp_path)
    read = from_hugging_face(tmp_path)
    assert np.allclose(read(TOKENS), expected, rtol=0, atol=1e-10)
    assert read.is_tied == settings.get("tie_word_embeddings", True)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Llama", {}),
        ("Llama", {"tie_word_embeddings": True, "num_key_value_heads": 1}),
        ("Llama", {"attention_bias": True, "mlp_bias": True, "head_dim": 6}),
        (
            "Llama",
            {"rms_norm_eps": 1e-2, "hidden_act": "gelu_pytorch_tanh", "num_key_value_heads": 4},
        ),
        ("Llama", {"rope_parameters": {"rope_type": "linear", "factor": 3.0, "rope_theta": 50.0}}),
        (
            "Llama",
            {
                "head_dim": 8,
                "rope_parameters": {
                    "rope_type": "llama3",
                    "factor": 8.0,
                    "low_freq_factor": 1.0,
                    "high_freq_factor": 4.0,
                    "original_max_position_embeddings": 100,
                    "rope_theta": 100.0,
                },
            },
        ),
        ("Mistral", {"sliding_window": 3}),
        ("Qwen2", {}),
        ("Qwen2", {"use_sliding_window": True, "sliding_window": 3, "max_window_layers": 1}),
    ],
)
def test_llama_and_its_relatives_give_the_logits_of_the_library(kind, settings, tmp_path):
    """To 1e-5: the library computes RMSNorm and the rotations in single precision, whatever the
    weights are kept in.
    """
    model = llama(kind, **settings)
    tokens = np.tile(TOKENS, 3)
    expected = outputs(model, tokens)
    assert np.max(np.abs(from_hugging_face(model)(tokens) - expected)) < 1e-5
    model.save_pretrained(tmp_path)
    assert np.max(np.abs(from_hugging_face(tmp_path)(tokens) - expected)) < 1e-5


def test_models_without_a_head_give_what_the_last_norm_gives():
    for model in (
        transformers.GPT2Model(transformers.GPT2Config(**GPT)),
        transformers.LlamaModel(transformers.LlamaConfig(**LLAMA)),
    ):
        model = scrambled(model)
        assert np.max(np.abs(from_hugging_face(model)(TOKENS) - outputs(model))) < 1e-5


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
@pytest.mark.parametrize("how", ["safetensors", "bin", "shards"])
def test_half_precision_weights_are_the_numbers_that_they_are(dtype, how, tmp_path):
    model = gpt2().to(dtype)
    state = {
        name: tensor.clone()
        for name, tensor in model.state_dict().items()
        if name != "lm_head.weight"
    }
    model.config.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps({**config, "architectures": ["GPT2LMHeadModel"]})
    )
    if how == "safetensors":
        save_file(state, tmp_path / "model.safetensors")
    elif how == "bin":
        torch.save(
            {**state, "lm_head.weight": state["transformer.wte.weight"]},
            tmp_path / "pytorch_model.bin",
        )
    else:
        names = list(state)
        files = {
            name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(names)
        }
        for file in set(files.values()):
            save_file({name: state[name] for name in names if files[name] == file}, tmp_path / file)
        (tmp_path / "model.safetensors.index.json").write_text(
            json.dumps({"metadata": {}, "weight_map": files})
        )
    assert np.allclose(
        from_hugging_face(tmp_path)(TOKENS), outputs(model.double()), rtol=0, atol=1e-10
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A GPT-2 and a Llama that were saved."""
    found = {}
    for name, model in (("gpt2", gpt2()), ("llama", llama(tie_word_embeddings=True))):
        found[name] = tmp_path_factory.mktemp(name)
        model.save_pretrained(found[name])
    return found


def changed(folder, target, config=(), tensors=None, drop=()):
    """A copy of a folder with another configuration or other tensors."""
    content = {**json.loads((folder / "config.json").read_text()), **dict(config)}
    (target / "config.json").write_text(
        json.dumps({key: value for key, value in content.items() if key not in drop})
    )
    state = load_file(folder / "model.safetensors")
    save_file(
        {
            name: tensor.contiguous()
            for name, tensor in (tensors(state) if tensors else state).items()
        },
        target / "model.safetensors",
    )
    return target


@pytest.mark.parametrize(
    ("name", "config", "reason"),
    [
        ("llama", {"sliding_window": 2}, "sliding_window is 2"),
        ("llama", {"is_causal": None}, "is_causal is missing or null"),
        ("gpt2", {"is_causal": False}, "is_causal is false"),
        ("llama", {"rope_parameters": "linear"}, "rope_parameters is 'linear'"),
        ("llama", {"rope_parameters": 2}, "rope_parameters is 2"),
        ("llama", {"rope_parameters": {"rope_type": ["linear"]}}, "rope_type is"),
        ("llama", {"model_type": ["llama"]}, "model_type is"),
        ("llama", {"architectures": [["LlamaModel"]]}, "architectures is"),
        (
            "llama",
            {"rope_scaling": {"type": "dynamic", "factor": 2.0}, "rope_parameters": None},
            "dynamic",
        ),
        ("llama", {"rope_parameters": {"rope_type": "yarn", "factor": 2.0}}, "yarn"),
        (
            "llama",
            {
                "rope_parameters": {
                    "rope_type": "default",
                    "rope_theta": 1e4,
                    "attention_factor": 2.0,
                }
            },
            "attention_factor",
        ),
        ("llama", {"rope_theta": 500.0}, "should agree"),
        ("llama", {"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
        ("llama", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ("llama", {"attn_logit_softcapping": 50.0}, "attn_logit_softcapping"),
        ("llama", {"use_qk_norm": False}, "use_qk_norm is false"),
        ("llama", {"rope_interleaved": True}, "neighbouring"),
        ("llama", {"num_local_experts": 4}, "num_local_experts"),
        ("llama", {"logits_scaling": 8.0}, "logits_scaling"),
        ("llama", {"attention_bias": True}, "q_proj.bias"),
        ("llama", {"tie_word_embeddings": False}, "lm_head.weight"),
        ("llama", {"hidden_act": "relu2"}, "relu2"),
        ("llama", {"num_key_value_heads": 3}, "num_key_value_heads"),
        ("llama", {"num_key_value_heads": 1}, "k_proj.weight"),
        ("llama", {"vocab_size": 16}, "embed_tokens"),
        ("llama", {"quantization_config": {"bits": 4}}, "quantised"),
        ("llama", {"auto_map": {"AutoModelForCausalLM": "modeling.Own"}}, "code of its own"),
        ("llama", {"architectures": ["LlamaForSequenceClassification"]}, "architectures"),
        ("llama", {"model_type": "gemma2"}, "gemma2"),
        ("llama", {"num_hidden_layers": 1}, "does not have"),
        ("llama", {"num_hidden_layers": 3}, "missing"),
        ("llama", {"rms_norm_eps": "1e-6"}, "rms_norm_eps"),
        ("gpt2", {"add_cross_attention": True}, "cross attention"),
        ("gpt2", {"activation_function": "gelu_10"}, "gelu_10"),
        ("gpt2", {"n_ctx": 5}, "should agree"),
        ("gpt2", {"embedding_multiplier": 2.0}, "embedding_multiplier"),
        ("gpt2", {"pruned_heads": {"0": [1]}}, "pruned"),
        ("gpt2", {"n_head": 3}, "multiple"),
        ("gpt2", {"use_bias": False}, "use_bias"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(name, config, reason, folders, tmp_path):
    """A key that changes the function and is passed over would be a wrong function without a
    word.
    """
    with pytest.raises(ValueError, match=reason):
        from_hugging_face(changed(folders[name], tmp_path, config))


def test_a_key_may_be_declared_without_effect(folders, tmp_path):
    folder = changed(folders["gpt2"], tmp_path, {"my_run": 7})
    with pytest.raises(ValueError, match=r"my_run is 7.*ignore"):
        from_hugging_face(folder)
    assert np.array_equal(
        from_hugging_face(folder, ignore=["my_run"])(TOKENS),
        from_hugging_face(folders["gpt2"])(TOKENS),
    )


@pytest.mark.parametrize(
    ("name", "tensors", "reason"),
    [
        (
            "llama",
            lambda state: {**state, "model.layers.0.self_attn.q_norm.weight": torch.ones(2)},
            "q_norm",
        ),
        (
            "llama",
            lambda state: {**state, "model.layers.0.self_attn.q_proj.bias": torch.ones(8)},
            "q_proj.bias",
        ),
        (
            "llama",
            lambda state: {**state, "lm_head.weight": torch.ones(13, 8)},
            "lm_head.weight is not",
        ),
        (
            "llama",
            lambda state: {**state, "model.rotary_emb.inv_freq": torch.full((1,), 2.0)},
            "rotary speeds",
        ),
        (
            "gpt2",
            lambda state: {**state, "transformer.h.0.attn.bias": torch.ones(1, 1, 9, 9)},
            "another mask",
        ),
        ("gpt2", lambda state: {**state, "transformer.h.0.lora_A": torch.ones(1)}, "lora_A"),
        (
            "gpt2",
            lambda state: {n: t.T if "c_fc.weight" in n else t for n, t in state.items()},
            "c_fc.weight",
        ),
        ("gpt2", lambda state: {n: t.to(torch.int32) for n, t in state.items()}, "I32"),
    ],
)
def test_tensors_that_do_not_belong_are_refused_by_name(name, tensors, reason, folders, tmp_path):
    with pytest.raises(ValueError, match=reason):
        from_hugging_face(changed(folders[name], tmp_path, tensors=tensors))


def test_old_files_with_masks_and_speeds_are_read(folders, tmp_path):
    """What older versions of the library kept beside the weights is passed over where it is what it
    should be.
    """
    mask = torch.tril(torch.ones(9, 9, dtype=torch.uint8))[None, None]
    folder = changed(
        folders["gpt2"],
        tmp_path,
        {"n_ctx": 9, "torch_dtype": "float32"},
        lambda state: {
            **{name.removeprefix("transformer."): tensor for name, tensor in state.items()},
            "h.0.attn.bias": mask.float(),
            "h.0.attn.masked_bias": torch.tensor(-1e4),
        },
    )
    assert np.array_equal(
        from_hugging_face(folder)(TOKENS), from_hugging_face(folders["gpt2"])(TOKENS)
    )


def test_the_file_that_is_named_is_the_one_that_is_read(folders, tmp_path):
    """A folder may keep the weights of an older run in another format; the library itself would
    take the safetensors.
    """
    folder = changed(folders["gpt2"], tmp_path)
    state = load_file(folder / "model.safetensors")
    torch.save(
        {**state, "transformer.ln_f.weight": 2 * state["transformer.ln_f.weight"]},
        folder / "pytorch_model.bin",
    )
    read = [
        read_transformer(path)
        for path in (folder, folder / "model.safetensors", folder / "pytorch_model.bin")
    ]
    assert np.array_equal(read[0](TOKENS), read[1](TOKENS)) and not np.allclose(
        read[0](TOKENS), read[2](TOKENS)
    )
    assert np.array_equal(read[2].gain("final_norm"), 2 * read[0].gain("final_norm"))


@pytest.mark.parametrize("kind", [torch.complex64, torch.int8, torch.bool])
def test_weights_that_are_no_real_numbers_are_refused(kind, folders, tmp_path):
    folder = changed(folders["gpt2"], tmp_path)
    state = load_file(folder / "model.safetensors")
    torch.save(
        {
            name: tensor.to(kind) if "c_fc.weight" in name else tensor
            for name, tensor in state.items()
        },
        folder / "pytorch_model.bin",
    )
    (folder / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"c_fc\.weight.* holds numbers of the kind"):
        from_hugging_face(folder)


def test_nothing_is_guessed_about_a_missing_head(folders, tmp_path):
    def bare(state):
        return {name.removeprefix("transformer."): tensor for name, tensor in state.items()}

    with pytest.raises(ValueError, match="architectures is missing"):
        from_hugging_face(changed(folders["gpt2"], tmp_path, tensors=bare, drop=("architectures",)))
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ValueError, match="adapter"):
        from_hugging_face(tmp_path)


def test_modules_that_compute_something_else_are_refused():
    model = gpt2()
    handle = model.transformer.h[0].register_forward_hook(lambda *parts: None)
    with pytest.raises(ValueError, match="hooks"):
        from_hugging_face(model)
    handle.remove()

    class Own(transformers.GPT2LMHeadModel):
        pass

    with pytest.raises(ValueError, match="Own"):
        from_hugging_face(Own(transformers.GPT2Config(**GPT)))
    model.transformer.h[0].ln_1 = torch.nn.RMSNorm(8)
    with pytest.raises(ValueError, match=r"ln_1\.bias"):
        from_hugging_face(model)


def test_a_module_that_was_changed_after_it_was_made_is_found_out():
    """Its configuration speaks of the module that would be made now, not of this one."""
    model = gpt2()
    model.config.layer_norm_epsilon = 0.5
    with pytest.raises(ValueError, match="its outputs differ"):
        from_hugging_face(model)
    model = llama()
    model.model.layers[1].self_attn.scaling *= 3
    with pytest.raises(ValueError, match="its outputs differ"):
        from_hugging_face(model)
    model = gpt2()
    model.train()
    model.transformer.h[0].eval()
    assert (
        from_hugging_face(model).is_tied and model.training and not model.transformer.h[0].training
    )


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_initial_weights_hide_no_change_of_a_setting(dtype):
    """They are so small that attention is nearly even; windows are seen only beyond their
    length.
    """

    def made(kind="Llama", **settings):
        config = getattr(transformers, f"{kind}Config")(
            **(GPT if kind == "GPT2" else LLAMA), **settings
        )
        return getattr(transformers, "GPT2LMHeadModel" if kind == "GPT2" else f"{kind}ForCausalLM")(
            config
        ).to(dtype)

    for model in (
        made(),
        made("GPT2"),
        made("Mistral"),
        made("Mistral", sliding_window=12),
        made("Mistral", sliding_window=100),
    ):
        from_hugging_face(model)
    changed_modules = [made(), made("Mistral", sliding_window=12)]
    changed_modules[0].model.layers[0].self_attn.scaling *= 4
    changed_modules[1].model.config = transformers.MistralConfig(**LLAMA, sliding_window=14)
    if dtype == torch.float32:
        changed_modules += [made(), made("GPT2", activation_function="gelu")]
        changed_modules[2].model.layers[1].post_attention_layernorm.variance_epsilon = 2e-6
        changed_modules[3].config.activation_function = "gelu_new"
    for model in changed_modules:
        with pytest.raises(ValueError, match="its outputs differ"):
            from_hugging_face(model)


def encoder(final=True, eps=1e-5, final_eps=1e-5, layers=2, **settings):
    layer = torch.nn.TransformerEncoderLayer(
        8, 2, 12, layer_norm_eps=eps, **{"batch_first": True, **settings}
    )
    norm = torch.nn.LayerNorm(8, eps=final_eps) if final else None
    module = (
        torch.nn.TransformerEncoder(layer, layers, norm=norm, enable_nested_tensor=False)
        .double()
        .eval()
    )
    generator = torch.Generator().manual_seed(0)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.double) * 0.6
    return module


VECTORS = np.random.default_rng(2).standard_normal((3, 5, 8))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"norm_first": True, "batch_first": False},
        {"activation": "gelu", "final": False},
        {"activation": torch.nn.GELU(), "norm_first": True, "eps": 1e-2, "final_eps": 1e-1},
        {"bias": False, "norm_first": True},
    ],
)
@pytest.mark.parametrize("causal", [False, True])
def test_torch_encoders_give_their_outputs(settings, causal):
    module = encoder(**settings)
    rows = torch.tensor(VECTORS)
    rows = rows if settings.get("batch_first", True) else rows.transpose(0, 1)
    mask = (
        torch.nn.Transformer.generate_square_subsequent_mask(5, dtype=torch.double)
        if causal
        else None
    )
    found = module(rows, mask=mask, is_causal=causal).detach()
    expected = (found if settings.get("batch_first", True) else found.transpose(0, 1)).numpy()
    assert np.allclose(
        from_torch_encoder(module, causal=causal)(VECTORS), expected, rtol=0, atol=1e-12
    )


def test_one_layer_is_read_alone():
    layer = encoder(norm_first=True).layers[1]
    expected = layer(torch.tensor(VECTORS)).detach().numpy()
    assert np.allclose(from_torch_encoder(layer)(VECTORS), expected, rtol=0, atol=1e-12)


def test_a_mask_means_what_it_means_in_torch():
    module = encoder()
    mask = np.array([[s > t or s == 2 for s in range(5)] for t in range(5)])
    expected = module(torch.tensor(VECTORS), mask=torch.tensor(mask)).detach().numpy()
    assert np.allclose(from_torch_encoder(module)(VECTORS, mask), expected, rtol=0, atol=1e-12)
    added = np.where(mask, -2.0, 0.5)
    expected = module(torch.tensor(VECTORS), mask=torch.tensor(added)).detach().numpy()
    assert np.allclose(from_torch_encoder(module)(VECTORS, added), expected, rtol=0, atol=1e-12)
    with pytest.raises(ValueError, match="sees none"):
        from_torch_encoder(module)(VECTORS, np.ones((5, 5), dtype=bool))


def test_torch_encoders_that_are_not_understood_are_refused():
    with pytest.raises(ValueError, match="fast path"):
        from_torch_encoder(encoder(activation=torch.nn.GELU("tanh")))
    with pytest.raises(ValueError, match="activation"):
        from_torch_encoder(encoder(activation=torch.nn.functional.silu))
    module = encoder()
    module.layers[1].norm1 = torch.nn.RMSNorm(8)
    with pytest.raises(ValueError, match="norm1 of layer 1 is RMSNorm"):
        from_torch_encoder(module)
    module = encoder()
    module.layers[0].self_attn.add_zero_attn = True
    with pytest.raises(ValueError, match="add_zero_attn"):
        from_torch_encoder(module)
    module = encoder()
    module.layers[1].norm_first = True
    with pytest.raises(ValueError, match="differ in norm_first"):
        from_torch_encoder(module)
    with pytest.raises(ValueError, match="TransformerDecoder"):
        from_torch_encoder(torch.nn.TransformerDecoder(torch.nn.TransformerDecoderLayer(8, 2), 1))


def test_a_state_dictionary_needs_what_it_does_not_tell(tmp_path):
    module = encoder(norm_first=True)
    torch.save(module.state_dict(), tmp_path / "encoder.pt")
    with pytest.raises(ValueError, match="do not tell heads, norm_first, activation, epsilon"):
        read_transformer(tmp_path / "encoder.pt")
    read = read_transformer(
        tmp_path / "encoder.pt", heads=2, norm_first=True, activation="relu", epsilon=1e-5
    )
    assert np.allclose(
        read(VECTORS), module(torch.tensor(VECTORS)).detach().numpy(), rtol=0, atol=1e-12
    )
    assert equivalent(read, from_torch_encoder(module)).roundings == 0


def test_the_command_describes_folders_and_files(folders, tmp_path, capsys):
    assert main(["symmetry", "describe", str(folders["llama"])]) == 0
    said = capsys.readouterr().out
    assert (
        "4 heads (2 of keys and values)" in said
        and "kept as float32" in said
        and "tied embedding" in said
    )
    assert (
        main(
            ["symmetry", "describe", str(changed(folders["llama"], tmp_path, {"logit_scale": 0.5}))]
        )
        == 2
    )
    assert "logit_scale is 0.5" in capsys.readouterr().err
    torch.save(encoder().state_dict(), tmp_path / "encoder.pt")
    assert main(["symmetry", "describe", str(tmp_path / "encoder.pt")]) == 2
    assert "do not tell heads" in capsys.readouterr().err
    options = ["--heads", "2", "--norm", "last", "--activation", "relu", "--epsilon", "1e-5"]
    assert main(["symmetry", "describe", str(tmp_path / "encoder.pt"), *options, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["post_norm"] is True
    assert main(["symmetry", "equivalent", str(folders["gpt2"]), str(folders["gpt2"])]) == 0
    assert main(["symmetry", "compress", str(folders["gpt2"]), "-o", str(tmp_path / "x.npz")]) == 2

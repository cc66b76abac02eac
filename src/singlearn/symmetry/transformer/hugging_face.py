"""Transformers from Hugging Face folders and modules."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from singlearn.symmetry.transformer.configuration import Configuration
from singlearn.symmetry.transformer.gpt2 import gpt2
from singlearn.symmetry.transformer.llama import llama
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.module_outputs import require_agreement, scrambled_copy
from singlearn.symmetry.transformer.refusal import random_inputs
from singlearn.symmetry.transformer.tensors import (
    Tensors,
    tensors_of_file,
    tensors_of_folder,
    tensors_of_module,
)

READERS: dict[str, Callable[[Configuration, Tensors, bool], Transformer]] = {
    "gpt2": gpt2,
    "llama": partial(llama, kind="llama"),
    "mistral": partial(llama, kind="mistral"),
    "qwen2": partial(llama, kind="qwen2"),
}
CLASSES = {
    "GPT2LMHeadModel": ("gpt2", True),
    "GPT2Model": ("gpt2", False),
    "LlamaForCausalLM": ("llama", True),
    "LlamaModel": ("llama", False),
    "MistralForCausalLM": ("mistral", True),
    "MistralModel": ("mistral", False),
    "Qwen2ForCausalLM": ("qwen2", True),
    "Qwen2Model": ("qwen2", False),
}
"""Classes that are read: the ``model_type``, and whether the outputs are logits (otherwise those of
the last norm).
"""


def from_hugging_face(
    source: Any, *, ignore: Collection[str] = (), weights: str | None = None
) -> Transformer:
    """The function of a Hugging Face model, evaluated: GPT-2, Llama, Mistral, Qwen2; nothing is
    downloaded.

    Weights in any precision are taken as the numbers that they are. What a configuration says is
    read as the library means it; a key that is not understood is refused by name, and so is a
    tensor that the model should not have.

    Args:
        source: a folder with ``config.json`` and ``model.safetensors`` or ``pytorch_model.bin``, or
            their indices; or a module.
        ignore: keys of the configuration of which you say that they do not change the function.
        weights: the file in the folder that is meant, where it is not the one that the library
            would take.

    Returns:
        The transformer in float64.

    Raises:
        ValueError: a model, a key or a tensor that is not understood.
        FileNotFoundError: no such folder, or none with a configuration and weights.
    """
    if not isinstance(source, str | Path):
        if weights is not None:
            raise ValueError(f"weights: got {weights!r}; a module has its own")
        return _of_module(source, ignore)
    folder = Path(source)
    path = folder / "config.json"
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    if (folder / "adapter_config.json").is_file():
        raise ValueError(
            f"{folder}: adapter_config.json is in it; an adapter should be merged into its model "
            f"first"
        )
    if not path.is_file():
        raise FileNotFoundError(f"{folder}: there is no config.json in it")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: it is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}: it should be a JSON object")
    tensors = tensors_of_folder(folder) if weights is None else tensors_of_file(folder / weights)
    kind, with_logits = _kind_of(content, str(path), tensors)
    return _read(kind, with_logits, Configuration(content, str(path), ignore), tensors)


def _of_module(module: Any, ignore: Collection[str]) -> Transformer:
    kind = type(module)
    if kind.__name__ not in CLASSES or not kind.__module__.startswith("transformers.models."):
        raise ValueError(
            f"model: got {kind.__module__}.{kind.__name__}; a folder, or one of "
            f"{', '.join(CLASSES)}, is read"
        )
    for name, part in module.named_modules():
        if any(
            getattr(part, hooks, None)
            for hooks in ("_forward_hooks", "_forward_pre_hooks", "parametrizations")
        ):
            raise ValueError(
                f"model: {name or 'it'} has hooks or parametrisations, which may change what it "
                f"computes; remove them first"
            )
        if not type(part).__module__.startswith(("torch.nn.", "transformers.")):
            raise ValueError(
                f"model: {name} is a {type(part).__name__}, which the library does not put there"
            )
    model_type, with_logits = CLASSES[kind.__name__]
    content = module.config.to_dict()
    if content.get("model_type") != model_type:
        raise ValueError(
            f"model: its configuration has model_type {content.get('model_type')!r}; it should be "
            f"{model_type!r}"
        )
    tied = (
        with_logits
        and module.get_output_embeddings().weight is module.get_input_embeddings().weight
    )
    # A module is what its tensors are: tied if they are one, whatever the configuration wished.
    content = {**content, "tie_word_embeddings": tied}

    def read(part: Any) -> Transformer:
        return _read(
            model_type,
            with_logits,
            Configuration(content, "model.config", ignore),
            tensors_of_module(part),
        )

    def require_same(part: Any, read_from_it: Transformer, close: float | None = None) -> None:
        windows = [
            window
            for block in range(read_from_it.blocks)
            if (window := read_from_it.window(block)) is not None
        ]
        # A module that was cast to half precision keeps rounded rotary speeds, whose angles are off
        # by much at far places.
        farthest = (
            20 if any(parameter.element_size() < 4 for parameter in module.parameters()) else 500
        )
        inputs = random_inputs(
            read_from_it, 2, max([8, *(window + 3 for window in windows if window < farthest)])
        )

        def given(torch: Any) -> Any:
            output = part(input_ids=torch.from_numpy(inputs).to(next(part.parameters()).device))
            return output.logits if with_logits else output.last_hidden_state

        require_agreement(part, given, read_from_it(inputs), close)

    found = read(module)
    require_same(module, found)
    scrambled = scrambled_copy(module)
    if scrambled is not None:
        require_same(scrambled[0], read(scrambled[0]), scrambled[1])
    return found


def _read(
    kind: str, with_logits: bool, configuration: Configuration, tensors: Tensors
) -> Transformer:
    found = READERS[kind](configuration, tensors, with_logits)
    configuration.require_understood()
    tensors.require_all_used()
    return found


def _kind_of(content: dict[str, Any], source: str, tensors: Tensors) -> tuple[str, bool]:
    """The ``model_type``, and whether the outputs are logits.

    Raises:
        ValueError: another model, a head that is not read, or nothing that says which.
    """
    kind, named = content.get("model_type"), content.get("architectures")
    if not isinstance(kind, str) or kind not in READERS:
        raise ValueError(f"{source}: model_type is {kind!r}; {', '.join(READERS)} are read")
    if named:
        if (
            not isinstance(named, list)
            or len(named) != 1
            or CLASSES.get(str(named[0]), ("", False))[0] != kind
        ):
            mine = ", ".join(name for name, (of, _) in CLASSES.items() if of == kind)
            raise ValueError(
                f"{source}: architectures is {named!r}; with model_type {kind!r} these are read: "
                f"{mine}"
            )
        return CLASSES[named[0]]
    # Without a head of its own, only the prefix of a model with a head in front of its base tells
    # the two apart.
    if "lm_head.weight" in tensors or any(
        name.startswith(("transformer.", "model.")) for name in tensors.names()
    ):
        return kind, True
    raise ValueError(
        f"{source}: architectures is missing, and the weights do not tell whether logits or the "
        f"outputs of the last norm are meant; "
        f"write architectures, one of "
        f"{', '.join(name for name, (of, _) in CLASSES.items() if of == kind)}"
    )

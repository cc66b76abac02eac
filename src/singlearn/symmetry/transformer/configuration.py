"""A configuration of which every key is understood, known to be without effect, or refused by
name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

_WORDS = """
model_type architectures transformers_version torch_dtype dtype _name_or_path name_or_path
_commit_hash _attn_implementation attn_implementation _attn_implementation_autoset
_attn_implementation_internal attention_dropout attn_pdrop resid_pdrop embd_pdrop summary_type
summary_use_proj summary_activation summary_proj_to_labels summary_first_dropout
initializer_range use_cache bos_token_id eos_token_id pad_token_id sep_token_id cls_token_id
unk_token_id mask_token_id decoder_start_token_id forced_bos_token_id forced_eos_token_id
begin_suppress_tokens suppress_tokens task_specific_params prefix problem_type finetuning_task
id2label label2id num_labels return_dict return_dict_in_generate output_attentions
output_hidden_states output_scores torchscript use_bfloat16 tie_encoder_decoder tokenizer_class
chunk_size_feed_forward gradient_checkpointing predict_special_tokens reorder_and_upcast_attn
pretraining_tp cross_attention_hidden_size is_decoder max_length min_length max_new_tokens
min_new_tokens do_sample early_stopping num_beams num_beam_groups num_return_sequences
diversity_penalty temperature top_k top_p typical_p repetition_penalty length_penalty
no_repeat_ngram_size encoder_no_repeat_ngram_size bad_words_ids remove_invalid_values
exponential_decay_length_penalty tf_legacy_loss _experts_implementation _num_labels
is_llama_config
"""

WITHOUT_EFFECT = frozenset(_WORDS.split())
"""Keys that change no output of an evaluated model: dropout, initial values, generation, labels,
memory, number formats.
"""

REFUSED = {
    "quantization_config": "its weights are quantised",
    "auto_map": "it names code of its own",
    "pruned_heads": "heads are pruned by name",
    "is_encoder_decoder": "it has an encoder and a decoder",
    "add_cross_attention": "it has cross attention",
    "rope_interleaved": "its rotary positions turn neighbouring entries together",
    "use_mrope": "its rotary positions are those of images",
    "per_layer_config": "its layers have settings of their own",
}
"""Keys that change what is computed and are not read here; they may only be null, false or empty.
"""


class Configuration:
    """What a ``config.json`` says, with an account of what was read.

    Args:
        content: keys and values.
        source: how messages call it, such as its path.
        ignore: keys of which the user says that they do not change the function.
    """

    def __init__(
        self, content: Mapping[str, Any], source: str, ignore: Collection[str] = ()
    ) -> None:
        self.content, self.source = dict(content), source
        self._known = set(WITHOUT_EFFECT) | set(ignore)
        for key, why in REFUSED.items():
            self._known.add(key)
            if self.content.get(key) and key not in ignore:
                raise ValueError(
                    f"{source}: {key} is {_short(self.content[key])}: {why}, which is not read"
                )

        self._known.add("is_causal")
        # Absent is true; the library takes everything else that is not true, null too, for "every
        # place sees all".
        if self.content.get("is_causal", True) is not True and "is_causal" not in ignore:
            raise ValueError(
                f"{source}: is_causal is {_short(self.content['is_causal'])}; models whose places "
                f"see all are not read"
            )

    def take(self, key: str, default: Any = None, aliases: tuple[str, ...] = ()) -> Any:
        """The value of a key, or what the library takes without it.

        Raises:
            ValueError: two names of one setting have different values.
        """
        self._known.update((key, *aliases))
        values = {name: self.content[name] for name in (key, *aliases) if name in self.content}
        if len({repr(value) for value in values.values()}) > 1:
            raise ValueError(f"{self.source}: {values} should agree, they are one setting")
        return next(iter(values.values()), default)

    def whole(self, key: str, default: int | None = None, aliases: tuple[str, ...] = ()) -> int:
        """A whole number, 1 or above.

        Raises:
            ValueError: it is missing, or something else.
        """
        value = self.take(key, default, aliases)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise ValueError(
                f"{self.source}: {key} is {_short(value)}; it should be a whole number, 1 or above"
            )
        return value

    def real(self, key: str, default: float | None = None) -> float:
        """A number, 0 or above.

        Raises:
            ValueError: it is missing, or something else.
        """
        value = self.take(key, default)
        if (
            isinstance(value, bool)
            or not isinstance(value, int | float)
            or not 0 <= value < float("inf")
        ):
            raise ValueError(
                f"{self.source}: {key} is {_short(value)}; it should be a number, 0 or above"
            )
        return float(value)

    def truth(self, key: str, default: bool) -> bool:
        """True or false.

        Raises:
            ValueError: something else.
        """
        value = self.take(key, default)
        if not isinstance(value, bool):
            raise ValueError(f"{self.source}: {key} is {_short(value)}; it should be true or false")
        return value

    def choice(self, key: str, default: str, choices: Mapping[str, str]) -> str:
        """One of several words, as we call it.

        Raises:
            ValueError: another word.
        """
        value = self.take(key, default)
        if not isinstance(value, str) or value not in choices:
            raise ValueError(
                f"{self.source}: {key} is {_short(value)}, which is not read; these are: "
                f"{', '.join(choices)}"
            )
        return choices[value]

    def require_understood(self) -> None:
        """Refuse keys that were not read.

        Raises:
            ValueError: a key that is not null and that is neither read nor known to be without
                effect.
        """
        unknown = [
            key
            for key, value in self.content.items()
            if key not in self._known and value is not None
        ]
        if unknown:
            raise ValueError(
                f"{self.source}: {unknown[0]} is {_short(self.content[unknown[0]])}; this key is "
                f"not understood and may change the "
                f"function. If it does not, say so with ignore=({', '.join(map(repr, unknown))},)"
            )


def _short(value: Any) -> str:
    text = (
        "missing or null"
        if value is None
        else str(value).lower()
        if isinstance(value, bool)
        else repr(value)
    )
    return text if len(text) < 80 else text[:77] + "..."

"""The speeds of rotary positions, as a Hugging Face configuration gives them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from singlearn.symmetry.transformer.configuration import Configuration

THETA = 10000.0


def rope_frequencies(configuration: Configuration, d_head: int) -> Float[np.ndarray, " planes"]:
    r"""θ of every plane, in radians per position: :math:`θ_i = b^{-2i/d_{head}}`, and what
    ``rope_type`` makes of them.

    Read are ``default``; ``linear``, which divides them by a factor; and ``llama3``, which does so
    for wavelengths above an upper limit, leaves those below a lower one alone, and interpolates
    between. Types that depend on the length of the text or rescale the scores (``dynamic``,
    ``yarn``, ``longrope``) are refused.

    Raises:
        ValueError: another type, a key that is not understood, or an odd number of entries per
            head.
    """
    source = configuration.source
    new, old = configuration.take("rope_parameters"), configuration.take("rope_scaling")
    for name, value in (("rope_parameters", new), ("rope_scaling", old)):
        if value is not None and not isinstance(value, dict):
            raise ValueError(
                f"{source}: {name} is {value!r}; it should be a JSON object, such as "
                f'{{"rope_type": "default"}}'
            )
    if new and old and new != old:
        raise ValueError(
            f"{source}: rope_parameters and rope_scaling are two names of one setting and should "
            f"agree"
        )
    given = dict(new or old or {})
    if not all(isinstance(key, str) for key in given) or any(
        isinstance(value, dict) for value in given.values()
    ):
        raise ValueError(
            f"{source}: rope_parameters has settings of its own for kinds of layers, which is not "
            f"read"
        )
    outside = configuration.take("rope_theta")
    rope = Configuration(given, f"{source}: rope_parameters")
    base = rope.real("rope_theta", THETA if outside is None else configuration.real("rope_theta"))
    if "rope_theta" in given and outside is not None and float(outside) != base:
        raise ValueError(
            f"{source}: rope_theta is {outside} outside rope_parameters and {base} inside; they "
            f"should agree"
        )
    for where in (configuration, rope):
        if where.take("partial_rotary_factor", 1.0) not in (1, None):
            raise ValueError(
                f"{where.source}: partial_rotary_factor is set; rotary positions of some entries "
                f"only are not read"
            )
    if d_head % 2:
        raise ValueError(
            f"{source}: its heads have {d_head} entries; rotary positions turn two at a time"
        )
    if base <= 0:
        raise ValueError(f"{source}: rope_theta is {base}; it should be a positive number")
    frequencies = base ** -(np.arange(0, d_head, 2) / d_head)
    kinds = {kind: kind for kind in ("default", "linear", "llama3")}
    both = [value for name in ("rope_type", "type") if (value := rope.take(name)) is not None]
    if len(both) == 2 and both[0] != both[1]:
        raise ValueError(
            f"{source}: rope_type and type are {both}; they are one setting and should agree"
        )
    kind = rope.choice("rope_type" if "rope_type" in given else "type", "default", kinds)
    if kind == "linear":
        frequencies = frequencies / _positive(rope, "factor")
    elif kind == "llama3":
        frequencies = _llama3(rope, frequencies)
    rope.take("original_max_position_embeddings")
    rope.require_understood()
    return frequencies


def _llama3(rope: Configuration, frequencies: np.ndarray) -> np.ndarray:
    factor, low, high = (
        _positive(rope, name) for name in ("factor", "low_freq_factor", "high_freq_factor")
    )
    length = rope.whole("original_max_position_embeddings")
    if high <= low:
        raise ValueError(
            f"{rope.source}: high_freq_factor is {high}; it should be above low_freq_factor, {low}"
        )
    turns = length * frequencies / (2 * np.pi)
    share = np.clip((turns - low) / (high - low), 0.0, 1.0)
    return frequencies * (share + (1 - share) / factor)


def _positive(rope: Configuration, key: str) -> float:
    value = rope.real(key)
    if value <= 0:
        raise ValueError(f"{rope.source}: {key} is {value}; it should be a positive number")
    return value

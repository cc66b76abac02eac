"""A transformer from what a path names: a Hugging Face folder, or a file of weights where it can be
told what it is.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np

from singlearn.symmetry.files.pt import read_pt
from singlearn.symmetry.files.safetensors_file import read_safetensors
from singlearn.symmetry.transformer.hugging_face import from_hugging_face
from singlearn.symmetry.transformer.model import Transformer
from singlearn.symmetry.transformer.tensors import WHOLE
from singlearn.symmetry.transformer.torch_encoder import from_encoder_state, is_encoder_state

OF_LIBRARY = ("wte.weight", "embed_tokens.weight", "word_embeddings.weight", "lm_head.weight")


def is_transformer_path(path: Path) -> bool:
    """Whether a path is a folder, or a file of weights that are a transformer's by their names."""
    if path.is_dir() or path.name in WHOLE:
        return True
    if path.suffix not in (".pt", ".pth", ".bin", ".safetensors") or not path.is_file():
        return False
    try:
        names = list(_state(path))
    except (ValueError, ImportError):
        return False  # whoever else reads it says what is wrong
    return is_encoder_state(names) or any(name.endswith(OF_LIBRARY) for name in names)


def read_transformer(
    path: str | Path,
    *,
    heads: int | None = None,
    norm_first: bool | None = None,
    activation: str | None = None,
    epsilon: float | None = None,
    causal: bool = False,
    ignore: Collection[str] = (),
) -> Transformer:
    """The transformer in a Hugging Face folder, or in a file that holds the state dictionary of a
    ``TransformerEncoder``.

    Args:
        path: of the folder (or of the weights in it), or of a .pt, .pth, .bin or .safetensors file.
        heads, norm_first, activation, epsilon: what a state dictionary does not tell: all four are
            needed for one.
        causal: for a state dictionary: the function with the causal mask.
        ignore: keys of a ``config.json`` that do not change the function.

    Returns:
        The transformer in float64.

    Raises:
        ValueError: a part that is not understood, or that the file does not tell; the message names
            it.
        FileNotFoundError: no such path.
    """
    path = Path(path)
    if path.is_dir():
        return from_hugging_face(path, ignore=ignore)
    if path.name in WHOLE and (path.parent / "config.json").is_file():
        return from_hugging_face(path.parent, ignore=ignore, weights=path.name)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file or folder")
    state = _state(path)
    if not is_encoder_state(list(state)):
        raise ValueError(
            f"{path}: it holds weights without what says how they are used; give the folder with "
            f"config.json, or save "
            "the state dictionary of a torch.nn.TransformerEncoder"
        )
    given = {"heads": heads, "norm_first": norm_first, "activation": activation, "epsilon": epsilon}
    missing = [name for name, value in given.items() if value is None]
    if missing or heads is None or norm_first is None or activation is None or epsilon is None:
        raise ValueError(
            f"{path}: it holds the weights of a TransformerEncoder, which do not tell "
            f"{', '.join(missing)}; give "
            "heads (nhead), norm_first, activation and epsilon (layer_norm_eps)"
        )
    return from_encoder_state(
        state,
        heads=heads,
        norm_first=norm_first,
        activation=activation,
        epsilon=epsilon,
        causal=causal,
        source=str(path),
    )


def _state(path: Path) -> dict[str, np.ndarray]:
    return dict((read_safetensors if path.suffix == ".safetensors" else read_pt)(path).arrays)

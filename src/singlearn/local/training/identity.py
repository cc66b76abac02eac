"""What a sweep over checkpoints is made of: data by digest; model and loss by what they say at
fixed weights.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from singlearn.local.names import Selection, Tie
from singlearn.running import identity
from singlearn.running.identity import Part

SAMPLES = 16
"""Samples at which models are asked, spread over the data."""
WIDTHS = (0.3, 1.0)
"""Of the weights at which models are asked, in units of one over the square root of what flows into
a neuron."""


def identity_of_sweep(
    model: Any, loss: Callable[..., Any], data: Any, weights: Any
) -> dict[str, Part]:
    """The identity of a model, a loss and data; that of the weights is kept with each point.

    Args:
        model: a ``torch.nn.Module``, whose own weights play no part, or a JAX function
            ``model(parameters, x)``.
        loss: per sample.
        data: what it is asked on; as tensors for a module.
        weights: of one checkpoint: what the parameters of a JAX function look like; and where
            functions take no weights of our own, these are asked.

    Returns:
        Parts by name.
    """
    torch = sys.modules.get("torch")
    is_module = torch is not None and isinstance(model, torch.nn.Module)
    leaves = leaves_of(data)
    parts = {
        "data" if len(leaves) == 1 else f"data, array {k}": identity.array(leaf)
        for k, leaf in enumerate(leaves)
    }
    if is_module:
        # With only=None these decide what is sampled.
        flags = "".join("1" if p.requires_grad else "0" for p in model.parameters())
        parts["parameters that require a gradient"] = identity.setting(
            flags if len(flags) <= 64 else identity.digest_of(flags)
        )
    ask = _of_module if is_module else _of_function
    try:
        outputs, losses = ask(model, loss, data, weights, WIDTHS)
    except Exception as error:
        # They may take other weights, those of training.
        failed = {"weights of our own": identity.setting(type(error).__name__)}
        try:
            outputs, losses = ask(model, loss, data, weights, (None,))
        except Exception:  # llc says what is wrong
            return parts | failed
        parts |= failed
    if outputs:
        parts["model"] = _values(outputs)
    return parts | {"loss": _values(losses)}


def identity_of_selection(only: Selection) -> Part:
    """Patterns as they are, masks by name and digest."""
    if isinstance(only, Mapping):
        return identity.setting(
            {str(name): identity.array(mask)["digest"] for name, mask in only.items()}
        )
    return identity.setting(only if only is None or isinstance(only, str) else list(only))


def plain_tie(gamma: Tie) -> float | dict[str, Any]:
    """γ as a number, or by name as numbers and lists of them.

    >>> plain_tie({"*": np.ones(2)})
    {'*': [1.0, 1.0]}
    """
    if isinstance(gamma, Mapping):
        return {str(name): np.asarray(own, dtype=float).tolist() for name, own in gamma.items()}
    return float(gamma)


def leaves_of(tree: Any) -> list[Any]:
    """The arrays of dictionaries (by key), tuples and lists, and of whatever else JAX knows, in
    order.
    """
    if isinstance(tree, Mapping):
        return [leaf for key in sorted(tree, key=str) for leaf in leaves_of(tree[key])]
    if isinstance(tree, list | tuple):
        return [leaf for value in tree for leaf in leaves_of(value)]
    if hasattr(tree, "parts"):  # samples that were brought for PyTorch
        return leaves_of(tree.parts)
    if hasattr(tree, "shape") or isinstance(tree, int | float | complex):
        return [plain_array(tree)]
    import jax

    return [plain_array(leaf) for leaf in jax.tree.leaves(tree) if _is_numbers(leaf)]


def plain_array(leaf: Any) -> Any:
    """An array of numbers: of a key of random numbers, those that it consists of."""
    jax = sys.modules.get("jax")
    if (
        jax is not None
        and isinstance(leaf, jax.Array)
        and jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ):
        return jax.random.key_data(leaf)
    return leaf


def _is_numbers(leaf: Any) -> bool:
    return hasattr(leaf, "shape") or isinstance(leaf, int | float | complex)


def _values(rows: list[Any]) -> Part:
    numbers = [identity.as_numpy(row) for row in rows]
    widest = max(number.dtype.itemsize for number in numbers)
    table = np.stack([np.asarray(number, dtype=float).reshape(-1) for number in numbers])
    # A model in single precision rounds on the way, layer by layer.
    return identity.values(table, "float64" if widest >= 8 else "float32")


def _some(samples: int) -> np.ndarray:
    return np.unique(np.linspace(0, samples - 1, min(SAMPLES, samples)).astype(int))


class _Weights:
    """Weights that look drawn, the same everywhere: out of one table, for networks are large."""

    def __init__(self) -> None:
        # A prime number, so that no two rows of a matrix are alike; the legacy generator, whose
        # numbers NumPy promises for ever.
        self._table = np.random.RandomState(23).standard_normal(65_521)
        self._given = 0

    def of(self, shape: tuple[int, ...], width: float) -> np.ndarray:
        fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 1
        drawn = np.resize(np.roll(self._table, -self._given), shape)
        self._given = (self._given + int(np.prod(shape))) % len(self._table)
        found: np.ndarray = width * drawn / np.sqrt(max(1, fan_in))
        return found


def _of_module(
    model: Any, loss: Callable[..., Any], data: Any, weights: Any, widths: tuple[float | None, ...]
) -> tuple[list[Any], list[Any]]:
    """Outputs and losses of a copy in evaluation mode, at weights of our own, or for a width of
    ``None`` at ``weights``.
    """
    import torch

    from singlearn.local.torch.coordinates import one_kind
    from singlearn.local.torch.data import copies, fitted, length, samples_of, take, widened
    from singlearn.local.torch.loss import LossOfSamples
    from singlearn.local.torch.module import copied

    half = (torch.float16, torch.bfloat16)
    module = copied(model).module
    module = module._apply(lambda part: part.float() if part.dtype in half else part)
    cpu = torch.device("cpu")
    try:
        module = module.to(cpu)
    except (RuntimeError, NotImplementedError):  # where it has parts on no device
        cpu = next(module.parameters()).device
    brought = samples_of(data, cpu)
    some = take(brought.parts, torch.as_tensor(_some(length(brought.parts)), device=cpu))
    some = fitted(widened(some, half), one_kind(module))
    of_samples = LossOfSamples(module, loss, brought)
    outputs, losses = [], []
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        for width in widths:
            torch.manual_seed(0)
            if width is None:
                module.load_state_dict(_state(weights, module))
            else:
                _draw(module, width)
            batch = copies(some)
            if of_samples.whole_model:
                losses.append(of_samples({}, batch))
                continue
            output = of_samples.output({}, batch)
            if isinstance(output, torch.Tensor):
                outputs.append(output.clone())
            losses.append(of_samples.of_output(output, batch))
    return outputs, losses


def _draw(module: Any, width: float) -> None:
    """Weights of our own in a module of ours."""
    import torch

    parameters = {name for name, _ in module.named_parameters()}
    table = _Weights()
    seen: set[int] = set()
    for name, part in module.state_dict().items():
        if part.data_ptr() in seen or not (part.dtype.is_floating_point or part.dtype.is_complex):
            continue
        seen.add(part.data_ptr())
        drawn = table.of(tuple(part.shape), width)
        if part.dtype.is_complex:
            drawn = drawn + 1j * table.of(tuple(part.shape), width)
        # Buffers may be variances.
        own = drawn if name in parameters or part.dtype.is_complex else 0.5 + np.abs(drawn)
        part.copy_(torch.as_tensor(own, dtype=part.dtype))


def _state(weights: Any, module: Any) -> Any:
    from singlearn.local.torch.weights import read_state

    if isinstance(weights, str | os.PathLike):
        return read_state(Path(weights), module)
    return weights


def _of_function(
    model: Any, loss: Callable[..., Any], data: Any, weights: Any, widths: tuple[float | None, ...]
) -> tuple[list[Any], list[Any]]:
    import jax
    import jax.numpy as jnp

    from singlearn.local.jax.data import as_pair
    from singlearn.local.jax.leaves import sorted_leaves

    pair = as_pair(data)
    samples = len(jax.tree.leaves(pair)[0])
    inputs, target = jax.tree.map(lambda leaf: leaf[_some(samples)], pair)
    leaves, structure = sorted_leaves(weights)
    outputs, losses = [], []
    with jax.default_matmul_precision("highest"):
        for width in widths:
            table = _Weights()
            drawn = [leaf.value if width is None else _drawn(table, leaf, width) for leaf in leaves]
            output = model(jax.tree.unflatten(structure, drawn), inputs)
            losses.append(loss(output, target))
            parts = [_real(jnp.asarray(part)) for part in jax.tree.leaves(output)]
            outputs.append(jnp.concatenate(parts))
    return outputs, losses


def _real(part: Any) -> Any:
    import jax.numpy as jnp

    flat = jnp.ravel(part)
    if jnp.iscomplexobj(flat):
        return jnp.concatenate([flat.real, flat.imag])
    return flat.astype(float)


def _drawn(table: _Weights, leaf: Any, width: float) -> Any:
    import jax.numpy as jnp

    if not leaf.moves:
        return leaf.value
    kind = leaf.value.dtype
    kind = jnp.float32 if kind.itemsize < 4 else kind
    drawn = table.of(leaf.value.shape, width)
    if leaf.kind == "complex":
        drawn = drawn + 1j * table.of(leaf.value.shape, width)
    return jnp.asarray(drawn, kind)

"""Chains of layers in PyTorch modules, and what a loss says of their gradients."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from singlearn.flow.balance_chain import Chain, ChainLayer, Coupling

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
LINEAR_POOLS = (
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AvgPool3d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.AdaptiveAvgPool3d,
)
LARGEST_POOLS = (
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.MaxPool3d,
    nn.AdaptiveMaxPool1d,
    nn.AdaptiveMaxPool2d,
    nn.AdaptiveMaxPool3d,
)
DROPOUTS = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Dropout3d)
CURVED = (
    nn.Tanh,
    nn.Sigmoid,
    nn.GELU,
    nn.SiLU,
    nn.ELU,
    nn.SELU,
    nn.CELU,
    nn.Softplus,
    nn.Mish,
    nn.Softsign,
    nn.Hardtanh,
    nn.ReLU6,
    nn.Hardswish,
    nn.Hardsigmoid,
)
TRANSFORMERS = (nn.TransformerEncoderLayer, nn.TransformerEncoder)


def chains_of(module: nn.Module) -> tuple[list[Chain], list[str]]:
    """The chains of layers in a module, and what in it is not understood.

    Args:
        module: a ``Sequential``, nested or not, of ``Linear``, ``Conv``, activations, pools and
            anything else; a ``MultiheadAttention``; a ``TransformerEncoderLayer`` or a stack of
            them.

    Returns:
        Chains, and a sentence for each pair of layers that has no symmetry that is known.

    Raises:
        ValueError: another kind of module, or shared, frozen or parametrised weights.
    """
    chains, without = _chains(module, "")
    if not chains:
        raise ValueError(
            f"network: {type(module).__name__} is not understood; it should be a Sequential with "
            f"at least two Linear or Conv layers, a "
            "MultiheadAttention, a TransformerEncoderLayer, or weights as a list of arrays"
        )
    _check_parameters(module, chains)
    for chain in chains:
        without += [
            f"after {chain.position(p)}: {c.why}" for p, c in enumerate(chain.between) if not c.free
        ]
    if not any(c.free for chain in chains for c in chain.between):
        raise ValueError(
            f"network: no two layers of it have a symmetry between them; {'; '.join(without)}"
        )
    return chains, without


def _chains(module: nn.Module, prefix: str) -> tuple[list[Chain], list[str]]:
    if isinstance(module, nn.MultiheadAttention):
        return _attention(module, prefix), []
    if isinstance(module, nn.TransformerEncoder):
        parts = [_chains(layer, f"{prefix}layers.{i}.") for i, layer in enumerate(module.layers)]
        return [c for chains, _ in parts for c in chains], [
            w for _, without in parts for w in without
        ]
    if isinstance(module, nn.TransformerEncoderLayer):
        return _transformer_layer(module, prefix)
    if isinstance(module, nn.Sequential):
        return _sequential(module, prefix)
    return [], []


def _sequential(module: nn.Sequential, prefix: str) -> tuple[list[Chain], list[str]]:
    parts = list(_flat(module, prefix))
    chains: list[Chain] = []
    without: list[str] = []
    places = [
        i for i, (_, part) in enumerate(parts) if isinstance(part, (nn.Linear, *CONVOLUTIONS))
    ]
    for name, part in parts:
        if isinstance(part, (nn.MultiheadAttention, *TRANSFORMERS)):
            inner, said = _chains(part, f"{name}.")
            chains, without = chains + inner, without + said
    layers, between = [], []
    for i, place in enumerate(places):
        taps = 1
        if i > 0:
            previous = parts[places[i - 1]]
            stand = parts[places[i - 1] + 1 : place]
            coupling, taps = _coupling(previous, stand, parts[place])
            between.append(coupling)
        layers.append(_layer(*parts[place], taps))
    if len(layers) > 1:
        chains.append(Chain(tuple(layers), tuple(between), prefix.removesuffix(".") or "layers"))
    return chains, without


def _flat(module: nn.Module, prefix: str) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(module, nn.Sequential):
        # named_children() leaves out a module that stands there twice.
        for name, part in module._modules.items():
            if part is not None:
                yield from _flat(part, f"{prefix}{name}.")
    else:
        yield prefix.removesuffix("."), module


def _layer(name: str, module: nn.Module, taps: int = 1) -> ChainLayer:
    size = module.kernel_size if isinstance(module, CONVOLUTIONS) else ()
    return ChainLayer(
        name,
        _named(name, "weight"),
        taps=int(np.prod(size)) * taps if size else taps,
        bias=_named(name, "bias") if module.bias is not None else None,
    )


def _named(layer: str, name: str) -> str:
    return f"{layer}.{name}" if layer else name


def _coupling(
    before: tuple[str, nn.Module],
    stand: Sequence[tuple[str, nn.Module]],
    after: tuple[str, nn.Module],
) -> tuple[Coupling, int]:
    """What stands between two layers, and how many inputs of the next one each channel of the first
    has.
    """
    (name, first), (_, second) = before, after
    channels = _written(first)
    convolution = isinstance(first, CONVOLUTIONS)
    reads, taps, flattened = _read(second), 1, False
    # Channels that come from different inputs can be scaled, not mixed.
    straight, bounded = not (isinstance(first, CONVOLUTIONS) and first.groups != 1), True
    for what, part in stand:
        kind = type(part).__name__
        if isinstance(part, (*LINEAR_POOLS, *LARGEST_POOLS)) and not convolution:
            return Coupling(why=f"{what} pools over what {name} writes"), 1
        if isinstance(part, (nn.Identity, *LINEAR_POOLS, *DROPOUTS)):
            # A mask for each entry is the same symmetry at every step for scales; for matrices only
            # where it is off.
            straight &= not (isinstance(part, DROPOUTS) and part.p > 0)
        elif isinstance(part, (nn.ReLU, nn.LeakyReLU, nn.PReLU, *LARGEST_POOLS)):
            straight = False
            if isinstance(part, (nn.LeakyReLU, nn.PReLU)):
                slopes = (
                    part.weight if isinstance(part, nn.PReLU) else torch.tensor(part.negative_slope)
                )
                bounded &= bool(slopes.detach().abs().max() <= 1)
        elif isinstance(part, nn.Flatten):
            if part.start_dim != 1 or part.end_dim != -1:
                return Coupling(
                    why=f"{what} flattens from axis {part.start_dim} to {part.end_dim}, which "
                    f"mixes channels with inputs"
                ), 1
            flattened = True
        elif isinstance(part, CURVED):
            return Coupling(why=f"{kind} has no continuous symmetry"), 1
        else:
            return Coupling(why=f"no symmetry is known through {kind} ({what})"), 1
    if isinstance(second, CONVOLUTIONS) and second.groups != 1:
        return Coupling(why=f"{after[0]} reads in {second.groups} groups"), 1
    if convolution and isinstance(second, nn.Linear) and not flattened:
        return Coupling(why=f"{after[0]} reads positions of {name}, not its channels"), 1
    if reads % channels:
        return Coupling(
            why=f"{after[0]} reads {reads} numbers, which is not a multiple of the {channels} that "
            f"{name} writes"
        ), 1
    if flattened and not convolution and reads != channels:
        return Coupling(why=f"{after[0]} reads positions of a sequence that {name} writes"), 1
    if flattened:
        taps = reads // channels
    elif reads != channels:
        return Coupling(why=f"{after[0]} reads {reads} numbers where {name} writes {channels}"), 1
    return (Coupling(linear=True) if straight else Coupling(degree=1.0, bounded=bounded)), taps


def _written(module: nn.Module) -> int:
    return int(module.out_features if isinstance(module, nn.Linear) else module.out_channels)  # type: ignore[arg-type]


def _read(module: nn.Module) -> int:
    return int(module.in_features if isinstance(module, nn.Linear) else module.in_channels)  # type: ignore[arg-type]


def _attention(module: nn.MultiheadAttention, prefix: str) -> list[Chain]:
    """Per head the pair of keys and queries, and the pair of values and output."""
    if module.bias_k is not None:
        raise ValueError(
            f"network: {prefix or 'it'} has bias_k and bias_v, a key that no matrix makes; no "
            f"symmetry of heads is known then"
        )
    width, heads, size = module.embed_dim, module.num_heads, module.head_dim
    together = module.in_proj_weight is not None
    names = (
        ["in_proj_weight"] * 3 if together else ["q_proj_weight", "k_proj_weight", "v_proj_weight"]
    )
    bias = f"{prefix}in_proj_bias" if module.in_proj_bias is not None else None
    found = []
    for head in range(heads):

        def own(
            which: int, transposed: bool = False, joins: Any = "rows", head: int = head
        ) -> ChainLayer:
            start = (which * width if together else 0) + head * size
            label = f"{prefix}{'QKV'[which]} of head {head}"
            part = slice(start, start + size)
            if not together and bias is not None:
                raise ValueError(
                    f"network: {prefix}kdim and vdim with biases are not understood; use "
                    f"bias=False or one width for all"
                )
            return ChainLayer(
                label,
                f"{prefix}{names[which]}",
                rows=part,
                transposed=transposed,
                bias=bias,
                joins=joins,
            )

        queries = own(0, True, "columns")
        output = ChainLayer(
            f"{prefix}O of head {head}",
            f"{prefix}out_proj.weight",
            columns=slice(head * size, (head + 1) * size),
        )
        coupling = (Coupling(linear=True, bounded=False),)
        found.append(Chain((own(1), queries), coupling, f"{prefix}QK of head {head}"))
        found.append(Chain((own(2), output), coupling, f"{prefix}OV of head {head}"))
    return found


def _transformer_layer(
    module: nn.TransformerEncoderLayer, prefix: str
) -> tuple[list[Chain], list[str]]:
    chains = _attention(module.self_attn, f"{prefix}self_attn.")
    relu = module.activation is torch.nn.functional.relu or isinstance(module.activation, nn.ReLU)
    if not relu:
        return chains, [
            f"after {prefix}linear1: {getattr(module.activation, '__name__', module.activation)} "
            f"has no continuous symmetry"
        ]
    layers = (
        _layer(f"{prefix}linear1", module.linear1),
        _layer(f"{prefix}linear2", module.linear2),
    )
    return [*chains, Chain(layers, (Coupling(degree=1.0),), f"{prefix}feed-forward")], []


def _check_parameters(module: nn.Module, chains: Sequence[Chain]) -> None:
    names: dict[int, str] = {}
    used = {
        name
        for chain in chains
        for layer in chain.layers
        for name in (layer.weight, layer.bias)
        if name
    }
    every = dict(module.named_parameters(remove_duplicate=False))
    for part_name, part in module.named_modules():
        if hasattr(part, "parametrizations") or getattr(part, "_forward_pre_hooks", None):
            raise ValueError(
                f"network: {part_name or 'it'} has a parametrisation or a hook that may change its "
                f"weights; remove it first"
            )
    for name, parameter in every.items():
        if id(parameter) in names and (name in used or names[id(parameter)] in used):
            raise ValueError(
                f"network: {name} is shared with {names[id(parameter)]}; moving one would move the "
                f"other"
            )
        names[id(parameter)] = name
    for name in used:
        if not every[name].requires_grad:
            raise ValueError(f"network: {name} is frozen; balancing would change it")
        if not torch.is_floating_point(every[name]):
            raise ValueError(f"network: {name} is {every[name].dtype}; it should be real")
        if not bool(torch.isfinite(every[name]).all()):
            raise ValueError(f"network: {name} has entries that are not finite")


def arrays_of(module: nn.Module) -> dict[str, np.ndarray]:
    """Parameters in double precision, as copies."""
    return {name: p.detach().double().cpu().numpy().copy() for name, p in module.named_parameters()}


def gradients_of(
    module: nn.Module, loss: Callable[[nn.Module], torch.Tensor]
) -> tuple[float, dict[str, np.ndarray]]:
    """The loss of a copy of the module and its gradients; random masks are the same at every
    call.
    """
    copied = copy.deepcopy(module)
    copied.zero_grad(set_to_none=True)
    with torch.random.fork_rng(), torch.enable_grad():
        torch.manual_seed(0)
        value = loss(copied)
        if not isinstance(value, torch.Tensor) or value.numel() != 1 or not value.requires_grad:
            raise ValueError(
                "loss: it should be a function of the module that returns one number with a "
                "gradient, "
                "such as lambda net: mse_loss(net(x), y)"
            )
        value.backward()
    if not bool(torch.isfinite(value)):
        raise ValueError(f"loss: got {float(value.detach())}; it should be finite")
    grads = {
        name: np.zeros(tuple(p.shape))
        if p.grad is None
        else p.grad.detach().double().cpu().numpy().copy()
        for name, p in copied.named_parameters()
        if p.requires_grad
    }
    return float(value.detach()), grads


def with_arrays(module: nn.Module, arrays: dict[str, np.ndarray]) -> nn.Module:
    """A copy of the module with these parameters, rounded to its own precision."""
    copied = copy.deepcopy(module)
    store(copied, arrays)
    copied.zero_grad(set_to_none=True)
    return copied


def store(module: nn.Module, arrays: dict[str, np.ndarray]) -> None:
    """Write parameters into a module, rounded to its own precision."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name in arrays:
                parameter.copy_(torch.from_numpy(np.ascontiguousarray(arrays[name])))


def probe(module: nn.Module, chains: Sequence[Chain], count: int) -> Any:
    """Standard normal inputs of a module, None where their shape cannot be known."""
    generator = torch.Generator().manual_seed(1)
    kind = next(p.dtype for p in module.parameters())
    device = next(p.device for p in module.parameters())
    if isinstance(module, nn.MultiheadAttention):
        sizes = (module.embed_dim, module.kdim, module.vdim)
        return tuple(
            torch.randn(5, count, size or sizes[0], generator=generator).to(device, kind)
            for size in sizes
        )
    if isinstance(module, TRANSFORMERS):
        layer = module.layers[0] if isinstance(module, nn.TransformerEncoder) else module
        return torch.randn(5, count, layer.self_attn.embed_dim, generator=generator).to(
            device, kind
        )
    if isinstance(module, nn.Sequential):
        first = next(
            (
                p
                for _, p in _flat(module, "")
                if not isinstance(p, (nn.Identity, nn.Flatten, *DROPOUTS))
            ),
            None,
        )
        if isinstance(first, nn.Linear):
            return torch.randn(count, first.in_features, generator=generator).to(device, kind)
    return None


def outputs(module: nn.Module, inputs: Any) -> torch.Tensor:
    """What the module says, without randomness, in double precision."""
    copied = copy.deepcopy(module).eval()
    with torch.no_grad():
        value = copied(*inputs) if isinstance(inputs, tuple) else copied(inputs)
    value = value[0] if isinstance(value, tuple) else value
    found: torch.Tensor = value.double().cpu()
    return found

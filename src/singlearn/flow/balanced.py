"""An optimiser that balances the network it trains, once or every k steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from singlearn.flow import balance_torch
from singlearn.flow.balance_chain import Chain, ChainMove, apply, least
from singlearn.results.result import Answer
from singlearn.running.arguments import whole_number

Memory = Literal["transform", "reset"]
LIKE_GRADIENTS = ("momentum_buffer", "exp_avg", "grad_avg")
LIKE_SQUARES = ("exp_avg_sq", "max_exp_avg_sq", "square_avg", "sum")
KNOWN = (
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.NAdam,
    torch.optim.RAdam,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
)


@dataclass(frozen=True)
class Rebalancing(Answer):
    """What one balancing did.

    Attributes:
        step: number of steps before it.
        before, after: squared norm of the gradients (or weights) of all parameters.
        largest: largest factor, or its inverse, by which a node was scaled; of matrices a singular
            value.
        residual: largest |in - out| / (in + out) that is left.
        attained: whether there was a point of least norm.
        memory: what became of the optimiser's memory: "none yet", "transformed", "reset".
    """

    step: int
    before: float
    after: float
    largest: float
    residual: float
    attained: bool
    memory: str


class Balanced:
    """Wraps a torch optimiser and, before some of its steps, moves the network to the
    representative of least gradient norm (or least weight norm) of the function it computes.

    The gradients of the step are moved along, which needs no second backward pass, and so is the
    optimiser's memory: momentum changes as gradients do, second moments of node scales as their
    squares. What a matrix between linear layers does to second moments no entry by entry rule
    can follow; the memory of these parameters is then forgotten, and ``history`` says so.

    Args:
        optimizer: SGD, Adam, AdamW, NAdam, RAdam, RMSprop or Adagrad; others only with
            ``memory="reset"``.
        model: the network, as :func:`singlearn.flow.balance` reads it; all its parameters are with
            the optimiser.
        every: balance before every so many steps, the first included; None: once, before the first
            step.
        what: "gradients" of the current batch, or "weights".
        memory: "transform" or "reset".

    Raises:
        ValueError: a network or an optimiser that is not understood.

    >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU(), nn.Linear(1, 1, bias=False)).double()
    >>> with torch.no_grad(): _ = [p.fill_(x) for p, x in zip(net.parameters(), (4.0, 1.0))]
    >>> optimizer = Balanced(torch.optim.SGD(net.parameters(), lr=0.0), net)
    >>> net(torch.ones(1, 1).double()).sum().backward()
    >>> optimizer.step()
    >>> [p.item() for p in net.parameters()], optimizer.history[0].before, optimizer.history[0].after
    ([2.0, 2.0], 17.0, 8.0)
    """  # noqa: E501

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        model: nn.Module,
        every: int | None = None,
        what: Literal["gradients", "weights"] = "gradients",
        memory: Memory = "transform",
    ) -> None:
        if not isinstance(optimizer, torch.optim.Optimizer):
            raise ValueError(
                f"optimizer: got {type(optimizer).__name__}; it should be a torch optimiser (of "
                f"Optax: flow.rebalance)"
            )
        if what not in ("gradients", "weights"):
            raise ValueError(f"what: got {what!r}; it should be 'gradients' or 'weights'")
        if memory not in ("transform", "reset"):
            raise ValueError(f"memory: got {memory!r}; it should be 'transform' or 'reset'")
        if memory == "transform" and type(optimizer) not in KNOWN:
            raise ValueError(
                f"optimizer: got {type(optimizer).__name__}, whose memory is not known here; "
                f"memory should be 'reset'"
            )
        self.optimizer, self.model, self.what, self.memory = optimizer, model, what, memory
        self.every = None if every is None else whole_number("every", every)
        self.chains, self.without = balance_torch.chains_of(model)
        with_optimizer = {id(p) for group in optimizer.param_groups for p in group["params"]}
        missing = [
            name
            for name, p in model.named_parameters()
            if id(p) not in with_optimizer and p.requires_grad
        ]
        if missing:
            raise ValueError(f"optimizer: it does not have {missing[0]} of the model")
        self.steps = 0
        self.history: list[Rebalancing] = []
        self._handle = optimizer.register_step_pre_hook(
            lambda _, args, kwargs: self._before(args, kwargs)
        )

    def step(self) -> None:
        """Balance where it is time, then step."""
        self.optimizer.step()

    def zero_grad(self, set_to_none: bool = True) -> None:
        """As the optimiser's."""
        self.optimizer.zero_grad(set_to_none=set_to_none)

    def __getattr__(self, name: str) -> Any:
        if name == "optimizer":
            raise AttributeError(name)
        return getattr(self.optimizer, name)

    def state_dict(self) -> dict[str, Any]:
        """The optimiser's, and how many steps were taken."""
        return {"optimizer": self.optimizer.state_dict(), "steps": self.steps}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """What :meth:`state_dict` gave."""
        self.optimizer.load_state_dict(state["optimizer"])
        self.steps = whole_number("steps", state["steps"], at_least=0)

    def close(self) -> None:
        """Leave the optimiser alone from now on."""
        self._handle.remove()

    def __repr__(self) -> str:
        when = "once" if self.every is None else f"every {self.every} steps"
        last = f"; last: {self.history[-1]}" if self.history else ""
        return (
            f"Balanced {self.what}, {when}, of {type(self.optimizer).__name__}, {self.steps} "
            f"steps{last}"
        )

    def _before(self, args: Any, kwargs: Any) -> None:
        if len(args) > 1 or kwargs.get("closure") is not None:
            raise ValueError(
                "step: a closure computes gradients after the weights were balanced; call backward "
                "first and step without one"
            )
        now = self.steps % self.every == 0 if self.every is not None else self.steps == 0
        if now:
            self._rebalance()
        self.steps += 1

    def _rebalance(self) -> None:
        parameters = {name: p for name, p in self.model.named_parameters() if p.requires_grad}
        missing = [name for name, p in parameters.items() if p.grad is None]
        if missing:
            raise ValueError(f"step: {missing[0]} has no gradient; call backward before it")
        grads = {
            name: p.grad.detach().double().cpu().numpy().copy()
            for name, p in parameters.items()
            if p.grad is not None
        }
        if not all(np.isfinite(g).all() for g in grads.values()):
            return  # a scaler of mixed precision skips such a step too
        weights = balance_torch.arrays_of(self.model)
        known = grads if self.what == "gradients" else weights
        before = float(sum(np.square(a).sum() for a in known.values()))
        moved = [least(chain, known, self.what) for chain in self.chains]
        for chain, change in zip(self.chains, moved, strict=True):
            apply(chain, change, weights, "weights")
            apply(chain, change, grads, "gradients")
        balance_torch.store(self.model, weights)
        with torch.no_grad():
            for name, p in parameters.items():
                assert p.grad is not None
                p.grad.copy_(torch.from_numpy(np.ascontiguousarray(grads[name])))
        said = self._carry_memory(parameters, moved)
        after = float(
            sum(
                np.square(a).sum()
                for a in (grads if self.what == "gradients" else weights).values()
            )
        )
        sizes = [_size(c) for m in moved for c in m.changes if c is not None]
        residual = max(r for m in moved for r in m.residual)
        self.history.append(
            Rebalancing(
                self.steps,
                before,
                after,
                max(sizes),
                residual,
                all(m.attained for m in moved),
                said,
            )
        )

    def _carry_memory(self, parameters: Mapping[str, nn.Parameter], moved: list[ChainMove]) -> str:
        state = self.optimizer.state
        if not any(state.get(p) for p in parameters.values()):
            return "none yet"
        mixed = {
            name
            for chain, m in zip(self.chains, moved, strict=True)
            if any(c is not None and c.ndim == 2 for c in m.changes)
            for layer in chain.layers
            for name in (layer.weight, layer.bias)
            if name
        }
        squared = any(key in LIKE_SQUARES for p in parameters.values() for key in state.get(p, {}))
        touched = {
            name
            for chain in self.chains
            for layer in chain.layers
            for name in (layer.weight, layer.bias)
            if name
        }
        forgotten = touched if self.memory == "reset" else (mixed if squared else set())
        for name in forgotten:
            state.pop(parameters[name], None)
        rms = isinstance(self.optimizer, torch.optim.RMSprop)
        for key in (*LIKE_GRADIENTS, *LIKE_SQUARES):
            # RMSprop's buffer holds gradients that were divided by their size, which scales do not
            # change.
            if rms and key == "momentum_buffer":
                continue
            kept = {
                name: p
                for name, p in parameters.items()
                if isinstance(state.get(p, {}).get(key), torch.Tensor)
            }
            for chain, change in zip(self.chains, moved, strict=True):
                if _names(chain) & forgotten or not _names(chain) <= set(kept):
                    continue
                arrays = {
                    name: state[kept[name]][key].double().cpu().numpy().copy()
                    for name in _names(chain)
                }
                apply(chain, change, arrays, "squares" if key in LIKE_SQUARES else "gradients")
                for name, array in arrays.items():
                    state[kept[name]][key].copy_(torch.from_numpy(np.ascontiguousarray(array)))
        if forgotten == touched:
            return "reset"
        return (
            "transformed"
            if not forgotten
            else f"transformed; reset for {', '.join(sorted(forgotten))}"
        )


def _names(chain: Chain) -> set[str]:
    return {name for layer in chain.layers for name in (layer.weight, layer.bias) if name}


def _size(change: np.ndarray) -> float:
    sizes = np.linalg.svd(change, compute_uv=False) if change.ndim == 2 else change
    return float(max(sizes.max(), 1 / sizes.min()))

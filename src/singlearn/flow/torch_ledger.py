"""The ledger of an optimiser: why conserved quantities change, step by step, with nothing left over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from singlearn.flow.law import GramLaw
from singlearn.flow.laws import Laws
from singlearn.flow.laws import laws as laws_of
from singlearn.flow.torch_optimiser import Rule, adaptive_update, memory_of, rule_of
from singlearn.results.prompt import Shown
from singlearn.running.arguments import whole_number

ENTRIES = ("discretisation", "decay", "momentum", "preconditioner", "violation", "rest")
ROUNDING = 16.0
"""Units of the last digit of |w|² that violation and rest may have at every step."""
Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class Account(Shown):
    """One law along a training run.

    Attributes:
        law: what gradient flow would keep.
        before: its values at the start.
        after: its values now.
        entries: sums over all recorded steps, by kind; every one has the shape of the law.
        rounding: what rounding may have added to violation and rest, in the units of the law.
    """

    law: GramLaw
    before: torch.Tensor
    after: torch.Tensor
    entries: Mapping[str, torch.Tensor]
    rounding: float

    def __str__(self) -> str:
        moved = _size(self.after - self.before)
        parts = "  ".join(f"{name} {_size(self.entries[name]):.3g}" for name in ENTRIES)
        return f"{self.law.formula}: moved by {moved:.3g}; {parts}; rounding {self.rounding:.1g}"

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        entries = {name: value.tolist() for name, value in self.entries.items()}
        values = {"before": self.before.tolist(), "after": self.after.tolist()}
        return {"law": self.law.formula, **values, "entries": entries, "rounding": self.rounding}


class Ledger(Shown):
    r"""Watches an optimiser and splits every change of a law :math:`Q = \langle w, w \rangle_σ`.

    For :math:`w^+ = (1 - η λ_d)\,w - η u`

    .. math:: Q^+ - Q = \underbrace{((1 - η λ_d)^2 - 1)\,Q - 2 η c\, a λ Q}_{decay}
        \underbrace{- 2 η c\, b \langle w, v \rangle_σ}_{momentum} \underbrace{- 2 η c\, a \langle w, g \rangle_σ}_{violation}
        + \underbrace{η^2 \langle u, u \rangle_σ}_{discretisation}, \qquad c = 1 - η λ_d,

    with v the memory before the step and g the gradient (a = 1, b = μ for heavy ball; 1 + μ, μ² for Nesterov).
    An adaptive optimiser has one entry :math:`-2 η c \langle w, u \rangle_σ`, the preconditioner, for the parts of u.
    Two entries should be zero to rounding: the *violation* (else the network does not have the
    symmetry that the law claims, or gradients were changed entry by entry), and the *rest* (else
    the optimiser is not what it says).

    Made by :func:`ledger`; it listens to ``optimizer.step`` until :meth:`close`.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, laws: Laws, every: int, file: Path | None) -> None:
        self._model, self._optimizer, self._every, self._file = model, optimizer, every, file
        self.without = laws.without
        self._laws = _quadratic(laws)
        self._names = sorted({term.parameter for law in self._laws for term in law.terms})
        self._groups = _groups(model, optimizer, self._names)
        self.steps = 0
        start = self._parameters()
        self._start = [law_form(law, start, start) for law in self._laws]
        self._sums = [{name: torch.zeros_like(q) for name in ENTRIES} for q in self._start]
        self._rounding = [0.0] * len(self._laws)
        self._now: dict[str, Tensors] | None = None
        self._handles = [
            optimizer.register_step_pre_hook(lambda *_: self._before()),
            optimizer.register_step_post_hook(lambda *_: self._after()),
        ]

    def _parameters(self) -> dict[str, torch.Tensor]:
        every = dict(self._model.named_parameters())
        return {name: every[name].detach().clone() for name in self._names}

    def _before(self) -> None:
        self._now = None
        if self.steps % self._every:
            return
        every = dict(self._model.named_parameters())
        missing = [name for name in self._names if every[name].grad is None]
        if missing:
            raise ValueError(f"optimizer: {missing[0]} has no gradient at this step, so that no law holds for it")
        gradients: dict[str, torch.Tensor] = {}
        memories: dict[str, torch.Tensor] = {}
        for name in self._names:
            gradient = every[name].grad
            assert gradient is not None
            gradients[name] = -gradient.detach().clone() if self._groups[name].get("maximize") else gradient.detach().clone()
            memory = memory_of(self._optimizer, every[name])
            memories[name] = torch.zeros_like(gradient) if memory is None else memory.detach().clone()
        self._first = all(memory_of(self._optimizer, every[name]) is None for name in self._names)
        self._now = {"w": self._parameters(), "g": gradients, "v": memories}

    def _after(self) -> None:
        self.steps += 1
        if self._now is None:
            return
        w, g, v = (self._now[key] for key in ("w", "g", "v"))
        later = self._parameters()
        rules = {name: rule_of(self._optimizer, self._groups[name], self._first) for name in self._names}
        every = dict(self._model.named_parameters())
        u = {name: self._update(rules[name], name, every[name], w, g, v) for name in self._names}
        line: dict[str, Any] = {"step": self.steps}
        for k, law in enumerate(self._laws):
            entries = _split(law, rules, w, g, v, u, later)
            for name, value in entries.items():
                self._sums[k][name] += value
            self._rounding[k] += _rounding(law, w)
            line[law.formula] = {name: value.tolist() for name, value in entries.items()}
        if self._file is not None:
            with self._file.open("a", encoding="utf-8") as out:
                out.write(json.dumps(line) + "\n")

    def _update(self, rule: Rule, name: str, parameter: torch.Tensor, w: Tensors, g: Tensors, v: Tensors) -> torch.Tensor:
        gradient = g[name] + rule.coupled * w[name]
        if rule.adaptive:
            return adaptive_update(self._optimizer, self._groups[name], parameter, gradient).detach()
        return rule.fresh * gradient + rule.memory * v[name]

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What is in the books, law by law."""
        now = self._parameters()
        return tuple(
            Account(law, start, law_form(law, now, now), sums, rounding)
            for law, start, sums, rounding in zip(self._laws, self._start, self._sums, self._rounding, strict=True)
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """A sentence for each law whose violation or rest is more than rounding."""
        found = []
        for account in self.accounts:
            for name, means in (
                ("violation", "the network does not have this symmetry, or its gradients were changed entry by entry"),
                ("rest", "the optimiser does something else than it says, or parameters were changed between steps"),
            ):
                size = _size(account.entries[name])
                if size > account.rounding:
                    found.append(f"{account.law.formula}: {name} {size:.2g}, rounding allows {account.rounding:.1g}; {means}")
        return tuple(found)

    def __str__(self) -> str:
        recorded = f", one in {self._every} recorded" if self._every > 1 else ""
        head = f"ledger of {type(self._optimizer).__name__}, {self.steps} steps{recorded}"
        return "\n".join([head, *map(str, self.accounts), *self.without, *self.warnings])

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        accounts = [account.to_dict() for account in self.accounts]
        return {"optimizer": type(self._optimizer).__name__, "steps": self.steps, "accounts": accounts, "warnings": list(self.warnings)}

    def close(self) -> None:
        """Stop listening."""
        for handle in self._handles:
            handle.remove()


def ledger(
    model: nn.Module, optimizer: torch.optim.Optimizer, laws: Laws | None = None, every: int = 1, file: Path | str | None = None
) -> Ledger:
    """Account for every change of the laws of a network while it is trained.

    Args:
        model: its laws are read as :func:`singlearn.flow.laws` does, unless they are given.
        optimizer: SGD (with momentum, Nesterov, decay), Adam, AdamW or RMSprop; schedules, several groups of
            parameters and global clipping of gradients are understood as they are.
        laws: other ones, of the parameters' names.
        every: record every so many steps. What happens between two recorded steps is not in the books.
        file: JSON lines, one for each recorded step, appended.

    Returns:
        The ledger, which listens to ``optimizer.step``.

    Raises:
        ValueError: a layer or an optimiser that is not understood, a parameter that the optimiser does not have.

    >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    >>> with torch.no_grad(): _ = [p.fill_(x) for p, x in zip(net.parameters(), (2.0, 1.0))]
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> book = ledger(net, optimizer)
    >>> loss = 0.5 * (net(torch.ones(1, 1, dtype=torch.float64)) - 1).square().sum(); loss.backward(); optimizer.step()
    >>> round(float(book.accounts[0].entries["discretisation"]), 12), round(float(book.accounts[0].after), 12)
    (-0.03, 2.97)
    """
    found = _read(model) if laws is None else laws
    rule_of(optimizer, optimizer.param_groups[0], True)
    return Ledger(model, optimizer, found, whole_number("every", every), None if file is None else Path(file))


def _read(model: nn.Module) -> Laws:
    """The quadratic laws of a module."""
    found = laws_of(model)
    others = tuple(f"{law.formula}: not in the books, it is linear" for law in found.laws if not isinstance(law, GramLaw))
    return Laws(tuple(law for law in found.laws if isinstance(law, GramLaw)), (*found.without, *found.not_understood, *others))


def _quadratic(laws: Laws) -> tuple[GramLaw, ...]:
    """The laws, all of which are of the form that is accounted for."""
    found: list[GramLaw] = []
    for law in laws.laws:
        if not isinstance(law, GramLaw):
            raise ValueError(f"laws: {law.formula} is a {type(law).__name__}; the ledger is for quadratic laws, GramLaw")
        found.append(law)
    return tuple(found)


def _groups(model: nn.Module, optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, dict[str, Any]]:
    every = dict(model.named_parameters())
    owner = {id(parameter): group for group in optimizer.param_groups for parameter in group["params"]}
    for name in names:
        if name not in every:
            raise ValueError(f"laws: they speak of {name}, which the model does not have")
        if id(every[name]) not in owner:
            raise ValueError(f"optimizer: it does not have {name}; the law of a layer holds where all its weights move")
    return {name: owner[id(every[name])] for name in names}


def law_form(law: GramLaw, left: Tensors, right: Tensors) -> torch.Tensor:
    r"""The bilinear form :math:`\langle a, b \rangle_σ` of a law, in float64.

    Args:
        law: with terms :math:`c M M^T`.
        left: a, by parameter.
        right: b.

    Returns:
        A symmetric matrix, its diagonal or its trace.
    """
    both = [{name: x[name].double() for name in {term.parameter for term in law.terms}} for x in (left, right)]
    return law.form(*both)


def _split(
    law: GramLaw, rules: Mapping[str, Rule], w: Tensors, g: Tensors, v: Tensors, u: Tensors, later: Tensors
) -> dict[str, torch.Tensor]:
    """All entries of one step. Every parameter's own rate and coefficients go with it, as weights on its part of the form."""

    def form(weight: Any, left: Tensors, right: Tensors) -> torch.Tensor:
        scaled = {name: weight(rules[name]) * left[name].double() for name in names}
        return law_form(law, scaled, right)

    names = {term.parameter for term in law.terms}
    before = law_form(law, w, w)
    adaptive = any(rules[name].adaptive for name in names)
    zero = torch.zeros_like(before)
    entries = {"discretisation": form(lambda r: r.rate**2, u, u)}
    entries["decay"] = form(lambda r: (1 - r.rate * r.decoupled) ** 2 - 1, w, w)
    if adaptive:
        entries["momentum"] = entries["violation"] = zero
        entries["preconditioner"] = form(lambda r: -2 * r.rate * (1 - r.rate * r.decoupled), w, u)
    else:
        entries["decay"] = entries["decay"] + form(lambda r: -2 * r.rate * r.fresh * r.coupled, w, w)
        entries["momentum"] = form(lambda r: -2 * r.rate * r.memory, w, v)
        # Where a law's parameters have rates of their own, the symmetry says something of one rate only.
        one = rules[law.terms[0].parameter]
        entries["violation"] = -2 * one.rate * one.fresh * law_form(law, w, g)
        entries["preconditioner"] = form(lambda r: -2 * r.rate * r.fresh, w, g) - entries["violation"]
    entries["rest"] = law_form(law, later, later) - before - torch.stack(list(entries.values())).sum(dim=0)
    return entries


def _rounding(law: GramLaw, w: Tensors) -> float:
    """What the last digits of the parameters may do to a law in one step."""
    size = max(float(w[term.parameter].double().square().sum(dim=tuple(range(w[term.parameter].ndim))).max()) for term in law.terms)
    digit = max(torch.finfo(w[term.parameter].dtype).eps for term in law.terms)
    return ROUNDING * digit * size


def _size(values: torch.Tensor) -> float:
    return float(values.abs().max())

"""The ledger of a PyTorch optimiser: why conserved quantities change, step by step, with nothing
left over.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from singlearn.flow.laws import laws as laws_of
from singlearn.flow.ledger_account import Account
from singlearn.flow.ledger_books import Books, Digits, Memory
from singlearn.flow.ledger_file import LedgerFile
from singlearn.flow.ledger_forms import Arrays
from singlearn.flow.ledger_step import LedgerStep, ParameterMotion
from singlearn.flow.torch_optimiser import (
    adaptive_update,
    check_known,
    coupled_decay,
    is_heavy_ball,
    is_known,
    memory_factor,
    memory_name,
    motion,
)
from singlearn.running.arguments import whole_number

__all__ = ["Account", "Ledger", "ledger"]

FEW_BITS = {torch.bfloat16: 2.0**-8, torch.float16: 2.0**-10}
"""The last digit of what autocast computes."""
MATRIX_PRODUCTS = {"highest": 0.0, "high": 2.0**-10, "medium": 2.0**-8}
"""The last digit of float32 matrix products on a GPU, by PyTorch's setting."""
AS_A_WHOLE = 8.0
"""Units of the last digit by which a gradient that was scaled as a whole may differ from the scaled
one.
"""


class Ledger(Books):
    r"""Watches an optimiser and splits every change of a law :math:`Q = \langle w, w \rangle_σ`.

    For :math:`w^+ = (1 - η λ_d)\,w - η u`

    .. math:: Q^+ - Q = \underbrace{((1 - η λ_d)^2 - 1)\,Q - 2 η c\, a λ Q}_{decay}
        \underbrace{- 2 η c\, b \langle w, v \rangle_σ}_{momentum} \underbrace{- 2 η c\, a \langle
        w, g \rangle_σ}_{violation} + \underbrace{η^2 \langle u, u \rangle_σ}_{discretisation},
        \qquad c = 1 - η λ_d,

    with v the memory before the step and g the gradient (a = 1, b = μ for heavy ball; 1 + μ, μ² for
    Nesterov). An adaptive optimiser has one entry :math:`-2 η c \langle w, u - g \rangle_σ`, the
    preconditioner, for all of u; so has what somebody did to single entries or layers of the
    gradient after ``backward`` and before the step. Two entries should be zero to rounding: the
    *violation* (else the network does not have the symmetry that the law claims), and the *rest*
    (else the optimiser is not what it says). A law that is linear in the weights has the same
    entries without the squares.

    Made by :func:`ledger`; it listens to ``optimizer.step`` until :meth:`close`.
    """

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        laws: Any,
        every: int,
        file: LedgerFile | None,
        read: bool,
    ) -> None:
        self._model, self._optimizer = model, optimizer
        everything = {
            name: parameter
            for name, parameter in model.named_parameters()
            if torch.is_floating_point(parameter)
        }
        start = {name: _wide(parameter.detach()) for name, parameter in everything.items()}
        super().__init__(laws, start, type(optimizer).__name__, every, file, read)
        self._parameters = {name: everything[name] for name in self.names}
        self._check_owned()
        self._few = 0.0
        self._raw: dict[str, torch.Tensor] = {}
        self._room: dict[tuple[str, str], torch.Tensor] = {}
        self._open: dict[str, Any] | None = None
        self._handles = [
            optimizer.register_step_pre_hook(
                lambda _, args, keywords: self._before(args, keywords)
            ),
            optimizer.register_step_post_hook(lambda *_: self._after()),
            model.register_forward_pre_hook(lambda *_: self._look_at_autocast()),
            *(
                parameter.register_post_accumulate_grad_hook(self._keeper(name))
                for name, parameter in self._parameters.items()
            ),
        ]

    def _check_owned(self) -> None:
        owned = {
            id(parameter) for group in self._optimizer.param_groups for parameter in group["params"]
        }
        for name in self.names:
            if id(self._parameters[name]) not in owned:
                raise ValueError(
                    f"optimizer: it does not have {name}; the law of a layer holds where all its "
                    f"weights move"
                )

    def weights_now(self) -> Arrays:
        """Weights at this moment."""
        return {name: _wide(parameter.detach()) for name, parameter in self._parameters.items()}

    def _kept(self, label: str, name: str, tensor: torch.Tensor) -> torch.Tensor:
        """A copy in double precision, in the same memory at every step."""
        key = (label, name)
        if key not in self._room or self._room[key].shape != tensor.shape:
            self._room[key] = _wide(tensor)
            return self._room[key]
        return self._room[key].copy_(tensor.detach())

    def _look_at_autocast(self) -> None:
        kind = next(iter(self._parameters.values())).device.type
        if torch.is_autocast_enabled(kind):
            self._few = max(self._few, FEW_BITS.get(torch.get_autocast_dtype(kind), 0.0))

    def _keeper(self, name: str) -> Any:
        def keep(parameter: torch.Tensor) -> None:
            if self.due() and parameter.grad is not None:
                self._raw[name] = _dense(parameter.grad).clone()

        return keep

    def _before(
        self, args: tuple[Any, ...], keywords: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Remember weights, gradients and memories; of a closure the gradients that it makes."""
        self._open = None
        if not self.due():
            return None
        closure = args[1] if len(args) > 1 else keywords.get("closure")  # args[0] is the optimiser
        if closure is None:
            self._open = self._look()
            return None

        def watched() -> Any:
            loss = closure()
            self._open = self._look()
            return loss

        return (
            ((args[0], watched, *args[2:]), keywords)
            if len(args) > 1
            else (args, {**keywords, "closure": watched})
        )

    def _look(self) -> dict[str, Any]:
        scale = getattr(self._optimizer, "grad_scale", None)
        groups = self._groups()
        gradients: dict[str, torch.Tensor] = {}
        memories: dict[str, torch.Tensor | None] = {}
        still, touched = set(), False
        for name, parameter in self._parameters.items():
            if parameter.grad is None:
                still.add(name)
                gradients[name] = torch.zeros_like(parameter, dtype=torch.float64)
            else:
                own = _dense(parameter.grad)
                touched = touched or name not in self._raw or not torch.equal(self._raw[name], own)
                gradient = self._kept("g", name, own)
                if scale is not None:
                    gradient = gradient / float(scale)
                gradients[name] = -gradient if groups[name].get("maximize") else gradient
            memory = self._optimizer.state.get(parameter, {}).get(memory_name(self._optimizer))
            memories[name] = None if memory is None else self._kept("v", name, memory)
        now = {
            name: self._kept("w", name, parameter) for name, parameter in self._parameters.items()
        }
        return {
            "w": now,
            "g": gradients,
            "v": memories,
            "still": still,
            "groups": groups,
            "touched": touched,
        }

    def _groups(self) -> dict[str, dict[str, Any]]:
        """Groups of the optimiser as they are now: a state that is loaded brings new ones."""
        owner = {
            id(parameter): group
            for group in self._optimizer.param_groups
            for parameter in group["params"]
        }
        return {name: dict(owner[id(parameter)]) for name, parameter in self._parameters.items()}

    def _after(self) -> None:
        seen, self._open = self._open, None
        if seen is None:
            self.passed()
            return
        skipped = float(getattr(self._optimizer, "found_inf", None) or 0.0) > 0
        raw, scale = self._unchanged(seen)
        vectors: dict[str, Any] = {"w": seen["w"], "g": seen["g"], **raw}
        vectors["later"] = {
            name: self._kept("later", name, parameter)
            for name, parameter in self._parameters.items()
        }
        vectors["v"] = {
            name: torch.zeros_like(seen["w"][name]) if v is None else v
            for name, v in seen["v"].items()
        }
        motions: dict[str, ParameterMotion] = {}
        updates: dict[str, torch.Tensor] = {}
        for name, parameter in self._parameters.items():
            if skipped or name in seen["still"]:
                motions[name] = ParameterMotion()
            elif not self.read:
                motions[name] = ParameterMotion(
                    whole=True, rate=float(seen["groups"][name].get("lr", 0.0))
                )
                updates[name] = vectors["w"][name] - vectors["later"][name]
            else:
                motions[name] = motion(
                    self._optimizer, seen["groups"][name], seen["v"][name] is None
                )
                if motions[name].whole:
                    gradient = (
                        vectors["g"][name]
                        + coupled_decay(self._optimizer, seen["groups"][name]) * vectors["w"][name]
                    )
                    updates[name] = adaptive_update(
                        self._optimizer,
                        seen["groups"][name],
                        self._optimizer.state[parameter],
                        gradient,
                    )
        if skipped:
            self.note("the gradient scaler left the step out")
            vectors["g"] = {name: torch.zeros_like(g) for name, g in vectors["g"].items()}
            vectors.pop("raw", None)
        for name in sorted(seen["still"]):
            self.note(f"{name} had no gradient and did not move")
        vectors["update"] = updates
        self.record(
            LedgerStep(vectors, motions, scale),
            self._digits(),
            None if skipped else self._memory(seen),
        )

    def _unchanged(self, seen: dict[str, Any]) -> tuple[dict[str, Arrays], float]:
        """Gradients as ``backward`` left them, where somebody changed them since, and their scale
        in those of the step.
        """
        raw, self._raw = self._raw, {}
        if not seen["touched"]:
            return {}, 1.0
        if set(raw) | seen["still"] != set(self.names) or any(
            raw[name].shape != seen["g"][name].shape for name in raw
        ):
            return {}, 1.0
        wide = {name: _wide(raw[name]) if name in raw else seen["g"][name] for name in self.names}
        wide = {
            name: -array if seen["groups"][name].get("maximize") and name in raw else array
            for name, array in wide.items()
        }
        square = sum(float((array**2).sum()) for array in wide.values())
        if square == 0.0 or square != square or square == float("inf"):
            return {}, 1.0
        scale = sum(float((wide[name] * seen["g"][name]).sum()) for name in self.names) / square
        digit = max(torch.finfo(parameter.dtype).eps for parameter in self._parameters.values())
        apart = max(
            float((seen["g"][name] - scale * wide[name]).abs().max()) for name in self.names
        )
        size = max(float(seen["g"][name].abs().max()) for name in self.names)
        if apart <= AS_A_WHOLE * digit * size:
            return {}, 1.0  # plain gradients, scaled as a whole if at all
        return {"raw": wide}, scale

    def _digits(self) -> Digits:
        first = next(iter(self._parameters.values()))
        digit = max(torch.finfo(parameter.dtype).eps for parameter in self._parameters.values())
        products = 0.0
        if first.device.type == "cuda" and digit < FEW_BITS[torch.float16]:
            single = any(
                parameter.dtype is torch.float32 for parameter in self._parameters.values()
            )
            convolution = (
                FEW_BITS[torch.float16]
                if torch.backends.cudnn.allow_tf32
                and any(p.ndim > 2 for p in self._parameters.values())
                else 0
            )
            products = (
                max(MATRIX_PRODUCTS[torch.get_float32_matmul_precision()], convolution)
                if single
                else 0.0
            )
        return Digits(digit, max(digit, self._few, products))

    def _memory(self, seen: dict[str, Any]) -> Memory | None:
        """Momentum before and after, where every parameter of the matrix laws has one of the same
        factor.
        """
        if not self.turning or not self.read:
            return None
        key = memory_name(self._optimizer)
        after = {
            name: self._optimizer.state.get(p, {}).get(key) for name, p in self._parameters.items()
        }
        factors = {
            name: memory_factor(self._optimizer, group) for name, group in seen["groups"].items()
        }
        keeps = {
            name: motion(self._optimizer, group, False).keep
            for name, group in seen["groups"].items()
        }
        if (
            any(value is None for value in after.values())
            or len(set(factors.values())) > 1
            or len(set(keeps.values())) > 1
        ):
            return None
        wide = {name: _wide(value) for name, value in after.items() if value is not None}
        before = {
            name: torch.zeros_like(wide[name]) if v is None else v for name, v in seen["v"].items()
        }
        exact = all(is_heavy_ball(self._optimizer, group) for group in seen["groups"].values())
        return Memory(
            before, wide, next(iter(factors.values())) * next(iter(keeps.values())), exact
        )

    def close(self) -> None:
        """Stop listening."""
        for handle in self._handles:
            handle.remove()
        if self.file is not None:
            self.file.close()


def ledger(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    laws: Any = None,
    every: int = 1,
    file: Path | str | None = None,
    resume: bool | int = False,
    unread: str = "refuse",
) -> Ledger:
    """Account for every change of the laws of a network while it is trained.

    Args:
        model: its laws are read as :func:`singlearn.flow.laws` does, unless they are given.
        optimizer: SGD (with momentum, Nesterov, decay), Adam, AdamW, NAdam, Adamax, Adagrad or
            RMSprop. Schedules, several groups of parameters, maximising, closures, gradient scalers
            and clipping are understood as they are.
        laws: other ones, of the parameters' names, quadratic or linear in them.
        every: record every so many steps. What happens between two recorded steps is in no entry;
            an account has it as ``unrecorded``.
        file: JSON lines, one for each recorded step.
        resume: continue that file: True after the line that left the laws as the model has them
            now, a number after so many steps.
        unread: what becomes of an optimiser whose step is not known: "refuse" by name, or "split"
            each of its steps into first order (in the preconditioner) and second order
            (discretisation) without a claim about either.

    Returns:
        The ledger, which listens to ``optimizer.step``.

    Raises:
        ValueError: a layer or an optimiser that is not understood, a parameter that the optimiser
            does not have, a file that already exists or belongs to another run.

    >>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)).double()
    >>> with torch.no_grad(): _ = [p.fill_(x) for p, x in zip(net.parameters(), (2.0, 1.0))]
    >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    >>> book = ledger(net, optimizer)
    >>> loss = 0.5 * (net(torch.ones(1, 1, dtype=torch.float64)) - 1).square().sum(); loss.backward(); optimizer.step()
    >>> round(float(book.accounts[0].entries["discretisation"]), 12), round(float(book.accounts[0].after), 12)
    (-0.03, 2.97)
    """  # noqa: E501
    if unread not in ("refuse", "split"):
        raise ValueError(f"unread: got {unread!r}; it should be 'refuse' or 'split'")
    if unread == "refuse":
        check_known(optimizer)
    if laws is None:
        laws = laws_of(model)
    lines = None if file is None else LedgerFile(file, resume)
    return Ledger(model, optimizer, laws, whole_number("every", every), lines, is_known(optimizer))


def _dense(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().to_dense() if tensor.is_sparse else tensor.detach()


def _wide(tensor: torch.Tensor) -> torch.Tensor:
    """A copy in double precision, on the processor where the device has none."""
    whole = tensor.detach()
    return (whole.cpu() if whole.device.type == "mps" else whole).to(torch.float64, copy=True)

"""``ledger`` for a PyTorch optimiser or an Optax transformation."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def ledger(
    model: Any,
    optimizer: Any,
    laws: Any = None,
    every: int = 1,
    file: Path | str | None = None,
    resume: bool | int = False,
    unread: str = "refuse",
) -> Any:
    """Account for every change of the laws of a network while it is trained.

    Args:
        model: a PyTorch module; for Optax the tree of weights at the start.
        optimizer: a ``torch.optim.Optimizer``, whose steps are watched; or an Optax transformation,
            in place of which the ledger's ``optimizer`` is to be used.
        laws: quadratic or linear ones, of the parameters' names; read from a PyTorch module if they
            are not given.
        every: record every so many steps.
        file: JSON lines, one for each recorded step.
        resume: continue that file: True after the line that left the laws as the model has them
            now, a number after so many steps.
        unread: "refuse" an optimiser whose step is not known by its name, or "split" its steps by
            order without a claim.

    Returns:
        A :class:`~singlearn.flow.torch_ledger.Ledger` or
        :class:`~singlearn.flow.jax_ledger.JaxLedger`: ``accounts``, ``angular_momenta``,
        ``cautions``, ``table()``, ``to_dict()``; ``singlearn.plot.ledger`` draws it.

    Raises:
        ValueError: what is not an optimiser, or one that cannot be read.

    >>> ledger({"W1": 1.0}, "adam")
    Traceback (most recent call last):
    ValueError: optimizer: got str; it should be a torch.optim.Optimizer or an Optax transformation
    """
    if hasattr(optimizer, "param_groups") and hasattr(optimizer, "register_step_pre_hook"):
        from singlearn.flow.torch_ledger import ledger as watch

        return watch(model, optimizer, laws, every, file, resume, unread)
    if callable(getattr(optimizer, "init", None)) and callable(getattr(optimizer, "update", None)):
        from singlearn.flow.jax_ledger import ledger as keep

        return keep(model, optimizer, laws, every, file, resume, unread)
    raise ValueError(
        f"optimizer: got {type(optimizer).__name__}; it should be a torch.optim.Optimizer or an "
        f"Optax transformation"
    )

"""Balancing between the steps of an Optax optimiser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from singlearn.flow.balance import Balance, TreeSubject, balance
from singlearn.flow.balance_chain import ChainMove, apply

LIKE_GRADIENTS = ("mu", "trace")
LIKE_SQUARES = ("nu", "nu_max", "sum_of_squares")


class Rebalanced(NamedTuple):
    """Weights and an optimiser's state after balancing.

    Attributes:
        params: the new weights.
        state: the optimiser's state, moved along.
        balance: what was done, with its certificate.
    """

    params: Any
    state: Any
    balance: Balance


def rebalance(
    params: Any,
    state: Any,
    loss: Any = None,
    *,
    activation: str | Sequence[str],
    what: str = "gradients",
    gradients: Any = None,
) -> Rebalanced:
    """Balance weights between two steps of an Optax optimiser, and carry its memory along.

    Momentum (``mu``, ``trace``) changes as gradients do, second moments (``nu``) of node scales as
    their squares. Call it outside of ``jit``, once or every k steps.

    Args:
        params: a list of weights or a mapping of layers, as :func:`singlearn.flow.balance` reads
            them.
        state: what ``optimizer.init`` and ``optimizer.update`` give.
        loss: a function of the weights.
        activation: what stands between layers.
        what: "gradients" or "weights".
        gradients: instead of ``loss``.

    Returns:
        New weights, new state, and the answer of :func:`singlearn.flow.balance`.

    Raises:
        ValueError: a state with arrays that are not known, or second moments where a matrix is
            used.

    >>> import optax
    >>> weights = [np.array([[4.0]]), np.array([[1.0]])]
    >>> state = optax.trace(0.9).init(weights)._replace(trace=[np.array([[1.0]]), np.array([[4.0]])])
    >>> moved = rebalance(weights, state, activation="relu", what="weights")
    >>> [float(v[0, 0]) for v in moved.state.trace]
    [2.0, 2.0]
    """  # noqa: E501
    found = balance(params, loss, what=what, activation=activation, gradients=gradients)
    subject = TreeSubject(params, activation)
    (chain,) = subject.chains
    changes: list[np.ndarray | None] = [None] * len(chain.between)
    inverses: list[np.ndarray | None] = [None] * len(chain.between)
    names = {chain.position(p): p for p in range(len(chain.between))}
    for place in found.places:
        number = names[place.after_layer]
        changes[number] = place.change
        degree = chain.between[number].degree
        inverses[number] = (
            np.linalg.inv(place.change)
            if place.change.ndim == 2
            else place.change ** -(degree or 1.0)
        )
    moved = ChainMove(changes, inverses)
    return Rebalanced(found.network, _carried(state, "state", subject, moved), found)


def _carried(state: Any, name: str, subject: TreeSubject, moved: ChainMove) -> Any:
    if hasattr(state, "_fields"):
        parts = {
            field: _field(getattr(state, field), field, f"{name}.{field}", subject, moved)
            for field in state._fields
        }
        return type(state)(**parts)
    if isinstance(state, (tuple, list)):
        return type(state)(
            _carried(part, f"{name}[{k}]", subject, moved) for k, part in enumerate(state)
        )
    if _is_number(state) or isinstance(state, (str, bool, type(None))):
        return state
    raise ValueError(
        f"{name}: got {type(state).__name__}; its arrays are not known, start the optimiser anew "
        f"with optimizer.init"
    )


def _field(value: Any, field: str, name: str, subject: TreeSubject, moved: ChainMove) -> Any:
    if field in LIKE_GRADIENTS or field in LIKE_SQUARES:
        if field in LIKE_SQUARES and any(c is not None and c.ndim == 2 for c in moved.changes):
            raise ValueError(
                f"{name}: no rule entry by entry carries second moments through a matrix between "
                f"linear layers; start the optimiser "
                "anew with optimizer.init"
            )
        arrays = subject.tree.flat(value, name)
        apply(subject.chains[0], moved, arrays, "squares" if field in LIKE_SQUARES else "gradients")
        return subject.tree.like_given(arrays, value)
    if isinstance(value, Mapping) and all(_is_number(v) for v in value.values()):
        return value
    return _carried(value, name, subject, moved)


def _is_number(value: Any) -> bool:
    return (
        np.ndim(value) == 0
        and not isinstance(value, (Mapping, tuple, list, str))
        and hasattr(value, "__float__")
    )

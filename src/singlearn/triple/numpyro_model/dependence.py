"""Which inputs of a traced function each of its outputs depends on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Labels = frozenset[str]
NOTHING: Labels = frozenset()


def dependence(jaxpr: Any, inputs: Sequence[Labels]) -> list[Labels]:
    """The labels of the inputs that each output is computed from, read off the equations.

    Calls are followed inside, loops until nothing new arrives; the other primitives pass all of
    their inputs on to all of their outputs. What it leaves out does not depend; what it names may.

    Args:
        jaxpr: an open jaxpr; its constants depend on nothing.
        inputs: the labels of each input.

    Returns:
        One set of labels per output.

    >>> import jax
    >>> traced = jax.make_jaxpr(lambda a, b: (jax.numpy.where(a > 0, a, 1.0), a * b))(1.0, 2.0)
    >>> [sorted(labels) for labels in dependence(traced.jaxpr, [frozenset("a"), frozenset("b")])]
    [['a'], ['a', 'b']]
    """
    known: dict[Any, Labels] = dict(zip(jaxpr.invars, inputs, strict=True))

    def read(atom: Any) -> Labels:
        return NOTHING if hasattr(atom, "val") else known.get(atom, NOTHING)

    for equation in jaxpr.eqns:
        arriving = [read(atom) for atom in equation.invars]
        known.update(zip(equation.outvars, _leaving(equation, arriving), strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _leaving(equation: Any, arriving: list[Labels]) -> list[Labels]:
    inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
    inner = getattr(inner, "jaxpr", inner)
    if equation.primitive.name == "scan":
        return _through_scan(equation, inner, arriving)
    if (
        inner is not None
        and equation.primitive.name != "while"
        and len(inner.invars) == len(arriving)
    ):
        found = dependence(inner, arriving)
        if len(found) == len(equation.outvars):
            return found
    return [NOTHING.union(*arriving)] * len(equation.outvars)


def _through_scan(equation: Any, body: Any, arriving: list[Labels]) -> list[Labels]:
    constants, carried = equation.params["num_consts"], equation.params["num_carry"]
    carry = arriving[constants : constants + carried]
    while True:
        found = dependence(body, arriving[:constants] + carry + arriving[constants + carried :])
        grown = [old | new for old, new in zip(carry, found[:carried], strict=True)]
        if grown == carry:
            return carry + found[carried:]
        carry = grown

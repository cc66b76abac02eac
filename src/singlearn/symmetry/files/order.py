"""In which order the layers of a file follow each other."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise

MOST_STEPS = 20_000
"""Of the search for orders whose shapes fit; with more, the order counts as open."""


def order_of_layers(
    shapes: Mapping[str, tuple[int, ...]],
    names: Sequence[str],
    *,
    keeps_order: bool = True,
    is_state_dict: bool = False,
    given: Sequence[str] | None = None,
) -> list[str]:
    """The layers from input to output.

    A state dictionary lists modules in the order in which they were made, and a file that keeps it
    says the order. It is followed where it agrees with the numbers in the names (``layer2`` before
    ``layer10``) and the shapes fit. A file whose names are sorted, as ``.safetensors`` files and
    JSON with sorted keys are, says nothing: there the numbers in the names and the shapes decide,
    if they leave one order. Names are never sorted.

    Args:
        shapes: (outputs, inputs) of every layer's weight matrix, by the layer's name, in the order
            of the file.
        names: of all arrays, in the order of the file.
        keeps_order: whether the format keeps the order in which a module lists its arrays.
        is_state_dict: whether a module listed them itself; then names without a bias among them are
            sorted by chance only.
        given: the order, if the caller says it.

    Raises:
        ValueError: names that are not those of the layers, or an order that stays open; the message
            lists the layers.

    >>> order_of_layers({"in": (2, 3), "out": (1, 2)}, ["in.weight", "in.bias", "out.weight"])
    ['in', 'out']
    """
    layers = list(shapes)
    if given is not None:
        wanted = list(given)
        if sorted(wanted) != sorted(layers):
            raise ValueError(
                f"order: got {', '.join(wanted)}; it should name each of the layers "
                f"{', '.join(layers)} once"
            )
        return wanted
    conflicts = [
        (a, b) for i, a in enumerate(layers) for b in layers[i + 1 :] if _comes_before(b, a)
    ]
    # A module lists the weight before the bias, so sorted names with a bias were sorted by
    # somebody.
    is_sorted = list(names) == sorted(names) and not (
        is_state_dict and not any(name.endswith("bias") for name in names)
    )
    says = keeps_order and not is_sorted
    if len(layers) == 1 or (says and not conflicts and _fit(shapes, layers)):
        return layers
    found = _fitting_orders(shapes, by_number=not says)
    if says and not conflicts:
        also = f"; {', '.join(found[0])} would fit" if len(found) == 1 else ""
        raise ValueError(
            f"order of the layers: {_shapes(shapes, layers)} in the file, one does not feed the "
            f"next{also}; say order="
        )
    if len(found) == 1:
        return found[0]
    if not found:
        raise ValueError(
            f"order of the layers: no order of {_shapes(shapes, layers)} lets each feed the next; "
            f"it is not a chain of layers"
        )
    if says:
        first, second = conflicts[0]
        reason = f"the file lists {first} before {second}, their numbers say the opposite"
    else:
        reason = "the file is sorted by name or its format does not keep the order of a module"
    raise ValueError(
        f"order of the layers: {reason}, and the shapes allow several orders of "
        f"{', '.join(layers)}; "
        "say it with order= (--order on the command line)"
    )


def neighbours(layers: Sequence[str]) -> tuple[str, str] | None:
    """Two layers that follow each other directly in a ``Sequential``, so that nothing stands
    between them.

    Only plain numbers say that; numbers below a name may be those of a list whose activations are
    functions.

    >>> neighbours(["0", "1", "3"])
    ('0', '1')
    """
    for first, second in pairwise(layers):
        if first.isdigit() and second.isdigit() and int(second) == int(first) + 1:
            return first, second
    return None


def _comes_before(a: str, b: str) -> bool:
    """Whether the numbers say so: the names are equal but for numbers, and those of ``a`` are
    smaller.
    """
    if re.sub(r"\d+", "#", a) != re.sub(r"\d+", "#", b):
        return False
    return [int(n) for n in re.findall(r"\d+", a)] < [int(n) for n in re.findall(r"\d+", b)]


def _fit(shapes: Mapping[str, tuple[int, ...]], layers: Sequence[str]) -> bool:
    return all(shapes[b][1] == shapes[a][0] for a, b in pairwise(layers))


def _fitting_orders(shapes: Mapping[str, tuple[int, ...]], by_number: bool) -> list[list[str]]:
    """Up to two orders in which each layer feeds the next and, where asked, no numbers
    contradict.
    """
    layers = list(shapes)
    earlier = {b: [a for a in layers if by_number and _comes_before(a, b)] for b in layers}
    found: list[list[str]] = []
    steps = 0

    def extend(order: list[str]) -> None:
        nonlocal steps
        steps += 1
        if steps > MOST_STEPS or len(found) > 1:
            return
        if len(order) == len(layers):
            found.append(list(order))
            return
        for layer in layers:
            fits = not order or shapes[layer][1] == shapes[order[-1]][0]
            if layer not in order and fits and all(before in order for before in earlier[layer]):
                extend([*order, layer])

    extend([])
    return found if steps <= MOST_STEPS else [layers, layers]


def _shapes(shapes: Mapping[str, tuple[int, ...]], layers: Sequence[str]) -> str:
    return ", ".join(f"{layer} ({shapes[layer][1]} → {shapes[layer][0]})" for layer in layers)

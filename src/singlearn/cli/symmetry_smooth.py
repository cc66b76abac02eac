"""``singlearn symmetry`` for two-layer networks of tanh, sigmoid, erf, SiLU and GELU."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from singlearn.cli.network_file import print_assumed
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.symmetry import Box, compress, equivalent, fibre, minimal_width, node_roles, write
from singlearn.symmetry.smooth import SmoothFibre, TwoLayerSmooth, smooth_form, smooth_generators


def describe(net: TwoLayerSmooth, assumed: list[str], options: argparse.Namespace) -> int:
    """What the nodes do, the units, and how degenerate the network is."""
    _refuse_relative_tolerance(net, options)
    roles, form, width = node_roles(net), smooth_form(net), minimal_width(net)
    fields = Counter(str(found.field) for found in smooth_generators(net))
    if options.json:
        units = [
            {"w": [str(v) for v in unit.w], "b": str(unit.b), "weight": [str(v) for v in own]}
            for unit, own in form.units.items()
        ]
        document: dict[str, Any] = {
            "command": "symmetry describe",
            "activation": net.activation.name,
            "sharpness": str(net.activation.sharpness),
            "inputs": net.inputs,
            "width": net.width,
            "outputs": net.outputs,
            "roles": roles,
            "units": units,
            "linear": [[str(v) for v in row] for row in form.linear],
            "constant": [str(v) for v in form.constant],
            "minimal_width": {"lower": width.lower, "upper": width.upper},
            "symmetry_directions": fields,
            "assumed": assumed,
        }
        print_document(document)
        return 0
    counts = ", ".join(f"{count} {role}" for role, count in Counter(roles).items())
    print(f"{net}; a domain changes nothing\n  nodes: {counts or 'none'}\n  {width}")
    print("  " + str(form).replace("\n", "\n  "))
    named = ", ".join(f"{n} {name}" for name, n in fields.items())
    print("  directions that leave the function unchanged: " + (named or "none"))
    print_assumed(assumed)
    return 0


def equivalent_files(
    a: Any, b: Any, box: Box | None, assumed: list[str], options: argparse.Namespace
) -> int:
    """Whether two networks, at least one of them smooth, are the same function."""
    if not (isinstance(a, TwoLayerSmooth) and isinstance(b, TwoLayerSmooth)):
        raise RefusalError(f"A, B: {a} beside {b}; a network of ReLU is compared with one of ReLU")
    result = equivalent(a, b, box, options.tolerance)
    if options.json:
        steps = (
            None
            if result.transformation is None
            else [str(step) for step in result.transformation.steps]
        )
        point = None if result.witness is None else [str(v) for v in result.witness.point]
        document: dict[str, Any] = {
            "equivalent": bool(result),
            "status": str(result.status),
            "transformation": steps,
            "witness": point,
        }
        distance = result.distance
        document["distance"] = (
            None if distance is None else [float(distance.lower), float(distance.upper)]
        )
        explained = {"explanation": str(result), "assumed": assumed}
        print_document({"command": "symmetry equivalent", **document, **explained})
    else:
        print(result)
        print_assumed(assumed)
    return 0 if result else 1


def compress_file(net: TwoLayerSmooth, assumed: list[str], options: argparse.Namespace) -> int:
    """Write the same function with fewer nodes; its file has rational parameters, so constants such
    as tanh(1/4) keep a node.
    """
    _refuse_relative_tolerance(net, options)
    if options.eps is not None:
        raise RefusalError("--eps: only two-layer networks of ReLU are compressed with loss")
    if options.output.suffix != ".json":
        raise RefusalError(
            f"--output: {options.output} should end in .json, which says the activation "
            f"{net.activation.name}"
        )
    narrow, text = compress(net), str(minimal_width(net))
    write(narrow, options.output)
    if not all(value.is_rational for value in narrow.c):
        text += (
            f"\noutput bias {', '.join(map(str, narrow.c))}; the file holds what is not "
            f"rational as nodes with w = 0"
        )
    if options.json:
        document = {
            "command": "symmetry compress",
            "before": net.width,
            "after": narrow.width,
            "output": options.output,
        }
        print_document({**document, "explanation": text, "assumed": assumed})
    else:
        shown = text.replace("\n", "\n  ")
        print(f"{net.width} → {narrow.width} hidden nodes\n  {shown}\n  network: {options.output}")
        print_assumed(assumed)
    return 0


def fibre_of(net: TwoLayerSmooth, assumed: list[str], options: argparse.Namespace) -> int:
    """The parameters of a width that compute the same function."""
    _refuse_relative_tolerance(net, options)
    if options.animate is not None:
        raise RefusalError("--animate: paths are drawn for networks of ReLU")
    found: SmoothFibre = fibre(net, net.width if options.width is None else options.width)
    if options.json:
        components = [
            {"copies": c.copies, "dimension": c.dimension, "description": c.description}
            for c in found.components
        ]
        document = {
            "command": "symmetry fibre",
            "width": found.width,
            "number": found.number,
            "components": components,
        }
        print_document({**document, "assumed": assumed})
    else:
        print(found)
        print_assumed(assumed)
    return 0


def _refuse_relative_tolerance(net: TwoLayerSmooth, options: argparse.Namespace) -> None:
    if getattr(options, "relative_tolerance", None) is not None:
        raise RefusalError(
            f"--relative-tolerance: networks of {net.activation} are not snapped; those of ReLU are"
        )

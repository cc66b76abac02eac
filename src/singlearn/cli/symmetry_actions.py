"""The actions of ``singlearn symmetry``."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

from singlearn import plot
from singlearn.cli.figure_file import folder, new_file, place, saved_or_why
from singlearn.cli.network_file import print_assumed, read_network_file
from singlearn.cli.symmetry_smooth import compress_file, describe, equivalent_files, fibre_of
from singlearn.results.document import print_document
from singlearn.results.refusal import RefusalError
from singlearn.symmetry import (
    Box,
    DeepReLU,
    Fibre,
    Snap,
    TwoLayerReLU,
    TwoLayerSmooth,
    compress,
    equivalent,
    fibre,
    generators,
    hidden_polytopes,
    hierarchy,
    kink_form,
    minimal_width,
    nearby,
    node_roles,
    node_states,
    snap,
    to_deep,
    write,
)
from singlearn.symmetry.deep import compress_deep, general_position_failures
from singlearn.symmetry.trained.hierarchy_of_layer import DeepHierarchy
from singlearn.symmetry.trained.hint import relations_up_to_rounding
from singlearn.symmetry.transformer import is_transformer_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARGIN = Fraction(3, 2)


def run_action(options: argparse.Namespace) -> int:
    """Read the networks, do what was asked, print it."""
    paths = [getattr(options, name) for name in ("net", "other") if hasattr(options, name)]
    if any(is_transformer_path(path) for path in paths):
        return _of_transformers(options)
    actions = {
        "describe": _describe,
        "equivalent": _equivalent,
        "compress": _compress,
        "fibre": _fibre,
        "hidden": _hidden,
        "hierarchy": _hierarchy,
    }
    return actions[options.action](options)


def _of_transformers(options: argparse.Namespace) -> int:
    """The verbs that transformers have; imported only for them.

    Raises:
        RefusalError: another verb, or an option that has no meaning for them.
    """
    from singlearn.cli.transformer_network import describe_transformer, equivalent_transformers

    if options.action not in ("describe", "equivalent"):
        raise RefusalError(
            f"NET: {options.net} is a transformer; describe and equivalent are for such, "
            f"{options.action} is not"
        )
    for name in ("box", "order", "tolerance", "relative_tolerance"):
        if getattr(options, name, None) is not None:
            raise RefusalError(
                f"--{name.replace('_', '-')}: {options.net} is a transformer, for which it has no "
                "meaning"
            )
    return (describe_transformer if options.action == "describe" else equivalent_transformers)(
        options
    )


def box_of(ends: list[str] | None, inputs: int) -> Box | None:
    """The box that ``--box LOW HIGH`` means.

    Raises:
        RefusalError: an end that is neither a number nor one number for every input.
    """
    if ends is None:
        return None
    sides = []
    for name, text in zip(("LOW", "HIGH"), ends, strict=True):
        try:
            values = [Fraction(part) for part in text.split(",")]
        except (ValueError, ZeroDivisionError):
            raise RefusalError(
                f"--box {name}: got {text!r}; it should be a number, or {inputs} numbers separated "
                f"by commas"
            ) from None
        if len(values) not in (1, inputs):
            raise RefusalError(
                f"--box {name}: got {len(values)} numbers; the network has {inputs} inputs"
            )
        sides.append(values * inputs if len(values) == 1 else values)
    return Box(*sides)


def _describe(options: argparse.Namespace) -> int:
    net, assumed = read_network_file(options.net, options)
    if isinstance(net, TwoLayerSmooth):
        return describe(net, assumed, options)
    if isinstance(net, DeepReLU):
        _refuse_relative_tolerance(options, net)
        return _describe_deep(options, net, assumed)
    box = box_of(options.box, net.inputs)
    snapped = (
        None if options.relative_tolerance is None else snap(net, options.relative_tolerance, box)
    )
    net = net if snapped is None else snapped.net
    roles, form, width = node_roles(net, box), kink_form(net, box), minimal_width(net, box)
    fields = Counter(str(found.field) for found in generators(net, box))
    figures, not_drawn = _pictures(net, box, options)
    if options.json:
        kinks = [
            {"normal": p.normal, "offset": p.offset, "total": [str(t) for t in total]}
            for p, total in form.kinks.items()
        ]
        print_document(
            {
                "command": "symmetry describe",
                "inputs": net.inputs,
                "width": net.width,
                "outputs": net.outputs,
                "roles": roles,
                "kinks": kinks,
                "linear": [[str(v) for v in row] for row in form.linear],
                "constant": [str(v) for v in form.constant],
                "minimal_width": {"lower": width.lower, "upper": width.upper},
                "symmetry_directions": fields,
                "figures": figures,
                "snapped": None if snapped is None else _snapped_document(snapped),
                "assumed": assumed,
            }
        )
    else:
        _print_description(net, box, roles, width, form, fields)
        if snapped is not None:
            print("  " + str(snapped).replace("\n", "\n  "))
        for figure in figures:
            print(f"  figure: {figure}")
        if not_drawn is not None:
            print("  figure: not written")
        print_assumed(assumed)
    # A full disk, say: what was found is printed all the same.
    if not_drawn is not None:
        raise not_drawn
    return 0


def _snapped_document(snapped: Snap) -> dict[str, Any]:
    imposed = [
        {"kind": str(one.kind), "nodes": one.nodes, "gap": one.gap} for one in snapped.imposed
    ]
    distance = [float(snapped.distance.lower), float(snapped.distance.upper)]
    return {
        "relative_tolerance": snapped.relative_tolerance,
        "distance": distance,
        "imposed": imposed,
        "statement": snapped.sentence,
    }


def _refuse_relative_tolerance(options: argparse.Namespace, net: DeepReLU) -> None:
    """Only two-layer networks are snapped."""
    if options.relative_tolerance is not None:
        raise RefusalError(
            "--relative-tolerance: relations are made exact in networks with one hidden layer; "
            f"this one has {net.hidden_layers}"
        )


def _hierarchy(options: argparse.Namespace) -> int:
    net, assumed = read_network_file(options.net, options)
    if isinstance(net, TwoLayerSmooth):
        raise RefusalError(f"NET: {options.net} is a {net}; the hierarchy is for networks of ReLU")
    box = box_of(options.box, net.widths[0] if isinstance(net, DeepReLU) else net.inputs)
    assert box is not None, "the parser requires it"
    out = place(options.out)
    found = hierarchy(net, box)
    layers = found.layers if isinstance(found, DeepHierarchy) else (found,)
    path, not_drawn = saved_or_why(plot.barcode(found), out, f"{options.net.stem}-hierarchy")
    if options.json:
        document = [
            {
                "relations": [
                    {
                        "kind": str(b.relation.kind),
                        "nodes": b.relation.nodes,
                        "from": b.birth,
                        "until": b.death if b.death < inf else None,
                    }
                    for b in layer.bars
                ],
                "levels": [
                    {
                        "distance": v.distance,
                        "kinks": v.kinks,
                        "minimal_width": {"lower": v.lower, "upper": v.minimal_width},
                        "components": v.components,
                        "dimension": v.dimension,
                    }
                    for v in layer.levels
                ],
            }
            for layer in layers
        ]
        print_document(
            {
                "command": "symmetry hierarchy",
                "layers": document,
                "figures": [path] if path else [],
                "assumed": assumed,
            }
        )
    else:
        print(found)
        print(f"  figure: {path or 'not written'}")
        print_assumed(assumed)
    if not_drawn is not None:
        raise not_drawn
    return 0


def _print_description(
    net: TwoLayerReLU,
    box: Box | None,
    roles: Sequence[Any],
    width: Any,
    form: Any,
    fields: Mapping[str, int],
) -> None:
    where = "all of R^N" if box is None else "the box"
    counts = ", ".join(f"{count} {role}" for role, count in Counter(roles).items())
    print(f"{net}, on {where}\n  nodes: {counts or 'none'}\n  {width}")
    print("  " + str(form).replace("\n", "\n  "))
    print(
        "  directions that leave the function unchanged: "
        + (", ".join(f"{n} {name}" for name, n in fields.items()) or "none")
    )


def _describe_deep(options: argparse.Namespace, net: DeepReLU, assumed: list[str]) -> int:
    box = box_of(options.box, net.widths[0])
    ends = box
    failures = general_position_failures(net, ends)
    states = None if ends is None else node_states(net, ends)
    layers = (
        []
        if states is None
        else [Counter(str(state) for state in layer) for layer in states.states]
    )
    if options.json:
        document = {
            "command": "symmetry describe",
            "widths": net.widths,
            "parameters": net.parameters,
            "nodes": layers,
        }
        print_document({**document, "not_in_general_position": failures, "assumed": assumed})
        return 0
    print(f"ReLU network {'-'.join(map(str, net.widths))}, {net.parameters} parameters")
    print(
        f"  scaling alone leaves {sum(net.widths[1:-1])} directions without effect, one for every "
        f"hidden node"
    )
    for i, layer in enumerate(layers):
        print(
            f"  hidden layer {i}, on the box: "
            + ", ".join(f"{count} {state}" for state, count in layer.items())
        )
    if box is None:
        print("  with --box LOW HIGH, dead and always active nodes are looked for")
    print(
        "  in general position"
        if not failures
        else "  not in general position: " + "; ".join(failures)
    )
    print_assumed(assumed)
    return 0


def _pictures(
    net: TwoLayerReLU, box: Box | None, options: argparse.Namespace
) -> tuple[list[Path], OSError | None]:
    """The files that were written, and why one was not."""
    shown = box or _box_around_kinks(net)
    made: dict[str, Figure] = {"graph": plot.network_graph(net, box)}
    if net.inputs == 1:
        made["kinks"] = plot.kinks(net, shown)
    elif net.inputs == 2:
        made["boundaries"], made["surface"] = (
            plot.activation_boundaries(net, shown),
            plot.surface(net, shown),
        )
    out = folder(options.out)
    saved = [
        saved_or_why(figure, out, f"{options.net.stem}-{name}") for name, figure in made.items()
    ]
    return [path for path, _ in saved if path is not None], next(
        (error for _, error in saved if error is not None), None
    )


def _box_around_kinks(net: TwoLayerReLU) -> Box:
    """Wide enough for every activation boundary to pass through."""
    reach = [abs(node.b) / max(abs(v) for v in node.w) for node in net.nodes if any(node.w)]
    side = MARGIN * max([*reach, Fraction(1)])
    return Box([-side] * net.inputs, [side] * net.inputs)


def _equivalent(options: argparse.Namespace) -> int:
    (a, assumed), (b, assumed_of_b) = (
        read_network_file(options.net, options),
        read_network_file(options.other, options),
    )
    assumed = list(dict.fromkeys(assumed + assumed_of_b))
    if isinstance(a, TwoLayerSmooth) or isinstance(b, TwoLayerSmooth):
        return equivalent_files(
            a,
            b,
            box_of(options.box, a.widths[0] if isinstance(a, DeepReLU) else a.inputs),
            assumed,
            options,
        )
    if isinstance(a, DeepReLU) != isinstance(b, DeepReLU):
        a, b = (net if isinstance(net, DeepReLU) else to_deep(net) for net in (a, b))
    box = box_of(options.box, a.widths[0] if isinstance(a, DeepReLU) else a.inputs)
    if isinstance(a, TwoLayerReLU) and isinstance(b, TwoLayerReLU):
        result = equivalent(a, b, box, options.tolerance)
        point = (
            result.witness.point if result.witness is not None and result.distance is None else None
        )
        details: dict[str, Any] = {
            "exactly": result.is_exact,
            "undecided": result.is_undecided,
            "transformation": None
            if result.transformation is None
            else [str(step) for step in result.transformation.steps],
            "annihilation": None
            if result.transformation is None
            else result.transformation.annihilation,
            "witness": None if point is None else [str(v) for v in point],
            "distance": None
            if result.distance is None
            else [float(result.distance.lower), float(result.distance.upper)],
        }
        answer, text = bool(result), str(result)
    elif isinstance(a, DeepReLU) and isinstance(b, DeepReLU):
        deep = equivalent(a, b, box, options.tolerance)
        details = {
            "status": str(deep.status),
            "witness": None if deep.witness is None else deep.witness.point,
        }
        answer, text = bool(deep), str(deep)
    if options.json:
        print_document(
            {
                "command": "symmetry equivalent",
                "equivalent": answer,
                **details,
                "explanation": text,
                "assumed": assumed,
            }
        )
    else:
        print(text)
        print_assumed(assumed)
    return 0 if answer else 1


def _compress(options: argparse.Namespace) -> int:
    net, assumed = read_network_file(options.net, options)
    if options.output.suffix not in (".npz", ".json", ".safetensors", ".pt"):
        raise RefusalError(
            f"--output: {options.output} should end in .npz, .json, .safetensors or .pt"
        )
    new_file("--output", options.output)
    if isinstance(net, TwoLayerSmooth):
        return compress_file(net, assumed, options)
    if isinstance(net, DeepReLU):
        _refuse_relative_tolerance(options, net)
        box = box_of(options.box, net.widths[0])
        if box is None:
            raise RefusalError(
                "--box: a network with several hidden layers is compressed on a box; give --box "
                "LOW HIGH"
            )
        if options.eps is not None:
            raise RefusalError("--eps: only two-layer networks are compressed with loss")
        found = compress_deep(net, box)
        write(found.network, options.output)
        before, after, text = sum(net.widths[1:-1]), sum(found.network.widths[1:-1]), str(found)
    else:
        box = box_of(options.box, net.inputs)
        if options.eps is not None and options.relative_tolerance is not None:
            raise RefusalError(
                "--relative-tolerance: --eps allows the outputs to change already; give one of them"
            )
        if options.eps is None:
            narrow = compress(net, box, options.relative_tolerance)
            text = str(minimal_width(net, box, relative_tolerance=options.relative_tolerance))
        elif box is None:
            raise RefusalError(
                "--eps: a change of the outputs is measured on a box; give --box LOW HIGH"
            )
        else:
            near = nearby(net, options.eps, box)
            narrow, text = near.net, str(near)
        write(narrow, options.output)
        before, after = net.width, narrow.width
    if options.json:
        document = {
            "command": "symmetry compress",
            "before": before,
            "after": after,
            "output": options.output,
        }
        print_document({**document, "explanation": text, "assumed": assumed})
    else:
        print(
            f"{before} → {after} hidden nodes\n  {text.replace(chr(10), chr(10) + '  ')}\n  "
            f"network: {options.output}"
        )
        print_assumed(assumed)
    return 0


def _animate(found: Fibre, net: TwoLayerReLU, options: argparse.Namespace) -> None:
    """A path between two parameters of the component the network, or the first sample, lies in."""
    if options.animate.suffix != ".gif":
        raise RefusalError(f"--animate: {options.animate} should end in .gif")
    new_file("--animate", options.animate)
    start = net if net.width == found.width else found.sample(options.seed)
    path = found.path(start, found.sample(options.seed + 1, component=found.component_of(start)))
    if not path:
        raise RefusalError(f"--animate: no path: {path}")
    plot.animate_fibre_path(path, options.animate)


def _hidden(options: argparse.Namespace) -> int:
    read_in, assumed = read_network_file(options.net, options)
    if isinstance(read_in, TwoLayerSmooth):
        raise RefusalError(
            f"NET: {options.net} is a {read_in}; an analytic activation has no kinks that could "
            f"hide"
        )
    net = read_in if isinstance(read_in, DeepReLU) else to_deep(read_in)
    box = box_of(options.box, net.widths[0])
    assert box is not None  # the parser asks for it
    drawn = net.widths[0] <= 2 and net.widths[-1] >= 1
    out = place(options.out) if drawn else None
    found = hidden_polytopes(net, box, seed=options.seed)
    figure, not_drawn = None, None
    if out is not None:
        picture = plot.hidden_kinks(net, box, found)
        figure, not_drawn = saved_or_why(picture, out, f"{options.net.stem}-hidden")
    if options.json:
        kinks = [
            {
                "layer": kink.layer,
                "nodes": kink.nodes,
                "side": kink.side,
                "tilts": kink.tilts,
                "backward": kink.backward,
                "forward": kink.forward,
                "stopped_by": kink.stopped_by,
                "ends": kink.ends,
            }
            for kink in found
        ]
        figures = [] if figure is None else [figure]
        document = {
            "command": "symmetry hidden",
            "widths": net.widths,
            "kinks": kinks,
            "incomplete": found.incomplete,
        }
        print_document({**document, "figures": figures, "assumed": assumed})
    else:
        count = (
            f"{len(found)} hidden kink{'s' * (len(found) != 1)}"
            if found
            else "no hidden kinks found"
        )
        print(f"ReLU network {'-'.join(map(str, net.widths))}, {count} on the box")
        for kink in found:
            print(f"  {kink}")
        for what in found.incomplete:
            print(f"  incomplete: {what}")
        if figure is not None:
            print(f"  figure: {figure}")
        if not_drawn is not None:
            print("  figure: not written")
        print_assumed(assumed)
    if not_drawn is not None:
        raise not_drawn
    return 0


def _fibre(options: argparse.Namespace) -> int:
    net, assumed = read_network_file(options.net, options)
    if isinstance(net, TwoLayerSmooth):
        return fibre_of(net, assumed, options)
    if isinstance(net, DeepReLU):
        raise RefusalError(
            f"NET: {options.net} has {net.hidden_layers} hidden layers; fibres are classified for "
            f"one"
        )
    width = net.width if options.width is None else options.width
    found = fibre(
        net, width, box_of(options.box, net.inputs), relative_tolerance=options.relative_tolerance
    )
    net = found.net
    if options.animate is not None and (found.domain is not None or net.outputs > 1):
        raise RefusalError(
            "--animate: paths are built for one output on all of R^N; leave --box out, or take one "
            "output"
        )
    if options.animate is not None:
        _animate(found, net, options)
    if options.json:
        components = [
            {
                "kind": c.kind.value,
                "copies": c.copies,
                "dimension": c.dimension,
                "description": found.describe(i),
            }
            for i, c in enumerate(found.components)
        ]
        document = {
            "command": "symmetry fibre",
            "width": found.width,
            "number": found.number,
            "components": components,
        }
        snapped = None if found.snapped is None else _snapped_document(found.snapped)
        note = None if snapped else relations_up_to_rounding(found.net, found.domain) or None
        print_document({**document, "snapped": snapped, "up_to_rounding": note, "assumed": assumed})
    else:
        print(found)
        print_assumed(assumed)
    return 0

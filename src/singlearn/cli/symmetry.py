"""``singlearn symmetry``: its arguments; the actions are imported only when one is run."""

from __future__ import annotations

import argparse
from pathlib import Path

from singlearn.cli.arguments import (
    Commands,
    Parser,
    add_command,
    add_network_file,
    at_least,
    positive,
    relative_tolerance,
)


def add_arguments(commands: Commands) -> None:
    """Add the command, its actions and their arguments."""
    command = commands.add_parser(
        "symmetry",
        help="decide whether ReLU networks are the same function, see their symmetries, compress "
        "them",
        description="What leaves a ReLU network's function unchanged.",
        epilog="NET is a .npz, .json, .safetensors or .pt file (a state dictionary) with arrays "
        "<layer>.weight and <layer>.bias,\n"
        'or a .json with w, b, q, c of a two-layer network, where fractions such as "1/3" stay '
        "exact.\n"
        "describe and equivalent also take transformers: a Hugging Face folder (config.json and "
        "weights of GPT-2, Llama, Mistral or\n"
        "Qwen2), or a .pt file with the state dictionary of a torch.nn.TransformerEncoder, with "
        "--heads and the options beside it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = command.add_subparsers(
        dest="action", metavar="ACTION", title="actions", parser_class=Parser, required=True
    )
    describe = add_command(
        actions,
        "describe",
        "say what a network's nodes do, its kinks, and how degenerate it is",
        "singlearn symmetry describe net.npz --box -1 1",
        seed=False,
    )
    describe.add_argument("net", metavar="NET", type=Path)
    hierarchy = add_command(
        actions,
        "hierarchy",
        "draw at which distance nodes merge, die and annihilate, and how wide a network must be "
        "within it",
        "singlearn symmetry hierarchy net.npz --box -1 1",
        seed=False,
    )
    hierarchy.add_argument("net", metavar="NET", type=Path)
    equal = add_command(
        actions,
        "equivalent",
        "decide whether two networks are the same function (exit status 0 if so, 1 if not)",
        "singlearn symmetry equivalent a.npz b.npz --box -1 1 --tolerance 1e-6",
        seed=False,
        figures=False,
    )
    equal.add_argument("net", metavar="A", type=Path)
    equal.add_argument("other", metavar="B", type=Path)
    equal.add_argument(
        "--tolerance",
        type=positive,
        metavar="ε",
        help="largest difference of the outputs on the box that is allowed, absolute, in their "
        "units; needs --box",
    )
    compress = add_command(
        actions,
        "compress",
        "write an equivalent network with fewer hidden nodes",
        "singlearn symmetry compress net.npz -o small.npz",
        seed=False,
        figures=False,
    )
    compress.add_argument("net", metavar="NET", type=Path)
    compress.add_argument(
        "-o",
        "--output",
        metavar="OUT",
        type=Path,
        required=True,
        help="file to write; its ending chooses the format",
    )
    compress.add_argument(
        "--eps",
        type=positive,
        metavar="ε",
        help="two layers: allow the outputs to change by this much on the box",
    )
    fibre = add_command(
        actions,
        "fibre",
        "list the parameters of a given width that compute the same function",
        "singlearn symmetry fibre net.json --width 4",
        figures=False,
    )
    fibre.add_argument("net", metavar="NET", type=Path)
    fibre.add_argument(
        "--width",
        type=at_least(0),
        metavar="H",
        help="number of hidden nodes (default: the network's own)",
    )
    fibre.add_argument(
        "--animate",
        type=Path,
        metavar="FILE.gif",
        help="one or two inputs: a path from the network, or from its first sample, to another",
    )
    hidden = add_command(
        actions,
        "hidden",
        "find kinks that do not show in the outputs, and how far they can slide",
        "singlearn symmetry hidden net.npz --box -1 1",
    )
    hidden.add_argument("net", metavar="NET", type=Path)
    for action in (describe, compress, fibre):
        action.add_argument(
            "--relative-tolerance",
            type=relative_tolerance,
            metavar="τ",
            help="two layers: relations that hold up to this relative size are taken as exact, and "
            "the change of the outputs is "
            'certified; "rounding" for what floats make',
        )
    for action in (describe, equal, compress, fibre, hierarchy, hidden):
        add_network_file(action)
    for action in (describe, equal):
        encoder = action.add_argument_group(
            "what the weights of a TransformerEncoder do not tell (with --activation relu or gelu)"
        )
        encoder.add_argument("--heads", type=at_least(1), metavar="N", help="nhead")
        encoder.add_argument(
            "--norm", choices=("first", "last"), help="norm_first: before or behind the additions"
        )
        encoder.add_argument("--epsilon", type=positive, metavar="ε", help="layer_norm_eps")
        encoder.add_argument(
            "--causal", action="store_true", help="the function with the causal mask"
        )
        action.add_argument(
            "--ignore",
            metavar="KEY",
            action="append",
            help="a key of config.json that does not change the function; may be repeated",
        )
    for action in (describe, equal, compress, fibre, hierarchy, hidden):
        action.add_argument(
            "--box",
            nargs=2,
            metavar=("LOW", "HIGH"),
            required=action in (hierarchy, hidden),
            help="on a box of inputs only: two numbers, or comma-separated numbers for the inputs",
        )


def run(options: argparse.Namespace) -> int:
    """Read the networks, do what was asked, print it."""
    from singlearn.cli.symmetry_actions import run_action

    return run_action(options)

"""``singlearn explore``."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from singlearn.cli.arguments import Commands, add_command, add_network_file
from singlearn.cli.figure_file import folder, free_name, new_file
from singlearn.results.document import print_document

NAME = "explore.html"


def add_arguments(commands: Commands) -> None:
    """Add the command and its arguments."""
    command = add_command(
        commands,
        "explore",
        "see why a model is singular, by moving its parts, in a browser",
        "singlearn explore net.npz",
        seed=False,
    )
    command.add_argument(
        "net",
        nargs="?",
        type=Path,
        metavar="NET",
        help="a two-layer ReLU network to open, in a file that symmetry describe reads (default: "
        "an example)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE.html",
        help="the page to write (default: --out, if it ends in .html, or explore.html in it)",
    )
    command.add_argument(
        "--scene",
        metavar="NAME",
        help="the scene to begin with: network, fibre, valley, descent or phases",
    )
    command.add_argument(
        "--no-open", action="store_true", help="write the page, do not start a browser"
    )
    add_network_file(command)


def run(options: argparse.Namespace) -> int:
    """Write the page and show it."""
    from singlearn.cli.network_file import print_assumed, read_network_file
    from singlearn.explore import explore

    net, assumed = (None, []) if options.net is None else read_network_file(options.net, options)
    explorer = explore(net, scene=options.scene)
    path = explorer.save(_place(options))
    opened = not (options.no_open or options.json) and _shown(path)
    if options.json:
        print_document(
            {
                "command": "explore",
                "page": path,
                "bytes": path.stat().st_size,
                "scene": explorer.scene,
                "assumed": assumed,
            }
        )
        return 0
    print(f"explorer: {path}{'' if opened else ', for any browser'}")
    print_assumed(assumed)
    return 0


def _place(options: argparse.Namespace) -> Path:
    """The file to write: the one that is named, or one in a folder."""
    out: Path = options.out
    if options.output is not None:
        return new_file("--output", options.output)
    if out.suffix.lower() in (".html", ".htm"):
        folder(out.parent)
        return new_file("--out", out)
    return free_name(folder(out) / NAME)


def _shown(path: Path) -> bool:
    """Whether a browser could be started."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False

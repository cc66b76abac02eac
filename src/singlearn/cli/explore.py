"""``singlearn explore``."""

from __future__ import annotations

import argparse
import webbrowser
from pathlib import Path

from singlearn.cli.figure_file import folder, free_name, new_file
from singlearn.cli.network_file import print_assumed, read_network_file
from singlearn.explore import explore
from singlearn.results.document import print_document

NAME = "explore.html"


def run_explore(options: argparse.Namespace) -> int:
    """Write the page and show it."""
    net, assumed = (None, []) if options.net is None else read_network_file(options.net, options)
    explorer = explore(net, scene=options.scene)
    path = explorer.save(
        free_name(folder(options.out) / NAME)
        if options.output is None
        else new_file("--output", options.output)
    )
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


def _shown(path: Path) -> bool:
    """Whether a browser could be started."""
    try:
        return webbrowser.open(path.resolve().as_uri())
    except webbrowser.Error:
        return False

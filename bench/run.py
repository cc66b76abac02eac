"""One piece of work, done twice, and the ratio: ``python bench/run.py RIVAL``."""

from __future__ import annotations

import argparse
import importlib
import os
import platform
from collections.abc import Sequence

RIVALS = {
    "numpyro": "numpyro_nuts",
    "pyro": "pyro_nuts",
    "throughput": "throughput",
    "scaling": "scaling",
    "symmetry": "symmetry",
    "local": "local_deep_linear",
    "pairing": "local_pairing",
    "samplers": "local_samplers",
    "bfloat16": "local_bfloat16",
    "devinterp": "local_devinterp",
    "generalisation": "generalisation",
    "modes": "unseen_modes",
    "reweighting": "reweighting",
    "calibration": "calibration",
    "large-model": "large_model",
    "silu": "silu_at_w0",
    "activations": "activations_task",
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, say on what machine, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    rivals = parser.add_subparsers(dest="rival", metavar="{" + ",".join(RIVALS) + "}")
    for name, module in RIVALS.items():
        # Each benchmark brings its own options, and is imported only when it is asked for.
        rivals.add_parser(name, add_help=False).set_defaults(module=module)
    chosen, rest = parser.parse_known_args(arguments)
    if chosen.rival is None:
        parser.print_help()
        return
    load = ", ".join(f"{x:.1f}" for x in os.getloadavg())
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load before the start {load} (1, 5, 15 "
        f"minutes)"
    )
    importlib.import_module(chosen.module).main(rest)


if __name__ == "__main__":
    main()

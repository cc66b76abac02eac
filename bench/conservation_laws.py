"""Conserved quantities of a hundred small networks, counted with proof.

The rival is a published notebook (Marcotte, Gribonval & Peyré 2023): for a hundred random linear
and ReLU networks it computes the dimension of the Lie algebra by symbolic brackets and finds the
textbook number of laws in each. Its authors report 34 minutes for the linear and 113 for the ReLU
networks on 64 cores. It needs Sage, so that it is not run here.
"""

import argparse
import time

import numpy as np

from singlearn import flow
from singlearn.flow.networks.chain import linear_chain
from singlearn.flow.networks.relu import relu_network

PUBLISHED = {"linear": 34 * 60.0, "ReLU": 113 * 60.0}
CORES = 64


def networks(kind, count, rng):
    """Random networks: linear of depth 2 to 4 and widths 2 to 5, ReLU of depth 2 to 4 and widths 2
    to 9.
    """
    widest = 5 if kind == "linear" else 9
    for _ in range(count):
        widths = rng.integers(2, widest + 1, int(rng.integers(2, 5)) + 1).tolist()
        yield linear_chain(widths) if kind == "linear" else relu_network(widths, bias=False)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=50, help="networks of each kind")
    arguments = parser.parse_args()
    print(
        f"{'kind':8}{'networks':>9}{'proved':>8}{'parameters':>12}"
        f"{'ours, CPU s':>13}{'published, s':>14} "
        f" on {CORES} cores"
    )
    for kind, published in PUBLISHED.items():
        rng = np.random.default_rng(0)
        start = time.process_time()
        found = [flow.count(network) for network in networks(kind, arguments.count, rng)]
        spent = time.process_time() - start
        sizes = f"{min(f.dimension for f in found)}-{max(f.dimension for f in found)}"
        print(
            f"{kind:8}{len(found):9}{sum(f.proved for f in found):8}{sizes:>12}"
            f"{spent:13.1f}{published:14.0f}"
        )


if __name__ == "__main__":
    main()

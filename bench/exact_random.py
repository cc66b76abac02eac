"""Random polynomials: how often is λ proved, and does it agree with a measured volume?

    python bench/exact_random.py --count 30 --measure

prints one line a class: how many polynomials, how many proved, the median and longest time, and how
many of the proved ones disagree with a volume measured without algebra (``tests/sliced_volume.py``,
``tests/splitting_volume.py`` where that is too noisy).
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
import time
from collections.abc import Iterator
from fractions import Fraction
from math import inf
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from singlearn.exact import rlct
from sliced_volume import slope
from splitting_volume import splitting_slope

TOLERANCE = 0.04
"""On λ. Volumes down to t = 1e-20 (one square) or 1e-12 (several) still feel the second pole by
about as much.
"""


def sparse(generator: random.Random, names: str, degree: int, terms: int, lowest: int = 1) -> str:
    """A random polynomial without constant term."""
    monomials: set[tuple[int, ...]] = set()
    while len(monomials) < terms:
        exponents = [0] * len(names)
        for _ in range(generator.randint(lowest, degree)):
            exponents[generator.randrange(len(names))] += 1
        monomials.add(tuple(exponents))
    parts = []
    for exponents in sorted(monomials):
        powers = "".join(f"*{n}^{e}" for n, e in zip(names, exponents, strict=True) if e)
        parts.append(f"({generator.choice([-3, -2, -1, 1, 1, 2, 3])}){powers}")
    return " + ".join(parts)


def families(generator: random.Random) -> Iterator[tuple[str, list[str]]]:
    """One polynomial of every class, as generators."""

    def some(names: str, count: int, degree: int, terms: tuple[int, int], lowest: int) -> list[str]:
        return [
            sparse(generator, names, degree, generator.randint(*terms), lowest)
            for _ in range(count)
        ]

    yield "2 variables, f²", some("xy", 1, 3, (2, 4), 1)
    yield "2 variables, f², order ≥ 2", some("xy", 1, 3, (3, 5), 2)
    yield "2 variables, squares", some("xy", generator.randint(2, 3), 3, (1, 3), 1)
    yield (
        "2 variables, (product)²",
        [f"({sparse(generator, 'xy', 1, 2)})*({sparse(generator, 'xy', 2, 2, 2)})"],
    )
    yield (
        "2 variables, (square + …)²",
        [f"({sparse(generator, 'xy', 1, 2)})^2 + {sparse(generator, 'xy', 3, 2, 3)}"],
    )
    yield "3 variables, f²", some("xyz", 1, 3, (2, 4), 1)
    yield "3 variables, f², order ≥ 2", some("xyz", 1, 3, (3, 6), 2)
    yield "3 variables, squares", some("xyz", generator.randint(2, 3), 3, (2, 3), 1)
    yield "3 variables, squares, order ≥ 2", some("xyz", generator.randint(2, 3), 3, (2, 3), 2)
    yield "4 variables, f², order ≥ 2", some("xyzw", 1, 3, (2, 5), 2)
    yield "4 variables, squares", some("xyzw", generator.randint(2, 3), 3, (2, 4), 1)
    yield "4 variables, squares, order ≥ 2", some("xyzw", generator.randint(2, 3), 3, (2, 3), 2)
    yield "5 variables, squares, order ≥ 2", some("xyzwv", generator.randint(2, 3), 3, (2, 3), 2)


def numbers(generators: list[str]) -> list[dict[tuple[int, ...], float]]:
    """The generators as exponents and coefficients."""
    from singlearn.exact.read.inputs import read_function
    from singlearn.exact.read.ring import terms_of

    return [
        {e: float(Fraction(str(c))) for e, c in terms_of(g).items()}
        for g in read_function(generators).generators
    ]


def disagreement(generators: list[str], value: Fraction, multiplicity: int) -> str:
    """Empty if the measured slope agrees with λ given m."""
    polynomials = numbers(generators)
    size = len(next(iter(polynomials[0])))
    low, high = (1e-20, 1e-13) if len(polynomials) == 1 else (1e-14, 1e-9)
    for half_width in (0.5, 0.2):
        found, error = slope(
            polynomials,
            multiplicity,
            low,
            high,
            half_width=half_width,
            log2_points={2: 10, 3: 11, 4: 12}[size],
        )
        if abs(found - float(value)) < TOLERANCE + 3 * error and error < TOLERANCE:
            return ""
    found, error = splitting_slope(polynomials, multiplicity)
    if abs(found - float(value)) < TOLERANCE + 3 * error:
        return ""
    return f"λ = {value}, m = {multiplicity}, measured {found:.3f} ± {error:.3f}: {generators}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=10, help="polynomials of each class")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for each")
    parser.add_argument(
        "--measure", action="store_true", help="measure volumes of those in at most 4 variables"
    )
    options = parser.parse_args()
    generator = random.Random(options.seed)
    table: dict[str, list[tuple[bool, float, bool | None]]] = {}
    for _ in range(options.count):
        for name, generators in families(generator):
            begin = time.perf_counter()
            result = rlct(generators, timeout=options.timeout)
            seconds = time.perf_counter() - begin
            wrong = None
            variables = len(next(iter(numbers(generators)[0])))
            if (
                options.measure
                and result.status == "proved"
                and result.value != inf
                and 2 <= variables <= 4
            ):
                message = disagreement(
                    generators, Fraction(result.value), int(result.multiplicity or 0)
                )
                wrong = bool(message)
                if wrong:
                    print("disagrees:", name, message, flush=True)
            table.setdefault(name, []).append((result.status == "proved", seconds, wrong))
    print(
        f"{'class':34}{'number':>8}{'proved':>8}{'median':>10}{'longest':>10}{'measured':>10}{'disagree':>10}"
    )
    for name, rows in table.items():
        times = [seconds for _, seconds, _ in rows]
        measured = [wrong for *_, wrong in rows if wrong is not None]
        print(
            f"{name:34}{len(rows):8}{sum(p for p, *_ in rows):8}{statistics.median(times):8.3f} "
            f"s{max(times):8.2f} s"
            f"{len(measured):10}{sum(measured):10}"
        )


if __name__ == "__main__":
    main()

"""A problem as a Stan program and the data that it reads; problems know it, not the reverse."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

WORDS = {
    "normal": "normal({location}, {scale})",
    "half_normal": "normal(0, {scale})",
    "uniform": "uniform({low}, {high})",
    "gamma": "gamma({concentration}, {rate})",
    "beta": "beta({first}, {second})",
}


RESERVED = {"target": "true_map"}
"""What Stan has words of its own for."""


def program(problem: Any) -> str | None:
    """The program; its constants are written into it, its data are :func:`data`, β among them.

    Args:
        problem: of which the program is.

    Returns:
        The text, or ``None`` where its family has no lines for Stan.
    """
    body = problem.model.stan
    if body is None:
        return None
    constants = {**problem.constants, "components": 0, "layers": len(problem.prior)}
    for part in problem.prior:
        if part.parameter in ("means", "rates", "probabilities"):
            constants["components"] = part.whole_shape[0]
    lines = ["data {", "  int<lower=1> n;", "  real<lower=0> beta;", "  real sample_size;"]
    lines += [f"  {_declared(name, value)}" for name, value in data_arrays(problem).items()]
    lines += ["}", "parameters {"]
    lines += [f"  {_parameter(part)}" for part in problem.prior]
    lines += ["}", "model {"]
    for part in problem.prior:
        lines += _prior(part)
    lines += ["  {", "    real log_likelihood = 0;", body(constants)]
    if problem.is_population:
        lines += ["    log_likelihood = -sample_size * K;"]
    return "\n".join([*lines, "    target += beta * log_likelihood;", "  }", "}", ""])


def data_arrays(problem: Any) -> dict[str, np.ndarray]:
    """Data and constants that are numbers, as arrays: what Stan declares."""
    constants = {
        RESERVED.get(name, name): np.asarray(value)
        for name, value in problem.constants.items()
        if not isinstance(value, str | dict)
    }
    return {**constants, **problem.arrays}


def data(problem: Any, inverse_temperature: float = 1.0) -> str:
    """What the program reads, as JSON."""
    arrays = {name: value.tolist() for name, value in data_arrays(problem).items()}
    rows = max(int(problem.n), 1) if problem.data else 1
    return json.dumps({**arrays, "n": rows, "beta": inverse_temperature, "sample_size": problem.n})


def _declared(name: str, value: np.ndarray) -> str:
    kind = "int" if np.issubdtype(value.dtype, np.integer) else "real"
    if value.ndim == 0:
        return f"{kind} {name};"
    sizes = ", ".join(map(str, value.shape))
    if kind == "int":
        return f"array[{sizes}] int {name};"
    return (
        f"vector[{sizes}] {name};"
        if value.ndim == 1
        else f"matrix[{sizes}] {name};"
        if value.ndim == 2
        else f"array[{sizes}] real {name};"
    )


def _parameter(part: Any) -> str:
    if part.support == "simplex":
        simplex = f"simplex[{part.whole_shape[-1]}]"
        return (
            f"{simplex} {part.parameter};"
            if not part.shape
            else (f"array[{part.shape[0]}] {simplex} {part.parameter};")
        )
    bound = {"real": "", "positive": "<lower=0>"}.get(part.support)
    if bound is None:
        low, high = part.settings.get("low", 0), part.settings.get("high", 1)
        bound = f"<lower={low}, upper={high}>"
    if not part.shape:
        return f"real{bound} {part.parameter};"
    if len(part.shape) == 1:
        return f"vector{bound}[{part.shape[0]}] {part.parameter};"
    return f"matrix{bound}[{part.shape[0]}, {part.shape[1]}] {part.parameter};"


def _prior(part: Any) -> list[str]:
    settings: dict[str, Any] = dict(part.settings)
    name = part.parameter
    if part.distribution == "dirichlet":
        alpha = f"[{', '.join(map(str, settings['concentration']))}]'"
        if not part.shape:
            return [f"  {name} ~ dirichlet({alpha});"]
        return [f"  for (row in 1:{part.shape[0]}) {name}[row] ~ dirichlet({alpha});"]
    if part.distribution == "normal_mixture":
        (first, second), (narrow, wide) = settings["weights"], settings["scales"]
        return [
            f"  for (i in 1:{part.size})",
            f"    target += log_sum_exp(log({first}) + normal_lpdf({name}[i] | 0, {narrow}),",
            f"                          log({second}) + normal_lpdf({name}[i] | 0, {wide}));",
        ]
    whole = f"to_vector({name})" if len(part.shape) == 2 else name
    return [f"  {whole} ~ {WORDS[part.distribution].format(**settings)};"]

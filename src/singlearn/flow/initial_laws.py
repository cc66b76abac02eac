"""What law an initialiser draws weights from."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float

Kind = Literal["independent", "Haar", "unknown"]
Draw = Callable[[np.random.Generator, int, int, int], Float[np.ndarray, "count d n"]]
TRUNCATED = 0.87962566103423978
"""Standard deviation of a standard normal that is cut off at ±2."""


@dataclass(frozen=True)
class EntryLaw:
    """Of one weight, up to its scale.

    Attributes:
        kind: "independent": all entries are independent and of one law; "Haar": an orthogonal
            matrix, or rows or columns of one; "unknown": only draws are known.
        name: in words.
        gaussian: whether it is Gaussian (a constant is).
        symmetric: about its mean.
        mean, variance, third, fourth: cumulants; fourth may be infinite.
    """

    kind: Kind
    name: str
    gaussian: bool = False
    symmetric: bool = True
    mean: float = 0.0
    variance: float = 1.0
    third: float = 0.0
    fourth: float = 0.0


@dataclass(frozen=True)
class Initialiser:
    """A law, and how to draw many matrices W (outputs × inputs) from it."""

    law: EntryLaw
    draw: Draw


def read_initialiser(
    given: Any, settings: dict[str, Any], name: str = "initialiser"
) -> Initialiser:
    """Understand an initialiser, or refuse it by name.

    Args:
        given: a function of ``torch.nn.init``, maybe as a ``functools.partial``; one that
            ``jax.nn.initializers`` makes; a name such as "numpy.uniform" or
            "torch.kaiming_uniform_" or "jax.he_normal"; or a sampler ``f(generator, (d, n))``.
        settings: keywords for a name or a function of torch.
        name: of the argument.

    >>> read_initialiser("numpy.standard_normal", {}).law.gaussian
    True
    >>> read_initialiser("numpy.uniform", {}).law.mean       # on [0, 1)
    0.5
    """
    if isinstance(given, str):
        library, _, function = given.partition(".")
        if library == "numpy":
            return _numpy(function, settings, name)
        if library == "torch":
            import torch

            found = getattr(torch.nn.init, function, None)
            if found is None:
                raise ValueError(f"{name}: got {given!r}; torch.nn.init has no {function}")
            return read_initialiser(found, settings, name)
        if library == "jax":
            import jax

            found = getattr(jax.nn.initializers, function, None)
            if found is None:
                raise ValueError(f"{name}: got {given!r}; jax.nn.initializers has no {function}")
            return read_initialiser(
                found if function in ("zeros", "ones") else found(**settings), {}, name
            )
        raise ValueError(
            f"{name}: got {given!r}; it should say whose it is, such as 'numpy.uniform' or "
            f"'jax.he_normal'"
        )
    if isinstance(given, functools.partial):
        if given.args:
            raise ValueError(f"{name}: got a partial with arguments that have no names; name them")
        return read_initialiser(given.func, {**given.keywords, **settings}, name)
    if not callable(given):
        raise ValueError(
            f"{name}: got {type(given).__name__}; it should be an initialiser, its name, or a "
            f"sampler f(generator, (d, n))"
        )
    module = getattr(given, "__module__", "") or ""
    if module == "torch.nn.init":
        return _torch(given, settings, name)
    if module.startswith("jax._src.nn.initializers") or module.startswith("jax.nn.initializers"):
        return _jax(given, name)
    if settings:
        raise ValueError(
            f"{name}: {sorted(settings)} are settings of an initialiser by name; a sampler has none"
        )
    return Initialiser(
        EntryLaw("unknown", f"sampler {getattr(given, '__name__', 'given')}"),
        lambda rng, *shape: _sampled(given, rng, shape, name),
    )


def _sampled(
    sampler: Any, rng: np.random.Generator, shape: tuple[int, int, int], name: str
) -> Float[np.ndarray, "count d n"]:
    found = np.empty(shape)
    for k in range(shape[0]):
        drawn = np.asarray(sampler(rng, shape[1:]), dtype=float)
        if drawn.shape != shape[1:] or not np.isfinite(drawn).all():
            raise ValueError(
                f"{name}: the sampler gave an array of shape {drawn.shape}; it should be finite "
                f"and of shape {shape[1:]}"
            )
        found[k] = drawn
    return found


def _gaussian(mean: float, deviation: float) -> EntryLaw:
    words = "Gaussian" if mean == 0 else f"Gaussian with mean {mean:g}"
    return EntryLaw("independent", words, gaussian=True, mean=mean, variance=deviation**2)


def _uniform(low: float, high: float) -> EntryLaw:
    half = (high - low) / 2
    return EntryLaw(
        "independent",
        f"uniform on [{low:g}, {high:g}]",
        mean=(low + high) / 2,
        variance=half**2 / 3,
        fourth=-2 * half**4 / 15,
    )


def _constant(value: float) -> EntryLaw:
    return EntryLaw("independent", f"constant {value:g}", gaussian=True, mean=value, variance=0.0)


def _of_scipy(name: str, law: Any) -> EntryLaw:
    mean, variance, skew, excess = (float(v) for v in law.stats("mvsk"))
    deviation = math.sqrt(variance) if variance > 0 else math.nan
    # scipy says nan where a moment does not exist.
    fourth = math.inf if math.isnan(excess) else excess * variance**2
    third = math.inf if math.isnan(skew) else skew * deviation**3
    return EntryLaw(
        "independent",
        name,
        symmetric=skew == 0 or abs(third) < 1e-12,
        mean=mean,
        variance=variance,
        third=third,
        fourth=fourth,
    )


def _truncated(mean: float, deviation: float, low: float, high: float) -> EntryLaw:
    from scipy.stats import truncnorm

    law = truncnorm((low - mean) / deviation, (high - mean) / deviation, loc=mean, scale=deviation)
    found = _of_scipy(f"normal cut off to [{low:g}, {high:g}]", law)
    symmetric = math.isclose(high - mean, mean - low, rel_tol=1e-12)
    return EntryLaw(
        "independent",
        found.name,
        symmetric=symmetric,
        mean=mean if symmetric else found.mean,
        variance=found.variance,
        third=0.0 if symmetric else found.third,
        fourth=found.fourth,
    )


def _numpy(function: str, settings: dict[str, Any], name: str) -> Initialiser:
    from scipy import stats

    if "size" in settings:
        raise ValueError(f"{name}: size is not a setting; the shape is width × inputs")
    of = {key: float(value) for key, value in settings.items()}
    law: EntryLaw
    match function:
        case "standard_normal":
            law = _gaussian(0.0, 1.0)
        case "normal":
            law = _gaussian(of.get("loc", 0.0), of.get("scale", 1.0))
        case "uniform":
            law = _uniform(of.get("low", 0.0), of.get("high", 1.0))
        case "random":
            law = _uniform(0.0, 1.0)
        case "laplace":
            law = _of_scipy("Laplace", stats.laplace(of.get("loc", 0.0), of.get("scale", 1.0)))
        case "logistic":
            law = _of_scipy("logistic", stats.logistic(of.get("loc", 0.0), of.get("scale", 1.0)))
        case "exponential":
            law = _of_scipy("exponential", stats.expon(scale=of.get("scale", 1.0)))
        case "gumbel":
            law = _of_scipy("Gumbel", stats.gumbel_r(of.get("loc", 0.0), of.get("scale", 1.0)))
        case _:
            known = (
                "standard_normal, normal, uniform, random, laplace, logistic, exponential, gumbel"
            )
            raise ValueError(
                f"{name}: got 'numpy.{function}'; of NumPy's generator {known} are known; another "
                f"one can be given as a sampler"
            )
    allowed = {
        "standard_normal": set(),
        "random": set(),
        "uniform": {"low", "high"},
        "exponential": {"scale"},
    }.get(function, {"loc", "scale"})
    if set(of) - allowed:
        raise ValueError(
            f"{name}: numpy.{function} has no setting {', '.join(sorted(set(of) - allowed))}"
        )
    return Initialiser(
        law, lambda rng, *shape: np.asarray(getattr(rng, function)(**of, size=shape), dtype=float)
    )


def _torch(function: Any, settings: dict[str, Any], name: str) -> Initialiser:
    import torch

    kind = function.__name__
    signature = inspect.signature(function).parameters
    unknown = set(settings) - set(signature)
    if unknown or "tensor" in settings or "generator" in settings:
        raise ValueError(
            f"{name}: torch.nn.init.{kind} has no setting "
            f"{', '.join(sorted(unknown)) or 'tensor or generator here'}"
        )
    of = {key: settings.get(key, p.default) for key, p in signature.items()}
    law: EntryLaw
    match kind:
        case "normal_":
            law = _gaussian(float(of["mean"]), float(of["std"]))
        case "xavier_normal_" | "kaiming_normal_":
            law = _gaussian(0.0, 1.0)
        case "uniform_":
            law = _uniform(float(of["a"]), float(of["b"]))
        case "xavier_uniform_" | "kaiming_uniform_":
            law = _uniform(-1.0, 1.0)
        case "trunc_normal_":
            law = _truncated(float(of["mean"]), float(of["std"]), float(of["a"]), float(of["b"]))
        case "constant_" | "ones_" | "zeros_":
            law = _constant(
                {"ones_": 1.0, "zeros_": 0.0}.get(kind, 0.0)
                if kind != "constant_"
                else float(of["val"])
            )
        case "orthogonal_":
            law = EntryLaw("Haar", "Haar-orthogonal")
        case _:
            law = EntryLaw("unknown", f"torch.nn.init.{kind}")

    def draw(
        rng: np.random.Generator, count: int, d: int, n: int
    ) -> Float[np.ndarray, "count d n"]:
        whole = torch.empty(count, d, n, dtype=torch.float64)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(rng.integers(2**31)))
            for matrix in whole:
                function(matrix, **settings)
        return whole.numpy()

    return Initialiser(law, draw)


def _jax(function: Any, name: str) -> Initialiser:
    import jax

    free = inspect.getclosurevars(function).nonlocals if inspect.isfunction(function) else {}
    kind = function.__qualname__.partition(".")[0]
    law = EntryLaw("unknown", f"jax.nn.initializers.{kind}")
    match kind:
        case "variance_scaling":
            law = {
                "normal": _gaussian(0.0, 1.0),
                "uniform": _uniform(-1.0, 1.0),
                "truncated_normal": _truncated(0.0, 1 / TRUNCATED, -2 / TRUNCATED, 2 / TRUNCATED),
            }[free["distribution"]]
        case "normal":
            law = _gaussian(0.0, float(free["stddev"]))
        case "uniform":
            law = _uniform(0.0, float(free["scale"]))
        case "truncated_normal":
            deviation = float(free["stddev"]) / TRUNCATED
            law = _truncated(
                0.0, deviation, float(free["lower"]) * deviation, float(free["upper"]) * deviation
            )
        case "orthogonal":
            law = EntryLaw("Haar", "Haar-orthogonal")
        case "zeros" | "ones":
            law = _constant(float(kind == "ones"))
        case "constant":
            law = _constant(float(free["value"]))

    def draw(
        rng: np.random.Generator, count: int, d: int, n: int
    ) -> Float[np.ndarray, "count d n"]:
        keys = jax.random.split(jax.random.key(int(rng.integers(2**31))), count)
        # A kernel of these libraries is inputs × outputs.
        kernels = jax.vmap(lambda key: function(key, (n, d)))(keys)
        return np.swapaxes(np.asarray(kernels, dtype=float), 1, 2)

    return Initialiser(law, draw)

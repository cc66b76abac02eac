"""Covariances of losses under the local posterior: how components answer to a shift of the data,
and samples to each other.
"""

from __future__ import annotations

import numpy as np
import xarray as xr
from jaxtyping import Float

from singlearn.local.influence.results import Influence, LossChains, Susceptibilities


def influence(chains: LossChains | xr.Dataset, component: str | None = None) -> Influence:
    r"""Bayesian influence of sample i on the loss of sample j (Kreer et al. 2025
    [kreer2025bayesian]_).

    .. math:: I_{ij} = \frac{∂ E[ℓ_j]}{∂ \log v_i} = -\frac{nβ}{n} \mathrm{Cov}(ℓ_i, ℓ_j), \qquad
        p(w) ∝ \exp\left(-\frac{nβ}{n} \sum_i v_i ℓ_i(w) - \frac γ2 |w - w^*|^2\right) \text{ at } v
        = 1.

    In nats: to first order, by how much the expected loss of j changes when i is counted once more
    (and by :math:`-I_{ij}` when i is left out). The source differentiates by the weight times its
    temperature, which is :math:`-\mathrm{Cov}`; divide by nβ/n to compare.

    Args:
        chains: from ``loss_chains``, or its ``dataset`` as it was saved.
        component: whose chains; by default the first.

    Returns:
        ``influence`` and ``standard_error`` (sample × other), ``correlation`` of the two losses,
        and ``influence_NAME`` (sample × sample of the shift), with errors, for every shift. The
        covariance is symmetric, so rows and columns of the first may be exchanged.

    Raises:
        ValueError: an unknown component.
    """
    given = LossChains.of(chains)
    chains = given.dataset
    own = _component(chains, component)
    beta = chains.attrs["nbeta"] / chains.attrs["samples"]
    losses = own["loss"].values
    value, error, deviation = covariance(losses, losses)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = value / np.outer(deviation, deviation)
    found = {
        "influence": (("sample", "other"), -beta * value, {"units": "nats"}),
        "standard_error": (("sample", "other"), beta * error, {"units": "nats"}),
        "correlation": (("sample", "other"), correlation),
    }
    for name in chains.attrs["shifts"]:
        value, error, _ = covariance(losses, own[f"loss_{name}"].values)
        found[f"influence_{name}"] = (
            ("sample", f"sample_{name}"),
            -beta * value,
            {"units": "nats"},
        )
        found[f"standard_error_{name}"] = (
            ("sample", f"sample_{name}"),
            beta * error,
            {"units": "nats"},
        )
    attributes = {**chains.attrs, "component": str(own["component"].values)}
    return Influence(xr.Dataset(found, attrs=attributes), given.cautions)


def susceptibilities(chains: LossChains | xr.Dataset) -> Susceptibilities:
    r"""Response of each component to a shift of the data towards other samples (Baker et al. 2025
    [baker2025structural]_).

    With :math:`L^h = (1-h) L_n + h L'`, :math:`L'` the mean loss of the other samples, and E the
    posterior of the parameters of component C alone, the others held at w*,

    .. math:: χ_C = \frac{1}{nβ} \left.\frac{∂}{∂h} E_h[L_n - L_n(w^*)]\right|_{h=0}
        = -\mathrm{Cov}(L_n, L' - L_n).

    Positive: under the shift the posterior of C moves to where the present data have a higher loss,
    as when the other samples do not feel C at all; negative: they press C harder to where the
    present data want it. For one sample, :math:`χ_{C,i} = -\mathrm{Cov}(L_n, ℓ_i - L_n)`; over the
    samples of a shift these average to χ_C, over the data to 0.

    The source writes the observable with a delta function on the other parameters and takes the
    mean of the shift over the joint posterior; here both means are over the posterior of the
    component, so that χ is the response of its restricted λ̂.

    Args:
        chains: from ``loss_chains``, or its ``dataset`` as it was saved.

    Returns:
        ``susceptibility`` and ``standard_error`` (component × shift), in nats²; ``response``
        :math:`= (nβ)^2 χ`, the change of the restricted λ̂ per unit of h, and ``response_error``;
        ``per_sample`` (component × sample), ``per_sample_NAME``, and their errors.

    The losses ℓ_i = c_i w²/2 with w ~ N(0, 1) have covariances c_i c_j/2:

    >>> w = np.random.default_rng(0).normal(size=(1, 8, 4000, 1))
    >>> axes = "component", "chain", "draw"
    >>> losses = {
    ...     "loss": ((*axes, "sample"), w**2 / 2 * np.array([1.0, 3.0])),
    ...     "loss_new": ((*axes, "sample_new"), w**2 / 2),
    ... }
    >>> attributes = {"nbeta": 1.0, "samples": 2, "shifts": ["new"]}
    >>> run = xr.Dataset(losses, coords={"component": ["all"]}, attrs=attributes)
    >>> found = susceptibilities(run).sel(component="all", shift="new")
    >>> error = found["standard_error"]
    >>> bool(abs(found["susceptibility"] - 1.0) < 4 * error < 0.2)  # -(2·1 - 2·2)/2
    True
    """
    given = LossChains.of(chains)
    chains = given.dataset
    nbeta, shifts = chains.attrs["nbeta"], chains.attrs["shifts"]
    names = ["", *shifts]
    single: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    whole: list[list[tuple[float, float]]] = []
    for own in (chains.sel(component=name) for name in chains["component"].values):
        losses = own["loss"].values
        mean = losses.mean(axis=2, keepdims=True)
        for name in names:
            other = losses if not name else own[f"loss_{name}"].values
            value, error, _ = covariance(mean, other - mean)
            single[name].append((-value[0], error[0]))
        row = []
        for name in shifts:
            value, error, _ = covariance(
                mean, own[f"loss_{name}"].values.mean(axis=2, keepdims=True) - mean
            )
            row.append((-float(value[0, 0]), float(error[0, 0])))
        whole.append(row)
    pairs = np.array(whole).reshape(len(whole), len(shifts), 2)
    found = {
        "susceptibility": (("component", "shift"), pairs[..., 0], {"units": "nats²"}),
        "standard_error": (("component", "shift"), pairs[..., 1], {"units": "nats²"}),
        "response": (("component", "shift"), nbeta**2 * pairs[..., 0]),
        "response_error": (("component", "shift"), nbeta**2 * pairs[..., 1]),
    }
    for name in names:
        end = f"_{name}" if name else ""
        found[f"per_sample{end}"] = (
            ("component", f"sample{end}"),
            np.stack([v for v, _ in single[name]]),
            {"units": "nats²"},
        )
        found[f"per_sample_error{end}"] = (
            ("component", f"sample{end}"),
            np.stack([e for _, e in single[name]]),
            {"units": "nats²"},
        )
    coordinates = {"component": chains["component"], "shift": shifts}
    return Susceptibilities(
        xr.Dataset(found, coords=coordinates, attrs=chains.attrs), given.cautions
    )


def covariance(
    one: Float[np.ndarray, "chains draws rows"], other: Float[np.ndarray, "chains draws columns"]
) -> tuple[
    Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"], Float[np.ndarray, " rows"]
]:
    r"""Covariances over all draws about the mean of all chains, errors from the spread of chains;
    standard deviations of ``one``.

    .. math:: \hat c = \frac1C \sum_c \hat c_c, \quad
        \hat c_c = \frac1T \sum_t (a_{ct} - \bar a)(b_{ct} - \bar b), \quad
        s.e. = \sqrt{\mathrm{Var}_c(\hat c_c)/C}.

    >>> rng = np.random.default_rng(0); a = rng.normal(size=(8, 500, 1))
    >>> value, error, deviation = covariance(a, 2 * a + rng.normal(size=(8, 500, 1)))
    >>> bool(abs(value[0, 0] - 2) < 4 * error[0, 0] < 0.4), round(float(deviation[0]), 1)
    (True, 1.0)
    """
    one = one - one.mean(axis=(0, 1))
    other = other - other.mean(axis=(0, 1))
    count, draws, _ = one.shape
    total: np.ndarray = np.zeros((one.shape[2], other.shape[2]))
    squares = np.zeros_like(total)
    for a, b in zip(
        one, other, strict=True
    ):  # chain by chain: all at once would need chains × rows × columns
        own = a.T @ b / draws
        total += own
        squares += own**2
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0) * count / (count - 1)
    return mean, np.sqrt(variance / count), np.sqrt((one**2).mean(axis=(0, 1)))


def _component(chains: xr.Dataset, name: str | None) -> xr.Dataset:
    known = [str(value) for value in chains["component"].values]
    if name is not None and name not in known:
        raise ValueError(f"component: got {name!r}; it should be one of {', '.join(known)}")
    return chains.sel(component=known[0] if name is None else name)

"""Covariances of losses under the local posterior: how components answer to a shift of the data,
and samples, or tokens, to each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import xarray as xr
from jaxtyping import Float

from singlearn.local.influence.results import Influence, LossChains, LossKernel, Susceptibilities

By = Literal["sample", "token"]
LEADING = 8
"""Components of a kernel that are kept."""


def influence(
    chains: LossChains | xr.Dataset, component: str | None = None, by: By = "sample"
) -> Influence:
    r"""Bayesian influence of sample i on the loss of sample j (Kreer et al. 2025
    [kreer2025bayesian]_).

    .. math:: I_{ij} = \frac{∂ E[ℓ_j]}{∂ \log v_i} = -\frac{nβ}{n} \mathrm{Cov}(ℓ_i, ℓ_j), \qquad
        p(w) ∝ \exp\left(-\frac{nβ}{n} \sum_i v_i ℓ_i(w) - \frac γ2 |w - w^*|^2\right) \text{ at } v
        = 1.

    In nats: to first order, by how much the expected loss of j changes when i is counted once more
    (and by :math:`-I_{ij}` when i is left out). The source differentiates by the weight times its
    temperature, which is :math:`-\mathrm{Cov}`; divide by nβ/n to compare.

    By token, :math:`v_{it}` is the weight of a token: :math:`I_{it,js} = -\frac{nβ}{n} c\,
    \mathrm{Cov}(ℓ_{it}, ℓ_{js})`, where c is 1/T if the loss of a sample is the mean of its T
    tokens, and 1 if it is their sum. The influences of the tokens of a sample add up to that of the
    sample.

    Args:
        chains: from ``loss_chains``, or its ``dataset`` as it was saved. To keep some of many
            samples or tokens: ``chains.isel(sample=[0, 5])``.
        component: whose chains; by default the first.
        by: ``"sample"``, or ``"token"`` where losses were recorded by token.

    Returns:
        ``influence`` and ``standard_error`` (sample × other; by token sample × token × other ×
        other_token), ``correlation`` of the two losses, and ``influence_NAME`` (… × sample of the
        shift), with errors, for every shift. The covariance is symmetric, so rows and columns of
        the first may be exchanged.

    Raises:
        ValueError: an unknown component, or no tokens.
    """
    given = LossChains.of(chains)
    chains = given.dataset
    own = _component(chains, component)
    beta = _weight(chains, by)
    losses = _Columns(own, "", by)
    value, error, deviation = covariance(losses, losses)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = value / np.outer(deviation, deviation)
    axes = (*losses.axes(), *losses.axes("other"))
    sizes = losses.sizes * 2
    found: dict[str, Any] = {
        "influence": (axes, (-beta * value).reshape(sizes), {"units": "nats"}),
        "standard_error": (axes, (beta * error).reshape(sizes), {"units": "nats"}),
        "correlation": (axes, correlation.reshape(sizes)),
    }
    for name in _shifts(chains):
        other = _Columns(own, name, by)
        value, error, _ = covariance(losses, other)
        axes, sizes = (*losses.axes(), *other.axes()), losses.sizes + other.sizes
        found[f"influence_{name}"] = (axes, (-beta * value).reshape(sizes), {"units": "nats"})
        found[f"standard_error_{name}"] = (axes, (beta * error).reshape(sizes), {"units": "nats"})
    attributes = {**chains.attrs, "component": str(own["component"].values)}
    return Influence(xr.Dataset(found, attrs=attributes), given.cautions)


def loss_kernel(
    chains: LossChains | xr.Dataset, component: str | None = None, by: By = "sample"
) -> LossKernel:
    r"""Covariance and correlation of the losses of samples under the local posterior (Adam et al.
    2025 [adam2025loss]_).

    .. math:: C_{ij} = \mathrm{Cov}(ℓ_i, ℓ_j), \qquad R_{ij} = C_{ij} / \sqrt{C_{ii} C_{jj}}, \qquad
        R = \sum_k μ_k\, u_k u_k^\top.

    Samples whose losses rise and fall together use the same directions of the parameters. The
    influence is :math:`-\frac{nβ}{n} C`: samples that help each other have a positive covariance
    and a negative influence.

    Args:
        chains: from ``loss_chains``, or its ``dataset`` as it was saved.
        component: whose chains; by default the first.
        by: ``"sample"``, or ``"token"`` where losses were recorded by token.

    Returns:
        ``covariance`` and ``standard_error`` in nats², ``correlation``, the ``share`` of the
        leading eigenvalues of the correlation in their sum, and their vectors ``loading``, whose
        largest entry is positive.

    Raises:
        ValueError: an unknown component, or no tokens.

    Losses c_i w²/2 with w ~ N(0, 1) have covariances c_i c_j/2 and one component:

    >>> w = np.random.default_rng(0).normal(size=(1, 8, 4000, 1))
    >>> axes = "component", "chain", "draw", "sample"
    >>> losses = {"loss": (axes, w**2 / 2 * np.array([1.0, 3.0]))}
    >>> run = xr.Dataset(losses, {"component": ["all"]}, {"nbeta": 1.0, "samples": 2, "shifts": []})
    >>> kernel = loss_kernel(run)
    >>> round(float(kernel["share"][0]), 3), kernel["loading"][0].values.round(3).tolist()
    (1.0, [0.707, 0.707])
    >>> bool(abs(kernel["covariance"][0, 1] - 1.5) < 4 * kernel["standard_error"][0, 1] < 0.3)
    True
    """
    given = LossChains.of(chains)
    chains = given.dataset
    own = _component(chains, component)
    losses = _Columns(own, "", by)
    value, error, deviation = covariance(losses, losses)
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = value / np.outer(deviation, deviation)
    kept = min(LEADING, len(correlation))
    share, loading = np.full(kept, np.nan), np.full((kept, len(correlation)), np.nan)
    felt = deviation > 0  # a loss that no direction changes correlates with none
    if np.isfinite(deviation).all() and felt.any():
        inside = correlation[np.ix_(felt, felt)]
        eigenvalues, vectors = np.linalg.eigh(inside)
        few = min(kept, len(inside))
        share[:few] = eigenvalues[::-1][:few] / eigenvalues.sum()
        rows = vectors[:, ::-1][:, :few].T
        largest = np.take_along_axis(rows, np.abs(rows).argmax(axis=1)[:, None], axis=1)
        loading[:few] = 0.0
        loading[np.ix_(np.arange(few), np.flatnonzero(felt))] = rows * np.sign(largest)
    axes, sizes = (*losses.axes(), *losses.axes("other")), losses.sizes * 2
    found = {
        "covariance": (axes, value.reshape(sizes), {"units": "nats²"}),
        "standard_error": (axes, error.reshape(sizes), {"units": "nats²"}),
        "correlation": (axes, correlation.reshape(sizes)),
        "share": ("leading", share),
        "loading": (("leading", *losses.axes()), loading.reshape(kept, *losses.sizes)),
    }
    attributes = {**chains.attrs, "component": str(own["component"].values)}
    return LossKernel(xr.Dataset(found, attrs=attributes), given.cautions)


def susceptibilities(chains: LossChains | xr.Dataset, by: By = "sample") -> Susceptibilities:
    r"""Response of each component to a shift of the data towards other samples (Baker et al. 2025
    [baker2025structural]_).

    With :math:`L^h = (1-h) L_n + h L'`, :math:`L'` the mean loss of the other samples, and E the
    posterior of the parameters of component C alone, the others held at w*,

    .. math:: χ_C = \frac{1}{nβ} \left.\frac{∂}{∂h} E_h[L_n - L_n(w^*)]\right|_{h=0}
        = -\mathrm{Cov}(L_n, L' - L_n).

    Positive: under the shift the posterior of C moves to where the present data have a higher loss,
    for instance because the losses of the other samples do not depend on C; negative: the other
    samples favour the same parameters of C as the present data, and more strongly. For one sample,
    :math:`χ_{C,i} = -\mathrm{Cov}(L_n, ℓ_i - L_n)`; over the
    samples of a shift these average to χ_C, over the data to 0.

    The source writes the observable with a delta function on the other parameters and takes the
    mean of the shift over the joint posterior; here both means are over the posterior of the
    component, so that χ is the response of its restricted λ̂.

    Args:
        chains: from ``loss_chains``, or its ``dataset`` as it was saved.
        by: ``"sample"``, or ``"token"`` where losses were recorded by token: a shift towards one
            token, as if all tokens of a sample were that one; over the tokens of a sample these
            average to that of the sample.

    Returns:
        ``susceptibility`` and ``standard_error`` (component × shift), in nats²; ``response``
        :math:`= (nβ)^2 χ`, the change of the restricted λ̂ per unit of h, and ``response_error``;
        ``per_sample`` (component × sample; by token × token), ``per_sample_NAME``, and their
        errors.

    Raises:
        ValueError: no tokens.

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
    nbeta, shifts = chains.attrs["nbeta"], _shifts(chains)
    names = ["", *shifts]
    single: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {name: [] for name in names}
    whole: list[list[tuple[float, float]]] = []
    columns: dict[str, _Columns] = {}
    for own in (chains.sel(component=name) for name in chains["component"].values):
        losses = _Columns(own, "", "sample")
        mean = [losses[c].mean(axis=1, keepdims=True) for c in range(len(losses))]
        row = []
        for name in names:
            other = columns[name] = _Columns(own, name, by, alike=True)
            shifted = [other[c] - mean[c] for c in range(len(mean))]
            value, error, _ = covariance(mean, shifted)
            single[name].append((-value[0].reshape(other.sizes), error[0].reshape(other.sizes)))
            if name:
                averages = [part.mean(axis=1, keepdims=True) for part in shifted]
                value, error, _ = covariance(mean, averages)
                row.append((-float(value[0, 0]), float(error[0, 0])))
        whole.append(row)
    pairs = np.array(whole).reshape(len(whole), len(shifts), 2)
    found: dict[str, Any] = {
        "susceptibility": (("component", "shift"), pairs[..., 0], {"units": "nats²"}),
        "standard_error": (("component", "shift"), pairs[..., 1], {"units": "nats²"}),
        "response": (("component", "shift"), nbeta**2 * pairs[..., 0]),
        "response_error": (("component", "shift"), nbeta**2 * pairs[..., 1]),
    }
    for name in names:
        end = f"_{name}" if name else ""
        axes = ("component", *columns[name].axes())
        for what, k in (("per_sample", 0), ("per_sample_error", 1)):
            rows = np.stack([pair[k] for pair in single[name]])
            found[f"{what}{end}"] = (axes, rows, {"units": "nats²"})
    coordinates = {"component": chains["component"], "shift": shifts}
    return Susceptibilities(
        xr.Dataset(found, coords=coordinates, attrs=chains.attrs), given.cautions
    )


class _Columns:
    """Losses as chains of draws × columns, one chain in memory at a time.

    Args:
        own: the losses of one component.
        shift: of which distribution; ``""`` for the data.
        by: what a column is.
        alike: tokens in the units of samples: where the loss of a sample is a sum, each token is
            multiplied by their number.

    Raises:
        ValueError: no tokens.
    """

    def __init__(self, own: xr.Dataset, shift: str, by: By, alike: bool = False) -> None:
        if by not in ("sample", "token"):
            raise ValueError(f'by: got {by!r}; it should be "sample" or "token"')
        self._array = own[f"loss_{shift}" if shift else "loss"]
        self._names = tuple(map(str, self._array.dims[2:]))
        self._by, self._shift = by, shift
        self._tokens = own.attrs.get("tokens")
        if by == "token" and self._tokens is None:
            raise ValueError(
                'by: got "token", but losses were recorded by sample; loss_chains(tokens="mean") '
                "records them by token"
            )
        self._factor = 1.0
        if alike and by == "token" and self._tokens == "sum":
            self._factor = float(self._array.shape[-1])

    def __len__(self) -> int:
        return int(self._array.shape[0])

    def __getitem__(self, chain: int) -> Float[np.ndarray, "draws columns"]:
        losses = np.asarray(self._array[chain].values, dtype=np.float64)
        if self._tokens is not None and self._by == "sample":
            losses = losses.mean(-1) if self._tokens == "mean" else losses.sum(-1)
        return self._factor * losses.reshape(len(losses), -1)

    @property
    def sizes(self) -> tuple[int, ...]:
        """Of the columns, axis by axis."""
        shape = self._array.shape[2:]
        return tuple(shape[: 1 if self._by == "sample" else 2])

    def axes(self, other: str = "") -> tuple[str, ...]:
        """Their names."""
        if other:
            return (other, f"{other}_token")[: len(self.sizes)]
        return self._names[: len(self.sizes)]


def _weight(chains: xr.Dataset, by: By) -> float:
    """What one sample, or one token, weighs in the tempered posterior."""
    beta = float(chains.attrs["nbeta"] / chains.attrs["samples"])
    if by == "token" and chains.attrs.get("tokens") == "mean":
        return beta / float(chains.sizes["token"])
    return beta


def _shifts(chains: xr.Dataset) -> list[str]:
    given = chains.attrs["shifts"]
    return [given] if isinstance(given, str) else [str(name) for name in given]


def covariance(
    one: Sequence[Float[np.ndarray, "draws rows"]] | Any,
    other: Sequence[Float[np.ndarray, "draws columns"]] | Any,
) -> tuple[
    Float[np.ndarray, "rows columns"], Float[np.ndarray, "rows columns"], Float[np.ndarray, " rows"]
]:
    r"""Covariances over all draws about the mean of all chains, errors from the spread of chains;
    standard deviations of ``one``. Only one chain of each has to be in memory.

    .. math:: \hat c = \frac1C \sum_c \hat c_c, \quad
        \hat c_c = \frac1T \sum_t (a_{ct} - \bar a)(b_{ct} - \bar b), \quad
        s.e. = \sqrt{\mathrm{Var}_c(\hat c_c)/C}.

    >>> rng = np.random.default_rng(0); a = rng.normal(size=(8, 500, 1))
    >>> value, error, deviation = covariance(a, 2 * a + rng.normal(size=(8, 500, 1)))
    >>> bool(abs(value[0, 0] - 2) < 4 * error[0, 0] < 0.4), round(float(deviation[0]), 1)
    (True, 1.0)
    """
    count = len(one)
    means = [np.mean([part[c].mean(axis=0) for c in range(count)], axis=0) for part in (one, other)]
    total, squares, spread = None, None, None
    for c in range(count):  # chain by chain: all at once would need chains × rows × columns
        a, b = one[c] - means[0], other[c] - means[1]
        own = a.T @ b / len(a)
        total = own if total is None else total + own
        squares = own**2 if squares is None else squares + own**2
        spread = (a**2).mean(axis=0) + (0.0 if spread is None else spread)
    assert total is not None and squares is not None and spread is not None
    mean = total / count
    variance = np.maximum(squares / count - mean**2, 0.0) * count / (count - 1)
    return mean, np.sqrt(variance / count), np.sqrt(spread / count)


def _component(chains: xr.Dataset, name: str | None) -> xr.Dataset:
    known = [str(value) for value in chains["component"].values]
    if name is not None and name not in known:
        raise ValueError(f"component: got {name!r}; it should be one of {', '.join(known)}")
    return chains.sel(component=known[0] if name is None else name)

"""One question asked of two-layer networks, which are decided exactly, and of deeper ones, as far as they can be."""

from __future__ import annotations

from typing import overload

import numpy as np

from singlearn.symmetry.deep import DeepEquivalence, DeepReLU, compress_deep, equivalent_deep
from singlearn.symmetry.domain import Box, Domain
from singlearn.symmetry.equivalence import Equivalence, equivalent_two_layer
from singlearn.symmetry.narrowest import narrowest
from singlearn.symmetry.network import TwoLayerReLU
from singlearn.symmetry.rational import Number

RELATIVE = 1e-13
"""Up to which parameters of deep networks, in float64, count as equal."""


@overload
def equivalent(a: TwoLayerReLU, b: TwoLayerReLU, domain: Domain | None = None, tolerance: Number | None = None) -> Equivalence: ...
@overload
def equivalent(a: DeepReLU, b: DeepReLU, domain: Domain | None = None, tolerance: Number | None = None) -> DeepEquivalence: ...


def equivalent(
    a: TwoLayerReLU | DeepReLU, b: TwoLayerReLU | DeepReLU, domain: Domain | None = None, tolerance: Number | None = None
) -> Equivalence | DeepEquivalence:
    """Whether two networks are the same function; the answer is a condition that is true or false, with a transformation or a witness.

    Two-layer networks are decided in exact arithmetic (:func:`singlearn.symmetry.equivalence.equivalent_two_layer`); there
    ``tolerance`` is the largest difference of the outputs on the domain. Deeper ones are compared up to scaling and permutation
    (:func:`singlearn.symmetry.deep.equivalent_deep`), which may end in "not shown"; there ``tolerance`` is relative and on the parameters.

    Args:
        a, b: two networks of the same kind.
        domain: where they are compared; a ``Box`` for deep networks; ``None`` for all of R^N.
        tolerance: see above; exact, or 1e-13 for deep networks, if not given.

    Raises:
        ValueError: one network is two-layer and the other deep, shapes that do not fit, or a tolerance or domain that does not.

    >>> bool(equivalent(TwoLayerReLU([[2]], [0], [1], 0), TwoLayerReLU([[1]], [0], [2], 0)))
    True
    """
    if isinstance(a, TwoLayerReLU) and isinstance(b, TwoLayerReLU):
        return equivalent_two_layer(a, b, domain, tolerance)
    if isinstance(a, DeepReLU) and isinstance(b, DeepReLU):
        box = None if domain is None else corners(domain)
        return equivalent_deep(a, b, tolerance=RELATIVE if tolerance is None else float(tolerance), box=box)
    raise ValueError(f"b: got {type(b).__name__} beside {type(a).__name__}; convert one of them with to_deep or from_deep")


@overload
def compress(net: TwoLayerReLU, domain: Domain | None = None) -> TwoLayerReLU: ...
@overload
def compress(net: DeepReLU, domain: Domain | None = None) -> DeepReLU: ...


def compress(net: TwoLayerReLU | DeepReLU, domain: Domain | None = None) -> TwoLayerReLU | DeepReLU:
    """The same function with fewer hidden nodes.

    A two-layer network comes back with its minimal width, exactly (:func:`singlearn.symmetry.narrowest.narrowest`); a deeper one
    without its dead, duplicate and always active nodes on a box, up to rounding
    (:func:`singlearn.symmetry.deep.compress_deep`, which also reports what it did).

    Args:
        net: the network.
        domain: where the function is to be kept; required, and a ``Box``, for deep networks.

    Raises:
        ValueError: a deep network without a box.

    >>> compress(TwoLayerReLU([[1], [2]], [0, 0], [1, 1], 0)).width
    1
    """
    if isinstance(net, TwoLayerReLU):
        return narrowest(net, domain)
    if domain is None:
        raise ValueError("domain: got None; a deep network is compressed on a bounded Box")
    return compress_deep(net, corners(domain)).network


def corners(domain: Domain) -> tuple[np.ndarray, np.ndarray]:
    """The corners of a box in float64.

    Raises:
        ValueError: the domain is no box.
    """
    if not isinstance(domain, Box):
        raise ValueError(f"domain: got {type(domain).__name__}; deep networks are compared on a Box")
    return np.array([float(v) for v in domain.lower]), np.array([float(v) for v in domain.upper])

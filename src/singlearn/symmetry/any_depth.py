"""One question asked of two-layer networks, which are decided exactly, and of deeper ones, as far
as they can be.

Two-layer networks of tanh, sigmoid, erf, SiLU and GELU go through the same doors
(:mod:`singlearn.symmetry.smooth`).
"""

from __future__ import annotations

from typing import overload

import numpy as np
from jaxtyping import Float

from singlearn.numbers.rational import Number
from singlearn.running.arguments import real_number
from singlearn.symmetry.conversions import from_deep, to_deep
from singlearn.symmetry.deep import (
    DeepEquivalence,
    DeepExplainedRank,
    DeepReLU,
    NodeState,
    compress_deep,
    equivalent_deep,
    explained_rank_deep,
    node_states,
)
from singlearn.symmetry.domain import Box, Domain, DomainLike, as_box, as_domain
from singlearn.symmetry.fibre.fibre import Fibre
from singlearn.symmetry.fibre.fibre import fibre as fibre_two_layer
from singlearn.symmetry.smooth import (
    SmoothEquivalence,
    SmoothFibre,
    SmoothWidth,
    TwoLayerSmooth,
    compress_smooth,
    equivalent_smooth,
    minimal_width_smooth,
    smooth_explained_rank,
    smooth_fibre,
    smooth_generators,
    smooth_roles,
)
from singlearn.symmetry.smooth.form import check_domain
from singlearn.symmetry.trained.snapping import snap
from singlearn.symmetry.trained.tolerance import RelativeTolerance
from singlearn.symmetry.two_layer.equivalence import Equivalence, equivalent_two_layer
from singlearn.symmetry.two_layer.explained_rank import ExplainedRank
from singlearn.symmetry.two_layer.explained_rank import explained_rank as explained_rank_two_layer
from singlearn.symmetry.two_layer.generators import Generator
from singlearn.symmetry.two_layer.generators import generators as generators_two_layer
from singlearn.symmetry.two_layer.kink_form import KinkForm
from singlearn.symmetry.two_layer.kink_form import kink_form as kink_form_two_layer
from singlearn.symmetry.two_layer.minimal_width import MinimalWidth
from singlearn.symmetry.two_layer.minimal_width import minimal_width as minimal_width_two_layer
from singlearn.symmetry.two_layer.narrowest import narrowest
from singlearn.symmetry.two_layer.network import TwoLayerReLU, require_two_layer
from singlearn.symmetry.two_layer.roles import Role
from singlearn.symmetry.two_layer.roles import node_roles as node_roles_two_layer


@overload
def equivalent(
    a: TwoLayerReLU,
    b: TwoLayerReLU,
    domain: DomainLike | None = None,
    tolerance: Number | None = None,
) -> Equivalence: ...
@overload
def equivalent(
    a: DeepReLU, b: DeepReLU, domain: DomainLike | None = None, tolerance: Number | None = None
) -> DeepEquivalence: ...
@overload
def equivalent(
    a: TwoLayerSmooth,
    b: TwoLayerSmooth,
    domain: DomainLike | None = None,
    tolerance: Number | None = None,
) -> SmoothEquivalence: ...


def equivalent(
    a: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    b: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    domain: DomainLike | None = None,
    tolerance: Number | None = None,
) -> Equivalence | DeepEquivalence | SmoothEquivalence:
    """Whether two networks are the same function; the answer is a condition that is true or false,
    with a transformation or a witness.

    Two-layer networks are decided in exact arithmetic
    (:func:`singlearn.symmetry.two_layer.equivalence.equivalent_two_layer`). Deeper ones are
    compared up to scaling and permutation (:func:`singlearn.symmetry.deep.equivalent_deep`), which
    may end in "not shown". If one of them is a ``TwoLayerReLU`` and the other a ``DeepReLU``, both
    are taken as what the other is, exactly. Two-layer networks of smooth activations are decided
    exactly too (:func:`singlearn.symmetry.smooth.equivalent_smooth`).

    Args:
        a, b: two networks.
        domain: where they are compared; a ``Box`` for deep networks; ``None`` for all of R^N.
        tolerance: the largest difference of the outputs on the domain that is allowed, absolute;
            needs a domain. Without it two-layer networks are compared exactly, deep ones up to the
            rounding of their parameters.

    Returns:
        A condition that is true or false, with a transformation or a witness.

    Raises:
        ValueError: shapes that do not fit, a tolerance or domain that does not, or a two-layer
            network beside a deep one whose parameters float64 does not hold; a smooth network
            beside one of ReLU.

    >>> bool(equivalent(TwoLayerReLU([[2]], [0], [1], 0), TwoLayerReLU([[1]], [0], [2], 0)))
    True
    """
    domain = as_domain(domain, inputs_of(a))
    if isinstance(a, TwoLayerSmooth) and isinstance(b, TwoLayerSmooth):
        return equivalent_smooth(a, b, domain, tolerance)
    if isinstance(a, TwoLayerSmooth) or isinstance(b, TwoLayerSmooth):
        raise ValueError(
            f"b: got {type(b).__name__} beside {type(a).__name__}; a smooth network is compared "
            f"with a smooth one"
        )
    if isinstance(a, DeepReLU) != isinstance(b, DeepReLU):
        a, b = _alike(a, b)
    if isinstance(a, TwoLayerReLU) and isinstance(b, TwoLayerReLU):
        try:
            return equivalent_two_layer(a, b, domain, tolerance)
        except OverflowError:
            raise ValueError(
                "a, b: their outputs or weights reach beyond 1.8e308, too large for a comparison "
                "up to a tolerance; "
                "without one it is exact"
            ) from None
    if isinstance(a, DeepReLU) and isinstance(b, DeepReLU):
        box = None if domain is None else as_box(domain, a.widths[0])
        allowed = (
            None
            if tolerance is None
            else real_number(
                "tolerance", tolerance, above=0, meaning="a positive difference of outputs"
            )
        )
        return equivalent_deep(a, b, tolerance=allowed, domain=box)
    raise ValueError(
        f"b: got {type(b).__name__} beside {type(a).__name__}; both should be a TwoLayerReLU or a "
        f"DeepReLU"
    )


def _alike(
    a: TwoLayerReLU | DeepReLU, b: TwoLayerReLU | DeepReLU
) -> tuple[TwoLayerReLU | DeepReLU, TwoLayerReLU | DeepReLU]:
    """Two-layer networks where the deep one has one hidden layer, deep ones otherwise; the same
    numbers in both.
    """
    deep = a if isinstance(a, DeepReLU) else b
    if isinstance(deep, DeepReLU) and deep.hidden_layers == 1:
        return tuple(from_deep(net) if isinstance(net, DeepReLU) else net for net in (a, b))  # type: ignore[return-value]
    return tuple(
        to_deep(net, exact=True) if isinstance(net, TwoLayerReLU) else net for net in (a, b)
    )  # type: ignore[return-value]


@overload
def compress(
    net: TwoLayerReLU,
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> TwoLayerReLU: ...
@overload
def compress(
    net: DeepReLU,
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> DeepReLU: ...
@overload
def compress(
    net: TwoLayerSmooth,
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> TwoLayerSmooth: ...


def compress(
    net: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> TwoLayerReLU | DeepReLU | TwoLayerSmooth:
    """The same function with fewer hidden nodes.

    A two-layer network comes back with its minimal width, exactly
    (:func:`singlearn.symmetry.two_layer.narrowest.narrowest`); a deeper one without its dead,
    duplicate and always active nodes on a box, up to rounding
    (:func:`singlearn.symmetry.deep.compress_deep`, which also reports what it did).

    Args:
        net: the network.
        domain: where the function is to be kept; required, and a ``Box``, for deep networks.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        A network of the kind that was given.

    Raises:
        ValueError: a deep network without a box.

    >>> compress(TwoLayerReLU([[1], [2]], [0, 0], [1, 1], 0)).width
    1
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        return compress_smooth(net, domain)
    if isinstance(net, TwoLayerReLU):
        if relative_tolerance is None:
            return narrowest(net, domain)
        snapped = snap(net, relative_tolerance, domain)
        return snapped.about(narrowest(snapped.net, domain))
    if domain is None:
        raise ValueError("domain: got None; a deep network is compressed on a bounded Box")
    if relative_tolerance is None:
        return compress_deep(net, as_box(domain, net.widths[0])).network
    deep = snap(net, relative_tolerance, domain)
    return deep.about(compress_deep(deep.net, as_box(domain, net.widths[0])).network)


def explained_rank(
    net: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    x: Float[np.ndarray, "points inputs"],
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> ExplainedRank | DeepExplainedRank:
    """How many null directions of the Jacobian at inputs x are symmetries, for a network of any
    depth.

    Two-layer networks go to :func:`singlearn.symmetry.two_layer.explained_rank.explained_rank`,
    deeper ones to :func:`singlearn.symmetry.deep.explained_rank_deep`, where the inputs themselves
    say which nodes are active.

    Args:
        net: the network.
        x: inputs, one per row.
        domain: where symmetries are to hold; for two-layer networks only.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        Rank of the Jacobian, the number of null directions, and how many of them symmetries
        explain.

    Raises:
        ValueError: inputs of another width, or a domain beside a deep network.

    >>> explained_rank(
    ...     DeepReLU([[[1.0], [1.0]], [[1.0, 2.0]]], [[0.5, -0.5], [0.0]]),
    ...     np.linspace(-1.9, 2, 40)[:, None],
    ... ).rank
    5
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        return smooth_explained_rank(net, x, domain)
    if not isinstance(net, DeepReLU):
        if relative_tolerance is None:
            return explained_rank_two_layer(net, x, domain)
        snapped = snap(net, relative_tolerance, box_of_points(x) if domain is None else domain)
        return snapped.about(explained_rank_two_layer(snapped.net, x, domain))
    if domain is not None:
        raise ValueError(
            "domain: a deep network's symmetries are those at the inputs x; leave the domain out"
        )
    if relative_tolerance is None:
        return explained_rank_deep(net, x)
    deep = snap(net, relative_tolerance, box_of_points(x))
    return deep.about(explained_rank_deep(deep.net, x))


def node_roles(
    net: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    domain: DomainLike | None = None,
    relative_tolerance: RelativeTolerance | None = None,
) -> tuple[Role, ...] | tuple[tuple[Role, ...], ...]:
    """What every hidden node does; for a deep network one tuple per hidden layer.

    Boundaries are compared exactly in both. In a deep network a boundary is that in the space of
    the layer before, and nodes are dead or always active on a box where bounds prove it
    (:func:`singlearn.symmetry.deep.node_states`); what is neither proved nor refuted is not known.

    Args:
        net: the network.
        domain: where; a ``Box`` for deep networks; ``None`` for all of R^N.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        One role per node; for a deep network one tuple per hidden layer.

    Raises:
        ValueError: a deep network on a domain that is not a box.

    >>> net = DeepReLU(
    ...     [[[1.0], [2.0]], [[1.0, 1.0], [0.0, 0.0]], [[1.0, 1.0]]],
    ...     [[0.0, 0.0], [-9.0, 1.0], [0.0]],
    ... )
    >>> [[str(role) for role in layer] for layer in node_roles(net, Box([-1], [1]))]
    [['shared', 'shared'], ['dead', 'w = 0']]
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        return smooth_roles(net, domain)
    if not isinstance(net, DeepReLU):
        if relative_tolerance is None:
            return node_roles_two_layer(net, domain)
        snapped = snap(net, relative_tolerance, domain)
        return snapped.about(node_roles_two_layer(snapped.net, domain))
    if relative_tolerance is not None:
        deep = snap(net, relative_tolerance, domain)
        return deep.about(node_roles(deep.net, domain))
    states = None if domain is None else node_states(net, as_box(domain, net.widths[0])).states
    found = []
    for layer in range(net.hidden_layers):
        own = TwoLayerReLU(
            net.weights[layer], net.biases[layer], net.weights[layer + 1], net.biases[layer + 1]
        )
        named = list(node_roles_two_layer(own))
        for node, state in enumerate(states[layer] if states is not None else ()):
            if named[node] not in (Role.SILENT, Role.CONSTANT):
                named[node] = STATES.get(state, named[node])
        found.append(tuple(named))
    return tuple(found)


STATES = {
    NodeState.DEAD: Role.DEAD,
    NodeState.BYPASSED: Role.BYPASSED,
    NodeState.UNKNOWN: Role.UNKNOWN,
}


@overload
def fibre(
    net: TwoLayerReLU | DeepReLU,
    width: int | None = None,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> Fibre: ...
@overload
def fibre(
    net: TwoLayerSmooth,
    width: int | None = None,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> SmoothFibre: ...


def fibre(
    net: TwoLayerReLU | DeepReLU | TwoLayerSmooth,
    width: int | None = None,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> Fibre | SmoothFibre:
    """The parameters of one width that compute the same function
    (:func:`singlearn.symmetry.fibre.fibre`).

    Args:
        net: a network with one hidden layer, exact or in float64.
        width: number of hidden nodes of the parameters; that of ``net`` if not given.
        domain: where the function is computed; ``None`` for all of R^N.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        The components of the set with their dimensions and numbers of copies.

    Raises:
        ValueError: another number of hidden layers, a negative width, or a domain of another
            dimension than the inputs.

    >>> fibre(DeepReLU([[[1.0], [1.0]], [[1.0, 1.0]]], [[0.0, -1.0], [0.0]]), width=3).number
    13
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        check_domain(
            net, domain
        )  # an analytic function that is equal on an open set is equal everywhere
        return smooth_fibre(net, width)
    own = (
        require_two_layer(net, "fibre")
        if getattr(net, "hidden_layers", 1) != 1
        else as_two_layer(net)
    )
    if relative_tolerance is None:
        return fibre_two_layer(own, width, domain)
    snapped = snap(own, relative_tolerance, domain)
    return snapped.about(fibre_two_layer(snapped.net, width, domain))


def kink_form(
    net: TwoLayerReLU,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> KinkForm:
    """The kink form of a network (:func:`singlearn.symmetry.two_layer.kink_form.kink_form`).

    Args:
        net: the network.
        domain: a ``Box`` or ``Polytope``; ``None`` for all of R^N.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        Kinks with their total slopes, and the affine part, in exact arithmetic.

    Raises:
        ValueError: a deep network, or a domain of another dimension than the inputs.

    >>> nearly = TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0)
    >>> len(kink_form(nearly).kinks), len(kink_form(nearly, relative_tolerance="rounding").kinks)
    (2, 1)
    """
    domain = as_domain(domain, inputs_of(net))
    require_two_layer(net, "kink_form")
    if relative_tolerance is None:
        return kink_form_two_layer(net, domain)
    snapped = snap(net, relative_tolerance, domain)
    return snapped.about(kink_form_two_layer(snapped.net, domain))


@overload
def minimal_width(
    net: TwoLayerReLU,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> MinimalWidth: ...
@overload
def minimal_width(
    net: TwoLayerSmooth,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> SmoothWidth: ...


def minimal_width(
    net: TwoLayerReLU | TwoLayerSmooth,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> MinimalWidth | SmoothWidth:
    """The least number of hidden nodes that compute the same function
    (:func:`singlearn.symmetry.two_layer.minimal_width.minimal_width`).

    Args:
        net: the network.
        domain: where the function is to be kept; ``None`` for all of R^N.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        The least width where it is decided, else bounds.

    Raises:
        ValueError: a deep network, or a domain of another dimension than the inputs.

    >>> int(
    ...     minimal_width(
    ...         TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0),
    ...         relative_tolerance="rounding",
    ...     )
    ... )
    1
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        return minimal_width_smooth(net, domain)
    require_two_layer(net, "minimal_width")
    if relative_tolerance is None:
        return minimal_width_two_layer(net, domain)
    snapped = snap(net, relative_tolerance, domain)
    return snapped.about(minimal_width_two_layer(snapped.net, domain))


def generators(
    net: TwoLayerReLU | TwoLayerSmooth,
    domain: DomainLike | None = None,
    *,
    relative_tolerance: RelativeTolerance | None = None,
) -> list[Generator]:
    """Directions along which the function does not change
    (:func:`singlearn.symmetry.two_layer.generators.generators`).

    Args:
        net: the network.
        domain: where the inputs are; ``None`` for all of R^N.
        relative_tolerance: the network is snapped first (:func:`singlearn.symmetry.snap`), and the
            answer is about the snapped one and says so. "rounding": what the float type of the
            weights makes. Without it the weights are taken as they are.

    Returns:
        Independent directions, each with the field that it belongs to.

    Raises:
        ValueError: a deep network.

    >>> nearly = TwoLayerReLU([[0.1], [0.3]], [0.1, 0.1 + 0.2], [1.0, 1.0], 0.0)
    >>> [str(found.field) for found in generators(nearly, relative_tolerance="rounding")]
    ['scaling', 'scaling', 'shared boundary']
    """
    domain = as_domain(domain, inputs_of(net))
    if isinstance(net, TwoLayerSmooth):
        refuse_to_snap(relative_tolerance)
        check_domain(net, domain)
        return smooth_generators(net)
    require_two_layer(net, "generators")
    if relative_tolerance is None:
        return generators_two_layer(net, domain)
    snapped = snap(net, relative_tolerance, domain)
    return snapped.about(generators_two_layer(snapped.net, domain))


def refuse_to_snap(relative_tolerance: RelativeTolerance | None) -> None:
    """Refuse a tolerance for a network that is not snapped.

    Raises:
        ValueError: there is one.
    """
    if relative_tolerance is not None:
        raise ValueError(
            f"relative_tolerance: got {relative_tolerance!r}; networks of ReLU are snapped, others "
            "are not: there is proximate_rank(net, eps), and equivalent(a, b, domain, tolerance)"
        )


def inputs_of(net: TwoLayerReLU | DeepReLU | TwoLayerSmooth) -> int:
    """N, the number of inputs of a network of any kind."""
    return net.widths[0] if isinstance(net, DeepReLU) else net.inputs


def box_of_points(x: Float[np.ndarray, "points inputs"]) -> Domain | None:
    """The box around inputs, where there is one."""
    if x.ndim != 2 or not len(x) or np.any(x.min(axis=0) >= x.max(axis=0)):
        return None
    return Box(x.min(axis=0), x.max(axis=0))


def as_two_layer(net: TwoLayerReLU | DeepReLU) -> TwoLayerReLU:
    """The network with exact parameters.

    Raises:
        ValueError: it has not one hidden layer.
    """
    return from_deep(net) if isinstance(net, DeepReLU) else net

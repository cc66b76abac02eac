"""What the gradient flow of a network conserves: one entry for every kind of network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from singlearn.flow.architecture import Architecture
from singlearn.flow.laws_found import Laws
from singlearn.flow.specification import architecture

ACTIVATIONS = ("relu", "leaky_relu", "linear")


def laws(
    network: Any,
    inputs: Any = None,
    *,
    weights: Sequence[Any] | None = None,
    biases: Sequence[Any] | None = None,
    activation: str = "relu",
    loss: str | None = None,
    outputs: Callable[[Any], Any] | None = None,
    seed: int = 0,
) -> Laws:
    r"""Every quantity that is known to stay under the gradient flow of any loss of a network.

    A PyTorch module is read as it runs: its operations are followed, and each binds the scales (or
    whole matrices) by which rows and columns of its parameters may change. What is left free and
    symmetric is a law. Every law is then checked by automatic differentiation at random weights;
    what the reader does not understand is named, and no law is claimed of it. Of other kinds than
    scales, linear mixing and shifts no laws are looked for in a module.

    Args:
        network: a PyTorch module, an :class:`Architecture`, a description such as ``{"kind": "qk",
            "d": 3, "k": 2}``, or the matrices of a network, one for each layer, (outputs, inputs).
        inputs: for a module, the argument of a call (a tuple of several), by default random ones of
            the shape that its first layer reads. For matrices, one row for each input: then the
            laws of these data at these weights.
        weights: for a description with ``"gates": "data"``, as :func:`count` takes them.
        biases: for matrices, one vector for each layer.
        activation: for matrices, "relu", "leaky_relu" or "linear".
        loss: "cross_entropy" if the loss is softmax cross-entropy over the last axis of what the
            module gives, which sees differences of logits only; otherwise any loss.
        outputs: of a module that gives several things, a function that picks what the loss sees; by
            default all tensors, or ``logits`` where the result has them.
        seed: of the check.

    Returns:
        The laws, what has none and why, what is not understood, and what norms break.

    Raises:
        ValueError: what is not a network, complex weights, or data of a wrong shape.

    >>> import numpy as np
    >>> print(laws([np.ones((3, 2)), np.ones((1, 3))]))
    |W1 rows|² - |W2 columns|²   (from scaling of a node, (a, 1/a))
    >>> print(laws({"kind": "rope", "d": 4, "pairs": 2}).laws[0])
    |W_Q1|² - |W_K1|²   (from a real factor of the plane, (a, 1/a))
    """
    if loss not in (None, "cross_entropy"):
        raise ValueError(
            f"loss: got {loss!r}; it should be 'cross_entropy', or None for a loss that may be any"
        )
    if _is_module(network):
        from singlearn.flow.torch_module import module_laws

        if weights is not None or biases is not None:
            raise ValueError(
                "weights: a module has its own; they belong to descriptions and matrices"
            )
        return module_laws(network, inputs, loss, outputs, seed)
    if loss is not None or outputs is not None:
        raise ValueError(
            "loss: it is for modules; a description says it in its kind, such as 'softmax_head'"
        )
    if isinstance(network, Architecture):
        return Laws(network.laws)
    if isinstance(network, Mapping) and "kind" in network:
        return Laws(architecture(network, weights, inputs).laws)
    if isinstance(network, str) or not isinstance(network, Sequence) or not len(network):
        raise ValueError(
            f"network: got {type(network).__name__}; it should be a PyTorch module, an "
            f"Architecture, "
            "a description with a 'kind', or matrices"
        )
    return by_hand(network, inputs, biases, activation)


def by_hand(
    matrices: Sequence[Any], inputs: Any, biases: Sequence[Any] | None, activation: str
) -> Laws:
    """The laws of a network given by its matrices.

    Args:
        matrices: one for each layer, (outputs, inputs).
        inputs: one row for each, or None.
        biases: one vector for each layer, or None.
        activation: "relu", "leaky_relu" or "linear".

    Raises:
        ValueError: shapes that do not fit, numbers that are not real, or an activation that is not
            known.
    """
    from singlearn.flow.networks.chain import linear_chain
    from singlearn.flow.networks.relu import relu_network, relu_network_on_data

    if activation not in ACTIVATIONS:
        raise ValueError(
            f"activation: got {activation!r}; it should be one of {', '.join(ACTIVATIONS)}"
        )
    arrays = [np.asarray(matrix) for matrix in matrices]
    for name, parts in (("weights", arrays), ("biases", [np.asarray(b) for b in biases or ()])):
        for k, array in enumerate(parts):
            if np.iscomplexobj(array):
                raise ValueError(
                    f"{name}[{k}]: complex numbers; gradient flow of complex weights has other "
                    f"laws, they should be real"
                )
            if array.ndim != (2 if name == "weights" else 1):
                raise ValueError(
                    f"{name}[{k}]: got shape {array.shape}; it should have "
                    f"{2 if name == 'weights' else 1} axes"
                )
    widths = [arrays[0].shape[1], *(len(a) for a in arrays)]
    for k, array in enumerate(arrays):
        if array.shape[1] != widths[k]:
            raise ValueError(
                f"weights[{k}]: got shape {array.shape}; it should have {widths[k]} columns"
            )
    if biases is not None and [len(np.asarray(b)) for b in biases] != widths[1:]:
        raise ValueError(
            f"biases: got lengths {[len(np.asarray(b)) for b in biases]}; they should be "
            f"{widths[1:]}"
        )
    if inputs is not None:
        if activation != "relu":
            raise ValueError(
                f"inputs: given with {activation!r}; laws of data are known for 'relu'"
            )
        return Laws(relu_network_on_data(arrays, np.asarray(inputs), biases).laws)
    if activation == "linear":
        return Laws(linear_chain(widths, biases is not None).laws)
    return Laws(relu_network(widths, biases is not None).laws)


def _is_module(network: Any) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(network, torch.nn.Module)

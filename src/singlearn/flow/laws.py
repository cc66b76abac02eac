"""What the gradient flow of a network conserves: one entry for every kind of network."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from singlearn.flow.architecture import Architecture
from singlearn.flow.law import Law
from singlearn.flow.specification import architecture
from singlearn.results.prompt import Shown

ACTIVATIONS = ("relu", "leaky_relu", "linear")


@dataclass(frozen=True)
class Broken(Shown):
    r"""A law that a norm would have with ε = 0, and does not have.

    With n the normalised vector of one input, :math:`\langle ∂L/∂x, x \rangle = \langle ∂L/∂n, n
    \rangle\, ε/(var + ε)` where 1 scale of x is free; so, for example, :math:`d|w|^2/dt = -2 \sum_s
    \langle ∂L/∂n_s, n_s \rangle\, ε/(var_s + ε)`.

    Attributes:
        law: what would stay.
        why: the norms that break it.
        rate: :math:`dQ/dt` under the gradient flow of a loss, given that loss as a function of the
            network's output (and the inputs that were given, or others).
    """

    law: Law
    why: str
    rate: Callable[..., Any]

    def __str__(self) -> str:
        return f"{self.law.formula}: broken by {self.why}"


@dataclass(frozen=True)
class Laws(Shown):
    """The laws of a network, and where there are none.

    Attributes:
        laws: their parameters have the network's names.
        without: sentences on layers that have no law, and why.
        not_understood: sentences on what could not be read, of which no law is claimed.
        broken: laws that the ε of a norm breaks, with their rates.
        checked: the largest violation that automatic differentiation found, relative to
            rounding-free sizes; None where laws come from a description.
    """

    laws: tuple[Law, ...]
    without: tuple[str, ...] = ()
    not_understood: tuple[str, ...] = ()
    broken: tuple[Broken, ...] = ()
    checked: float | None = None

    def __str__(self) -> str:
        lines = [str(law) for law in self.laws] or ["no law"]
        more = [
            *self.without,
            *(f"not understood: {text}" for text in self.not_understood),
            *map(str, self.broken),
        ]
        return "\n".join([*lines, *more])

    def __iter__(self) -> Any:
        return iter(self.laws)

    def __len__(self) -> int:
        return len(self.laws)

    def __getitem__(self, which: int | str) -> Law:
        """A law by its place or its formula.

        Args:
            which: place or formula.

        Raises:
            ValueError: no law has that formula.
        """
        if isinstance(which, int):
            return self.laws[which]
        found = [law for law in self.laws if law.formula == which]
        if not found:
            raise ValueError(
                f"law: the network has no {which!r}; its laws are "
                f"{', '.join(repr(law.formula) for law in self.laws) or 'none'}"
            )
        return found[0]

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        rows = [
            {
                "formula": law.formula,
                "latex": law.latex,
                "symmetry": law.symmetry,
                "holds": law.holds,
                "proof": law.proof,
            }
            for law in self.laws
        ]
        broken = [{"formula": part.law.formula, "why": part.why} for part in self.broken]
        return {
            "laws": rows,
            "without": list(self.without),
            "not_understood": list(self.not_understood),
            "broken": broken,
        }


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
        ValueError: what is no network, complex weights, or data of a wrong shape.

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

"""A law: functions of the parameters that gradient flow keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Shaped

from singlearn.flow.modular import whole_numbers
from singlearn.results.prompt import Shown

Parameters = Mapping[str, Shaped[np.ndarray, "..."]]
Entries = Literal["symmetric", "diagonal", "trace"]
Holds = Literal["always", "on these data"]


@dataclass(frozen=True)
class Law(Shown, ABC):
    """One conserved quantity, or a matrix of them.

    Attributes:
        formula: what is conserved, in words a person reads.
        latex: the same for mathematics.
        symmetry: the generator that it comes from.
        holds: always, or while the gates on the data stay as they are.
    """

    formula: str
    latex: str
    symmetry: str
    holds: Holds

    def __str__(self) -> str:
        where = "" if self.holds == "always" else f"; holds {self.holds}"
        return f"{self.formula}   (from {self.symmetry}{where})"

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"

    @abstractmethod
    def values(self, parameters: Parameters) -> Shaped[np.ndarray, "..."]:
        """What is conserved, at these parameters."""

    @abstractmethod
    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Gradients of all conserved functions, by parameter; of whole numbers they are whole, and
        those of a rational function are given up to a common factor."""


@dataclass(frozen=True)
class Gram:
    """One term of a Gram law: the parameter as a matrix of rows, times its transpose.

    Attributes:
        parameter: its name.
        axis: which of its axes goes over the rows: 0 for what a layer reads with, 1 for what the
            next writes with.
        coefficient: of the term.
        nodes: the rows that take part; all if None.
    """

    parameter: str
    axis: int
    coefficient: int = 1
    nodes: tuple[int, ...] | None = None

    def rows(self, parameters: Parameters) -> Shaped[np.ndarray, "h k"]:
        """The matrix whose rows are multiplied."""
        array = np.moveaxis(np.asarray(parameters[self.parameter]), self.axis, 0)
        whole = array.reshape(len(array), -1)
        return whole if self.nodes is None else whole[list(self.nodes)]

    def back(self, rows: Shaped[np.ndarray, "h k"], parameters: Parameters) -> Shaped[np.ndarray, "..."]:
        """An array of the parameter's shape from its rows, zero elsewhere."""
        shape = np.moveaxis(np.asarray(parameters[self.parameter]), self.axis, 0).shape
        whole = np.zeros((shape[0], rows.shape[1]))
        whole[slice(None) if self.nodes is None else list(self.nodes)] = rows
        return np.moveaxis(whole.reshape(shape), 0, self.axis)


@dataclass(frozen=True)
class GramLaw(Law):
    r"""The symmetric matrix :math:`Q = \sum_i c_i M_i M_i^T`, its diagonal or its trace.

    Q's entry (a, b) is :math:`\frac12 θ^T A θ` for the generator that mixes hidden coordinates a and b of every
    M with the signs of c. It is symmetric, so that its field is the gradient of the entry.

    >>> law = gram_law([Gram("W1", 0), Gram("W2", 1, -1)], "diagonal", "scaling of a node")
    >>> law.formula
    '|W1 rows|² - |W2 columns|²'
    >>> law.values({"W1": np.array([[1.0, 2.0]]), "W2": np.array([[3.0]])})
    array([-4.])
    """

    terms: tuple[Gram, ...]
    entries: Entries

    def values(self, parameters: Parameters) -> Shaped[np.ndarray, "..."]:
        """Q, its diagonal or its trace."""
        parts = [term.coefficient * (m := term.rows(parameters)) @ m.T for term in self.terms]
        whole = np.sum(parts, axis=0)
        if self.entries == "symmetric":
            return whole
        return np.diag(whole) if self.entries == "diagonal" else np.asarray(np.trace(whole))

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Half the gradients of diagonal entries, gradients of the others."""
        size = len(self.terms[0].rows(parameters))
        return [self._differential(mix, parameters) for mix in self._generators(size)]

    def _generators(self, size: int) -> list[Float[np.ndarray, "h h"]]:
        if self.entries == "trace":
            return [np.eye(size)]
        found = []
        for a in range(size):
            for b in range(a, size if self.entries == "symmetric" else a + 1):
                mix = np.zeros((size, size))
                mix[a, b] = mix[b, a] = 1
                found.append(mix)
        return found

    def _differential(self, mix: Float[np.ndarray, "h h"], parameters: Parameters) -> dict[str, Shaped[np.ndarray, "..."]]:
        found: dict[str, Shaped[np.ndarray, "..."]] = {}
        for term in self.terms:
            part = term.back(term.coefficient * (mix @ term.rows(parameters)), parameters)
            found[term.parameter] = found.get(term.parameter, 0) + part
        return found


def gram_law(terms: list[Gram], entries: Entries, symmetry: str, holds: Holds = "always") -> GramLaw:
    """A Gram law with its formula written out.

    Args:
        terms: of the sum.
        entries: which entries are conserved.
        symmetry: the generator it comes from.
        holds: always, or on the data at hand.
    """
    plain = "".join(_plain(term, entries, k == 0) for k, term in enumerate(terms))
    latex = "".join(_latex(term, entries, k == 0) for k, term in enumerate(terms))
    return GramLaw(plain, latex, symmetry, holds, tuple(terms), entries)


def _sign(coefficient: int, first: bool) -> str:
    size = "" if abs(coefficient) == 1 else str(abs(coefficient))
    if first:
        return ("-" if coefficient < 0 else "") + size
    return f" {'-' if coefficient < 0 else '+'} {size}"


def _plain(term: Gram, entries: Entries, first: bool) -> str:
    name, sign = term.parameter, _sign(term.coefficient, first)
    if entries == "symmetric":
        return sign + (f"{name} {name}ᵀ" if term.axis == 0 else f"{name}ᵀ {name}")
    if entries == "trace":
        return f"{sign}|{name}|²"
    return f"{sign}|{name} {'rows' if term.axis == 0 else 'columns'}|²"


def _latex(term: Gram, entries: Entries, first: bool) -> str:
    name, sign = latex_name(term.parameter), _sign(term.coefficient, first)
    if entries == "symmetric":
        return sign + (f"{name} {name}^T" if term.axis == 0 else f"{name}^T {name}")
    index = "" if entries == "trace" else (r"_{j,\cdot}" if term.axis == 0 else r"_{\cdot,j}")
    return rf"{sign}\lVert ({name}){index} \rVert^2" if index else rf"{sign}\lVert {name} \rVert^2"


def latex_name(name: str) -> str:
    """A parameter's name for mathematics.

    >>> latex_name("W12"), latex_name("W_Q1"), latex_name("b")
    ('W_{12}', 'W_{Q1}', 'b')
    """
    head = name[:1]
    tail = name[1:].lstrip("_")
    return f"{head}_{{{tail}}}" if tail else head


@dataclass(frozen=True)
class LinearLaw(Law):
    """Fixed combinations of entries. They are exact for gradient descent and momentum too, whatever
    the step.

    Attributes:
        weights: of the entries by parameter: for each, one array of its shape for each conserved
            function.
    """

    weights: Mapping[str, Shaped[np.ndarray, "k ..."]]

    def values(self, parameters: Parameters) -> Float[np.ndarray, " k"]:
        """The combinations."""
        parts = [w.reshape(len(w), -1) @ np.asarray(parameters[name]).reshape(-1) for name, w in self.weights.items()]
        return np.sum(parts, axis=0).astype(float)

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """The weights."""
        count = len(next(iter(self.weights.values())))
        return [{name: array[k] for name, array in self.weights.items()} for k in range(count)]


@dataclass(frozen=True)
class BilinearLaw(Law):
    r"""Functions :math:`θ^T B_k θ` of two parameters, B antisymmetric or off the diagonal.

    Attributes:
        left, right: names of the parameters u and v.
        forms: matrices of :math:`u^T B_k v` on the flattened parameters.
    """

    left: str
    right: str
    forms: Float[np.ndarray, "k p q"]

    def values(self, parameters: Parameters) -> Float[np.ndarray, " k"]:
        """The forms at these parameters."""
        u, v = (np.asarray(parameters[name]).reshape(-1) for name in (self.left, self.right))
        return np.einsum("p,kpq,q->k", u, self.forms, v)

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Gradients of the forms."""
        u, v = (np.asarray(parameters[name]) for name in (self.left, self.right))
        flat = v.reshape(-1)
        return [
            {self.left: (form @ flat).reshape(u.shape), self.right: (u.reshape(-1) @ form).reshape(v.shape)}
            for form in self.forms
        ]


@dataclass(frozen=True)
class RowSpaceLaw(Law):
    r"""The row space of U (n × r, r > n) where a loss sees :math:`U U^T`: entries of :math:`U_1^{-1} U_2`.

    None of its generators is symmetric; only together, with coefficients that depend on U, are
    they gradients. The functions are rational, and there is no polynomial law.

    Attributes:
        parameter: U.
    """

    parameter: str

    def values(self, parameters: Parameters) -> Float[np.ndarray, "n k"]:
        """:math:`U_1^{-1} U_2`, U_1 the first n columns."""
        u = np.asarray(parameters[self.parameter], dtype=float)
        return np.linalg.solve(u[:, : len(u)], u[:, len(u) :])

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Gradients times det U_1: of adj(U_1) (dU_2 - dU_1 X), X = U_1⁻¹ U_2, times det once more."""
        u = whole_numbers(np.asarray(parameters[self.parameter]))
        n, r = u.shape
        adjugate, determinant = _adjugate(u[:, :n])
        scaled = adjugate @ u[:, n:]
        found = []
        for a in range(n):
            for b in range(r - n):
                part = np.zeros((n, r), dtype=object)
                part[:, n + b] = adjugate[a] * determinant
                part[:, :n] = -np.outer(adjugate[a], scaled[:, b])
                found.append({self.parameter: part})
        return found


def _adjugate(matrix: Shaped[np.ndarray, "n n"]) -> tuple[np.ndarray, int]:
    """Adjugate and determinant of a matrix of whole numbers, exactly."""
    import flint

    whole = flint.fmpq_mat([[flint.fmpq(int(x)) for x in row] for row in matrix])
    determinant = whole.det()
    if determinant == 0:
        raise ValueError("parameters: the first columns of U are dependent; the law is not defined there")
    scaled = (whole.inv() * determinant).entries()
    return np.array([int(x.p) for x in scaled], dtype=object).reshape(matrix.shape), int(determinant.p)

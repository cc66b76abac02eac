"""A law: functions of the parameters that gradient flow keeps."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float, Shaped

from singlearn.flow.modular import whole_numbers
from singlearn.results.result import Answer

Parameters = Mapping[str, Shaped[np.ndarray, "..."]]
Entries = Literal["symmetric", "diagonal", "trace"]
Holds = Literal["always", "on these data"]


SOURCE = "∇h is orthogonal to every gradient field (Marcotte, Gribonval & Peyré 2023)"


class Region(Answer, ABC):
    """An open set of parameters."""

    @abstractmethod
    def contains(self, parameters: Parameters) -> bool:
        """Whether parameters lie in it."""


@dataclass(frozen=True)
class Law(Answer, ABC):
    """One conserved quantity, or a matrix of them.

    Attributes:
        formula: what is conserved, in words a person reads.
        latex: the same for mathematics.
        symmetry: the generator that it comes from.
        holds: always, or while the gates on the data stay as they are.
        region: where it holds, as inequalities, for a law that does not hold everywhere.
    """

    formula: str
    latex: str
    symmetry: str
    holds: Holds
    region: Region | None = field(default=None, kw_only=True, repr=False, compare=False)
    _source: ClassVar[str] = SOURCE

    @property
    def proof(self) -> str:
        """Where it is proved."""
        return f"{self._source}; docs, What training conserves, Where laws come from"

    def summary(self) -> str:
        """All of it, for people."""
        where = "" if self.holds == "always" else f"; holds {self.holds}"
        return f"{self.formula}   (from {self.symmetry}{where})"

    def _repr_latex_(self) -> str:
        return f"${self.latex}$"

    def to_dict(self) -> dict[str, Any]:
        """For machines: what is conserved, and why."""
        return {
            "formula": self.formula,
            "latex": self.latex,
            "symmetry": self.symmetry,
            "holds": self.holds,
            "proof": self.proof,
        }

    def left(self, trajectory: Sequence[Parameters]) -> int | None:
        """The first place of a trajectory of parameters outside the region where the law holds.

        Args:
            trajectory: parameters, one moment after the other.

        Returns:
            The place, or None where the law holds all along.
        """
        if self.region is None:
            return None
        region = self.region
        return next(
            (k for k, parameters in enumerate(trajectory) if not region.contains(parameters)), None
        )

    @abstractmethod
    def values(self, parameters: Parameters) -> Shaped[np.ndarray, "..."]:
        """What is conserved, at these parameters."""

    @abstractmethod
    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Gradients of all conserved functions, by parameter; of whole numbers they are whole, and
        those of a rational function are given up to a common factor.
        """


@dataclass(frozen=True)
class Gram:
    """One term of a Gram law: the parameter as a matrix of rows, times its transpose.

    Attributes:
        parameter: its name.
        axis: which of its axes goes over the rows: 0 for what a layer reads with, 1 for what the
            next writes with; several where rows have several indices.
        coefficient: of the term.
        nodes: the rows that take part; all if None. Several rows for one node (a channel that is
            flattened into many features) are one long row.
        view: the shape in which the parameter has these axes; its own if None.
    """

    parameter: str
    axis: int | tuple[int, ...]
    coefficient: int = 1
    nodes: tuple[int, ...] | tuple[tuple[int, ...], ...] | None = None
    view: tuple[int, ...] | None = None

    @property
    def axes(self) -> tuple[int, ...]:
        """All axes over which rows go."""
        return self.axis if isinstance(self.axis, tuple) else (self.axis,)

    def rows(self, parameters: Mapping[str, Any]) -> Any:
        """The matrix whose rows are multiplied; of NumPy arrays or tensors."""
        array = parameters[self.parameter]
        array = array if hasattr(array, "movedim") else np.asarray(array)
        if self.view is not None:
            array = array.reshape(self.view)
        front = tuple(range(len(self.axes)))
        moved = (
            array.movedim(self.axes, front)
            if hasattr(array, "movedim")
            else np.moveaxis(array, self.axes, front)
        )
        whole = moved.reshape(math.prod(moved.shape[: len(front)]), -1)
        if self.nodes is None:
            return whole
        chosen = whole[
            [n for node in self.nodes for n in (node if isinstance(node, tuple) else (node,))]
        ]
        return chosen.reshape(len(self.nodes), -1)

    def back(
        self, rows: Shaped[np.ndarray, "h k"], parameters: Parameters
    ) -> Shaped[np.ndarray, "..."]:
        """An array of the parameter's shape from its rows, zero elsewhere."""
        shape = np.shape(parameters[self.parameter])
        places = self.rows({self.parameter: np.arange(math.prod(shape)).reshape(shape)})
        whole = np.zeros(math.prod(shape), dtype=np.asarray(rows).dtype)
        whole[places.reshape(-1)] = np.asarray(rows).reshape(-1)
        return whole.reshape(shape)


@dataclass(frozen=True)
class GramLaw(Law):
    r"""The symmetric matrix :math:`Q = \sum_i c_i M_i M_i^T`, its diagonal or its trace.

    Q's entry (a, b) is :math:`\frac12 θ^T A θ` for the generator that mixes hidden coordinates a
    and b of every M with the signs of c. It is symmetric, so that its field is the gradient of the
    entry.

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
        return np.asarray(self.form(parameters, parameters))

    def form(self, left: Mapping[str, Any], right: Mapping[str, Any]) -> Any:
        r"""The bilinear form :math:`\langle a, b \rangle_σ` of which Q is the square; of arrays or
        tensors.

        Args:
            left: a, by parameter.
            right: b.

        Returns:
            A symmetric matrix, its diagonal or its trace.
        """
        total: Any = 0
        for term in self.terms:
            a, b = term.rows(left), term.rows(right)
            if self.entries == "symmetric":
                part = a @ b.T
                part = part if left is right else 0.5 * (part + part.T)
            else:
                part = (a * b).sum(1)
                part = part if self.entries == "diagonal" else part.sum()
            total = total + term.coefficient * part
        return total

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

    def _differential(
        self, mix: Float[np.ndarray, "h h"], parameters: Parameters
    ) -> dict[str, Shaped[np.ndarray, "..."]]:
        found: dict[str, Shaped[np.ndarray, "..."]] = {}
        for term in self.terms:
            part = term.back(term.coefficient * (mix @ term.rows(parameters)), parameters)
            found[term.parameter] = found.get(term.parameter, 0) + part
        return found


def gram_law(
    terms: list[Gram], entries: Entries, symmetry: str, holds: Holds = "always"
) -> GramLaw:
    """A Gram law with its formula written out.

    Args:
        terms: of the sum.
        entries: which entries are conserved.
        symmetry: the generator it comes from.
        holds: always, or on the data at hand.
    """
    plain = "".join(
        _sign(term.coefficient, k == 0) + _plain(term, entries) for k, term in enumerate(terms)
    )
    latex = "".join(
        _sign(term.coefficient, k == 0) + _latex(term, entries) for k, term in enumerate(terms)
    )
    return GramLaw(plain, latex, symmetry, holds, tuple(terms), entries)


def _sign(coefficient: int, first: bool) -> str:
    size = "" if abs(coefficient) == 1 else str(abs(coefficient))
    if first:
        return ("-" if coefficient < 0 else "") + size
    return f" {'-' if coefficient < 0 else '+'} {size}"


def _plain(term: Gram, entries: Entries) -> str:
    name, rows = term.parameter + _chosen(term), term.axes == (0,)
    if entries == "symmetric":
        return f"{name} {name}ᵀ" if rows else f"{name}ᵀ {name}"
    if entries == "trace" or (
        entries == "diagonal" and term.nodes is not None and len(term.nodes) == 1
    ):
        return f"|{name}|²"
    return f"|{name} {'rows' if rows else 'columns' if term.axes == (1,) else 'inputs of groups'}|²"


def _latex(term: Gram, entries: Entries) -> str:
    name = latex_name(term.parameter) + _chosen(term).replace("…", r"\dots")
    if entries == "symmetric":
        return f"{name} {name}^T" if term.axes == (0,) else f"{name}^T {name}"
    index = "" if entries == "trace" else (r"_{j,\cdot}" if term.axes == (0,) else r"_{\cdot,j}")
    return rf"\lVert ({name}){index} \rVert^2" if index else rf"\lVert {name} \rVert^2"


def _chosen(term: Gram) -> str:
    """Which rows, where not all take part, in the order of the nodes."""
    if term.nodes is None:
        return ""
    ahead = ":," * term.axes[0] if len(term.axes) == 1 else ""
    first = [node if isinstance(node, tuple) else (node,) for node in term.nodes]
    every = sorted(place for node in first for place in node)
    if every == list(range(every[0], every[-1] + 1)):
        if every[0] == 0 and len(first[0]) > 1:
            return f"[{ahead}{len(first[0])} for each]" if len(first) > 1 else ""
        return f"[{ahead}{every[0]}:{every[-1] + 1}]"
    shown = ",".join(map(str, every[:3]))
    return f"[{ahead}{shown}{',…' if len(every) > 3 else ''}]"


def latex_name(name: str) -> str:
    r"""A parameter's name for mathematics.

    >>> latex_name("W12"), latex_name("W_Q1"), latex_name("b"), latex_name("0.weight")
    ('W_{12}', 'W_{Q1}', 'b', '\\mathrm{0.weight}')
    """
    if "." in name:
        return rf"\mathrm{{{name.replace('_', chr(92) + '_')}}}"
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
        parts = [
            w.reshape(len(w), -1) @ np.asarray(parameters[name]).reshape(-1)
            for name, w in self.weights.items()
        ]
        found: Float[np.ndarray, " k"] = np.sum(parts, axis=0).astype(float)
        return found

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """The weights."""
        count = len(next(iter(self.weights.values())))
        return [{name: array[k] for name, array in self.weights.items()} for k in range(count)]


@dataclass(frozen=True)
class SumLaw(Law):
    """Sums of a parameter along an axis, or its entries one by one. They are exact for gradient
    descent and momentum too, whatever the step.

    Attributes:
        parameter: its name.
        axis: along which its entries are added; for single entries, along which they stand.
        nodes: the places on the axis that take part; all if None.
        entries: single entries, not sums.

    >>> sum_law("b", 0, None, "translation").values({"b": np.array([1.0, 2.0])})
    array(3.)
    """

    parameter: str
    axis: int
    nodes: tuple[int, ...] | None
    entries: bool
    _source: ClassVar[str] = (
        "its gradient is zero: no loss sees the shift (Kunin et al. 2021, translation symmetry)"
    )

    def values(self, parameters: Mapping[str, Any]) -> Shaped[np.ndarray, "..."]:
        """The sums or entries."""
        array = np.moveaxis(np.asarray(parameters[self.parameter]), self.axis, 0)
        chosen = array if self.nodes is None else array[list(self.nodes)]
        return chosen.reshape(-1) if self.entries else np.asarray(chosen.sum(axis=0))

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Ones and zeros."""
        shape = np.shape(parameters[self.parameter])
        places = np.moveaxis(np.arange(math.prod(shape)).reshape(shape), self.axis, 0)
        chosen = places if self.nodes is None else places[list(self.nodes)]
        columns = chosen.reshape(1, -1) if self.entries else chosen.reshape(len(chosen), -1)
        found = []
        for k in range(columns.shape[1]):
            flat = np.zeros(math.prod(shape))
            flat[columns[:, k]] = 1
            found.append({self.parameter: flat.reshape(shape)})
        return found


def sum_law(
    parameter: str, axis: int, nodes: tuple[int, ...] | None, symmetry: str, entries: bool = False
) -> SumLaw:
    """A sum law with its formula written out.

    Args:
        parameter: its name.
        axis: along which entries are added.
        nodes: the places that take part; all if None.
        symmetry: the shift it comes from.
        entries: single entries, not sums.
    """
    chosen = _chosen(Gram(parameter, axis, 1, nodes))
    plain = f"{parameter}{chosen}" if entries else f"sum of {parameter}{chosen} along axis {axis}"
    name = latex_name(parameter) + chosen.replace("…", r"\dots")
    latex = name if entries else (rf"1^T {name}" if axis == 0 else rf"{name} 1")
    return SumLaw(plain, latex, symmetry, "always", parameter, axis, nodes, entries)


@dataclass(frozen=True)
class BilinearLaw(Law):
    r"""Functions :math:`θ^T B_k θ` of two parameters, B antisymmetric or off the diagonal.

    Attributes:
        first, second: names of the parameters u and v.
        forms: matrices of :math:`u^T B_k v` on the flattened parameters.
    """

    first: str
    second: str
    forms: Float[np.ndarray, "k p q"]

    def values(self, parameters: Parameters) -> Float[np.ndarray, " k"]:
        """The forms at these parameters."""
        u, v = (np.asarray(parameters[name]).reshape(-1) for name in (self.first, self.second))
        found: Float[np.ndarray, " k"] = np.einsum("p,kpq,q->k", u, self.forms, v)
        return found

    def differentials(self, parameters: Parameters) -> list[dict[str, Shaped[np.ndarray, "..."]]]:
        """Gradients of the forms."""
        u, v = (np.asarray(parameters[name]) for name in (self.first, self.second))
        flat = v.reshape(-1)
        return [
            {
                self.first: (form @ flat).reshape(u.shape),
                self.second: (u.reshape(-1) @ form).reshape(v.shape),
            }
            for form in self.forms
        ]


@dataclass(frozen=True)
class RowSpaceLaw(Law):
    r"""The row space of U (n × r, r > n) where a loss sees :math:`U U^T`: entries of
    :math:`U_1^{-1} U_2`.

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
        """Gradients times det U_1: of adj(U_1) (dU_2 - dU_1 X), X = U_1⁻¹ U_2, times det once
        more.
        """
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
        raise ValueError(
            "parameters: the first columns of U are dependent; the law is not defined there"
        )
    scaled = (whole.inv() * determinant).entries()
    return np.array([int(x.p) for x in scaled], dtype=object).reshape(matrix.shape), int(
        determinant.p
    )

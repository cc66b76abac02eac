"""Laws as forms of the parameters that a ledger adds up: quadratic or linear; any other is refused
by name.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from singlearn.flow.law import Gram, GramLaw, Law, LinearLaw

Arrays = Mapping[str, Any]
"""By parameter: NumPy arrays or torch tensors, in float64."""
Coefficients = Mapping[str, float]
"""By parameter; a parameter that is not there counts 0."""


@dataclass(frozen=True)
class Vector:
    """A vector of parameters times a number for each parameter.

    Attributes:
        label: which of the step's vectors: "w", "g", ….
        coefficients: the numbers.
    """

    label: str
    coefficients: Coefficients


class Products:
    """Inner products of the vectors of one step under one law; each is computed once, whatever the
    coefficients.

    Args:
        form: of the law.
        vectors: by label.
    """

    def __init__(self, form: Form, vectors: Mapping[str, Arrays]) -> None:
        self.form, self.vectors = form, vectors
        self.kept: dict[Any, Any] = {}

    def pair(self, left: Sequence[Vector], right: Sequence[Vector]) -> Any:
        r""":math:`\langle \sum a, \sum b \rangle_σ` for sums of vectors."""
        found = self.form.pair(self, left, right)
        return self.zero() if found is None else found

    def single(self, vectors: Sequence[Vector]) -> Any:
        """A linear law of a sum of vectors."""
        found = self.form.single(self, vectors)
        return self.zero() if found is None else found

    def once(self, key: Any, compute: Callable[[], Any]) -> Any:
        """What was computed before under this key, or is now."""
        if key not in self.kept:
            self.kept[key] = compute()
        return self.kept[key]

    def zero(self) -> Any:
        """Of the law's shape."""
        return self.once("zero", lambda: 0.0 * self.form.value(self, "w"))


class Form(ABC):
    """A law that is a polynomial of one degree, 1 or 2, in the parameters.

    Attributes:
        law: itself.
        parameters: that it is made of.
        degree: 1 or 2.
    """

    law: Law
    parameters: tuple[str, ...]
    degree: int

    def pair(self, products: Products, left: Sequence[Vector], right: Sequence[Vector]) -> Any:
        """The bilinear form of a quadratic law for sums of vectors, None where it is zero by its
        coefficients.
        """
        raise NotImplementedError

    def single(self, products: Products, vectors: Sequence[Vector]) -> Any:
        """A linear law of a sum of vectors, None where it is zero by its coefficients."""
        raise NotImplementedError

    @abstractmethod
    def value(self, products: Products, label: str) -> Any:
        """The law itself at a vector."""

    @abstractmethod
    def size(self, products: Products, label: str) -> float:
        """Largest squared norm that the law adds or subtracts at a vector: what its rounding is
        relative to.
        """


def ones(form: Form) -> dict[str, float]:
    """Coefficients 1 for all parameters of a law."""
    return dict.fromkeys(form.parameters, 1.0)


class GramForm(Form):
    """Rows times rows."""

    degree = 2

    def __init__(self, law: GramLaw) -> None:
        self.law: GramLaw = law
        self.parameters = tuple(dict.fromkeys(term.parameter for term in law.terms))

    def part(self, products: Products, k: int, left: str, right: str) -> Any:
        """Products of the rows of term k of two vectors: their matrix, its diagonal or its
        trace.
        """
        key = (k, left, right) if left <= right else (k, right, left)
        if key not in products.kept:
            term = self.law.terms[k]
            a, b = products.vectors[left][term.parameter], products.vectors[right][term.parameter]
            if self.law.entries == "symmetric":
                whole = rows(a, term) @ rows(b, term).T
                products.kept[key] = 0.5 * (whole + whole.T)
            else:
                along = _row_products(a, b, term)
                products.kept[key] = along if self.law.entries == "diagonal" else along.sum()
        return products.kept[key]

    def pair(self, products: Products, left: Sequence[Vector], right: Sequence[Vector]) -> Any:
        total = None
        for k, term in enumerate(self.law.terms):
            name = term.parameter
            for a in left:
                half = term.coefficient * a.coefficients.get(name, 0.0)
                for b in right if half != 0.0 else ():
                    weight = half * b.coefficients.get(name, 0.0)
                    if weight != 0.0:
                        part = weight * self.part(products, k, a.label, b.label)
                        total = part if total is None else total + part
        return total

    def value(self, products: Products, label: str) -> Any:
        one = Vector(label, ones(self))
        return products.pair([one], [one])

    def size(self, products: Products, label: str) -> float:
        def compute() -> float:
            parts = [self.part(products, k, label, label) for k in range(len(self.law.terms))]
            if self.law.entries == "symmetric":
                parts = [part.diagonal() for part in parts]
            return max(
                float(abs(term.coefficient) * part.max())
                for term, part in zip(self.law.terms, parts, strict=True)
            )

        return float(products.once(("size", label), compute))


class LinearForm(Form):
    """Fixed combinations of entries."""

    degree = 1

    def __init__(self, law: LinearLaw) -> None:
        self.law: LinearLaw = law
        self.parameters = tuple(law.weights)

    def single(self, products: Products, vectors: Sequence[Vector]) -> Any:
        total = None
        for vector in vectors:
            for name, weights in self.law.weights.items():
                weight = vector.coefficients.get(name, 0.0)
                if weight != 0.0:
                    key = (name, vector.label)
                    if key not in products.kept:
                        products.kept[key] = self._part(products, vector.label, name, weights)
                    part = weight * products.kept[key]
                    total = part if total is None else total + part
        return total

    def _part(self, products: Products, label: str, name: str, weights: Any) -> Any:
        flat = _flat(products.vectors[label][name])
        matrix = np.asarray(weights, dtype=float).reshape(len(weights), -1)
        return (
            matrix @ flat
            if isinstance(flat, np.ndarray)
            else _torch().as_tensor(matrix, device=flat.device) @ flat
        )

    def value(self, products: Products, label: str) -> Any:
        return products.single([Vector(label, ones(self))])

    def size(self, products: Products, label: str) -> float:
        found: float = max(
            float((_flat(products.vectors[label][name]) ** 2).sum()) ** 0.5
            for name in self.parameters
        )
        return found


class FormByValues(Form):
    """A law of another kind, through its values."""

    def __init__(self, law: Law, parameters: tuple[str, ...]) -> None:
        self.law = law
        self.parameters = parameters

    def _sum(self, products: Products, vectors: Sequence[Vector]) -> dict[str, np.ndarray]:
        found = {n: np.zeros(tuple(products.vectors["w"][n].shape)) for n in self.parameters}
        for vector in vectors:
            for n in self.parameters:
                if vector.coefficients.get(n, 0.0):
                    found[n] = found[n] + vector.coefficients[n] * as_numpy(
                        products.vectors[vector.label][n]
                    )
        return found

    def _like(self, products: Products, values: np.ndarray) -> Any:
        one = products.vectors["w"][self.parameters[0]]
        return (
            np.asarray(values, dtype=float)
            if isinstance(one, np.ndarray)
            else _torch().as_tensor(values, dtype=one.dtype)
        )

    def value(self, products: Products, label: str) -> Any:
        return self._like(
            products,
            np.asarray(
                self.law.values({n: as_numpy(products.vectors[label][n]) for n in self.parameters})
            ),
        )

    def size(self, products: Products, label: str) -> float:
        squared = max(
            float((_flat(products.vectors[label][n]) ** 2).sum()) for n in self.parameters
        )
        return squared if self.degree == 2 else squared**0.5


class QuadraticForm(FormByValues):
    r"""Any law that is quadratic in the parameters:
    :math:`\langle a, b \rangle_σ = (Q(a + b) - Q(a - b))/4`, with b scaled to the size of a, so
    that no digits are lost.
    """

    degree = 2

    def pair(self, products: Products, left: Sequence[Vector], right: Sequence[Vector]) -> Any:
        a, b = self._sum(products, left), self._sum(products, right)
        sizes = [np.sqrt(sum(float(np.sum(x**2)) for x in vector.values())) for vector in (a, b)]
        if min(sizes) == 0.0:
            return None
        scale = sizes[0] / sizes[1]
        plus, minus = ({n: a[n] + sign * scale * b[n] for n in a} for sign in (1, -1))
        form = (
            np.asarray(self.law.values(plus), dtype=float)
            - np.asarray(self.law.values(minus), dtype=float)
        ) / (4 * scale)
        return self._like(products, form)


class AdditiveForm(FormByValues):
    """Any law that is linear in the parameters."""

    degree = 1

    def single(self, products: Products, vectors: Sequence[Vector]) -> Any:
        return self._like(products, np.asarray(self.law.values(self._sum(products, vectors))))

    def size(self, products: Products, label: str) -> float:
        found: float = super().size(products, label) ** 0.5
        return found


def form_of(law: Law, weights: Arrays) -> Form:
    """The form of a law.

    Args:
        law: one of a network's.
        weights: of that network, by parameter.

    Raises:
        ValueError: a law that is neither quadratic nor linear, or that names what the weights
            do not have.

    >>> from singlearn.flow.law import gram_law
    >>> law = gram_law([Gram("W1", 0), Gram("W2", 1, -1)], "diagonal", "scaling of a node")
    >>> form_of(law, {"W1": np.ones((2, 3)), "W2": np.ones((1, 2))}).degree
    2
    """
    if isinstance(law, GramLaw):
        form: Form = GramForm(law)
    elif isinstance(law, LinearLaw):
        form = LinearForm(law)
    else:
        return _probed(law, weights)
    _check_names(form.parameters, weights)
    return form


def _probed(law: Law, weights: Arrays) -> Form:
    """A law of another kind, whose degree is found out at random parameters."""
    random = np.random.default_rng(0)
    asked = _Asked(weights, random)
    refusal = ValueError(
        f"laws: {law.formula} is a {type(law).__name__}; the ledger is for laws that are quadratic "
        f"or linear in the weights"
    )
    here = _values(law, asked)
    one = dict(asked.drawn)
    other = {name: random.standard_normal(array.shape) for name, array in one.items()}
    plus, minus = ({name: one[name] + sign * other[name] for name in one} for sign in (1, -1))
    there = _values(law, other)
    sums = _values(law, plus) + _values(law, minus)
    if np.allclose(_values(law, plus), here + there, rtol=1e-9, atol=1e-9):
        return AdditiveForm(law, tuple(one))
    if not np.allclose(sums, 2 * here + 2 * there, rtol=1e-9, atol=1e-9):
        raise refusal
    return QuadraticForm(law, tuple(one))


def _values(law: Law, weights: Any) -> np.ndarray:
    try:
        return np.asarray(law.values(weights), dtype=float)
    except KeyError as missing:
        raise ValueError(
            f"laws: {law.formula} names {missing.args[0]}, which the model does not have"
        ) from None


class _Asked(Mapping[str, Any]):
    """Random parameters of the shapes of others, drawn when they are looked up: most laws ask for
    two of many.
    """

    def __init__(self, like: Arrays, random: np.random.Generator) -> None:
        self.drawn: dict[str, np.ndarray] = {}
        self._like, self._random = like, random

    def __getitem__(self, name: str) -> np.ndarray:
        if name not in self.drawn:
            self.drawn[name] = self._random.standard_normal(self._like[name].shape)
        return self.drawn[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._like)

    def __len__(self) -> int:
        return len(self._like)


def _check_names(names: Sequence[str], weights: Arrays) -> None:
    for name in names:
        if name not in weights:
            raise ValueError(f"laws: they name {name}, which the model does not have")


def given_laws(laws: Any) -> tuple[tuple[Any, ...], tuple[str, ...]]:
    """Laws, and sentences about where there are none, from what a caller gives: what ``flow``
    finds, or a sequence of laws.
    """
    found = getattr(laws, "laws", laws)
    if isinstance(found, Law):
        found = (found,)
    try:
        every = tuple(found)
    except TypeError:
        raise ValueError(
            f"laws: got {type(laws).__name__}; it should be laws, such as flow.count(…).laws"
        ) from None
    for law in every:
        if not isinstance(law, Law):
            raise ValueError(
                f"laws: got {type(law).__name__}; they should be laws, such as flow.count(…).laws"
            )
    return every, (*getattr(laws, "without", ()), *getattr(laws, "not_understood", ()))


def rows(array: Any, term: Gram) -> Any:
    """The matrix whose rows a term multiplies, of a NumPy array or a tensor."""
    return term.rows({term.parameter: array})


def _row_products(a: Any, b: Any, term: Gram) -> Any:
    """Inner products of equal rows; no copy of a matrix is made."""
    if a.ndim == 2 and term.nodes is None and isinstance(term.axis, int) and term.view is None:
        if isinstance(a, np.ndarray):
            return np.einsum("ij,ij->i" if term.axis == 0 else "ij,ij->j", a, b)
        return _torch().linalg.vecdot(a, b, dim=1 - term.axis)
    left, right = rows(a, term), rows(b, term)
    return (left * right).sum(axis=1)


def as_numpy(array: Any) -> np.ndarray:
    """A tensor or array as a NumPy array."""
    return array if isinstance(array, np.ndarray) else array.detach().cpu().numpy()


def largest(values: Any) -> float:
    """The largest absolute value, 0 of nothing."""
    return float(abs(values).max()) if _count(values) else 0.0


def _count(values: Any) -> int:
    return int(np.prod(values.shape)) if len(values.shape) else 1


def _flat(array: Any) -> Any:
    return array.reshape(-1)


def _torch() -> Any:
    import torch

    return torch

"""Polynomials, sums of squares, priors and points as people give them, turned into exact
polynomials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import fmpq

from singlearn.exact.read.expression import Expression
from singlearn.exact.read.ring import Poly, ring, terms_of
from singlearn.exact.read.size import Size

MOST_VARIABLES = 26
ABSOLUTE = re.compile(r"(?:Abs|abs)\(\s*([A-Za-z_]\w*)\s*\)|\|\s*([A-Za-z_]\w*)\s*\|")


@dataclass(frozen=True, eq=False)
class Function:
    """K = Σ c g^power, with its variables.

    Args:
        texts: K as it was given, or its generators.
        is_list: whether they are generators.
        variables: in the order in which they were met.
        generators: the g.
        scales: the c > 0.
        power: 2 if K was recognised as a sum of squares, otherwise 1 and a single generator, K
            itself.
        whole: K itself.
    """

    texts: tuple[str, ...]
    is_list: bool

    variables: tuple[str, ...]
    generators: tuple[Poly, ...]
    scales: tuple[Any, ...]
    power: int
    whole: Poly


def texts_of(K: Any) -> list[str] | str:
    """K as text, or its generators as texts: what another process can be sent.

    Raises:
        ValueError: neither a string, nor a SymPy expression, nor a list of them.
    """
    if isinstance(K, (list, tuple)):
        if not K:
            raise ValueError("K: got an empty list; it should have at least one generator")
        return [text_of(g) for g in K]
    return text_of(K)


def function_size(K: list[str] | str) -> Size:
    """Bounds of the size of K, or of the largest generator, multiplied out.

    Raises:
        ValueError: it is not a polynomial, or too large to be multiplied out.
    """
    texts = [K] if isinstance(K, str) else K
    variables = variables_of(texts)
    return max((Expression(t).size(variables, "K") for t in texts), key=lambda size: size.terms)


def read_as_it_is(K: list[str] | str) -> Function:
    """K without a look for squares in it: what takes no time.

    Raises:
        ValueError: as :func:`read_function` does.
    """
    if not isinstance(K, str):
        return read_function(K)
    variables = variables_of([K])
    whole = _polynomial(K, variables)
    return Function((K,), False, variables, (whole,), (fmpq(1),), 1, whole)


def read_function(K: Any) -> Function:
    """K from a string, a SymPy expression, or a list of either (generators whose squares are
    added).

    Raises:
        ValueError: something else, or not a polynomial with rational coefficients; K constant or a
            list without polynomials.
    """
    if isinstance(K, (list, tuple)):
        if not K:
            raise ValueError("K: got an empty list; it should have at least one generator")
        texts = [text_of(g) for g in K]
        variables = variables_of(texts)
        generators = [_polynomial(t, variables) for t in texts]
        generators = [g for g in generators if g != 0]
        if not generators:
            raise ValueError(
                "K: got generators that are all 0; the learning coefficient of K = 0 is not defined"
            )
        whole = generators[0] * 0
        for g in generators:
            whole = whole + g * g
        return Function(
            tuple(texts), True, variables, tuple(generators), (fmpq(1),) * len(generators), 2, whole
        )
    text = text_of(K)
    variables = variables_of([text])
    whole = _polynomial(text, variables)
    if whole == 0:
        raise ValueError("K: got 0; the learning coefficient of K = 0 is not defined")
    squares = (
        _squares([_polynomial(t, variables) for t in _summands(text)])
        or _squares([whole])
        or completed_squares(whole)
    )
    if squares:
        scales, roots = zip(*squares, strict=True)
        return Function((text,), False, variables, tuple(roots), tuple(scales), 2, whole)
    return Function((text,), False, variables, (whole,), (fmpq(1),), 1, whole)


def text_of(given: Any, argument: str = "K") -> str:
    """A polynomial as text.

    Raises:
        ValueError: neither a string, nor a SymPy expression, nor a rational number.
    """
    if isinstance(given, Expression):
        return given.text
    if isinstance(given, str):
        return given
    if hasattr(given, "free_symbols") and hasattr(given, "as_ordered_terms"):  # a SymPy expression
        return str(given)
    if isinstance(given, (int, Fraction)) and not isinstance(given, bool):
        return str(given)
    raise ValueError(
        f"{argument}: got {type(given).__name__}; it should be a string, a SymPy expression, or a "
        f"list of them"
    )


def variables_of(texts: Sequence[str] | str) -> tuple[str, ...]:
    """The variables in the order in which they are met; refused where there is none, or too
    many.
    """
    listed = [texts] if isinstance(texts, str) else texts
    names = tuple(dict.fromkeys(name for text in listed for name in Expression(text).variables))
    if not names:
        raise ValueError("K: got a constant; it should have at least one variable")
    if len(names) > MOST_VARIABLES:
        raise ValueError(f"K: got {len(names)} variables; at most {MOST_VARIABLES} are read")
    return names


def _polynomial(text: str, variables: Sequence[str], argument: str = "K") -> Poly:
    Expression(text).size(tuple(variables), argument)  # refused before it takes the memory
    context = ring(variables)
    values = dict(zip(variables, context.gens(), strict=True))
    result = Expression(text).evaluate(
        values, lambda q: context.constant(fmpq(q.numerator, q.denominator))
    )
    found: Poly = context.constant(0) + result
    return found


def _summands(text: str) -> list[str]:
    """The terms of the sum as it was written, so that squares are seen before they are multiplied
    out.
    """
    return Expression(text).summands()


def _squares(polys: Sequence[Poly]) -> list[tuple[Any, Poly]]:
    """Constants c > 0 and polynomials g with poly = c·g² for each; nothing if one is not of that
    form.
    """
    roots = []
    for poly in polys:
        if poly == 0:
            continue
        constant, factors = poly.factor()
        if constant < 0 or any(int(s) % 2 for _, s in factors):
            return []
        root = poly.context().constant(1)
        for factor, s in factors:
            root = root * factor ** (int(s) // 2)
        roots.append((constant, root))
    return roots


def completed_squares(poly: Poly) -> list[tuple[Any, Poly]]:
    """Constants c > 0 and polynomials g such that ``poly`` is the sum of the c·g², by completing
    squares; nothing if that fails.

    >>> x, y = ring("xy").gens()
    >>> completed_squares(x**2 - 2*x*y**2 + y**4 + y**6)
    [(1, x - y^2), (1, y^3)]
    """
    if poly == 0:
        return []
    found = _squares([poly]) or _square_monomials(poly)
    if found:
        return found
    context = poly.context()
    for index, degree in enumerate(map(int, poly.degrees())):
        if degree != 2:
            continue
        parts: list[dict[tuple[int, ...], Any]] = [{}, {}, {}]
        for e, c in terms_of(poly).items():
            parts[e[index]][(*e[:index], 0, *e[index + 1 :])] = c
        c0, c1, c2 = (context.from_dict(part) for part in parts)
        if not c2.is_constant() or c2.leading_coefficient() < 0:
            continue
        lead = c2.leading_coefficient()
        rest = c0 - c1 * c1 / (4 * lead)
        if rest == 0:
            return [(lead, context.gens()[index] + c1 / (2 * lead))]
        others = completed_squares(rest)
        if others:
            return [(lead, context.gens()[index] + c1 / (2 * lead)), *others]
    return []


def _square_monomials(poly: Poly) -> list[tuple[Any, Poly]]:
    terms = terms_of(poly)
    if any(c < 0 or any(v % 2 for v in e) for e, c in terms.items()):
        return []
    return [
        (c, poly.context().from_dict({tuple(v // 2 for v in e): fmpq(1)})) for e, c in terms.items()
    ]


def read_prior(prior: Any, variables: Sequence[str]) -> tuple[tuple[int, ...], Poly]:
    """Exponents h and a polynomial φ such that the prior is ∏|x|^h |φ|.

    Raises:
        ValueError: a variable that K does not have, or an absolute value that is not a factor.
    """
    context = ring(variables)
    if prior is None:
        return (0,) * len(variables), context.constant(1)
    text = text_of(prior, "prior")
    absolute: dict[str, str] = {}
    prefix = "absolute_of_"
    while any(prefix in written for written in (text, *variables)):
        prefix += "_"  # a name that nothing else has

    def name(match: re.Match[str]) -> str:
        variable = match.group(1) or match.group(2)
        return absolute.setdefault(variable, f"{prefix}{variable}")

    text = ABSOLUTE.sub(name, text)
    expression = Expression(text)
    unknown = [v for v in expression.variables if v not in variables and v not in absolute.values()]
    unknown += [v for v in absolute if v not in variables]
    if unknown:
        raise ValueError(
            f"prior: got {unknown[0]}, which is not a variable of K; those are "
            f"{', '.join(variables)}"
        )
    names = (*variables, *absolute.values())
    poly = _polynomial(text, names, "prior")
    if poly == 0:
        raise ValueError("prior: got 0; it should be positive somewhere")
    terms = terms_of(poly)
    exponents = [0] * len(variables)
    for position, variable in enumerate(absolute, start=len(variables)):
        powers = {e[position] for e in terms}
        if len(powers) > 1:
            raise ValueError(
                f"prior: got {prior}; an absolute value such as |{variable}| should be a factor of "
                f"the whole"
            )
        exponents[variables.index(variable)] += powers.pop()
    rest = context.from_dict({e[: len(variables)]: c for e, c in terms.items()})
    return tuple(exponents), rest


def read_point(at: Mapping[Any, Any] | None, variables: Sequence[str]) -> dict[str, Fraction]:
    """A rational point; coordinates that were not given are 0.

    Raises:
        ValueError: an unknown variable, or a coordinate that is not a rational number.
    """
    point = {name: Fraction(0) for name in variables}
    for key, value in (at or {}).items():
        name = str(key)
        if name not in point:
            raise ValueError(
                f"at: got {name}, which is not a variable of K; those are {', '.join(variables)}"
            )
        point[name] = rational("at", value)
    return point


def rational(argument: str, value: Any) -> Fraction:
    """A number that is exactly rational: int, Fraction, float or string of a decimal, SymPy
    Rational.
    """
    try:
        return Fraction(str(value))
    except ValueError:
        raise ValueError(f"{argument}: got {value!r}; it should be a rational number") from None


def translated(poly: Poly, variables: Sequence[str], point: Mapping[str, Fraction]) -> Poly:
    """The polynomial in coordinates whose origin is the point."""
    if not any(point.values()):
        return poly
    shifts = [fmpq(point[name].numerator, point[name].denominator) for name in variables]
    return poly.compose(*(g + a for g, a in zip(poly.context().gens(), shifts, strict=True)))

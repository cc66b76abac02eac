"""How large a polynomial gets when it is multiplied out, bounded before anything is multiplied."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from math import comb, prod

MOST_TERMS = 50_000
"""Terms of a polynomial that is read; time and memory of every later step grow with them."""

MOST_PRODUCTS = 50_000_000
"""Products of two terms in one multiplication: about ten seconds."""

LARGEST_DEGREE = 100_000
"""Total degree; exponents of machine words end far beyond, but no search does anything with these.
"""


@dataclass(frozen=True)
class Size:
    """Upper bounds of a polynomial's size.

    Attributes:
        degrees: the degree in each variable.
        total: the total degree.
        terms: the number of terms.
    """

    degrees: tuple[int, ...]
    total: int
    terms: int

    @classmethod
    def of(cls, degrees: tuple[int, ...], total: int, terms: int) -> Size:
        """With no more terms than there are monomials of these degrees."""
        box = prod(degree + 1 for degree in degrees)
        simplex = comb(total + len(degrees), len(degrees))
        return cls(degrees, total, min(terms, box, simplex))


def size_of(tree: ast.expr, variables: tuple[str, ...], argument: str) -> Size:
    """Bounds of the size of an expression that was let through by the reader.

    Args:
        tree: the expression's syntax tree.
        variables: all variables of the ring.
        argument: what the caller calls it, for the sentence.

    Returns:
        Its size multiplied out.

    Raises:
        ValueError: a power or a product in it is too large to be multiplied out.

    >>> size_of(ast.parse("(x + y)**3 * x", mode="eval").body, ("x", "y"), "K")
    Size(degrees=(4, 3), total=4, terms=4)
    """
    match tree:
        case ast.Name(id=name):
            return Size(tuple(int(name == v) for v in variables), 1, 1)
        case ast.Constant():
            return Size((0,) * len(variables), 0, 1)
        case ast.UnaryOp(operand=operand):
            return size_of(operand, variables, argument)
        case ast.BinOp(op=ast.Div(), left=left):
            return size_of(left, variables, argument)
        case ast.BinOp(op=ast.Pow(), left=left, right=ast.Constant(value=int(exponent))):
            base = size_of(left, variables, argument)
            if exponent * base.total > LARGEST_DEGREE:
                raise ValueError(
                    f"{argument}: got a power of degree {exponent * base.total}, too large; at "
                    f"most "
                    f"{LARGEST_DEGREE} is read. λ of g^p is λ of g^2 times 2/p, with the same m"
                )
            powers = comb(base.terms + exponent - 1, exponent)
            found = Size.of(
                tuple(exponent * degree for degree in base.degrees), exponent * base.total, powers
            )
            return _refuse_large(found, found.terms * base.terms, argument)
        case ast.BinOp(op=operator, left=left, right=right):
            a, b = size_of(left, variables, argument), size_of(right, variables, argument)
            if isinstance(operator, ast.Mult):
                degrees = tuple(m + n for m, n in zip(a.degrees, b.degrees, strict=True))
                found = Size.of(degrees, a.total + b.total, a.terms * b.terms)
                return _refuse_large(found, a.terms * b.terms, argument)
            degrees = tuple(map(max, a.degrees, b.degrees))
            found = Size.of(degrees, max(a.total, b.total), a.terms + b.terms)
            return _refuse_large(found, 0, argument)
    raise AssertionError(f"{ast.dump(tree)} was let through by the reader")


def _refuse_large(size: Size, products: int, argument: str) -> Size:
    if size.total > LARGEST_DEGREE or size.terms > MOST_TERMS or products > MOST_PRODUCTS:
        raise ValueError(
            f"{argument}: multiplied out it may have {size.terms} terms of degree up to "
            f"{size.total}, "
            f"too large; at most {MOST_TERMS} terms are read, for time and memory grow with them. "
            "Give generators as a list, or leave powers out: λ of g^p is λ of g^2 times 2/p"
        )
    return size

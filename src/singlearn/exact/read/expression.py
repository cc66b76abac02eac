"""Polynomials as people type them, read without running them."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from singlearn.exact.read.size import Size, size_of
from singlearn.exact.read.spelling import what_to_write

LONGEST = 100_000
"""Characters; as many as the terms of the largest polynomial that is read may have."""

LONG = 400
"""Characters from which a sum is parsed term by term."""

LONGEST_TERM = 2000
"""Characters of one term of the outermost sum; a longer one could exhaust the parser's stack."""

DEEPEST = 250
"""Levels of the syntax tree of one term; walking a deeper one could exhaust Python's stack."""

LARGEST_EXPONENT = 100
"""Beyond it a power is a mistake, or an attempt to keep the machine busy."""

LARGEST_NUMBER = 1e300


class Expression:
    r"""A polynomial in named variables, with ``+ - * ^ **``, parentheses, numbers, and division by
    numbers.

    The text is parsed to a syntax tree and walked; nothing in it is executed, and everything but
    the above is refused.

    Args:
        text: such as ``"x^2*y^2 + z^4"``.

    Raises:
        ValueError: the text is not such a polynomial; the message names the part that is not.

    >>> square = Expression("(x^2 - 1/2*y)^2")
    >>> square.variables
    ('x', 'y')
    >>> square.evaluate({"x": Fraction(1), "y": Fraction(1)}, number=Fraction)
    Fraction(1, 4)
    """

    def __init__(self, text: str) -> None:
        self.text = text
        names: list[str] = []
        terms = []
        for sign, term in _outermost_sum(text):
            tree = _parse(term, text)
            try:
                _collect(tree, term, names, DEEPEST)
            except RecursionError:
                raise ValueError(
                    f"expression: nested too deeply, or too many terms in parentheses; at most "
                    f"{DEEPEST} are read"
                ) from None
            terms.append((sign, tree))
        self._tree = _balanced(terms)
        self.variables: tuple[str, ...] = tuple(dict.fromkeys(names))

    def summands(self) -> list[str]:
        """The terms of the sum, as written.

        Returns:
            One text per term, with its sign.

        >>> Expression("(x - y)^2 + 3*z^4 - x").summands()
        ['(x - y) ** 2', '3 * z ** 4', '-x']
        """
        return [ast.unparse(node) for node in _terms(self._tree, positive=True)]

    def size(self, variables: tuple[str, ...], argument: str = "expression") -> Size:
        """Bounds of degrees and of the number of terms, multiplied out in a ring of these
        variables.

        Returns:
            Upper bounds of degrees and of the number of terms; nothing is multiplied out for them.

        Raises:
            ValueError: it is too large to be multiplied out; the message calls it ``argument``.

        >>> Expression("(x + y)^50").size(("x", "y")).terms
        51
        """
        return size_of(self._tree, variables, argument)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def evaluate(self, values: Mapping[str, Any], number: Callable[[Fraction], Any] = float) -> Any:
        """Its value, in whatever ring the ``values`` live (floats, fractions, arrays, symbols).

        Args:
            values: one per variable.
            number: turns the numbers of the text, read as exact fractions, into members of that
                ring.

        Returns:
            An element of that ring.

        Raises:
            ValueError: a variable has no value.
        """
        missing = [name for name in self.variables if name not in values]
        if missing:
            raise ValueError(f"values: none given for {', '.join(missing)}")
        return _evaluate(self._tree, values, number)


def _outermost_sum(text: str) -> list[tuple[str, str]]:
    """Signs and terms of a long sum, which are parsed one by one: a tree with a level per term is
    too deep to walk.

    >>> _outermost_sum("x")
    [('+', 'x')]
    """
    if len(text) > LONGEST:
        raise ValueError(f"expression: got {len(text)} characters; at most {LONGEST} are read")
    line = text.strip().replace("^", "**")
    if len(line) <= LONG or "\n" in line:
        return [("+", line)]
    found, sign, begin, depth, is_operand = [], "+", 0, 0, False
    try:
        for token in tokenize.generate_tokens(io.StringIO(line).readline):
            if token.string in ("+", "-") and depth == 0 and is_operand:
                found.append((sign, line[begin : token.start[1]].strip()))
                sign, begin = token.string, token.end[1]
            depth += (token.string in ("(", "[", "{")) - (token.string in (")", "]", "}"))
            is_operand = token.type in (tokenize.NAME, tokenize.NUMBER) or token.string == ")"
    except (tokenize.TokenError, SyntaxError):
        return [("+", line)]
    return [*found, (sign, line[begin:].strip())]


def _balanced(terms: list[tuple[str, ast.expr]]) -> ast.expr:
    """The sum of the terms, as a tree of few levels."""
    if len(terms) == 1:
        ((sign, tree),) = terms
        return tree if sign == "+" else ast.UnaryOp(ast.USub(), tree)
    half = len(terms) // 2
    return ast.BinOp(_balanced(terms[:half]), ast.Add(), _balanced(terms[half:]))


def shortened(text: str) -> str:
    """So much of it as a message should repeat."""
    return text if len(text) <= LONG else f"{text[:LONG]} …"


def _parse(term: str, text: str) -> ast.expr:
    if len(term) > LONGEST_TERM:
        raise ValueError(
            f"expression: got a term of {len(term)} characters; at most {LONGEST_TERM} are read in "
            f"one term of a sum"
        )
    try:
        return ast.parse(term, mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(
            f"expression: got {shortened(text)!r}; it should be a polynomial such as 'x^2*y^2 + "
            f"z^4'{what_to_write(text)}"
        ) from None


def _collect(node: ast.expr, text: str, names: list[str], levels: int) -> None:
    """Append the variables under ``node``, in the order they are read; refuse whatever is not
    polynomial.
    """
    if levels == 0:
        raise RecursionError
    match node:
        case ast.Name(id=name):
            names.append(name)
        case ast.Constant():
            _number(node, text)
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=operand):
            _collect(operand, text, names, levels - 1)
        case ast.BinOp(op=ast.Add() | ast.Sub() | ast.Mult(), left=left, right=right):
            _collect(left, text, names, levels - 1)
            _collect(right, text, names, levels - 1)
        case ast.BinOp(op=ast.Div(), left=left, right=ast.Constant() as right):
            _collect(left, text, names, levels - 1)
            if _number(right, text) == 0:
                raise ValueError(f"expression: {ast.unparse(node)!r} divides by zero")
        case ast.BinOp(op=ast.Div(), right=right):
            raise ValueError(
                f"expression: division by {ast.unparse(right)!r}; only division by a number gives "
                f"a polynomial"
            )
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            _collect(left, text, names, levels - 1)
            _exponent(right)
        case _:
            raise ValueError(
                f"expression: {ast.unparse(node)!r} is not allowed in a polynomial; "
                f"use names, numbers, parentheses and + - * ^ **{what_to_write(text)}"
            )


def _terms(node: ast.expr, positive: bool) -> list[ast.expr]:
    """Left to right, without recursion on the left: a long sum leans there."""
    found: list[ast.expr] = []
    while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub):
        found[:0] = _terms(node.right, positive == isinstance(node.op, ast.Add))
        node = node.left
    found.insert(0, node if positive else ast.UnaryOp(ast.USub(), node))
    return found


def _number(node: ast.Constant, text: str) -> Fraction:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise ValueError(f"expression: {node.value!r} is not a real number, in {text!r}")
    if node.value > LARGEST_NUMBER:
        raise ValueError(f"expression: got a number above {LARGEST_NUMBER}; it would overflow")
    exact = Fraction(str(node.value))
    if isinstance(node.value, float):
        written = ast.get_source_segment(text, node)
        if written is not None and Fraction(written) != exact:
            raise ValueError(
                f"expression: got {written}, which has more digits than a float keeps; "
                "it should be a fraction of whole numbers, such as 123/1000"
            )
    return exact


def _exponent(node: ast.expr) -> int:
    if (
        isinstance(node, ast.Constant)
        and type(node.value) is int
        and node.value <= LARGEST_EXPONENT
    ):
        return node.value
    written = ast.unparse(node)
    raise ValueError(
        f"expression: exponent {written!r}; it should be a whole number from 0 to "
        f"{LARGEST_EXPONENT}{what_to_write(written)}"
    )


def _evaluate(node: ast.expr, values: Mapping[str, Any], number: Callable[[Fraction], Any]) -> Any:
    match node:
        case ast.Name(id=name):
            return values[name]
        case ast.Constant(value=value):
            return number(Fraction(str(value)))
        case ast.UnaryOp(op=operator, operand=operand):
            inner = _evaluate(operand, values, number)
            return -inner if isinstance(operator, ast.USub) else inner
        case ast.BinOp(op=ast.Pow(), left=left, right=right):
            # A whole exponent, so that negative bases keep their derivative.
            return _evaluate(left, values, number) ** _exponent(right)
        case ast.BinOp(op=ast.Div(), left=left, right=ast.Constant(value=value)):
            return _evaluate(left, values, number) * number(1 / Fraction(str(value)))
        case ast.BinOp(op=operator, left=left, right=right):
            a, b = _evaluate(left, values, number), _evaluate(right, values, number)
            if isinstance(operator, ast.Add):
                return a + b
            return a - b if isinstance(operator, ast.Sub) else a * b
    raise AssertionError(f"{ast.dump(node)} was let through by the reader")

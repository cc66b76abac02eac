"""Sentences with formulas in them, as plain text and as LaTeX from one source."""

from __future__ import annotations

import re

BEGIN, END = "\x02", "\x03"
"""Around a formula; no text of a user has these characters."""

GREEK = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "phi",
    "chi",
    "psi",
    "omega",
]
LETTERS = dict(zip("αβγδεζηθικλμνξοπρστυφχψω", GREEK, strict=True))
SIGNS = {
    "*": r" ",
    "·": r"\,",
    "≠": r"\neq ",
    "≤": r"\leq ",
    "≥": r"\geq ",
    "∞": r"\infty",
    "~": r"\sim ",
    "…": r"\ldots ",
    "×": r"\times ",
    "%": r"\%",
}
TOKEN = re.compile(r"\(\w+\)(?=\^)|\d+/\d+|\d+|[^\W\d]\w*|\^-?\d+|.", re.DOTALL)


def formula(text: str) -> str:
    """Mark a text as mathematics."""
    return f"{BEGIN}{text}{END}"


def plain(text: str) -> str:
    """The text as it is printed, without marks.

    >>> plain("So " + formula("x^2*y") + ".")
    'So x^2*y.'
    """
    return text.replace(BEGIN, "").replace(END, "")


def latex(text: str) -> str:
    r"""The text with its formulas between dollars, and everything else made safe for TeX.

    >>> print(latex("So " + formula("3/2*x1^2·[(z)^2 + θ] ≥ 0") + " & more"))
    So $\tfrac{3}{2} x_{1}^{2}\,\left[z^{2} + \theta \right] \geq 0$ \& more
    """
    # Formulas side by side are one: two dollars would begin a displayed one.
    parts = re.split(f"({BEGIN}[^{END}]*{END})", text.replace(END + BEGIN, ""))
    return "".join(
        f"${latex_of_formula(part[1:-1])}$" if part.startswith(BEGIN) else _safe(part)
        for part in parts
    )


def latex_of_formula(text: str) -> str:
    r"""One formula, without dollars.

    >>> print(latex_of_formula("alpha_1*x^12 - (u2)^2"), latex_of_formula("rate1"))
    \alpha_{1} x^{12} - u_{2}^{2} \mathit{rate}_{1}
    """
    written = re.sub(" +", " ", "".join(_token(token) for token in TOKEN.findall(text)))
    return re.sub(r"(\\[a-z]+) +(?=[\^_}\],.)]|$)", r"\1", written).strip()


def _token(token: str) -> str:
    if token.startswith("(") and len(token) > 1:
        return _name(token[1:-1])
    if token.startswith("^"):
        return f"^{{{token[1:]}}}"
    if "/" in token and len(token) > 1:
        top, bottom = token.split("/")
        return rf"\tfrac{{{top}}}{{{bottom}}}"
    if token[0].isdigit():
        return token
    if token[0].isalpha() or token[0] == "_":
        return _name(token)
    if token == "[":
        return r"\left["
    if token == "]":
        return r"\right]"
    return SIGNS.get(token, token)


def _name(name: str) -> str:
    """A variable: its trailing number is an index."""
    if name.isdigit():
        return name
    stem, digits = re.fullmatch(r"(.*?)_?(\d*)", name, re.DOTALL).groups()  # type: ignore[union-attr]
    index = f"_{{{digits}}}" if digits else ""
    if stem in LETTERS:
        return f"\\{LETTERS[stem]}" + (index or " ")
    if stem in GREEK:
        return f"\\{stem}" + (index or " ")
    if len(stem) == 1:
        return stem + index
    return rf"\mathit{{{stem.replace('_', chr(92) + '_')}}}{index}"


def _safe(text: str) -> str:
    escaped = re.sub(r"([&%$#_{}])", r"\\\1", text).replace("^", r"\textasciicircum{}")
    for sign, written in (
        ("≠", r"$\neq$"),
        ("∞", r"$\infty$"),
        ("×", r"$\times$"),
        ("λ", r"$\lambda$"),
    ):
        escaped = escaped.replace(sign, written)
    return escaped

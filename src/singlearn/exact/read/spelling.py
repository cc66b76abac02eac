"""What to write instead, where a polynomial was written as people write and programs do not
read.
"""

from __future__ import annotations

import keyword
import re

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SIGNS = {"·": "*", "×": "*", "−": "-", "–": "-", "÷": "/", "⋅": "*"}


def what_to_write(text: str) -> str:
    """A hint that follows a refusal, beginning with ``". "``; empty where there is nothing to say.

    Args:
        text: what could not be read.

    >>> what_to_write("x^2y^2 + 2z")
    ". Write 'x^2*y^2 + 2*z': a product needs its *"
    >>> what_to_write("lambda^2 + z^4")
    ". 'lambda' is a reserved word (a keyword of Python) and cannot be a variable: call it lambda_"
    """
    if "\\" in text or "{" in text:
        return r". LaTeX is not read: write \frac{a}{b} as a/b, x^{2} as x^2, x \cdot y as x*y"
    if (word := _reserved(text)) is not None:
        return (
            f". {word!r} is a reserved word (a keyword of Python) and cannot be a variable: "
            f"call it {word}_"
        )
    if (
        name := re.search(r"\b(sin|cos|tan|tanh|exp|log|sqrt|abs|Abs|max|min)\s*\(", text)
    ) is not None:
        return (
            f". {name.group(1)} is not read: its Taylor polynomial may have the same λ, which "
            f"is for you to show"
        )
    if "=" in text:
        return ". An equation is not read: write the polynomial that should vanish, without '='"
    if re.search(r"\d,\d", text):
        return ". Write decimals with a point, and give several polynomials one by one"
    if (plain := _plain(text)) != text:
        return f". Write {plain!r}"
    if (starred := _starred(text)) != text:
        return f". Write {starred!r}: a product needs its *"
    return ""


def _reserved(text: str) -> str | None:
    return next(
        (word for word in re.findall(r"[A-Za-z_]\w*", text) if keyword.iskeyword(word)), None
    )


def _plain(text: str) -> str:
    """With signs and superscripts that a keyboard has."""
    for sign, plain in SIGNS.items():
        text = text.replace(sign, plain)
    return re.sub(r"[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda m: "^" + m.group().translate(SUPERSCRIPTS), text)


def _starred(text: str) -> str:
    """With a * between a number or a closing parenthesis and a name, a name and an opening
    parenthesis.
    """
    # A name is not split: xy is one variable. Nor is an exponent of a number, 1e5.
    text = re.sub(r"(?<![\w.])(\d+(?:\.\d+)?)\s*(?=[A-Za-z_(])(?![eE][-+]?\d)", r"\1*", text)
    text = re.sub(r"\)\s*(?=[\w(])", ")*", text)
    text = re.sub(r"([A-Za-z_]\w*)\s*\(", r"\1*(", text)
    return re.sub(r"(?<=[\w)])\s+(?=[\w(])", "*", text)

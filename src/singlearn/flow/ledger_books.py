"""The books of a ledger, whatever the framework: sums of entries, what rounding allows, cautions,
lines on disk.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from singlearn.flow.ledger_account import Account
from singlearn.flow.ledger_file import LedgerFile
from singlearn.flow.ledger_forms import (
    Arrays,
    Form,
    GramForm,
    Products,
    Vector,
    form_of,
    given_laws,
    largest,
    ones,
)
from singlearn.flow.ledger_step import ENTRIES, LedgerStep, split
from singlearn.flow.noether import AngularMomentum, Turning, turns
from singlearn.results.caution import Caution, Reason, said
from singlearn.results.document import of_each
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.results.table import Column, aligned, frame

if TYPE_CHECKING:
    import pandas

ROUNDING = 16.0
"""Units of the last digit of |w|² that violation and rest may have at every step."""
GRADIENT_ROUNDING = 4.0
"""Units of the last digit of |w||g| that rounding of a gradient may add to ⟨w, g⟩."""
SMALLEST_GRADIENT = 1e3
"""Units of the last digit of |w| below which a gradient is taken for rounding, and no symmetry is
tested with it.
"""


BENT = (
    "gradients were changed after backward, entry by entry or layer by layer (it is in the "
    "preconditioner),"
)


@dataclass(frozen=True)
class Digits:
    """Relative size of the last digit of what a framework computes.

    Attributes:
        weights: of the parameters.
        gradients: of the gradients; larger where they were computed in fewer digits (autocast,
            TF32).
    """

    weights: float
    gradients: float


@dataclass(frozen=True)
class Memory:
    """The memory of momentum around a step, for the angular momentum.

    Attributes:
        before: v.
        after: v⁺.
        factor: μ c, by which angular momentum should shrink.
        exact: whether the step is one of heavy ball.
    """

    before: Arrays
    after: Arrays
    factor: float
    exact: bool


@dataclass
class Series:
    """Cumulated entries of one law, their largest absolute values, by recorded step."""

    steps: list[int] = field(default_factory=list)
    sizes: dict[str, list[float]] = field(
        default_factory=lambda: {name: [] for name in (*ENTRIES, "moved", "rounding")}
    )

    def add(self, step: int, sums: Mapping[str, Any], moved: float, rounding: float) -> None:
        """One more recorded step."""
        self.steps.append(step)
        for name in ENTRIES:
            self.sizes[name].append(largest(sums[name]))
        self.sizes["moved"].append(moved)
        self.sizes["rounding"].append(rounding)


class Book:
    """Sums of one law."""

    def __init__(self, form: Form, start: Any) -> None:
        self.form, self.start = form, start
        self.sums: dict[str, Any] = {name: 0.0 * start for name in ENTRIES}
        self.rounding = self.gradient_rounding = 0.0
        self.tilted: Any = 0.0 * start
        self.reach = 0.0
        self.series = Series()
        self.after = start
        self.outside = 0.0

    def add(
        self,
        step: int,
        entries: Mapping[str, Any],
        after: Any,
        rounding: float,
        gradient_rounding: float,
    ) -> None:
        """Entries of one recorded step."""
        for name, value in entries.items():
            self.sums[name] = self.sums[name] + value
        self.rounding += rounding
        self.gradient_rounding += gradient_rounding
        self.after = after
        self.series.add(step, self.sums, largest(after - self.start), self.rounding)

    def account(self, now: Any) -> Account:
        """What is in the book."""
        asymmetry = None if self.reach == 0.0 else largest(self.tilted) / self.reach
        return Account(
            self.form.law,
            self.start,
            now,
            dict(self.sums),
            self.rounding,
            self.gradient_rounding,
            asymmetry,
        )


class Books(Answer):
    """Accounts of all laws of a run; a framework's ledger fills them, step by step.

    Args:
        laws: what ``flow`` finds, or a sequence of laws.
        weights: at the start, by parameter.
        optimiser: what it is called.
        every: record every so many steps.
        file: lines on disk, or None.
        read: whether the optimiser's step is known; if not it is only split into what is of first
            and of second order.
    """

    def __init__(
        self,
        laws: Any,
        weights: Arrays,
        optimiser: str,
        every: int,
        file: LedgerFile | None,
        read: bool = True,
    ) -> None:
        found, self.without = given_laws(laws)
        if not found:
            raise ValueError(
                "laws: there are none" + (f": {'; '.join(self.without)}" if self.without else "")
            )
        self.optimiser, self.every, self.file, self.read = optimiser, every, file, read
        forms = [form_of(law, weights) for law in found]
        self.names = sorted({name for form in forms for name in form.parameters})
        self.books = [Book(form, _value(form, weights)) for form in forms]
        self.turning = [
            Turning(form) for form in forms if isinstance(form, GramForm) and turns(form.law)
        ]
        self.digits = Digits(0.0, 0.0)
        self.steps = 0
        self.notes: dict[str, int] = {}
        self.diverged: int | None = None
        if file is not None:
            self._take_up(
                file.open(optimiser, every, self.labels, [book.start for book in self.books])
            )
            self.steps = max(self.steps, file.done)

    @property
    def labels(self) -> list[str]:
        """Names of the laws, each once."""
        names: list[str] = []
        for book in self.books:
            formula, count = book.form.law.formula, 1
            while formula in names:
                count += 1
                formula = f"{book.form.law.formula} ({count})"
            names.append(formula)
        return names

    def _take_up(self, lines: Sequence[Mapping[str, Any]]) -> None:
        """Continue after the lines of an earlier part of the run."""
        for number, line in enumerate(lines):
            for label, book in zip(self.labels, self.books, strict=True):
                values = {
                    name: _like(book.start, line[label][name]) for name in (*ENTRIES, "after")
                }
                if number == 0:
                    book.start = _like(book.start, line[label]["before"])
                after = values.pop("after")
                book.add(
                    line["step"],
                    values,
                    after,
                    line[label]["rounding"],
                    line[label]["gradient rounding"],
                )
            self.steps = line["step"]

    def due(self) -> bool:
        """Whether the next step is recorded."""
        return self.steps % self.every == 0 and self.diverged is None

    def passed(self) -> None:
        """A step went by unrecorded."""
        self.steps += 1

    def note(self, words: str) -> None:
        """Something worth a sentence happened in this step."""
        self.notes[words] = self.notes.get(words, 0) + 1

    def record(self, step: LedgerStep, digits: Digits, memory: Memory | None = None) -> None:
        """Take a step into the books.

        Args:
            step: what happened.
            digits: the last digit of weights and gradients.
            memory: of momentum, where there is one.
        """
        self.steps += 1
        self.digits = Digits(
            max(self.digits.weights, digits.weights), max(self.digits.gradients, digits.gradients)
        )
        made = [split(book.form, step) for book in self.books]
        if not all(math.isfinite(largest(entries["rest"])) for entries, _ in made):
            self.diverged = self.steps
            return
        line: dict[str, Any] = {"step": self.steps}
        bent = False
        for label, book, (entries, products) in zip(self.labels, self.books, made, strict=True):
            start = after = book.form.value(products, "w")
            if self.every == 1:
                book.outside = max(book.outside, largest(start - book.after))
            after = book.form.value(products, "later")
            sizes = self._rounding(book, step, products, digits)
            book.add(self.steps, entries, after, *sizes)
            self._test(book, step, products, digits)
            bent = bent or self._is_bent(book, step, products, sizes[1])
            if self.file is not None:
                values = {name: value.tolist() for name, value in entries.items()}
                line[label] = {**values, "before": start.tolist(), "after": after.tolist()}
                line[label] |= {"rounding": sizes[0], "gradient rounding": sizes[1]}
        if bent:
            self.note(BENT)
        for turning in self.turning if memory is not None else ():
            assert memory is not None
            around = (step.vectors["w"], step.vectors["later"]), (memory.before, memory.after)
            turning.record(
                self.steps,
                *around,
                memory.factor,
                memory.exact,
                max(digits.weights, digits.gradients),
            )
        if self.file is not None:
            self.file.append(line)

    def _rounding(
        self, book: Book, step: LedgerStep, products: Products, digits: Digits
    ) -> tuple[float, float]:
        """What rounding may add to the rest and to the violation of one step."""
        form = book.form
        size = form.size(products, "w")
        rest = ROUNDING * digits.weights * size
        one = step.motions[form.parameters[0]]
        rate = (
            abs(one.rate if one.whole else one.fresh)
            * step.scale
            * (2.0 if form.degree == 2 else 1.0)
        )
        reach = (form.size(products, "w") * self._gradient_size(book, step, products)) ** 0.5
        if form.degree == 1:
            reach = self._gradient_size(book, step, products)
        return rest, rest + GRADIENT_ROUNDING * digits.gradients * rate * reach

    def _is_bent(self, book: Book, step: LedgerStep, products: Products, rounding: float) -> bool:
        """Whether somebody changed the gradient so that it lost the law."""
        if "raw" not in step.vectors:
            return False
        one, form = Vector("w", ones(book.form)), book.form
        changed, raw = (Vector(label, ones(form)) for label in ("g", "raw"))
        before, after = (
            (products.pair([one], [v]) if form.degree == 2 else products.single([v]))
            for v in (raw, changed)
        )
        motion = step.motions[form.parameters[0]]
        return (
            2
            * abs(motion.rate if motion.whole else motion.fresh)
            * largest(after - step.scale * before)
            > rounding
        )

    def _gradient_size(self, book: Book, step: LedgerStep, products: Products) -> float:
        return book.form.size(products, "raw" if "raw" in step.vectors else "g")

    def _test(self, book: Book, step: LedgerStep, products: Products, digits: Digits) -> None:
        r"""Does the gradient have the law's symmetry? :math:`\langle w, g \rangle_σ` beside
        :math:`|w||g|`.
        """
        form, label = book.form, "raw" if "raw" in step.vectors else "g"
        weights, gradients = form.size(products, "w"), self._gradient_size(book, step, products)
        digit = max(digits.weights, digits.gradients)
        norm = weights**0.5 if form.degree == 2 else weights
        length = gradients**0.5 if form.degree == 2 else gradients
        if length <= SMALLEST_GRADIENT * digit * norm or length == 0.0:
            return
        one, other = Vector("w", ones(form)), Vector(label, ones(form))
        tilt = products.pair([one], [other]) if form.degree == 2 else products.single([other])
        book.tilted = book.tilted + abs(tilt)
        book.reach += norm * length if form.degree == 2 else length

    def _settle(self) -> None:
        """Wait for steps that are still under way."""

    def weights_now(self) -> Arrays | None:
        """Weights at this moment, by parameter; None where only the books know."""
        return None

    @property
    def accounts(self) -> tuple[Account, ...]:
        """What is in the books, law by law."""
        self._settle()
        now = self.weights_now()
        return tuple(
            book.account(book.after if now is None else _value(book.form, now))
            for book in self.books
        )

    @property
    def angular_momenta(self) -> tuple[AngularMomentum, ...]:
        """Noether's angular momentum of every law of matrices, where the optimiser has a momentum;
        see :mod:`singlearn.flow.noether`.
        """
        self._settle()
        return tuple(
            account for turning in self.turning if (account := turning.account()) is not None
        )

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """One for each law whose violation or rest is more than rounding, and for whatever else is
        off.
        """
        self._settle()
        found = [
            caution
            for book, account in zip(self.books, self.accounts, strict=True)
            for caution in self._of(book, account)
        ]
        for turned in self.angular_momenta:
            if turned.exact and not turned.kept:
                sentence = (
                    f"{turned.law.formula}: angular momentum misses μM by {turned.gap:.2g}, "
                    f"rounding allows {turned.rounding:.1g}; the network does not have these "
                    "rotations, or its memory was changed between steps"
                )
                found.append(Caution(Reason.NO_SYMMETRY, sentence))
        if not self.read:
            sentence = (
                f"{self.optimiser}: its step is not known here; steps are only split by order, and "
                f"the rest says nothing"
            )
            found.append(Caution(Reason.UNKNOWN_STEP, sentence))
        for words, count in self.notes.items():
            sentence = f"{words} at {count} of {self._recorded} recorded steps"
            found.append(Caution(Reason.OTHER_STEP, sentence))
        if self.diverged is not None:
            sentence = (
                f"step {self.diverged}: weights or gradients are not finite; nothing is recorded "
                f"from there on"
            )
            found.append(Caution(Reason.DIVERGED, sentence))
        if self.file is not None and self.file.failure:
            found.append(Caution(Reason.NOT_RECORDED, f"file: {self.file.failure}"))
        return tuple(found)

    def _of(self, book: Book, account: Account) -> list[Caution]:
        found = []
        violation, rest = (largest(account.entries[name]) for name in ("violation", "rest"))
        tilted = (
            account.asymmetry is not None
            and account.asymmetry > 10 * max(self.digits.weights, self.digits.gradients) ** 0.5
        )
        if violation > account.gradient_rounding or tilted:
            share = (
                ""
                if account.asymmetry is None
                else f" (|⟨w, g⟩| is {account.asymmetry:.1g} of |w||g|)"
            )
            sentence = (
                f"violation {violation:.2g}, rounding allows "
                f"{account.gradient_rounding:.1g}{share}; the network does not have this symmetry, "
                "or its gradients were changed entry by entry"
            )
            found.append(Caution(Reason.NO_SYMMETRY, sentence))
        if rest > account.rounding:
            sentence = (
                f"rest {rest:.2g}, rounding allows {account.rounding:.1g}; the optimiser does "
                "something else than it says"
            )
            found.append(Caution(Reason.OTHER_STEP, sentence))
        if book.outside > account.rounding:
            sentence = (
                f"moved by {book.outside:.2g} between two steps; parameters were changed outside "
                "the optimiser"
            )
            found.append(Caution(Reason.OTHER_STEP, sentence))
        if account.drowned:
            sentence = (
                f"rounding changed it by {rest:.1g}, more than all that the optimiser did to it; "
                "at steps this small the law is not read in this number type"
            )
            found.append(Caution(Reason.ROUNDING, sentence))
        return [caution.of(account.law.formula) for caution in found]

    @property
    def _recorded(self) -> int:
        return len(self.books[0].series.steps)

    @property
    def series(self) -> tuple[Series, ...]:
        """Cumulated entries by recorded step, law by law."""
        self._settle()
        return tuple(book.series for book in self.books)

    def summary(self) -> str:
        """All of it, for people."""
        self._settle()
        recorded = f", one in {self.every} recorded" if self.every > 1 else ""
        head = f"ledger of {self.optimiser}, {self.steps} steps{recorded}"
        lines = [head, *self._lines(), *map(str, self.angular_momenta), *self.without]
        return "\n".join([*lines, *said(self.cautions, "")])

    def _lines(self) -> list[str]:
        every = [account.row() for account in self.accounts]
        heads = ("moved", *ENTRIES, *(("unrecorded",) if self.every > 1 else ()), "rounding")
        columns = [Column("law", [row["law"] for row in every])]
        for head in heads:
            cells = [
                f"{row[head]:.3g}" + ("*" if head == "moved" and row["below rounding"] else "")
                for row in every
            ]
            columns.append(Column(head, cells))
        foot = (
            ["  * rounding, which is the rest, exceeds what the steps did to it"]
            if any(row["below rounding"] for row in every)
            else []
        )
        return [*aligned(columns), *foot]

    def rows(self) -> list[dict[str, Any]]:
        """One row for each law: largest absolute values of what it moved by and of every entry."""
        return [account.row() for account in self.accounts]

    def table(self) -> pandas.DataFrame:
        """The rows as a ``pandas.DataFrame``."""
        return frame(self.rows())

    def plot(self, **options: Any) -> Any:
        """The cumulated entries of every law; see ``singlearn.plot.ledger``."""
        return drawn("ledger", self, **options)

    def to_dict(self) -> dict[str, Any]:
        """For machines."""
        self._settle()
        accounts = [account.to_dict() for account in self.accounts]
        turned = [one.to_dict() for one in self.angular_momenta]
        head = {
            "optimizer": self.optimiser,
            "steps": self.steps,
            "every": self.every,
            "accounts": accounts,
        }
        return {
            **head,
            "angular_momenta": turned,
            "without": list(self.without),
            "cautions": of_each(self.cautions),
        }


def _value(form: Form, weights: Arrays) -> Any:
    return form.value(Products(form, {"w": weights}), "w")


def _like(start: Any, values: Any) -> Any:
    """Numbers from a file, as the framework has them."""
    import numpy as np

    array = np.asarray(values, dtype=float)
    if isinstance(start, (np.ndarray, np.generic, float)):
        return array
    import torch

    return torch.as_tensor(array, dtype=torch.float64, device=start.device)

"""What the points of a learning curve are made of, by values: model, data, truth and methods."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import jax
import numpy as np

from singlearn.generalise.method import Method, ReadyMethod
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.probe_points import ProbePoints
from singlearn.triple import Triple
from singlearn.triple.identity import identity_of

TESTED = 64
"""Test points at which the predictions of a method are compared."""
DRAWS = 64
METHOD = "float32"
"""How closely: descents end where rounding lets them."""


def seed_of(seed: int, n: int, dataset: int, purpose: int) -> int:
    """A seed of its own for every data set, fit and test set."""
    return int(np.random.SeedSequence([seed, n, dataset, purpose]).generate_state(1)[0] % 2**31)


@dataclass
class CurveIdentity:
    """Identities of the points of one curve.

    Attributes:
        make_triple: of the curve.
        model: whose likelihood and prior all data sets share.
        methods: by name.
        smallest: the size at which methods of one's own are asked.
        test_points: of each test set.
        seed: of the curve.
    """

    make_triple: Callable[[int, int], Triple]
    model: Triple
    methods: Mapping[str, Method]
    smallest: int
    test_points: int
    seed: int
    _answers: dict[tuple[str, int], Part] = field(default_factory=dict)
    _triples: dict[int, Triple] = field(default_factory=dict)

    def parts(self, name: str, n: int) -> dict[str, Part]:
        """The identity of one method at one size."""
        return self._at(name, n, self._probes(), self.smallest)

    def differences(self, name: str, n: int, earlier: Mapping[str, Part]) -> list[str]:
        """In what one method at one size differs from an identity that was written down, in
        words.
        """
        # A method of this library was not asked, and is not the same as one that has to be.
        asked_at = earlier["method"].get("asked at")
        now = self._at(name, n, ProbePoints.from_dict(earlier["probe points"]), asked_at)
        found = identity.differences(earlier, now, ("parameters",))
        if any(said.startswith("method") for said in found) and "asked at" in now["method"]:
            self._answers.clear()
            if (
                identity.difference("method", now["method"], self._answer(name, asked_at))
                is not None
            ):
                raise ValueError(
                    f"methods: {name} gives different answers with the same seed, so it cannot be "
                    "checked whether it is the method of the folder; it should draw all random "
                    "numbers from its seed"
                )
        return found

    def _at(self, name: str, n: int, probes: ProbePoints, asked_at: int | None) -> dict[str, Part]:
        test = self._test(n)
        return {
            "probe points": probes.to_dict(),
            "method": self._answer(name, asked_at),
            **identity_of(self._triple(n), probes, data_are_made=True),
            **{f"test {key}": part for key, part in identity_of_data(test).items()},
        }

    def _triple(self, n: int) -> Triple:
        if n not in self._triples:
            made = self.make_triple(n, seed_of(self.seed, n, 0, 1))
            self._triples[n] = self.model.with_data(made.data, made.truth, made.name)
        return self._triples[n]

    def _test(self, n: int) -> Triple:
        return self.make_triple(self.test_points, seed_of(self.seed, n, 0, 3))

    def _probes(self) -> ProbePoints:
        """Around draws from the prior."""
        with jax.enable_x64(True):
            keys = jax.random.split(jax.random.key(0), DRAWS)
            return ProbePoints.around(
                np.asarray(jax.jit(jax.vmap(self.model.coordinates.sample))(keys))
            )

    def _answer(self, name: str, n: int | None) -> Part:
        """A method of this library by its settings, another by what it predicts after one data
        set.
        """
        method = self.methods[name]
        if isinstance(method, ReadyMethod):
            return identity.setting({"method": method.name, **method.settings})
        if n is None:
            return identity.setting("one of your own")
        if (name, n) not in self._answers:
            [fitted, *_] = method([self._triple(n)], seed_of(self.seed, n, 0, 4))
            if fitted.predictor is None:
                part = identity.setting(f"no answer: {fitted.note}")
            else:
                data = jax.tree.map(lambda leaf: np.asarray(leaf)[:TESTED], self._test(n).data)
                part = identity.values(
                    np.asarray(fitted.predictor(data), dtype=float)[None], METHOD
                )
            self._answers[name, n] = part | {"asked at": n}
        return self._answers[name, n]


def identity_of_data(triple: Triple) -> dict[str, Part]:
    """A data set by its values within rounding, with its true log densities."""
    leaves: list[Any] = [np.asarray(leaf, dtype=float) for leaf in jax.tree.leaves(triple.data)]
    parts = {
        f"data, array {k}": identity.values(leaf.reshape(1, -1)) for k, leaf in enumerate(leaves)
    }
    return parts | {
        "truth": identity.values(np.asarray(triple.truth_log_likelihood(), dtype=float)[None])
    }

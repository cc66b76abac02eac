"""``llc_by_component``: λ̂ of parts of one network, one after the other."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal

from singlearn.local.chains import DEFAULT_BATCH, Chains
from singlearn.local.checks.own_function import Reference, reference_of
from singlearn.local.llc import coefficient_of, one_tie
from singlearn.local.names import AUTO, Selection, Tie
from singlearn.local.network import Network
from singlearn.local.sampling.expected_time import ExpectedTime, checked_progress
from singlearn.local.sampling.sampled import Progress
from singlearn.local.tokens import Tokens
from singlearn.local.training.fingerprint import digest
from singlearn.local.training.identity import (
    identity_of_selection,
    identity_of_sweep,
    leaves_of,
    plain_tie,
)
from singlearn.local.training.swept import CountedRuns, SweptRun
from singlearn.local.verdict.result import LocalLearningCoefficient
from singlearn.local.verdict.shown import with_cautions
from singlearn.local.verdict.status import Status
from singlearn.results.caution import Caution
from singlearn.results.document import of_each
from singlearn.results.estimate import Estimate
from singlearn.results.result import Answer
from singlearn.results.table import aligned_rows, frame
from singlearn.running import identity
from singlearn.running.identity import Part
from singlearn.running.shard import share_of
from singlearn.running.sweep import Client, FinishedPoints, spread
from singlearn.running.whole_files import as_path

if TYPE_CHECKING:
    import pandas

Components = Mapping[str, Selection] | Sequence[str]
"""By name, which parameters are sampled; or names of parts, such as ``["l0h3", "l1 mlp"]``."""
ROWS = 24
"""Components that a person is shown."""


@dataclass(frozen=True)
class ComponentCoefficient(Answer):
    """λ̂ of one component, all other parameters staying at w*.

    Attributes:
        name: of the component.
        value: λ̂; NaN where withheld.
        standard_error: of λ̂.
        status: the verdict on λ̂.
        variance_reading: λ by the variance of the loss, a second reading.
        half_dimension: d/2, of the component.
        steps: of every chain.
        cautions: what may be wrong with λ̂.
    """

    name: str
    value: float
    standard_error: float
    status: Status
    variance_reading: Estimate
    half_dimension: float
    steps: int
    cautions: tuple[Caution, ...] = ()

    @classmethod
    def of(cls, name: str, found: LocalLearningCoefficient) -> ComponentCoefficient:
        """What is kept of one measurement."""
        kept = {f.name: getattr(found, f.name) for f in fields(cls) if f.name != "name"}
        return cls(name=name, **kept)

    @property
    def estimate(self) -> Estimate:
        """λ̂ ± s.e."""
        return Estimate(self.value, self.standard_error)

    def to_dict(self) -> dict[str, Any]:
        """For machines; what is withheld is ``None``."""
        plain = {
            **vars(self),
            "status": str(self.status),
            "variance_reading": _finite(self.variance_reading.to_dict()),
            "cautions": of_each(self.cautions),
        }
        return _finite(plain)

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> ComponentCoefficient:
        """What ``to_dict`` wrote."""
        known: dict[str, Any] = {
            key: math.nan if value is None else value for key, value in plain.items()
        }
        second: dict[str, Any] = {
            k: math.nan if v is None else v for k, v in plain["variance_reading"].items()
        }
        return cls(
            **known
            | {
                "status": Status(plain["status"]),
                "variance_reading": Estimate(**second),
                "cautions": tuple(Caution.from_dict(one) for one in plain["cautions"]),
            }
        )

    def __str__(self) -> str:
        shown = "withheld" if math.isnan(self.value) else str(self.estimate)
        head = f"{self.name}: λ̂ = {shown}   {self.status}   (d/2 = {self.half_dimension:g})"
        return with_cautions([head], self.cautions)


@dataclass(frozen=True)
class ComponentCoefficients(Answer):
    """λ̂ of several components of one network, with one γ.

    Attributes:
        components: in the order in which they were asked for.
        missing: names of those that are not measured yet, by other processes of the same job.
        gamma: γ of all; by name numbers or lists of them.
        gamma_chosen: whether γ was chosen, from the weights of the whole network.
        samples: n.
        nbeta: nβ.
    """

    components: tuple[ComponentCoefficient, ...]
    missing: tuple[str, ...]
    gamma: Any
    gamma_chosen: bool
    nbeta: float

    def __getitem__(self, name: str) -> ComponentCoefficient:
        for own in self.components:
            if own.name == name:
                return own
        known = ", ".join(own.name for own in self.components)
        raise KeyError(f"no component is called {name!r}; there are {known}")

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What may be wrong with single numbers, each with the name of its component."""
        return tuple(c.of(own.name) for own in self.components for c in own.cautions)

    @property
    def tie(self) -> str:
        """γ in words."""
        chosen = ", chosen once, by the size of the weights" if self.gamma_chosen else ""
        if not isinstance(self.gamma, Mapping):
            return f"γ = {self.gamma:g}{chosen}"
        return f"γ by name{chosen}"

    def table(self) -> pandas.DataFrame:
        """A row for every component.

        Returns:
            ``learning_coefficient`` (NaN where withheld), ``standard_error``, ``status``,
            ``variance_reading`` with its error, and ``half_dimension`` by component.
        """
        rows = [
            {
                "component": own.name,
                "learning_coefficient": own.value,
                "standard_error": own.standard_error,
                "status": str(own.status),
                "variance_reading": own.variance_reading.value,
                "variance_reading_error": own.variance_reading.standard_error,
                "half_dimension": own.half_dimension,
            }
            for own in self.components
        ]
        return frame(rows).set_index("component")

    def to_dict(self) -> dict[str, Any]:
        """For machines; what is withheld is ``None``."""
        return {
            "components": [own.to_dict() for own in self.components],
            "missing": list(self.missing),
            "gamma": self.gamma,
            "gamma_chosen": self.gamma_chosen,
            "nbeta": self.nbeta,
            "cautions": of_each(self.cautions),
        }

    def __str__(self) -> str:
        rows = [("component", "λ̂", "by variance", "d/2", "status")]
        for own in self.components[:ROWS]:
            shown = "withheld" if math.isnan(own.value) else str(own.estimate)
            second = "–" if math.isnan(own.variance_reading.value) else str(own.variance_reading)
            rows.append((own.name, shown, second, f"{own.half_dimension:g}", str(own.status)))
        lines = [
            f"λ̂ by component, the others at w*; nβ = {self.nbeta:.6g}, {self.tie}",
            *aligned_rows(rows),
        ]
        if len(self.components) > ROWS:
            lines.append(f"  … and {len(self.components) - ROWS} more, in table()")
        if self.missing:
            lines.append(f"  not measured yet: {', '.join(self.missing[:ROWS])}")
        return with_cautions(lines, self.cautions)


def llc_by_component(
    model: Any,
    loss: Callable[..., Any],
    data: Any,
    components: Components,
    *,
    parameters: Any = None,
    gamma: Tie = AUTO,
    nbeta: float | int | None = None,
    sampler: Literal["auto", "sgld", "hmc"] = "auto",
    chains: int = 8,
    batch_size: int = DEFAULT_BATCH,
    largest_batch: int = 4096,
    tolerance: float = 0.05,
    max_steps: int = 20_000,
    chains_at_once: int | None = None,
    compile: bool = False,
    reference: Reference = "loss",
    tokens: Tokens = None,
    seed: int = 0,
    folder: str | os.PathLike[str] | None = None,
    client: Client | Executor | None = None,
    shard: str | None = None,
    progress: Progress | bool | None = None,
) -> ComponentCoefficients:
    r"""λ̂ of every component, all other parameters staying at w*, as ``llc(only=…)`` measures it.

    Data are loaded once. One γ holds for all components, or they could not be compared: where it
    is to be chosen, it is chosen once, for the whole network. The random numbers of a component are
    those of a run of its own.

    Args:
        model, loss, data, parameters, gamma, nbeta, sampler, chains, batch_size, largest_batch: as
            for ``llc``.
        tolerance, chains_at_once, compile, reference, tokens, seed: as for ``llc``.
        components: by name what ``only`` takes; or names of parts of a transformer, of which
            ``"l0h3 + l1 mlp"`` is a union.
        max_steps: of each chain of each component at most.
        folder: finished components are written there, and not measured again when the sweep is
            started again. Several processes may share it.
        client: a Dask client or any ``concurrent.futures.Executor``, to spread the components over
            its workers.
        shard: ``"2/5"``: the second of five shares of the components, for a job array; the
            ``folder`` joins them.
        progress: as for ``llc``; a function is called with the components done, how many there
            are, and λ̂ of the last one.

    Returns:
        λ̂ of every component.

    Raises:
        ValueError: no component, a share without a folder, a folder of another sweep, and as
            ``llc`` does.

    >>> import torch
    >>> x = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    >>> def loss(output, target): return 0.5 * ((output - target) ** 2).sum(-1)
    >>> net = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    >>> quick = dict(chains=4, max_steps=1000, tolerance=0.5, gamma=1.0)
    >>> found = llc_by_component(net, loss, (x, net(x).detach()), ["0.*", "1.*"], **quick)
    >>> found.table()["half_dimension"].to_dict()
    {'0.*': 3.0, '1.*': 1.5}
    """
    asked = Chains(
        gamma=gamma, nbeta=nbeta, sampler=sampler, chains=chains, batch_size=batch_size,
        largest_batch=largest_batch, tolerance=tolerance, max_steps=max_steps, seed=seed,
    )  # fmt: skip
    named = by_name(components)
    if shard is not None and folder is None:
        raise ValueError("folder: shares of a sweep need one, which joins them")
    progress = checked_progress(progress)
    brought = once_loaded(
        Network(
            model, loss, data, parameters, None, reference_of(reference), chains_at_once, compile,
            tokens,
        )
    )  # fmt: skip
    whole: dict[str, Any] = {}
    chosen = asked.gamma == AUTO

    def of_all(tie: Tie) -> Any:
        whole["target"] = brought.target(tie, asked.nbeta)
        return whole["target"]

    asked = one_tie(asked, of_all)
    samples = (whole.get("target") or brought.target(asked.gamma, asked.nbeta)).samples
    measure = _Component(brought=brought, asked=asked, named=named)
    if folder is not None:
        made_of = {
            **identity.settings(vars(asked) | {"gamma": plain_tie(asked.gamma)}),
            "reference": identity.setting(reference),
            "tokens": identity.setting(tokens),
            "weights": identity.setting(weights_digest(brought)),
            **identity_of_sweep(model, loss, brought.data, parameters),
        }
        store = FinishedPoints(
            as_path("folder", folder), "components", made_of, "another sweep over components"
        )
        measure = replace(measure, store=store)
    kept = {name: own for name in named if (own := measure.finished(name)) is not None}
    left = [name for name in share_of(list(named), shard) if name not in kept]
    if client is None and progress in (None, True):
        measure = replace(measure, expected=ExpectedTime("llc_by_component", len(left)))
    if callable(progress):
        measure = replace(measure, report=CountedRuns(progress, len(left)))
    if shard is not None:
        measure = replace(measure, waits=False)
    bar = False if callable(progress) else progress
    measured = spread("components", measure, left, client, bar)
    kept |= {own.name: own for own in measured if own is not None}
    if shard is not None:
        kept |= {name: own for name in named if (own := measure.finished(name)) is not None}
    return ComponentCoefficients(
        tuple(kept[name] for name in named if name in kept),
        tuple(name for name in named if name not in kept),
        plain_tie(asked.gamma),
        chosen,
        asked.tempering(samples, 1.0).nbeta,
    )


def by_name(components: Any) -> dict[str, Selection]:
    """Components by name, of which a list of words has the words for names.

    Raises:
        ValueError: something else, none, or two of one name.
    """
    if isinstance(components, Mapping):
        named = dict(components)
    elif isinstance(components, Sequence) and not isinstance(components, str | bytes):
        wrong = [own for own in components if not isinstance(own, str)]
        if wrong:
            raise ValueError(
                f"components: got {wrong[0]!r} in the list; it should hold names, such as 'l0h3'; "
                f"masks come in a dictionary by name"
            )
        named = {own: own for own in components}
        if len(named) < len(components):
            twice = next(own for own in components if list(components).count(own) > 1)
            raise ValueError(f"components: {twice!r} is there twice; give it once")
    else:
        raise ValueError(
            f"components: got {components!r}; it should be a list of names such as ['l0h3', "
            f"'l1 mlp'], or a dictionary by name"
        )
    if not named:
        raise ValueError("components: got none; at least one is needed, such as 'l0h3'")
    return named


def once_loaded(brought: Network) -> Network:
    """The same with data that are loaded, and a JAX function that is compiled once per shape."""
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(brought.model, torch.nn.Module):
        from singlearn.local.torch.data import samples_of

        return replace(brought, data=samples_of(brought.data, torch.device("cpu")))
    from singlearn.local.jax.data import as_pair
    from singlearn.local.jax.programs import CompiledOnce

    return replace(
        brought,
        data=as_pair(brought.data) if isinstance(brought.data, list) else brought.data,
        model=CompiledOnce(brought.model) if callable(brought.model) else brought.model,
    )


def weights_digest(brought: Network) -> str:
    """What tells weights from others."""
    if brought.parameters is None:
        return digest({n: p.detach() for n, p in brought.model.state_dict().items()})
    return digest({str(i): leaf for i, leaf in enumerate(leaves_of(brought.parameters))})


@dataclass(frozen=True, kw_only=True)
class _Component(SweptRun[str, ComponentCoefficient]):
    """What is done for one component."""

    named: Mapping[str, Selection]

    def finished(self, name: str) -> ComponentCoefficient | None:
        """The component, if it is in the folder."""
        if self.store is None:
            return None
        own = self.made_of(name)
        found: ComponentCoefficient | None = self.store.load(
            self.file(name),
            lambda written: identity.differences(written, own),
            ComponentCoefficient.from_dict,
        )
        return found

    def measured(self, name: str) -> ComponentCoefficient:
        """λ̂ of the component, all others at w*.

        Raises:
            ValueError: as ``llc`` does, with the name of the component.
        """
        try:
            found = coefficient_of(
                replace(self.brought, only=self.named[name]), self.asked, self.watch
            )
        except ValueError as error:
            raise ValueError(f"component {name}: {error}") from error
        if self.report is not None:
            self.report(found.value)
        return ComponentCoefficient.of(name, found)

    def made_of(self, name: str) -> dict[str, Part]:
        """Which parameters were sampled."""
        return {"only": identity_of_selection(self.named[name])}

    def file(self, name: str) -> str:
        """The name of its file."""
        # Names hold what file systems do not take.
        return f"component_{identity.digest_of(name)[:16]}"


def _finite(plain: dict[str, Any]) -> dict[str, Any]:
    return {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in plain.items()
    }

"""A tempered run, and everything that can be read off it."""

from __future__ import annotations

import os
import warnings
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int, PyTree

from singlearn.measure import criteria
from singlearn.measure.joined import JoinedView
from singlearn.measure.ladder_view import LadderView
from singlearn.measure.learning_coefficient import (
    LearningCoefficient,
    default_inverse_temperatures,
    intercept_is_elsewhere,
    read_learning_coefficient,
)
from singlearn.phases import Labeller, Phases
from singlearn.phases.restriction import Restrict, prior_mass
from singlearn.results.caution import Caution, Reason
from singlearn.results.estimate import Estimate
from singlearn.results.picture import drawn
from singlearn.results.result import Answer
from singlearn.running.arguments import random_seed, whole_number
from singlearn.tempering.beyond import beyond_warnings
from singlearn.tempering.coordinate_mixing import (
    CoordinateMixing,
    coordinate_mixing,
    coordinate_warnings,
)
from singlearn.tempering.draw_of_data import Draw
from singlearn.tempering.made_of import MadeOf, as_plain_data
from singlearn.tempering.mixing_warnings import mixing_warnings
from singlearn.tempering.modes import warnings_of_modes
from singlearn.tempering.negative_energy import negative_warnings
from singlearn.tempering.optimum import Optimum, find_optimum
from singlearn.tempering.posterior import Posterior
from singlearn.tempering.prior_cautions import stored_cautions
from singlearn.tempering.resolution import rounding_warnings
from singlearn.tempering.rungs import Rungs
from singlearn.tempering.site_cautions import event_cautions, imputed_cautions
from singlearn.tempering.traces import trace_in
from singlearn.triple import Triple
from singlearn.triple.sites import Sites
from singlearn.volume.by_tempering import volume_by_tempering
from singlearn.volume.curve import VolumeCurve

if TYPE_CHECKING:
    import pandas
    import xarray as xr

OPTIMISER_STARTS = 12
# With fewer effective particles among those that thin left, draws of any number are a few points.
FEWEST_KEPT = 20.0


@dataclass(frozen=True, eq=False)
class Run(Answer):
    """R independent replicates tempered together from the prior to β_max, with every rung kept.

    Attributes:
        rungs: what every rung left behind.
        settings: the arguments of the run, and its seed.
        posterior: draws at β = 1 (or at β_max, where that is below 1), constrained, with their
            pointwise log likelihood.
        stored_optimum: the best energy reached, where it has been looked for; see ``optimum``.
        truth_energy: n L_n(w_0) in nats, or ``None`` where the truth is unknown.
        view: all rungs reweighted together.
        known_multiplicity: m where it is proven.
        triple: what was tempered; ``None`` on a run loaded without it.
        made_of: the triple that was given and the phase of it that was tempered, or on a loaded run
            the identity it was saved with.
    """

    rungs: Rungs
    settings: dict[str, Any]
    posterior: Posterior
    stored_optimum: Optimum | None
    truth_energy: float | None
    view: LadderView = field(repr=False)
    known_multiplicity: int | None = None
    triple: Triple | None = field(default=None, repr=False)
    made_of: MadeOf | dict[str, Any] | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        """Of the triple."""
        return str(self.settings["name"])

    @property
    def n(self) -> float:
        """The sample size, or n of a population triple."""
        return float(self.settings["n"])

    @property
    def dimension(self) -> int:
        """d, the number of parameters."""
        return int(self.settings["dimension"])

    @property
    def sites(self) -> Sites:
        """The names of the model's sites and dimensions; empty where it gave none."""
        return Sites.from_dict(self.settings["sites"]) if "sites" in self.settings else Sites()

    @property
    def is_population(self) -> bool:
        """Whether the energy is n K(w), without data."""
        return bool(self.settings["is_population"])

    @property
    def restricted_to(self) -> str | None:
        """The phase the run was restricted to, in words; ``None`` for a run of the whole prior."""
        return self.settings.get("restricted_to")

    @property
    def prior_mass(self) -> Estimate:
        """The share of the prior that was tempered: 1, or the prior mass of the phase a restricted
        run is restricted to.
        """
        return prior_mass(self.settings)

    @property
    def _ladder(self) -> LadderView:
        """For readings that go rung by rung: one ladder, also where modes were added, which have
        their own.
        """
        return (
            self.view.as_one_ladder()
            if isinstance(self.view, JoinedView) and self.is_population
            else self.view
        )

    @property
    def beta_max(self) -> float:
        """The coldest inverse temperature, in 1/nats."""
        return float(self.rungs.inverse_temperature[-1])

    @property
    def optimum(self) -> Optimum | None:
        """The best energy reached, where it has been looked for: by ``find_optimum``, or before the
        run was saved; else ``None``.
        """
        return self.__dict__.get("_found_optimum", self.stored_optimum)

    def find_optimum(self) -> Optimum | None:
        """The best energy reached from the coldest particles and some hotter ones; ``None`` for a
        population run, where it is 0.

        Looked for when it is first asked for, which takes a second or more and needs the triple,
        and then kept.

        Returns:
            The lowest energy in nats, the parameter where it is, and whether it is a maximum of the
            likelihood; or ``None``.

        Raises:
            ValueError: a run loaded without its triple.
        """
        return (
            self.optimum if self.is_population or self.optimum is not None else self._found_optimum
        )

    @cached_property
    def _found_optimum(self) -> Optimum:
        if self.triple is None:
            raise ValueError(
                "triple: this run was loaded without it, and was saved before its optimum was "
                "looked for; load it with Run.load(path, triple=…)"
            )
        trace_in(True)
        rungs, generator = self.rungs, np.random.default_rng(self.settings["seed"])
        each = -(
            -OPTIMISER_STARTS // rungs.particles.shape[1]
        )  # of every replicate, so that one phase does not take all starts
        ends = np.flatnonzero(
            rungs.inverse_temperature == self.beta_max
        )  # of every ladder, where modes were added
        energies = np.concatenate([rungs.kept_energies[end] for end in ends], axis=1)
        order = np.argsort(energies, axis=1)[:, :each]
        particles = np.concatenate([rungs.particles[end] for end in ends], axis=1)
        cold = np.concatenate(
            np.take_along_axis(particles, order[:, :, None], axis=1).swapaxes(0, 1)
        )
        all_hot = rungs.particles.reshape(len(rungs), -1, self.dimension)
        levels = np.unique(np.linspace(1, len(rungs) - 1, OPTIMISER_STARTS).astype(int))
        hot = np.stack([all_hot[k][generator.integers(all_hot.shape[1])] for k in levels])
        return find_optimum(self.triple, cold[:OPTIMISER_STARTS], hot)

    # -- thermodynamics
    # ----------------------------------------------------------------------------------------------

    def free_energy(self, beta: float | int = 1.0) -> Estimate:
        """F_n(β) = -log ∫ exp(-β n L_n) φ dw, in nats; at β = 1 minus the log evidence.

        Of a restricted run the integral is over the phase, under the prior of the whole: F(0) is
        minus the log of its prior mass.

        Returns:
            F in nats, with its standard error over replicates.

        Raises:
            ValueError: β outside [0, beta_max], or rounding leaves the energies no digits
                (``cautions`` then says ``rounding``).
        """
        return self.view.free_energy(beta)

    def energy(self, beta: float | int) -> Estimate:
        """E(β) = E_w^β[n L_n], in nats.

        Returns:
            E in nats, with its standard error over replicates.

        Raises:
            ValueError: β outside [0, beta_max].
        """
        return self.view.energy(beta)

    def centred_energy(self, beta: float | int) -> Estimate:
        """E_w^β[n K_n] = E(β) - n S_n, in nats; needs the truth.

        Returns:
            The energy above that of the truth, in nats.

        Raises:
            ValueError: the truth is unknown, or β outside [0, beta_max].
        """
        if self.truth_energy is None:
            raise ValueError(
                f"{self.name}: the truth is unknown, so n K_n is; give the triple truth="
            )
        energy = self.energy(beta)
        shifted = tuple(value - self.truth_energy for value in energy.replicates)
        return replace(energy, value=energy.value - self.truth_energy, replicates=shifted)

    def heat_capacity(self, beta: float | int) -> Estimate:
        """C(β) = β² Var_w^β[n L_n], dimensionless.

        Returns:
            C without a unit, with its standard error over replicates.

        Raises:
            ValueError: β outside [0, beta_max].
        """
        return self.view.heat_capacity(beta)

    # -- the learning coefficient
    # ----------------------------------------------------------------------------------------------

    def learning_coefficient(
        self,
        method: str = "all",
        inverse_temperatures: Float[np.ndarray, " points"] | list[float] | None = None,
        multiplicity: int | None = None,
    ) -> LearningCoefficient:
        """λ̂ by one method, or by all of them side by side with one recommended value; see
        ``measure.learning_coefficient``.

        Args:
            method: ``"energy"`` (Algorithm 1), ``"heat_capacity"``, ``"free_energy"`` or ``"all"``.
            inverse_temperatures: where to read; default: five around 1/log n, or over the coldest
                two decades of a population run.
            multiplicity: m, if it is known; default: the proven one where the triple has one and
                the run is a population run.

        Returns:
            λ̂ with its error, by method, and the recommended value.
        """
        if multiplicity is None and self.is_population:
            multiplicity = self.known_multiplicity
        betas = (
            None if inverse_temperatures is None else np.asarray(inverse_temperatures, dtype=float)
        )
        # Within a phase the best parameter may lie on its edge, and λ be larger than d/2.
        dimension = self.dimension if self.restricted_to is None else None
        if betas is None and self.is_population:
            betas = default_inverse_temperatures(self.n, self.view.coldest, True)
        # The limit of βE_K is λ only where K reaches 0, which it need not within a phase.
        reaches_truth = self.is_population and self.restricted_to is None
        read = read_learning_coefficient(
            self._ladder, self.n, reaches_truth, method, betas, multiplicity, dimension
        )
        found = (
            list(read.cautions)
            + list(self.energy_cautions)
            + beyond_warnings(self.settings, self.n * self.view.coldest)
        )
        reference, not_compared = self._reference()
        found += not_compared
        if reference is not None and intercept_is_elsewhere(
            read.intercept,
            self._slope(read),
            max(read.inverse_temperatures),
            reference,
            fluctuation=not self.is_population,
            # A regular model with d parameters fits d/2 nats below its truth, on average; a
            # singular one seldom more.
            overfit=0.0 if self.truth_energy is not None else self.dimension / 2,
        ):
            excess = read.intercept.value - reference
            against = (
                "n L_n(w_0) of the truth"
                if self.truth_energy is not None
                else "the best energy reached"
            )
            found.append(
                Caution(
                    Reason.PHASE_ELSEWHERE,
                    f"the fitted intercept is {excess:.4g} nats above {against}: at β = "
                    f"{min(read.inverse_temperatures):.3g} … "
                    f"{max(read.inverse_temperatures):.3g} the posterior sits in another phase, "
                    f"and this λ is that phase's",
                )
            )
        return replace(read, reference_energy=reference, cautions=tuple(found))

    @staticmethod
    def _slope(read: LearningCoefficient) -> float:
        return read.readings["energy"].value if "energy" in read.readings else read.value

    def _reference(self) -> tuple[float | None, list[Caution]]:
        """``reference_energy``, looked for; and a word where it cannot be."""
        if (
            self.truth_energy is None
            and not self.is_population
            and self.optimum is None
            and self.triple is None
        ):
            return None, [
                Caution(
                    Reason.PHASE_ELSEWHERE,
                    "not checked: the run was saved before its best energy was looked for, so it "
                    "is not known whether another phase lies lower; load it with "
                    "Run.load(path, triple=…) to find out",
                )
            ]
        if self.truth_energy is None:
            self.find_optimum()
        return self.reference_energy, []

    @property
    def reference_energy(self) -> float | None:
        """What the energy of the right phase should tend to, in nats: n L_n(w_0), or n L_n at the
        best posterior mode reached.

        ``None`` where the truth is unknown and no optimum has been looked for; ``find_optimum``
        looks.
        """
        if self.truth_energy is not None:
            return self.truth_energy
        return None if self.optimum is None else self.optimum.mode_energy

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """What is wrong with the run itself, with what is read off its energies or off its
        draws.
        """
        return (*self.energy_cautions, *coordinate_warnings(self.coordinate_mixing))

    @cached_property
    def coordinate_mixing(self) -> CoordinateMixing:
        """Whether every coordinate of the posterior draws mixed, by the families that draws belong
        to.
        """
        return coordinate_mixing(self.posterior, self.rungs)

    @property
    def energy_cautions(self) -> tuple[Caution, ...]:
        """What is wrong with whatever is read off energies: F, λ, WBIC. Draws are another
        matter.
        """
        rungs = self.rungs
        found = mixing_warnings(rungs) + rounding_warnings(
            self.settings.get("resolved_beta"), self.beta_max
        )
        if self.is_population:
            found += negative_warnings(rungs.energies, rungs.inverse_temperature, self.n)
        found += imputed_cautions(self.sites, self.dimension) + event_cautions(self.sites)
        found += stored_cautions(self.settings)
        infinite = int(rungs.is_infinite[0].sum())
        if infinite:
            share = infinite / rungs.energies[0].size
            found.append(
                Caution(
                    Reason.INFINITE_ENERGIES,
                    f"{infinite} prior draws ({share:.1%}) had infinite energy and have no weight",
                )
            )
        return (*found, *warnings_of_modes(self.settings))

    def volume(self) -> VolumeCurve:
        """V(t), the prior volume with K < t, at every t this population run reached; λ is read off
        it too.

        Returns:
            V at the thresholds, with its errors.

        Raises:
            ValueError: a run with data, whose K is unknown, or one to which modes were added.
        """
        if not self.is_population:
            raise ValueError(
                f"{self.name}: V(t) needs K(w), which only a population triple has; this run has "
                f"data"
            )
        if isinstance(self.view, JoinedView):
            raise ValueError(
                f"{self.name}: modes were added to this run, and V(t) is read off a single ladder; "
                f"temper with modes='warn'"
            )
        cautions = (
            *self.energy_cautions,
            *beyond_warnings(self.settings, self.n * self.view.coldest),
        )
        return volume_by_tempering(self.view, self.n, self.dimension, self.name, cautions)

    # -- criteria
    # ----------------------------------------------------------------------------------------------

    def wbic(self) -> Estimate:
        """WBIC = E(1/log n), in nats: the free energy up to O(√log n) (Watanabe 2013).

        Returns:
            WBIC in nats, with its standard error over replicates.

        Raises:
            ValueError: n < 3, or a run that ends before β = 1/log n.
        """
        if self.n < 3:
            raise ValueError(f"WBIC needs n ≥ 3; n = {self.n:g}")
        return self.energy(1 / np.log(self.n))

    def waic(self) -> criteria.Waic:
        """WAIC with the functional variance and the singular fluctuation ν, in nats.

        Returns:
            WAIC in nats, with both errors.

        Raises:
            ValueError: no draws at β = 1.
        """
        return criteria.waic(self._pointwise())

    def loo(self) -> criteria.Loo:
        """Leave-one-out loss by PSIS, through ArviZ, in nats.

        Returns:
            The loss in nats, with both errors and the k̂ of every observation.

        Raises:
            ValueError: no draws at β = 1.
        """
        return criteria.loo(self._pointwise())

    def bic(self) -> float:
        """BIC = n L_n(ŵ) + (d/2) log n, in nats: the regular answer.

        Returns:
            BIC in nats.

        Raises:
            ValueError: a population run.
        """
        optimum = self.find_optimum()
        if self.is_population or optimum is None:
            raise ValueError(f"{self.name}: BIC needs data; this is a population run")
        return criteria.bic(optimum.energy, self.dimension, self.n)

    def _pointwise(self) -> Float[np.ndarray, "replicates draws n"]:
        if self.posterior.log_likelihood is None:
            if self.posterior.energies.shape[1] < 2:
                raise ValueError(
                    f"{self.name}: thin = {self.settings['thin']} left one draw per replicate; "
                    f"WAIC and LOO need more"
                )
            raise ValueError(
                f"{self.name}: no pointwise log likelihood is kept (a population run, or too many "
                f"observations to keep)"
            )
        if self.posterior.inverse_temperature != 1.0:
            raise ValueError(
                f"{self.name}: the run ends at β = {self.beta_max:.4g}; WAIC and LOO need draws at "
                f"β = 1, raise beta_max"
            )
        return self.posterior.log_likelihood

    # -- phases
    # ----------------------------------------------------------------------------------------------

    def phases(self, labeller: Labeller) -> Phases:
        r"""Sort the kept particles of all rungs by a labeller, and read off every phase k at any β.

        Its share P(k) of the tempered posterior, :math:`F_k(β) = F(β) - \log P(k)`, its energy and
        its heat capacity.

        Args:
            labeller: a function of a constrained parameter that returns integers or booleans and
                that JAX can trace (fast), or any function that returns something hashable;
                ready-made ones are in ``singlearn.phases``.

        Returns:
            The phases, which can be read at any β of the ladder.

        Raises:
            ValueError: a run loaded without its triple, or a labeller that returns floating point
                numbers.
            TypeError: a phase that is not hashable.
        """
        if self.triple is None:
            raise ValueError(
                "triple: this run was loaded, or unpickled, without it, and it knows the "
                "parameters: Run.load(path, triple=…)"
            )
        return Phases.of(self.triple, self.view, self.rungs.particles, self.rungs.kept, labeller)

    # -- draws
    # ----------------------------------------------------------------------------------------------

    def sample(self, beta: float | int, size: int, seed: int) -> PyTree:
        """``size`` draws from the tempered posterior at β, constrained, each leaf with a leading
        axis ``size``.

        Drawn with replacement from all kept particles of all rungs and replicates, by weight.

        Returns:
            A pytree in the structure of the prior.

        Raises:
            ValueError: a run loaded without its triple, or β outside the ladder.
        """
        if self.triple is None:
            raise ValueError(
                "triple: this run was loaded, or unpickled, without it, and it knows the "
                "parameters: Run.load(path, triple=…)"
            )
        size, seed = whole_number("size", size), random_seed(seed)
        return draw_from_rungs(self.triple, self.rungs, self.view, beta, size, seed)

    def coldest(
        self,
    ) -> tuple[Int[np.ndarray, "replicates kept"], Int[np.ndarray, "replicates kept"]]:
        """Rung and place of equally weighted draws at ``beta_max``: the last rung, or drawn by
        weight where modes were added.

        Returns:
            Indices into the ladder and among the particles of a rung, one row per replicate.
        """
        kept = self.rungs.particles.shape[2]
        places = np.broadcast_to(np.arange(kept), (self.rungs.replicates, kept))
        if not isinstance(self.view, JoinedView):
            return np.full(places.shape, len(self.rungs) - 1), places
        generator, stride = (
            np.random.default_rng(self.settings["seed"]),
            -(-self.rungs.energies.shape[2] // kept),
        )
        weights = [r.weights(self.beta_max)[:, ::stride] for r in self.view.replicates]
        chosen = np.stack(
            [generator.choice(w.size, size=kept, p=w.ravel() / w.sum()) for w in weights]
        )
        return chosen // kept, chosen % kept

    # -- for people and machines
    # ----------------------------------------------------------------------------------------------

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as it is saved: without its triple, whose functions other processes may not have,
        with the identity of it.
        """
        state = {f.name: getattr(self, f.name) for f in fields(self)}
        made_of = as_plain_data(self.made_of, self.rungs.particles[0])
        return _unpickled, (
            state | {"stored_optimum": self.optimum, "triple": None, "made_of": made_of},
        )

    def __copy__(self) -> Run:
        return self  # nothing in it changes

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def _at_a_prompt(self) -> str:
        """The summary without what would start an optimisation."""
        from singlearn.tempering.report import summary

        return summary(self, computed_only=True)

    def summary(self) -> str:
        """A table for people."""
        from singlearn.tempering.report import summary

        return summary(self)

    def table(self) -> pandas.DataFrame:
        """One row per rung: β, energy and heat capacity in nats, and how the particles moved."""
        from singlearn.tempering.report import table

        return table(self)

    def plot(self, **options: Any) -> Any:
        """Energies and heat capacity against β; see ``singlearn.plot.thermodynamics``."""
        return drawn("thermodynamics", self, **options)

    def to_dict(self) -> dict[str, Any]:
        """The same numbers for machines."""
        from singlearn.tempering.report import to_dict

        return to_dict(self)

    def to_datatree(
        self, prior: bool = False, posterior_predictive: Draw | bool = False, seed: int = 0
    ) -> xr.DataTree:
        r"""The run as an xarray DataTree with ArviZ's groups, and the rungs.

        ``posterior``, ``sample_stats`` and, with data, ``log_likelihood`` and ``observed_data`` are
        always there; sites, plates and dimensions have the names that a NumPyro model gave them.
        ArviZ 1 reads it as it is: ``az.summary(run.to_datatree())``; ArviZ 0.2x through
        ``az.InferenceData.from_datatree``.

        Args:
            prior: add ``prior``, the particles at β = 0.
            posterior_predictive: ``True`` adds data replicated once per draw,
                :math:`y^{rep} \sim p(y|w)`, by the model itself (of NumPyro or a regression);
                of another triple give ``draw(key, w, data)``, which returns an array of shape
                (n, …). With ``prior`` also ``prior_predictive``.
            seed: of the replicated data.

        Returns:
            The tree; its attributes name the library, its version and the time.

        Raises:
            ValueError: replicated data of a population run, of a triple that cannot draw data, or
                of a run loaded without its triple.
        """
        from singlearn.tempering.datatree import to_datatree

        return to_datatree(self, self.triple, prior, posterior_predictive, random_seed(seed))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the run, losslessly, as NetCDF, or as Zarr if ``path`` ends in ``.zarr``, with the
        identity of what it was made of.

        The optimum is written if it has been looked for.

        Raises:
            OSError: the file cannot be written; what was there stays.
        """
        from singlearn.tempering.storage import save

        save(self, path)

    @classmethod
    def load(
        cls,
        path: str | os.PathLike[str],
        triple: Triple | None = None,
        restrict: Restrict | None = None,
    ) -> Run:
        """Read a saved run.

        Args:
            path: what ``save`` wrote.
            triple: the triple that was tempered; needed to draw new samples, to sort into phases,
                and to look for an optimum.
            restrict: the phase that was tempered, as it was given to ``temper``; with a triple
                only.

        Returns:
            The run as it was saved, without its triple if none is given.

        Raises:
            FileNotFoundError: there is nothing at the path.
            ValueError: no saved run, or a damaged one; or a triple or a phase that is not the one
                that was tempered. Functions are compared by their values.
        """
        from singlearn.tempering.storage import load

        return cls(**load(path, triple, restrict))


def _unpickled(state: dict[str, Any]) -> Run:
    return Run(**state)


def draw_from_rungs(
    triple: Triple, rungs: Rungs, view: LadderView, beta: float | int, size: int, seed: int
) -> PyTree:
    """Draws at β by weight from the kept particles; see ``Run.sample``."""
    kept = np.stack(
        [np.take_along_axis(r.weights(beta), rungs.kept, axis=1) for r in view.replicates], axis=1
    )
    flat = kept.reshape(-1)
    if not flat.sum() > 0:
        raise ValueError(
            f"thin: no kept particle has weight at β = {beta:g}; temper with a smaller thin"
        )
    flat = flat / flat.sum()
    effective = 1 / float(np.sum(flat**2))
    if effective < FEWEST_KEPT and rungs.kept.shape[1] < rungs.energies.shape[2]:
        sentence = (
            f"thin: at β = {beta:g} the particles that were kept are worth {effective:.0f} draws, "
            f"and {size} draws repeat "
            "them; temper with a smaller thin"
        )
        warnings.warn(sentence, UserWarning, stacklevel=3)
    chosen = np.random.default_rng(seed).choice(flat.size, size=size, p=flat)
    with jax.enable_x64(rungs.particles.dtype == np.float64):
        particles = jnp.asarray(rungs.particles.reshape(flat.size, -1)[chosen])
        return jax.tree.map(np.asarray, jax.vmap(triple.coordinates.constrain)(particles))

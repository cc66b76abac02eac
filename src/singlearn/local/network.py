"""What a caller brings, and the target that is made of it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from singlearn.local.checks.own_function import Reference
from singlearn.local.names import Selection, Tie
from singlearn.local.target import Target
from singlearn.local.tokens import Tokens, loss_of_samples
from singlearn.running.arguments import whole_number


@dataclass(frozen=True)
class Network:
    """A model with its loss and data, and which of its parameters are sampled.

    Attributes:
        model: a ``torch.nn.Module``, or a pure function ``model(parameters, x)`` of JAX arrays.
        loss: per sample, in nats.
        data: what ``llc`` takes.
        parameters: w* of a JAX function; ``None`` for a module.
        only: which parameters are sampled.
        reference: ``"loss"`` or ``"self"``.
        chains_at_once: PyTorch: upper limit on chains evaluated together.
        compile: PyTorch: compile what is evaluated more than a thousand times.
        tokens: what a sample's loss is where the loss gives one number per token.
    """

    model: Any
    loss: Callable[..., Any]
    data: Any
    parameters: Any = None
    only: Selection = None
    reference: Reference = "loss"
    chains_at_once: int | None = None
    compile: bool = False
    tokens: Tokens = None

    def target(self, gamma: Tie, nbeta: float | None = None) -> Target:
        """The model at w*, tied as γ says.

        Args:
            gamma: γ.
            nbeta: nβ, from which it is decided whether float32 has enough digits; by default
                n / log n.

        Returns:
            The target of PyTorch or of JAX; neither is imported for the other's sake.

        Raises:
            ValueError: what cannot be sampled, by the name of the argument.
        """
        if self.chains_at_once is not None:
            whole_number("chains_at_once", self.chains_at_once)
        if not callable(self.loss):
            raise ValueError(
                f"loss: got {type(self.loss).__name__}; it should be a function of outputs and "
                f"targets that gives one number per sample"
            )
        # Whoever passes a module has imported torch; nobody else needs it.
        torch = sys.modules.get("torch")
        if torch is not None and isinstance(self.model, torch.nn.Module):
            return self._of_torch(gamma, nbeta)
        return self._of_jax(gamma)

    def _of_torch(self, gamma: Tie, nbeta: float | None) -> Target:
        if self.parameters is not None:
            raise ValueError("parameters: a module brings its own; leave them out")
        from singlearn.local.torch.rounding import with_enough_digits
        from singlearn.local.torch.target import TorchTarget

        at_once = self.chains_at_once
        at_once = None if at_once is None else whole_number("chains_at_once", at_once)

        def build(double: bool) -> TorchTarget:
            loss = loss_of_samples(self.loss, self.tokens)
            said: tuple[Any, Any] = (loss, self.data)
            if self.reference == "self":
                from singlearn.local.torch.own_function import own_function

                said = own_function(self.model, loss, self.data, double)
            return TorchTarget(self.model, *said, self.only, at_once, gamma, self.compile, double)

        found: Target = with_enough_digits(build, nbeta)
        return found

    def _of_jax(self, gamma: Tie) -> Target:
        if self.parameters is None:
            raise ValueError(
                "parameters: missing; a function model(parameters, x) needs w* as a pytree (a "
                "torch.nn.Module does not)"
            )
        from singlearn.local.jax.target import JaxTarget

        loss, data = loss_of_samples(self.loss, self.tokens), self.data
        if self.reference == "self":
            from singlearn.local.jax.own_function import own_function

            loss, data = own_function(self.model, loss, data, self.parameters)
        return JaxTarget(self.model, loss, data, self.parameters, self.only, gamma)

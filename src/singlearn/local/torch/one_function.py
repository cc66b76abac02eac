"""How PyTorch evaluates a network for us, at w* and in chains alike, whatever the caller has
switched on or off around the call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from typing import Any, TypeVar

import torch
from torch.nn.attention import SDPBackend, sdpa_kernel

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def one_evaluation() -> Iterator[None]:
    """One function everywhere: the caller's settings come back afterwards.

    Gradients are on and inference mode is off, also inside the caller's ``torch.no_grad()``. The
    fast path of transformers is off: without gradients it gives padded positions other outputs than
    with them. Attention is computed by plain operations, because its fused kernels have no rule for
    ``vmap`` and no second derivative. Automatic casts to 16 bits are off.
    """
    mha = torch.backends.mha
    fast = mha.get_fastpath_enabled()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        mha.set_fastpath_enabled(False)
        stack.callback(mha.set_fastpath_enabled, fast)
        yield


def evaluated_alike(method: F) -> F:
    """A method within :func:`one_evaluation`."""

    @wraps(method)
    def within(*arguments: Any, **named: Any) -> Any:
        with one_evaluation():
            return method(*arguments, **named)

    return within  # type: ignore[return-value]

"""Write the runs of devinterp that tests/local reads, by the real library: run this in the
interpreter that has it, ``python bench/local_devinterp_file.py FOLDER``.

Eight numbers w, one for each token, and the loss ½ w² of the token that is met: λ = 8/2 at w = 0,
without noise.
"""

from __future__ import annotations

import json
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

TOKENS, LENGTH, SAMPLES = 8, 3, 512
CHAINS, DRAWS, BATCH, NBETA, GAMMA, RATE = 4, 160, 4, 80.0, 1.0, 3e-2


class Heights(torch.nn.Module):
    """One number per token."""

    def __init__(self) -> None:
        super().__init__()
        self.height = torch.nn.Parameter(torch.zeros(TOKENS))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """½ w² of every token."""
        found: torch.Tensor = 0.5 * self.height[tokens] ** 2
        return found


def of_tokens(model: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Losses by sequence and token."""
    found: torch.Tensor = model(tokens)[:, 1:]
    return found


def version_2(folder: Path, tokens: torch.Tensor) -> None:
    """A Zarr folder."""
    import datasets
    from devinterp.slt.sampling import sample

    samples = datasets.Dataset.from_dict({"input_ids": tokens.tolist()}).with_format("torch")
    sample(
        Heights(), samples, {}, lr=RATE, n_beta=NBETA, num_chains=CHAINS, num_draws=DRAWS,
        batch_size=BATCH, localization=GAMMA, output_path=str(folder / "samples.zarr"),
        loss_fn=of_tokens, device="cpu", init_seed=0,
    )  # fmt: skip


def version_1(folder: Path, tokens: torch.Tensor) -> None:
    """The dictionary of results of the estimator."""
    from devinterp.optim import SGLD
    from devinterp.slt.sampler import LLCEstimator, sample

    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(tokens, tokens), batch_size=BATCH, shuffle=True
    )

    def evaluate(model: torch.nn.Module, batch: Any) -> Any:
        return of_tokens(model, batch[0]).mean(), {}

    estimator = LLCEstimator(
        num_chains=CHAINS, num_draws=DRAWS, nbeta=torch.tensor(NBETA), init_loss=0.0, device="cpu"
    )
    sample(
        Heights(), loader, callbacks=[estimator], evaluate=evaluate, sampling_method=SGLD,
        optimizer_kwargs={"lr": RATE / 2, "localization": GAMMA, "nbeta": NBETA},
        num_draws=DRAWS, num_chains=CHAINS, seed=0, device="cpu", init_loss=0.0, verbose=False,
    )  # fmt: skip
    found = estimator.get_results()
    plain = {k: v.tolist() if hasattr(v, "tolist") else v for k, v in found.items()}
    (folder / "devinterp-1.3.2.json").write_text(json.dumps(plain))


if __name__ == "__main__":
    into = Path(sys.argv[1])
    into.mkdir(parents=True, exist_ok=True)
    every = torch.randint(TOKENS, (SAMPLES, LENGTH), generator=torch.Generator().manual_seed(0))
    (version_2 if version("devinterp").startswith("2") else version_1)(into, every)

"""λ̂ of a Hugging Face language model on a Hugging Face data set, from the folders that its trainer
leaves.
"""

from __future__ import annotations

import copy
import shutil

import datasets
import numpy as np
import pytest
import safetensors.torch
import torch
import transformers

import singlearn as sl
from singlearn.local.torch.target import TorchTarget
from singlearn.local.torch.weights import read_state, with_weights
from singlearn.local.training.checkpoints import in_order

torch.set_num_threads(1)
VOCABULARY, LENGTH, WIDTH, HEADS = 12, 6, 8, 2
STEPS = (20, 60)


def build():
    config = transformers.GPT2Config(
        vocab_size=VOCABULARY,
        n_positions=LENGTH,
        n_embd=WIDTH,
        n_layer=1,
        n_head=HEADS,
        bos_token_id=0,
        eos_token_id=0,
    )
    torch.manual_seed(0)
    return transformers.GPT2LMHeadModel(config)


def loss(model, batch):
    """Of a sequence: nats a token."""
    tokens = batch["input_ids"]
    scores = model(input_ids=tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(
        scores.transpose(1, 2), tokens[:, 1:], reduction="none"
    ).mean(-1)


class Tied(torch.nn.Module):
    """An embedding that is the last layer too, with names as Llama has them."""

    def __init__(self) -> None:
        super().__init__()
        self.model = torch.nn.ModuleDict({"embedding": torch.nn.Embedding(3, 2)})
        self.head = torch.nn.Linear(2, 3, bias=False)
        self.head.weight = self.model["embedding"].weight


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Counting by threes; with the folder that a trainer would have written."""
    start = torch.randint(VOCABULARY, (64, 1), generator=torch.Generator().manual_seed(1))
    tokens = (start + 3 * torch.arange(LENGTH)) % VOCABULARY
    model, folder = build(), tmp_path_factory.mktemp("trainer")
    optimizer = torch.optim.Adam(model.parameters(), lr=0.02)
    for step in range(1, STEPS[-1] + 1):
        optimizer.zero_grad()
        loss(model, {"input_ids": tokens}).mean().backward()
        optimizer.step()
        if step in STEPS:
            model.save_pretrained(folder / f"checkpoint-{step}")
            torch.save(optimizer.state_dict(), folder / f"checkpoint-{step}" / "optimizer.pt")
    model.save_pretrained(folder)
    torch.save({}, folder / "training_args.bin")
    return model, datasets.Dataset.from_dict({"input_ids": tokens.tolist()}), folder


def test_chains_run_together_on_a_data_set(trained) -> None:
    model, data, _ = trained
    target = TorchTarget(model, loss, data)
    assert target.notes == () and target.samples == 64
    assert target.dimension == sum(
        p.numel() for p in model.parameters()
    )  # the embedding is the last layer, and counts once
    tokens = torch.as_tensor(data["input_ids"][:])
    with torch.no_grad():
        assert target.centre_loss == pytest.approx(
            model.eval()(input_ids=tokens, labels=tokens).loss.item(), rel=1e-5
        )
    found = sl.local.llc(model, loss, data, gamma=100.0, chains=4, max_steps=1000, tolerance=0.5)
    # A few epochs leave directions in which the loss curves down, and these are said.
    assert 0 < found.value < found.half_dimension
    assert found.status == "not_local_minimum" and any(
        "curvature" in str(caution) for caution in found.cautions
    )


def test_one_head_is_a_mask(trained) -> None:
    """The columns of query, key and value that belong to the second head."""
    model, data, _ = trained
    size = WIDTH // HEADS
    mask = np.zeros((WIDTH, 3, HEADS, size), dtype=bool)
    mask[:, :, 1] = True
    name = "transformer.h.0.attn.c_attn.weight"
    head = TorchTarget(model, loss, data, only={name: mask.reshape(WIDTH, 3 * WIDTH)})
    assert head.dimension == WIDTH * 3 * size
    moved, offset = (
        copy.deepcopy(model),
        torch.randn(WIDTH, 3, size, generator=torch.Generator().manual_seed(2)),
    )
    with torch.no_grad():
        moved.get_parameter(name).reshape(WIDTH, 3, HEADS, size)[:, :, 1] += offset
    expected = TorchTarget(moved, loss, data).centre_loss - head.centre_loss
    assert abs(expected) > 1e-4
    assert head.full(offset.reshape(1, -1).numpy())[0][0] == pytest.approx(expected, rel=1e-3)


def test_the_folders_of_a_trainer_are_its_checkpoints(trained, tmp_path) -> None:
    model, _, folder = trained
    loaded = with_weights(build(), read_state(folder / "checkpoint-60", build()), "checkpoint-60")
    assert all(
        torch.equal(a, b)
        for a, b in zip(loaded.state_dict().values(), model.state_dict().values(), strict=True)
    )
    # The file alone has one name for the tied weights, the module two.
    alone = with_weights(
        build(), read_state(folder / "checkpoint-60" / "model.safetensors"), "file"
    )
    assert torch.equal(alone.lm_head.weight, model.lm_head.weight)
    tied = Tied()
    # "model." is no wrapper's prefix here, though all names in the file begin with it.
    file = {"model.embedding.weight": torch.randn(3, 2)}
    assert torch.equal(with_weights(tied, file, "tied").head.weight, file["model.embedding.weight"])
    found = in_order(folder)
    assert [(checkpoint.step, checkpoint.weights) for checkpoint in found] == [
        (step, folder / f"checkpoint-{step}") for step in STEPS
    ]
    cut = tmp_path / "cut"
    shutil.copytree(folder / "checkpoint-60", cut)
    weights = safetensors.torch.load_file(cut / "model.safetensors")
    del weights["transformer.ln_f.weight"]
    safetensors.torch.save_file(weights, cut / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        ValueError, match=r"lacks transformer\.ln_f\.weight.*GPT2LMHeadModel needs it"
    ):
        read_state(cut, build())

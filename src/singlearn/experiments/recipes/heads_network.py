"""A transformer of two layers without perceptrons, and sequences of three kinds for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

LENGTH, WIDTH, HEADS, INNER = 6, 16, 2, 4
FILLERS, KEYS, BIGRAMS, QUERIES = range(6), range(6, 10), range(10, 14), range(14, 16)
VOCABULARY = 16
TASKS = ("bigram", "skip-trigram", "induction")


SHARES = (0.25, 0.25, 0.5)
"""Of the tasks; induction, which is learnt last, has half."""


def sequences(count: int, seed: int) -> tuple[Any, Any, Any]:
    """Sequences of six tokens, the token that follows, and the number of the task of each.

    - *bigram*: the last token alone says what follows: 10 → 11 → 12 → 13 → 10.
    - *skip-trigram*: somewhere before stands a key (6 to 9); the last token is a query (14 or 15),
      and what follows depends on both: key 6 + i and query 14 + j are followed by the filler
      (i + 3 j) mod 6.
    - *induction*: the last token stood there before, and what followed it then follows again.

    All other places hold different fillers (0 to 5).

    Args:
        count: of sequences.
        seed: same seed, same sequences.

    Returns:
        Tensors of shape (count, 6), (count,) and (count,).

    >>> x, y, task = sequences(300, 0)
    >>> tuple(x.shape), sorted(set(task.tolist()))
    ((300, 6), [0, 1, 2])
    """
    import torch

    rng = np.random.default_rng([seed, 40])
    task = rng.choice(len(TASKS), size=count, p=SHARES)
    x = np.argsort(rng.random((count, len(FILLERS))), axis=1)
    y = np.zeros(count, dtype=int)
    rows = np.arange(count)

    own = rows[task == 0]
    last = rng.integers(len(BIGRAMS), size=len(own))
    x[own, -1] = BIGRAMS[0] + last
    y[own] = BIGRAMS[0] + (last + 1) % len(BIGRAMS)

    own = rows[task == 1]
    key, query = rng.integers(len(KEYS), size=len(own)), rng.integers(len(QUERIES), size=len(own))
    x[own, rng.integers(LENGTH - 1, size=len(own))] = KEYS[0] + key
    x[own, -1] = QUERIES[0] + query
    y[own] = (key + 3 * query) % len(FILLERS)

    own = rows[task == 2]
    place = rng.integers(LENGTH - 2, size=len(own))
    x[own, -1] = x[own, place]
    y[own] = x[own, place + 1]
    return torch.from_numpy(x), torch.from_numpy(y), torch.from_numpy(task)


def module(seed: int) -> torch.nn.Module:
    """The transformer, with the names of TransformerLens, so that ``l0h1`` is a head of it.

    It gives the scores of the token after the last one, of shape (batch, vocabulary).

    >>> sum(p.numel() for p in module(0).parameters())
    1632
    """
    import torch
    from torch import nn

    generator = torch.Generator().manual_seed(seed)

    def weight(*shape: int) -> nn.Parameter:
        return nn.Parameter(torch.randn(*shape, generator=generator) / WIDTH**0.5)

    class Attention(nn.Module):
        """Every query is one of the last ``places`` positions; keys are those up to it."""

        def __init__(self, places: int) -> None:
            super().__init__()
            self.W_Q, self.W_K, self.W_V = (weight(HEADS, WIDTH, INNER) for _ in range(3))
            self.W_O = weight(HEADS, INNER, WIDTH)
            self.places = places
            hidden = torch.ones(LENGTH, LENGTH, dtype=torch.bool).triu(1)
            self.register_buffer("hidden", hidden[LENGTH - places :], persistent=False)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            own = x.unsqueeze(-3)
            query = own[..., LENGTH - self.places :, :] @ self.W_Q
            scores = query @ (own @ self.W_K).transpose(-1, -2) / INNER**0.5
            scores = scores.masked_fill(self.hidden, -1e9)
            read: torch.Tensor = (scores.softmax(-1) @ (own @ self.W_V) @ self.W_O).sum(-3)
            return x[..., LENGTH - self.places :, :] + read

    class Block(nn.Module):
        def __init__(self, places: int) -> None:
            super().__init__()
            self.attn = Attention(places)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            found: torch.Tensor = self.attn(x)
            return found

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed: Any = nn.Module()
            self.pos_embed: Any = nn.Module()
            self.unembed: Any = nn.Module()
            self.embed.W_E = weight(VOCABULARY, WIDTH)
            self.pos_embed.W_pos = weight(LENGTH, WIDTH)
            self.blocks = nn.Sequential(Block(LENGTH), Block(1))
            self.unembed.W_U = weight(WIDTH, VOCABULARY)

        def forward(self, tokens: torch.Tensor) -> torch.Tensor:
            x = self.embed.W_E[tokens] + self.pos_embed.W_pos
            found: torch.Tensor = self.blocks(x)[..., 0, :] @ self.unembed.W_U
            return found

    return Transformer().double()

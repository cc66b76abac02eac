"""The ledger of Optax transformations against 60-digit arithmetic, and what it reads and refuses.

``truth/ledgers.json`` was made by other code, in 60-digit arithmetic; its optimisers are written
here as Optax chains.
"""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from singlearn import flow

CASES = json.loads((Path(__file__).parents[1] / "truth" / "ledgers.json").read_text())["cases"]
SUMS = ("discretisation", "decay", "momentum", "preconditioner")
ACTIVATIONS = {
    "relu": (jax.nn.relu, "relu"),
    "leaky": (lambda z: jnp.where(z > 0, z, 0.1 * z), "leaky_relu"),
    "linear": (lambda z: z, "linear"),
    "square": (lambda z: z * z, 2),
}


def numbers(nested):
    return np.array(nested, dtype=object).astype(float)


def chain(settings):
    of = {
        name: float(value)
        for name, value in settings.items()
        if name not in ("name", "kind", "nesterov")
    }
    if settings.get("kind") == "adam":
        return (
            optax.adamw(of["lr"], weight_decay=of["wd_decoupled"])
            if "wd_decoupled" in of
            else optax.adam(of["lr"])
        )
    rate = of["lr"]
    if "decay" in of:
        rate = lambda count: of["lr"] * jnp.power(of["decay"], count.astype(jnp.float64))  # noqa: E731
    if "wd_decoupled" in of:
        return optax.chain(
            optax.trace(0.0), optax.add_decayed_weights(of["wd_decoupled"]), optax.scale(-rate)
        )
    parts = [optax.clip_by_global_norm(of["clip"])] if "clip" in of else []
    parts += [optax.add_decayed_weights(of["wd"])] if "wd" in of else []
    return optax.chain(*parts, optax.sgd(rate, of.get("mu"), settings.get("nesterov", False)))


def problem(case):
    depth, act = len(case["widths"]) - 1, ACTIVATIONS[case["activation"]]
    weights = {f"W{k + 1}": numbers(case["weights"][k]) for k in range(depth)}
    if case["bias"]:
        weights |= {f"b{k + 1}": numbers(case["weights"][depth + k])[:, 0] for k in range(depth)}

    def loss(w, x, y):
        hidden = x
        for k in range(1, depth + 1):
            hidden = w[f"W{k}"] @ hidden + (w[f"b{k}"][:, None] if case["bias"] else 0.0)
            hidden = act[0](hidden) if k < depth else hidden
        return 0.5 * jnp.mean(jnp.sum((hidden - y) ** 2, axis=0))

    laws = flow.layer_laws(
        [
            flow.Layer(f"W{k + 1}", f"b{k + 1}" if case["bias"] else None, 0, act[1])
            for k in range(depth)
        ]
    )
    return weights, loss, laws


# Plain descent of other networks is read as the first one is, and the ledger for PyTorch has them
# all.
@pytest.mark.parametrize(
    "case",
    [c for c in CASES if c["optimiser"]["name"] != "gd" or c is CASES[0]],
    ids=lambda case: case["name"],
)
def test_every_entry_is_that_of_sixty_digits(case):
    weights, loss, laws = problem(case)
    x, y = numbers(case["inputs"]), numbers(case["targets"])
    with jax.enable_x64(True):
        w = jax.tree.map(jnp.asarray, weights)
        book = flow.ledger(w, chain(case["optimiser"]), laws)
        state = book.optimizer.init(w)
        gradient = jax.jit(jax.grad(loss))
        for step in range(case["steps"]):
            batch = (
                case["batches"][step % len(case["batches"])]
                if case["batches"]
                else list(range(x.shape[1]))
            )
            updates, state = book.optimizer.update(gradient(w, x[:, batch], y[:, batch]), state, w)
            w = optax.apply_updates(w, updates)
        accounts = book.accounts
        assert book.steps == case["steps"] and not book.cautions
    for k, account in enumerate(accounts):
        scale = max(1.0, float(np.abs(account.before).max()))
        for name in SUMS:
            assert (
                np.abs(account.entries[name] - numbers(case["ledger_sums"][name][k])).max()
                < 1e-12 * scale
            )
        assert (
            np.abs(account.after - numbers(case["Q"][str(case["steps"])][k])).max() < 1e-12 * scale
        )
        for name in ("rest", "violation"):
            assert np.abs(account.entries[name]).max() < 1e-12 * scale


def nested(dtype):
    random = np.random.default_rng(0)
    kernel, other = (jnp.asarray(random.normal(size=s) * 0.5, dtype) for s in ((3, 4), (4, 2)))
    return {"a": {"kernel": kernel, "bias": jnp.zeros(4, dtype)}, "b": {"kernel": other}}


X, Y = np.random.default_rng(1).normal(size=(8, 3)), np.random.default_rng(2).normal(size=(8, 2))
LAWS = flow.layer_laws([flow.Layer("a.kernel", "a.bias", 1), flow.Layer("b.kernel", None, 1)])


def nested_loss(w):
    x, y = jnp.asarray(X, w["a"]["kernel"].dtype), jnp.asarray(Y, w["a"]["kernel"].dtype)
    return jnp.mean(
        (jax.nn.relu(x @ w["a"]["kernel"] + w["a"]["bias"]) @ w["b"]["kernel"] - y) ** 2
    )


def run(optimizer, steps=3, dtype="float64", **more):
    """Steps outside jit: what is read does not depend on it, and it compiles nothing."""
    with jax.enable_x64(dtype == "float64"):
        w = nested(dtype)
        book = flow.ledger(w, optimizer, LAWS, **more)
        state = book.optimizer.init(w)
        gradient = jax.grad(nested_loss)
        for _ in range(steps):
            updates, state = book.optimizer.update(gradient(w), state, w)
            w = optax.apply_updates(w, updates)
        return book, {
            name: float(np.abs(value).max()) for name, value in book.accounts[0].entries.items()
        }


CHAINS = {
    "masked decay": optax.adamw(
        1e-2, weight_decay=0.1, mask={"a": {"kernel": True, "bias": False}, "b": True}
    ),
    "mask by function": optax.chain(
        optax.add_decayed_weights(0.1, mask=lambda p: jax.tree.map(lambda a: a.ndim > 1, p)),
        optax.sgd(0.1, 0.9),
    ),
    "two rates": optax.partition({"x": optax.sgd(0.1), "y": optax.sgd(0.03)}, {"a": "x", "b": "y"}),
    "injected": optax.inject_hyperparams(optax.sgd)(
        learning_rate=optax.linear_schedule(0.1, 0.01, 3), momentum=0.9
    ),
    "named": optax.named_chain(("memory", optax.trace(0.9)), ("rate", optax.scale(-0.05))),
    "two memories": optax.chain(
        optax.trace(0.5), optax.trace(0.5, nesterov=True), optax.scale(-0.05)
    ),
    "average": optax.chain(optax.ema(0.9), optax.add_decayed_weights(0.01), optax.scale(-0.1)),
    "clipped after memory": optax.chain(optax.trace(0.9), optax.clip(0.01), optax.scale(-0.1)),
    "nadam": optax.chain(optax.clip_by_global_norm(0.01), optax.adam(0.01, nesterov=True)),
    "rmsprop": optax.rmsprop(0.01, momentum=0.9, nesterov=True),
    "scheduled decay": optax.chain(
        optax.add_decayed_weights(optax.linear_schedule(0.1, 0.0, 5)), optax.sgd(0.1, 0.9)
    ),
}


@pytest.mark.parametrize("name", CHAINS)
def test_every_part_of_a_chain_is_read(name):
    book, sizes = run(CHAINS[name])
    assert not book.cautions
    assert sizes["rest"] < 1e-14 and sizes["violation"] < 1e-14


def test_entries_are_the_same_inside_jit_and_lose_no_digits():
    optimizer = optax.chain(optax.add_decayed_weights(0.1), optax.sgd(0.1, 0.9))
    _, plain = run(optimizer, 4)
    with jax.enable_x64(True):
        w = nested("float64")
        book = flow.ledger(w, optimizer, LAWS)
        state = book.optimizer.init(w)

        @jax.jit
        def step(w, state):
            updates, state = book.optimizer.update(jax.grad(nested_loss)(w), state, w)
            return optax.apply_updates(w, updates), state

        for _ in range(4):
            w, state = step(w, state)
        (account,) = book.accounts
    assert not book.cautions
    for name, value in account.entries.items():
        assert float(np.abs(value).max()) == pytest.approx(plain[name], abs=1e-14)


def test_every_other_step_and_a_file(tmp_path):
    path = tmp_path / "book.jsonl"
    book, sizes = run(optax.sgd(0.1), 5, every=2, file=path)
    book.close()
    assert book.series[0].steps == [1, 3, 5]
    stored = flow.read_ledger(path)
    assert float(np.abs(stored.accounts[0].entries["discretisation"]).max()) == pytest.approx(
        sizes["discretisation"]
    )


@pytest.mark.parametrize(
    "optimizer",
    [
        optax.chain(optax.clip(0.01), optax.sgd(0.1)),
        optax.chain(optax.clip_by_block_rms(0.01), optax.sgd(0.1)),
    ],
)
def test_entrywise_clipping_is_named(optimizer):
    book, sizes = run(optimizer)
    assert "changed after backward" in book.cautions[0].message
    assert sizes["violation"] < 1e-14 < 1e-4 < sizes["preconditioner"]


def lambda_optimizer():
    return optax.GradientTransformation(
        lambda p: (), lambda u, s, p=None: (jax.tree.map(lambda a: -0.1 * a, u), s)
    )


@pytest.mark.parametrize(
    ("optimizer", "words"),
    [
        (optax.lion(1e-3), r"scale_by_lion, whose step is not known here"),
        (optax.chain(optax.adam(1e-3), optax.scale_by_trust_ratio()), r"scale_by_trust_ratio"),
        (lambda_optimizer(), r"lambda_optimizer"),
    ],
)
def test_stages_that_are_not_known_are_refused_by_name_or_split(optimizer, words):
    with pytest.raises(ValueError, match=words):
        run(optimizer)
    book, sizes = run(optimizer, unread="split")
    assert "its step is not known here" in " ".join(map(str, book.cautions))
    change = np.abs(
        book.accounts[0].change
        - book.accounts[0].entries["preconditioner"]
        - book.accounts[0].entries["discretisation"]
    )
    assert change.max() < 1e-14 and sizes["discretisation"] > 0


def test_what_is_given_wrongly_is_refused_by_name():
    w = nested("float32")
    for arguments, words in (
        ((w, optax.sgd(0.1)), "laws: got None"),
        ((w, 3, LAWS), "optimizer: got int"),
        (({"a": {"kernel": jnp.ones((3, 4))}}, optax.sgd(0.1), LAWS), "they name a.bias"),
        (({"a": jnp.ones(2, dtype=complex)}, optax.sgd(0.1), LAWS), "weights: a is complex64"),
    ):
        with pytest.raises(ValueError, match=words):
            flow.ledger(*arguments)
    book = flow.ledger(w, optax.sgd(0.1), LAWS)
    with pytest.raises(ValueError, match="params: got None"):
        book.optimizer.update(w, book.optimizer.init(w))
    with pytest.raises(ValueError, match="layers: got 1"):
        flow.layer_laws([flow.Layer("a")])
    with pytest.raises(ValueError, match="the activation of a is 'gelu'"):
        flow.layer_laws([flow.Layer("a", activation="gelu"), flow.Layer("b")])


def test_angular_momentum_of_a_linear_pair_under_optax():
    random = np.random.default_rng(5)
    laws = flow.layer_laws([flow.Layer("W1", None, 0, "linear"), flow.Layer("W2")])
    with jax.enable_x64(True):
        w = {
            "W1": jnp.asarray(random.normal(size=(3, 2))),
            "W2": jnp.asarray(random.normal(size=(2, 3))),
        }
        for optimizer, exact in (
            (optax.sgd(0.05, 0.8), True),
            (optax.sgd(0.05, 0.8, nesterov=True), False),
        ):
            book = flow.ledger(w, optimizer, laws)
            now, state = w, book.optimizer.init(w)
            push = {name: jnp.asarray(random.normal(size=a.shape)) for name, a in w.items()}
            state = state._replace(inner=(state.inner[0]._replace(trace=push), *state.inner[1:]))
            for _ in range(5):
                gradient = jax.grad(lambda v: jnp.sum((v["W2"] @ v["W1"] - 1.0) ** 2))(now)
                updates, state = book.optimizer.update(gradient, state, now)
                now = optax.apply_updates(now, updates)
            (turned,) = book.angular_momenta
            assert turned.exact == turned.kept == exact
            assert (np.abs(turned.after - 0.8**5 * turned.before).max() < 1e-13) == exact

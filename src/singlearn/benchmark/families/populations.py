"""Families without data, whose divergence K(w) is known: polynomials and small networks."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from singlearn.benchmark.families.family import Arrays, LikelihoodFamily, Parameters
from singlearn.exact import Expression
from singlearn.models.relu_population import difference, half_mean_square

OPERATIONS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def evaluated(text: str, values: Mapping[str, Any]) -> Any:
    """A polynomial at arrays, by its syntax tree; the grammar is that of the files: ``+ - * / ^``,
    parentheses, numbers and names.

    Returns:
        Its values, as arrays of the shape of the values.

    Raises:
        ValueError: something else stands in the text.

    >>> evaluated("(x^2 - 1)^2", {"x": np.array([0.0, 2.0])}).tolist()
    [1.0, 9.0]
    """

    def walk(node: ast.expr) -> Any:
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATIONS:
            return OPERATIONS[type(node.op)](walk(node.left), walk(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            return -walk(node.operand)
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        if isinstance(node, ast.Name):
            return values[node.id]
        raise ValueError(f"K: {text!r} holds {ast.unparse(node)!r}, which no polynomial does")

    return walk(ast.parse(text.replace("^", "**"), mode="eval").body)


def _polynomial_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    return jnp.asarray(Expression(constants["K"]).evaluate(w), jnp.result_type(float))


def _polynomial_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    return evaluated(constants["K"], w)


def _polynomial_stan(constants: Arrays) -> str:
    return f"    real K = {constants['K']};"


POLYNOMIAL = LikelihoodFamily(
    "polynomial",
    "K(w) is a polynomial that is written down",
    True,
    _polynomial_jax,
    _polynomial_numpy,
    _polynomial_stan,
)


def _layers(w: Parameters) -> list[str]:
    return [f"W{layer}" for layer in range(1, len(w) + 1)]


def _linear_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    product = w["W1"]
    for layer in _layers(w)[1:]:
        product = w[layer] @ product
    return jnp.sum((product - jnp.asarray(constants["target"], product.dtype)) ** 2)


def _linear_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    product = w["W1"]
    for layer in _layers(w)[1:]:
        product = np.einsum("sij,sjk->sik", w[layer], product)
    return np.sum((product - np.asarray(constants["target"])) ** 2, axis=(1, 2))


def _linear_stan(constants: Arrays) -> str:
    product = " * ".join(f"W{layer}" for layer in range(constants["layers"], 0, -1))
    return (
        f"    matrix[{len(constants['target'])}, {len(constants['target'][0])}] residual = "
        f"{product} - true_map;\n    real K = sum(residual .* residual);"
    )


LINEAR_NETWORK = LikelihoodFamily(
    "linear_network",
    "K(w) = |W_L ... W_1 - target|², matrices without activations between them",
    True,
    _linear_jax,
    _linear_numpy,
    _linear_stan,
)


def _tanh_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    points = jnp.asarray(constants["points"], w["a"].dtype)
    f = w["a"] @ jnp.tanh(w["b"][:, None] * points)
    residual = f - jnp.asarray(constants["target"], f.dtype)
    return 0.5 * jnp.asarray(constants["point_weights"], f.dtype) @ residual**2


def _tanh_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    points = np.asarray(constants["points"])
    f = np.einsum("sh,shp->sp", w["a"], np.tanh(w["b"][:, :, None] * points))
    return 0.5 * (f - np.asarray(constants["target"])) ** 2 @ np.asarray(constants["point_weights"])


def _tanh_stan(constants: Arrays) -> str:
    return (
        "    real K = 0;\n"
        "    for (i in 1:num_elements(points))\n"
        "      K += 0.5 * point_weights[i]\n"
        "           * square(dot_product(to_vector(a), tanh(to_vector(b) * points[i]))\n"
        "                    - true_map[i]);"
    )


TANH_NETWORK = LikelihoodFamily(
    "tanh_network",
    "K(w) = ½ Σ_i c_i (Σ_j a_j tanh(b_j x_i) - t_i)², at points x_i of a quadrature",
    True,
    _tanh_jax,
    _tanh_numpy,
    _tanh_stan,
)


def _relu_jax(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    dtype = w["w"].dtype
    own = {"w": w["w"][:, None], "b": w["b"], "q": w["q"], "c": w["c"]}
    true = {key: jnp.asarray(value, dtype) for key, value in constants["true_network"].items()}
    true["w"] = true["w"][:, None]
    return half_mean_square(difference(own, true), [(-1.0, 1.0)])


def _relu_numpy(w: Parameters, data: Arrays, constants: Arrays) -> Any:
    true = {key: np.asarray(value, float) for key, value in constants["true_network"].items()}
    size = len(w["b"])

    def both(name: str, sign: float = 1.0) -> Float[np.ndarray, "batch nodes"]:
        return np.concatenate(
            [w[name], np.broadcast_to(sign * true[name], (size, len(true[name])))], axis=1
        )

    slope, offset, outgoing = both("w"), both("b"), both("q", -1.0)
    constant = w["c"] - true["c"]
    with np.errstate(divide="ignore", invalid="ignore"):
        kinks = -offset / slope
    kinks = np.where(np.isfinite(kinks), np.clip(kinks, -1.0, 1.0), 1.0)
    ends = np.sort(np.concatenate([kinks, np.full((size, 1), -1.0), np.ones((size, 1))], axis=1))

    def f(x: Any) -> Any:
        nodes = np.maximum(slope[:, :, None] * x[:, None, :] + offset[:, :, None], 0.0)
        return np.asarray(np.einsum("sh,shp->sp", outgoing, nodes) + constant[:, None])

    # Simpson's rule is exact for the square of a linear function.
    left, right = ends[:, :-1], ends[:, 1:]
    simpson = f(left) ** 2 + 4 * f(0.5 * (left + right)) ** 2 + f(right) ** 2
    return 0.25 * np.sum((right - left) * simpson / 6, axis=1)


RELU_NETWORK = LikelihoodFamily(
    "relu_network",
    "K(w) = ½ E (f_w(x) - f_0(x))², f(x) = c + Σ_j q_j max(0, w_j x + b_j), x uniform on [-1, 1]",
    True,
    _relu_jax,
    _relu_numpy,
)

"""Linear programs whose answer is exact: HiGHS finds the vertex, rational arithmetic proves it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from singlearn.numbers.linear_algebra import independent_rows, solve
from singlearn.numbers.rational import Matrix, Vector, dot


class InfeasibleError(ValueError):
    """No point satisfies the inequalities."""


class UnboundedError(ValueError):
    """The objective grows without bound."""


def maximise(objective: Vector, normals: Matrix, offsets: Vector) -> Vector:
    r"""A vertex that maximises :math:`\langle c, x\rangle` subject to :math:`A x \le a`, as exact
    rationals.

    The floating-point optimum names the active inequalities; N independent ones are solved exactly,
    and the vertex is accepted when it is feasible and the multipliers :math:`y` of :math:`A_B^T y =
    c` are non-negative: weak duality then proves it optimal. Where rounding named the wrong
    inequalities, SymPy's rational simplex decides.

    Returns:
        The vertex, entry by entry.

    Raises:
        InfeasibleError: no point satisfies the inequalities.
        UnboundedError: the maximum is infinite.
    """
    rows = np.array([[float(v) for v in row] for row in normals])
    right = np.array([float(v) for v in offsets])
    scale = np.maximum(np.abs(rows).max(axis=1), 1e-300)
    answer = linprog(
        -np.array([float(v) for v in objective]),
        A_ub=rows / scale[:, None],
        b_ub=right / scale,
        bounds=(None, None),
    )
    if answer.x is not None:
        slack = (right - rows @ answer.x) / scale
        order = np.argsort(
            slack - 1e-6 * (np.asarray(answer.ineqlin.marginals) < -1e-12), kind="stable"
        )
        basis = independent_rows([normals[i] for i in order], len(objective))
        if basis is not None:
            active = [int(order[i]) for i in basis]
            point = solve([normals[i] for i in active], [offsets[i] for i in active])
            transposed = [[normals[i][j] for i in active] for j in range(len(objective))]
            multipliers = solve(transposed, list(objective))
            feasible = all(
                dot(row, point) <= offset for row, offset in zip(normals, offsets, strict=True)
            )
            if feasible and all(y >= 0 for y in multipliers):
                return tuple(point)
    return _rational_simplex(objective, normals, offsets)


def _rational_simplex(objective: Vector, normals: Matrix, offsets: Vector) -> Vector:
    from sympy import Matrix as SymPyMatrix
    from sympy import Rational
    from sympy.solvers.simplex import InfeasibleLPError, UnboundedLPError
    from sympy.solvers.simplex import linprog as exact_linprog

    def column(values: Vector) -> list[Rational]:
        return [Rational(v.numerator, v.denominator) for v in values]

    try:
        _, point = exact_linprog(
            [-v for v in column(objective)],
            A=SymPyMatrix([column(row) for row in normals]),
            b=SymPyMatrix(column(offsets)),
            bounds=[(None, None)] * len(objective),
        )
    except InfeasibleLPError:
        raise InfeasibleError("the inequalities contradict each other") from None
    except UnboundedLPError:
        raise UnboundedError("the objective grows without bound") from None
    return tuple(Fraction(str(Rational(v))) for v in point)

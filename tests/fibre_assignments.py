"""Components of a fibre on a line counted without the theorem, for any number of outputs, on all of
R or on an interval.

Modulo rescaling, a parameter says where every node sits: on an oriented kink, on an oriented point
off the kinks together with others whose amounts add up to zero, always active with w = ±1, or
nowhere (dead, q = 0 or w = 0). For a fixed assignment the amounts solve linear equations, so every
assignment is connected. Two touch where they share a parameter: a node whose amount is zero may sit
anywhere; a group off the kinks can move onto a kink, onto another group, or out of the interval,
where one orientation becomes active and the other dead.
"""

from itertools import product

import numpy as np

NOWHERE = ("nowhere",)


def count_on_a_line(totals, slope, width, on_interval):
    """Number of components where f = sum A_k |x - x_k| / 2 + slope x; ``totals`` has a row A_k of M
    numbers per kink, ``slope`` M numbers.
    """
    totals, slope = np.array(totals, float).reshape(len(totals), len(slope)), np.array(slope, float)
    kinks, outputs = len(totals), len(slope)

    def solvable(assignment, zero):
        """Whether there are amounts, those of the nodes ``zero`` being zero."""
        rows, right = [], []
        for place in [
            *(("kink", k) for k in range(kinks)),
            *{seat[:2] for seat in assignment if seat[0] == "group"},
        ]:
            rows.append([float(seat[:2] == place) for seat in assignment])
            right.append(totals[place[1]] if place[0] == "kink" else np.zeros(outputs))
        # A node along the normal carries half its amount of slope beyond what the kinks make, one
        # against it minus half.
        weights = {"kink": 0.5, "group": 0.5, "active": 1.0}
        rows.append(
            [weights[seat[0]] * seat[-1] if seat != NOWHERE else 0.0 for seat in assignment]
        )
        right.append(slope)
        for i in zero:
            rows.append([float(i == j) for j in range(width)])
            right.append(np.zeros(outputs))
        matrix, goal = np.array(rows, float).reshape(len(rows), width), np.array(right)
        if not width:
            return not np.any(np.abs(goal) > 1e-9)
        found = np.linalg.lstsq(matrix, goal, rcond=None)[0]
        return bool(np.all(np.abs(matrix @ found - goal) < 1e-9))

    single = [NOWHERE, *(("kink", k, sign) for k in range(kinks) for sign in (1, -1))]
    if on_interval:
        single += [("active", sign) for sign in (1, -1)]
    groups = [("group", g, sign) for g in range(width // 2) for sign in (1, -1)]

    def named(assignment):
        """Groups numbered in the order in which they come."""
        names = {}
        return tuple(
            ("group", names.setdefault(seat[1], len(names)), seat[2])
            if seat[0] == "group"
            else seat
            for seat in assignment
        )

    parent = {}
    for assignment in product([*single, *groups], repeat=width):
        if named(assignment) == assignment and solvable(assignment, ()):
            parent[assignment] = assignment

    def root(assignment):
        while parent[assignment] != assignment:
            parent[assignment] = parent[parent[assignment]]
            assignment = parent[assignment]
        return assignment

    def join(one, other):
        other = named(other)
        if other in parent:
            parent[root(one)] = root(other)

    for assignment in list(parent):
        for i in range(width):
            if assignment[i] == NOWHERE or solvable(assignment, (i,)):
                for seat in [*single, *groups]:
                    join(assignment, (*assignment[:i], seat, *assignment[i + 1 :]))
        for group in {seat[1] for seat in assignment if seat[0] == "group"}:

            def moved(place, assignment=assignment, group=group):
                return tuple(
                    place(seat[2]) if seat[:2] == ("group", group) else seat for seat in assignment
                )

            for k in range(kinks):
                join(assignment, moved(lambda sign, k=k: ("kink", k, sign)))
            for other in {seat[1] for seat in assignment if seat[0] == "group"} - {group}:
                join(assignment, moved(lambda sign, other=other: ("group", other, sign)))
            if on_interval:
                for side in (1, -1):
                    join(
                        assignment,
                        moved(
                            lambda sign, side=side: ("active", sign) if sign == side else NOWHERE
                        ),
                    )
    return len({root(assignment) for assignment in parent})

"""Components of a fibre counted without the theorem: cut it into convex pieces and see which ones
touch.

Modulo rescaling, a parameter says which node sits on which oriented hyperplane and with which
amount. For a fixed assignment of nodes to kinks (or to nothing, or to a linear pair off the kinks)
and fixed signs of the amounts, the amounts form an open convex polyhedron. Pieces touch where
amounts vanish, or where a linear pair lies down on a kink. Two nodes that cancel off the kinks can
be shrunk to nothing and are left out. For up to three nodes more than kinks.
"""

from functools import cache
from itertools import combinations, product

import numpy as np
from scipy.optimize import linprog

NOTHING, PAIR = "nothing", "pair"


def count_components(normals, totals, slope, width):
    """Number of components for kinks with these normals and total kinks, where f = sum A_k |u_k| /
    2 + <slope, x>.
    """
    normals, totals, slope = (
        np.array(normals, float),
        np.array(totals, float),
        np.array(slope, float),
    )
    kinks = len(totals)
    inputs = len(slope)

    @cache
    def can_be(sides, with_pair, onto=None):
        """Whether amounts with these signs (on each side of each kink) exist; ``onto=(k, ±1)``:
        with a pair's slope along ±n_k.
        """
        count = len(sides)
        free = inputs if with_pair and onto is None else 1 if onto else 0
        # Unknowns: total of each side, the slope of the pair, and the margin that makes
        # inequalities strict.
        equal, right, upper, bound = [], [], [], []
        for k in range(kinks):
            row = np.zeros(count + free + 1)
            row[2 * k : 2 * k + 2] = 1
            equal.append(row)
            right.append(totals[k])
        for i in range(inputs):
            row = np.zeros(count + free + 1)
            for k in range(kinks):
                row[2 * k], row[2 * k + 1] = normals[k, i] / 2, -normals[k, i] / 2
            if onto:
                row[count] = onto[1] * normals[onto[0], i]
            elif with_pair:
                row[count + i] = 1
            equal.append(row)
            right.append(slope[i])
        for j, signs in enumerate(sides):
            row = np.zeros(count + free + 1)
            if not signs:
                row[j] = 1
                equal.append(row)
                right.append(0)
            elif len(signs) == 1:
                row[j], row[-1] = -min(signs), 1
                upper.append(row)
                bound.append(0)
        if onto:
            row = np.zeros(count + free + 1)
            row[count], row[-1] = -1, 1
            upper.append(row)
            bound.append(0)
        goal = np.zeros(count + free + 1)
        goal[-1] = -1
        limits = [(None, None)] * (count + free) + [(None, 1)]
        result = linprog(goal, upper or None, bound or None, np.array(equal), right, limits)
        return result.status == 0 and -result.fun > 1e-9

    def exists(piece):
        sides = [set() for _ in range(2 * kinks)]
        for seat, sign in piece:
            if isinstance(seat, int):
                sides[seat].add(sign)
        frozen = tuple(frozenset(s) for s in sides)
        if not has_pair(piece):
            return can_be(frozen, False)
        # A pair of slope zero is no pair: some solution needs another slope, and one does unless
        # zero is the only slope.
        return can_be(frozen, True) and not _only_zero(frozen)

    def _only_zero(sides):
        return all(
            len(sides[2 * k]) == 0 or len(sides[2 * k + 1]) == 0 for k in range(kinks)
        ) and can_be(sides, False)

    def has_pair(piece):
        return any(seat == PAIR for seat, _ in piece)

    def onto(piece, k, along):
        sides = [set() for _ in range(2 * kinks)]
        for seat, sign in piece:
            if isinstance(seat, int):
                sides[seat].add(sign)
        return can_be(tuple(frozenset(s) for s in sides), True, (k, along))

    seats = [(NOTHING, 0), *((j, sign) for j in range(2 * kinks) for sign in (1, -1))]
    pieces = [piece for piece in product(seats, repeat=width) if exists(piece)]
    for i, j in combinations(range(width), 2):
        for rest in product(seats, repeat=width - 2):
            for signs in ((1, -1), (-1, 1)):
                piece = list(rest)
                piece.insert(i, (PAIR, signs[0]))
                piece.insert(j, (PAIR, signs[1]))
                if exists(tuple(piece)):
                    pieces.append(tuple(piece))

    parent = {piece: piece for piece in pieces}

    def root(piece):
        while parent[piece] != piece:
            parent[piece] = parent[parent[piece]]
            piece = parent[piece]
        return piece

    for piece in pieces:
        active = [i for i, (seat, _) in enumerate(piece) if seat != NOTHING]
        pair = [i for i in active if piece[i][0] == PAIR]
        for size in range(1, len(active) + 1):
            for gone in combinations(active, size):
                if pair and len(set(gone) & set(pair)) == 1:
                    continue
                smaller = tuple(
                    (NOTHING, 0) if i in gone else place for i, place in enumerate(piece)
                )
                if smaller in parent:
                    parent[root(piece)] = root(smaller)
        for k in range(kinks) if pair else ():
            for along in (1, -1):
                if onto(piece, k, along):
                    lying = list(piece)
                    for i in pair:
                        sign = piece[i][1]
                        lying[i] = (2 * k + (0 if sign * along > 0 else 1), sign)
                    parent[root(piece)] = root(tuple(lying))
        # Three nodes off the kinks: an idle node comes beside one of the pair and takes its amount.
        for i, (seat, _) in enumerate(piece):
            for j in pair if seat == NOTHING else ():
                other = list(piece)
                other[i], other[j] = piece[j], piece[i]
                parent[root(piece)] = root(tuple(other))
    return len({root(piece) for piece in pieces})

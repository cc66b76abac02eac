// V(t): the share of the prior where K < t. At a fixed first parameter the roots of K - t are found; outside, panels are refined.

import { slice } from "./polynomial.mjs";
import { adaptive } from "./quadrature.mjs";
import { horner, rootsIn } from "./roots.mjs";
import { firstCuts, momentsAt } from "./posterior.mjs";

// The length of { y in [low, high]: p(y) < t }.
export function lengthBelow(p, low, high, t) {
  const moved = [...p];
  moved[0] -= t;
  const cuts = [low, ...rootsIn(moved, low, high), high];
  let total = 0;
  for (let i = 0; i + 1 < cuts.length; i++) {
    if (!(cuts[i + 1] > cuts[i])) continue;
    if (horner(moved, 0.5 * (cuts[i] + cuts[i + 1])) < 0) total += cuts[i + 1] - cuts[i];
  }
  return total;
}

export function volume(land, t, { rungs = [], tolerance = 1e-8, offset = 0 } = {}) {
  const level = t + offset;
  if (land.dimension === 1) {
    let total = 0;
    for (const piece of land.pieces) total += lengthBelow(piece.rows.map((row) => row[0]), ...piece.box[0], level);
    return total / land.area;
  }
  const f = (x, out) => {
    out[0] = 0;
    for (const piece of land.pieces)
      if (x >= piece.box[0][0] && x <= piece.box[0][1]) out[0] += lengthBelow(slice(piece.rows, x), ...piece.box[1], level);
  };
  // The panels of the posterior at nβ = 1/t see everything where K is of the size of t.
  const cuts = momentsCuts(land, 1 / t, rungs, offset);
  return adaptive(f, cuts, 1, { tolerance, most: 20000, cautious: true }).values[0] / land.area;
}

function momentsCuts(land, nBeta, rungs, offset) {
  const known = rungs.filter((r) => r.nBeta <= 4 * nBeta).at(-1);
  if (known && known.nBeta * 10 > nBeta) return known.cuts;
  return nBeta <= 1 ? firstCuts(land) : momentsAt(land, nBeta, { rungs, tolerance: 1e-5, offset }).cuts;
}

// V on levels t, `perDecade` of them from `from` down to `to`.
export function* curve(land, { from = 1, to = 1e-8, perDecade = 4, rungs = [], tolerance = 1e-6, offset = 0 } = {}) {
  const steps = Math.round(Math.log10(from / to) * perDecade);
  for (let k = 0; k <= steps; k++) {
    const t = from * 10 ** (-k / perDecade);
    yield { t, V: volume(land, t, { rungs, tolerance, offset }) };
  }
}

// d log V / d log t between neighbours: the exponent that the volume shows at this t.
export function exponents(points) {
  return points.slice(1).map((p, i) => ({
    t: Math.sqrt(p.t * points[i].t),
    exponent: Math.log(p.V / points[i].V) / Math.log(p.t / points[i].t),
  }));
}

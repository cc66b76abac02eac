// The tempered posterior exp(-nβ K) φ of a landscape, by quadrature: Z = ∫ exp(-nβK) φ and the moments of K under it.
//
// Inside: at a fixed first parameter K is a polynomial of the second; between the places where it turns it is monotone, and is cut
// where nβK has grown by fixed amounts. Outside: adaptive panels, which start from those of the next hotter nβ, so that no peak is missed:
// exp(-nβK) is a power of what was resolved there.

import { slice } from "./polynomial.mjs";
import { adaptive, estimate, GAUSS_LINE, KRONROD_LINE, LINE_NODES } from "./quadrature.mjs";
import { horner, monotonePieces } from "./roots.mjs";

const LEVELS = [1.5, 9, 42]; // growth of nβK at which a monotone piece is cut; e^-42 is below rounding
const MOMENTS = 3;

// The place on the monotone piece from a (its low end) towards b where p has grown by `rise`, to a hundredth of its distance from a.
function crossing(p, a, b, rise) {
  const goal = horner(p, a) + rise;
  if (horner(p, b) <= goal) return b;
  let [near, far] = [a, b];
  for (let step = 0; step < 60 && Math.abs(far - near) > 1e-2 * Math.abs(near - a); step++) {
    const middle = 0.5 * (near + far);
    if (horner(p, middle) < goal) near = middle;
    else far = middle;
  }
  return far;
}

// ∫ K^k exp(-nβ K) over an interval, for k = 0, 1, 2, added to out.
function alongLine(p, low, high, nBeta, out, tolerance, deepest = 12) {
  const cuts = monotonePieces(p, low, high);
  for (let i = 0; i + 1 < cuts.length; i++) {
    const rising = horner(p, cuts[i]) <= horner(p, cuts[i + 1]);
    const start = rising ? cuts[i] : cuts[i + 1], end = rising ? cuts[i + 1] : cuts[i];
    if (nBeta * horner(p, start) > 740) continue;
    let from = start;
    for (const level of LEVELS) {
      const to = nBeta > 0 ? crossing(p, start, end, level / nBeta) : end;
      if (to !== from) part(p, nBeta, Math.min(from, to), Math.max(from, to), out, tolerance, deepest);
      from = to;
      if (to === end) break;
    }
  }
}

function part(p, nBeta, a, b, out, tolerance, halvings) {
  const half = 0.5 * (b - a), middle = 0.5 * (a + b);
  let m0 = 0, m1 = 0, m2 = 0, g0 = 0, g2 = 0;
  for (let k = 0; k < 15; k++) {
    const value = horner(p, middle + half * LINE_NODES[k]);
    const weight = Math.exp(-nBeta * value);
    const first = KRONROD_LINE[k] * weight, second = first * value * value;
    m0 += first;
    m1 += first * value;
    m2 += second;
    const gauss = GAUSS_LINE[k] * weight;
    g0 += gauss;
    g2 += gauss * value * value;
  }
  const wrong = half * Math.max(estimate(m0, g0), estimate(m2, g2) * (m2 > 0 ? m0 / m2 : 0));
  if (halvings > 0 && wrong > tolerance * (out[0] + half * m0)) {
    part(p, nBeta, a, middle, out, tolerance, halvings - 1);
    part(p, nBeta, middle, b, out, tolerance, halvings - 1);
    return;
  }
  out[0] += half * m0;
  out[1] += half * m1;
  out[2] += half * m2;
}

// The columns of the outer integral: intervals of the first parameter over which the set of pieces stays the same.
function columns(land) {
  const ends = new Set(land.box[0]);
  for (const piece of land.pieces) for (const end of piece.box[0]) ends.add(end);
  return [...ends].sort((a, b) => a - b);
}

// Panels for the first, hottest integral.
export function firstCuts(land, count = 8) {
  const ends = columns(land);
  const made = [];
  for (let i = 0; i + 1 < ends.length; i++) {
    const share = Math.max(2, Math.round((count * (ends[i + 1] - ends[i])) / (ends.at(-1) - ends[0])));
    for (let k = 0; k < share; k++) made.push(ends[i] + (k / share) * (ends[i + 1] - ends[i]));
  }
  return [...made, ends.at(-1)];
}

// { Z, mean, variance } of K at one nβ, and the cuts for the next. `offset` is subtracted from K. Where `land.rounding` says what
// doubles are wrong by in K, nothing is refined below what that does to the integral: panels would be halved for ever.
export function moments(land, nBeta, { cuts = firstCuts(land), tolerance: asked = 1e-9, offset = 0 } = {}) {
  const noise = nBeta * (land.rounding ?? 0);
  // As the rule sees independent errors of this size in its nodes; a thousandth is still below what a picture shows.
  const tolerance = Math.max(asked, Math.min(1e-3, Math.max(noise, (200 * noise) ** 1.5)));
  const deepest = noise > 0.1 * asked ? 4 : 12;
  const shifted = (p) => {
    if (!offset) return p;
    const made = [...p];
    made[0] -= offset;
    return made;
  };
  let values, next, settled;
  if (land.dimension === 1) {
    values = new Float64Array(MOMENTS);
    for (const piece of land.pieces) alongLine(shifted(piece.rows.map((row) => row[0])), ...piece.box[0], nBeta, values, 0.1 * tolerance, deepest);
    [next, settled] = [cuts, true];
  } else {
    const f = (x, out) => {
      out.fill(0);
      for (const piece of land.pieces)
        if (x >= piece.box[0][0] && x <= piece.box[0][1]) alongLine(shifted(slice(piece.rows, x)), ...piece.box[1], nBeta, out, 0.1 * tolerance, deepest);
    };
    ({ values, cuts: next, settled } = adaptive(f, cuts, MOMENTS, { tolerance }));
  }
  const mean = values[1] / values[0];
  return { nBeta, Z: values[0] / land.area, mean, variance: Math.max(0, values[2] / values[0] - mean * mean), second: values[2] / land.area, cuts: next, settled };
}

// The free energy F = -log Z, the energy E = n⟨K⟩ in units of nβ, and the heat capacity C = (nβ)² Var K: λ is what nβ⟨K⟩ and C tend to.
export function reading({ nBeta, Z, mean, variance }, offset = 0) {
  return { nBeta, F: -Math.log(Z) + nBeta * offset, slope: nBeta * mean, C: nBeta * nBeta * variance, meanK: mean + offset };
}

// Readings on a ladder of nβ, each from the panels of the one before: `perDecade` of them from `from` to `to`.
export function* ladder(land, { from = 1e-3, to = 1e8, perDecade = 4, tolerance = 1e-9, offset = 0 } = {}) {
  const steps = Math.round(Math.log10(to / from) * perDecade);
  let cuts = firstCuts(land);
  for (let k = 0; k <= steps; k++) {
    const found = moments(land, from * 10 ** (k / perDecade), { cuts, tolerance, offset });
    cuts = found.cuts;
    yield found;
  }
}

// The moments at one nβ, safely: from the panels of a ladder up to it. `rungs` may hold a ladder that was made before.
export function momentsAt(land, nBeta, { rungs = [], tolerance = 1e-9, offset = 0 } = {}) {
  let cuts = rungs.filter((r) => r.nBeta <= nBeta).at(-1)?.cuts;
  if (!cuts) {
    cuts = firstCuts(land);
    for (let x = 1; x < nBeta; x *= 4) ({ cuts } = moments(land, x, { cuts, tolerance: 1e-5, offset }));
  }
  return moments(land, nBeta, { cuts, tolerance, offset });
}

// ∫ exp(-nβK) over the second parameter at a fixed first one: the marginal density of the first, up to its constant.
export function marginal(land, nBeta, x, offset = 0) {
  if (land.dimension === 1) {
    const piece = land.pieces.find((p) => x >= p.box[0][0] && x <= p.box[0][1]);
    return Math.exp(-nBeta * (horner(piece.rows.map((row) => row[0]), x) - offset));
  }
  const out = new Float64Array(MOMENTS);
  for (const piece of land.pieces) {
    if (x < piece.box[0][0] || x >= piece.box[0][1]) continue;
    const p = slice(piece.rows, x);
    p[0] -= offset;
    alongLine(p, ...piece.box[1], nBeta, out, 1e-7);
  }
  return out[0];
}

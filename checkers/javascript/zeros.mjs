// Proofs that polynomials have no common real zero where no coordinate is 0, and evidence that they have one.

import {
  NotCovered, Q, coordinate, degree, equal, fromTerms, isMonomial, leading, monic, multiply, over, require, scale, sign, sizeOf, subtract, terms, times, value,
} from "./algebra.mjs";
import { coprime, factors, fewestVariables, gcdOfLines, onLine, realRoots, squareFreePart, stripped } from "./factor.mjs";

// Whether one of five methods shows that there is none where none of `nonzero` vanishes. The coordinates at the places `free` may be 0.
export function noZeros(polys, nonzero = [], free = []) {
  const live = polys.filter((p) => p.size);
  if (!live.length) return false;
  const met = free.filter((i) => live.some((p) => degree(p, i)));
  if (met.length) {
    if (live.some((p) => strict(p, met))) return true;
    if (unitIdeal(live, nonzero, met)) return true;
    return live.length === 1 && [...monomialFactors(live[0]), ...factors(live[0])].every((f) => strict(f, met) || strictDiscriminant(f, met));
  }
  if (live.some((p) => isMonomial(p) || oneSign(p))) return true;
  if (rootsOfOne(live) === 0) return true;
  if (live.length === 1 && (definite(live[0]) || factors(fewestVariables(live)[0]).every(definite))) return true;
  return unitIdeal(live, nonzero);
}

function oneSign(p) {
  const list = terms(p);
  return list.every((t) => sign(t.c) === sign(list[0].c) && t.e.every((v, i) => (v - list[0].e[i]) % 2 === 0));
}

// One sign where the free coordinates are 0 too: one term has none of them, so that their powers are even.
const strict = (p, free) => oneSign(p) && terms(p).some((t) => free.every((i) => t.e[i] === 0));

function strictDiscriminant(p, free) {
  for (let i = 0; i < sizeOf(p); i++) {
    if (degree(p, i) !== 2) continue;
    const found = discriminantOf(p, i);
    if (evenAndOneSign(found) && sign(leading(found).c) > 0 && strict(found, free)) return true;
  }
  return false;
}

// The coordinates that divide a polynomial.
const monomialFactors = (p) => {
  const size = sizeOf(p);
  return Array.from({ length: size }, (_, i) => i).filter((i) => terms(p).every((t) => t.e[i] > 0)).map((i) => coordinate(size, i));
};

// The number of real values ≠ 0 of a monomial where all vanish, if all are polynomials in it, monomials aside; -1 otherwise.
export function rootsOfOne(polys) {
  const lines = polys.map(onLine);
  if (lines.includes(null) || new Set(lines.map((l) => l.direction).filter((d) => d)).size !== 1) return -1;
  let common = lines.map((l) => l.line).reduce(gcdOfLines);
  while (common.length && !common[0][0]) common = common.slice(1);
  return realRoots(common);
}

const evenAndOneSign = (p) => p.size > 0 && oneSign(p) && terms(p).every((t) => t.e.every((v) => v % 2 === 0));

// 4ac - b² of a quadratic in one variable.
function discriminantOf(p, i) {
  const part = (k) => fromTerms(terms(p).filter((t) => t.e[i] === k).map((t) => [t.e.map((v, j) => (j === i ? 0 : v)), t.c]));
  return subtract(scale(multiply(part(2), part(0)), Q(4)), multiply(part(1), part(1)));
}

// One sign, no real root in the one monomial it depends on, or a quadratic with negative discriminant.
function definite(p) {
  if (oneSign(p)) return true;
  const found = onLine(p);
  if (found) return rootsOfOne([p]) === 0;
  for (const form of [fewestVariables([p])[0], p])
    for (let i = 0; i < sizeOf(form); i++) {
      if (degree(form, i) !== 2) continue;
      const discriminant = discriminantOf(form, i);
      if (evenAndOneSign(discriminant) && sign(leading(discriminant).c) > 0) return true;
    }
  return false;
}

export function irreducible(p) {
  const f = stripped(fewestVariables([stripped(p)])[0]);
  return equal(monic(squareFreePart(f)), monic(f)) && factors(f).length === 1;
}

// ---- Buchberger's algorithm, graded reverse lexicographic, in the ring where every coordinate has an inverse

const LARGEST = 4000; // pairs

function grevlex(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] - b[i];
  if (sum) return sum;
  for (let i = a.length - 1; i >= 0; i--) if (a[i] !== b[i]) return b[i] - a[i];
  return 0;
}
const sorted = (list) => list.sort((s, t) => grevlex(t.e, s.e));
const divides = (a, b) => a.every((v, i) => v <= b[i]);

function unitIdeal(polys, nonzero, free = []) {
  const together = free.length ? [...polys, ...nonzero] : fewestVariables([...polys, ...nonzero]);
  const size = sizeOf(together[0]) + 1;
  const wide = (p) => fromTerms(terms(p).map((t) => [[0, ...t.e], t.c]));
  const apart = Array.from({ length: size }, (_, i) => +!free.includes(i - 1)); // free coordinates need no inverse
  let product = fromTerms([[apart, Q(1)]]);
  for (const p of together.slice(polys.length)) product = multiply(product, wide(p));
  const start = [...together.slice(0, polys.length).map(wide), subtract(product, fromTerms([[Array(size).fill(0), Q(1)]]))];

  // Every coordinate with an inverse, and the inverse of their product, may be divided out.
  const tidy = (list) => {
    if (!list.length) return list;
    const low = list[0].e.map((_, i) => apart[i] && Math.min(...list.map((t) => t.e[i])));
    const lead = list[0].c;
    return list.map((t) => ({ e: t.e.map((v, i) => v - low[i]), c: over(t.c, lead) }));
  };
  const isUnit = (p) => p.size === 1 && terms(p)[0].e.every((v, i) => !v || apart[i]);
  const basis = [];
  const pairs = [];
  const insert = (list) => {
    list = tidy(list);
    const k = basis.length;
    basis.push(list);
    for (let i = 0; i < k; i++) {
      const lcm = list[0].e.map((v, j) => Math.max(v, basis[i][0].e[j]));
      if (list[0].e.every((v, j) => !v || !basis[i][0].e[j])) continue; // coprime leading monomials
      pairs.push({ i, k, lcm, total: lcm.reduce((a, b) => a + b, 0) });
    }
  };
  const reduce = (p) => {
    while (p.size) {
      const top = terms(p).reduce((a, b) => (grevlex(a.e, b.e) >= 0 ? a : b));
      const g = basis.find((b) => divides(b[0].e, top.e));
      if (!g) return p;
      const shift = top.e.map((v, i) => v - g[0].e[i]);
      p = subtract(p, fromTerms(g.map((t) => [t.e.map((v, i) => v + shift[i]), times(t.c, top.c)])));
    }
    return p;
  };
  for (const p of start) {
    const r = reduce(p);
    if (isUnit(r)) return true;
    if (r.size) insert(sorted(terms(r)));
  }
  for (let count = 0; pairs.length; count++) {
    if (count > LARGEST) throw new NotCovered(`an ideal with more than ${LARGEST} pairs`);
    let best = 0;
    for (let n = 1; n < pairs.length; n++) if (pairs[n].total < pairs[best].total) best = n;
    const { i, k, lcm } = pairs.splice(best, 1)[0];
    // Buchberger's second criterion: a third leading monomial divides, and both other pairs are done.
    const done = (a, b) => !pairs.some((q) => (q.i === a && q.k === b) || (q.i === b && q.k === a));
    if (basis.some((b, j) => j !== i && j !== k && divides(b[0].e, lcm) && done(i, j) && done(j, k))) continue;
    const part = (g) => fromTerms(g.map((t) => [t.e.map((v, j) => v + lcm[j] - g[0].e[j]), t.c]));
    const r = reduce(subtract(part(basis[i]), part(basis[k])));
    if (isUnit(r)) return true;
    if (r.size) insert(sorted(terms(r)));
  }
  return false;
}

// ---- evidence

export function showRealZero(polys, witness, nonzero, read) {
  const points = read(witness);
  require(points.every((point) => point.every((x) => x[0])), "a witness has a coordinate that is 0");
  if (!points.length) {
    require(!nonzero.length, "roots of one variable may be zeros of what may not vanish");
    require(rootsOfOne(polys) > 0, "there is no real root");
  } else if (points.length === 1) {
    require(!polys.some((p) => value(p, points[0])[0]), "the witness is no zero");
    require(nonzero.every((p) => value(p, points[0])[0]), "the witness is a zero of what may not vanish");
  } else {
    require(points.length === 2 && polys.length === 1, "a change of sign is evidence for one polynomial, between two points");
    const [one, two] = points;
    require(one.every((x, i) => sign(x) === sign(two[i])), "the points of the witness lie in different orthants");
    require(sign(value(polys[0], one)) * sign(value(polys[0], two)) < 0, "the sign does not change between the points of the witness");
    require(nonzero.every((p) => coprime(polys[0], p)), "all zeros may be zeros of what may not vanish");
  }
}

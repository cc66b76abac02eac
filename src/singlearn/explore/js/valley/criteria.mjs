// What BIC and Laplace's method say of a landscape, and where they cannot say anything. Free energies in nats, nβ without unit.

import { descend, eigenvalues, gradient, grid, hessian, lowest, rounding, trueSet, value } from "./landscape.mjs";

const FLAT = 1e-9; // an eigenvalue this far below the largest one is 0
const ABOVE_ROUNDING = 1e4; // how far K must rise, in units of its rounding, before its shape says something

// BIC: n L_n(ŵ) + (d/2) log n; here n L_n(ŵ) = nβ K_min.
export const bic = (land, nBeta, offset = 0) => nBeta * offset + 0.5 * land.dimension * Math.log(nBeta);

// Isolated minima with an invertible Hessian, inside the box; or the sentence that says why there are none.
export function regularMinima(land) {
  const low = lowest(land, 61);
  const usual = 1e-12 * Math.min(1, Math.max(...grid(land, 24, land.dimension > 1 ? 24 : 1)));
  const candidates = land.dimension === 1 ? trueSet(land) : trueSet(land, 200, 1e-7);
  const found = [];
  // The lowest point comes first and is never left out: there is always a minimum.
  for (const start of [low.point, ...thinned(candidates, 60)]) {
    const { point, value: k } = descend(land, start);
    if (start !== low.point && k > low.value + 1e-9 * Math.abs(low.value) + usual + 8 * rounding(land, point)) continue;
    const h = hessian(land, point);
    const eigen = eigenvalues(h);
    const g = gradient(land, point);
    const steep = g.findIndex((v, i) => onSide(land, point, i) && Math.abs(v) > 1e-6 * Math.max(1e-300, Math.abs(eigen[0])));
    if (steep >= 0) return { minima: [], singular: { point, eigenvalues: eigen }, sentence: edgeSentence(land, point) };
    const flat = eigen.map((_, i) => isFlat(land, point, h, eigen, i));
    if (flat.some(Boolean)) return { minima: [], singular: { point, eigenvalues: eigen }, sentence: singularSentence(land, point, flat) };
    if (!found.some((f) => isSame(land, f.point, point))) found.push({ point, eigenvalues: eigen, share: shareInside(land, point, h) });
  }
  return { minima: found, singular: null, sentence: "" };
}

// Whether two places belong to one minimum: K rises nowhere halfway.
function isSame(land, one, other) {
  const middle = one.map((v, i) => 0.5 * (v + other[i]));
  return one.every((v, i) => Math.abs(v - other[i]) < 1e-5) || value(land, middle) <= Math.max(value(land, one), value(land, other)) + 8 * rounding(land, middle);
}

// Whether an eigenvalue is 0, as far as doubles can tell: far below the largest one, or no curvature of K where K has risen above its
// rounding. A place that is known to rounding shows a Hessian of its own: that of x⁴ is 12δ² at a distance δ.
function isFlat(land, point, h, eigen, i) {
  const size = eigen[i];
  if (!(size > FLAT * Math.abs(eigen[0])) || !(size > 0)) return true;
  const direction = eigenvector(h, size);
  const step = Math.sqrt((2 * ABOVE_ROUNDING * rounding(land, point)) / size);
  if (!(step > 0)) return false; // the origin of a polynomial without a constant: every term is exact there
  const here = value(land, point);
  return [step, -step].some((s) => {
    const there = point.map((v, k) => v + s * direction[k]);
    if (!there.every((v, k) => v >= land.box[k][0] && v <= land.box[k][1])) return false;
    const ratio = (value(land, there) - here) / (0.5 * size * step * step);
    return !(ratio > 0.2 && ratio < 5);
  });
}

function eigenvector(h, size) {
  if (h.length === 1) return [1];
  const [a, b] = Math.abs(h[0][0] - size) > Math.abs(h[1][1] - size) ? [-h[0][1], h[0][0] - size] : [h[1][1] - size, -h[0][1]];
  const length = Math.hypot(a, b);
  return length > 0 ? [a / length, b / length] : [1, 0];
}

const onSide = (land, point, i) => land.box[i].some((end) => Math.abs(end - point[i]) < 1e-9);

// How much of the Gaussian at a minimum lies in the box: half at a side, at a corner the share of a quadrant (Sheppard 1899).
function shareInside(land, point, h) {
  const sides = point.map((_, i) => onSide(land, point, i));
  if (!sides.every(Boolean) || h.length === 1) return sides.some(Boolean) ? 0.5 : 1;
  const inward = point.map((v, i) => (Math.abs(land.box[i][0] - v) < 1e-9 ? 1 : -1));
  const correlation = (-h[0][1] * inward[0] * inward[1]) / Math.sqrt(h[0][0] * h[1][1]);
  return 0.25 + Math.asin(correlation) / (2 * Math.PI);
}

function edgeSentence(land, point) {
  const at = point.map((v, i) => `${land.variables[i]} = ${shown(v)}`).join(", ");
  return `K is lowest at ${at}, on a side of the box, where its slope is not 0: Laplace's method and BIC, which count half a unit for each direction, do not apply.`;
}

function singularSentence(land, point, flat) {
  const zero = flat.filter(Boolean).length;
  const at = point.map((v, i) => `${land.variables[i]} = ${shown(v)}`).join(", ");
  const count = land.dimension === 1 ? "the Hessian" : `${zero} of ${land.dimension} eigenvalues of the Hessian`;
  return `At ${at}, ${count} ${zero === 1 ? "is" : "are"} 0, as far as doubles can tell: Laplace's method divides by ${zero === 1 ? "it" : "them"} and says F = −∞.`;
}

const shown = (v) => String(Number(v.toFixed(3)) + 0).replace("-", "−");

const thinned = (list, most) => (list.length <= most ? list : Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]));

// Laplace: -log Σ over minima of φ (2π/nβ)^(d/2) / sqrt(det H), each by the share of it inside the box. Null where it fails.
export function laplace(land, nBeta, { minima }) {
  if (!minima.length) return null;
  let total = 0;
  for (const { point, eigenvalues: eigen, share } of minima) {
    const det = eigen.reduce((a, b) => a * b, 1);
    total += (share * (2 * Math.PI / nBeta) ** (land.dimension / 2) * Math.exp(-nBeta * value(land, point))) / Math.sqrt(det) / land.area;
  }
  return -Math.log(total);
}

// What BIC and Laplace's method say of a landscape, and where they cannot say anything. Free energies in nats, nβ without unit.

import { descend, eigenvalues, gradient, hessian, lowest, trueSet, value } from "./landscape.mjs";

const FLAT = 1e-9; // an eigenvalue this far below the largest one is 0

// BIC: n L_n(ŵ) + (d/2) log n; here n L_n(ŵ) = nβ K_min.
export const bic = (land, nBeta, offset = 0) => nBeta * offset + 0.5 * land.dimension * Math.log(nBeta);

// Isolated minima with an invertible Hessian, inside the box; or the sentence that says why there are none.
export function regularMinima(land) {
  const low = lowest(land, 61);
  const scale = Math.max(1e-12, Math.abs(low.value));
  const candidates = land.dimension === 1 ? trueSet(land) : trueSet(land, 200, 1e-7);
  const starts = candidates.length ? thinned(candidates, 60) : [low.point];
  const found = [];
  for (const start of starts) {
    const { point, value: k } = descend(land, start);
    if (k > low.value + 1e-9 * scale + 1e-12) continue;
    const h = hessian(land, point);
    const eigen = eigenvalues(h);
    const g = gradient(land, point);
    const steep = g.findIndex((v, i) => onSide(land, point, i) && Math.abs(v) > 1e-6 * Math.max(1e-300, Math.abs(eigen[0])));
    if (steep >= 0) return { minima: [], singular: { point, eigenvalues: eigen }, sentence: edgeSentence(land, point) };
    if (eigen.at(-1) <= FLAT * Math.max(1e-300, Math.abs(eigen[0])) + 1e-10)
      return { minima: [], singular: { point, eigenvalues: eigen }, sentence: singularSentence(land, point, eigen) };
    if (!found.some((f) => f.point.every((v, i) => Math.abs(v - point[i]) < 1e-5))) found.push({ point, eigenvalues: eigen, share: shareInside(land, point, h) });
  }
  return { minima: found, singular: null, sentence: "" };
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

function singularSentence(land, point, eigen) {
  const zero = eigen.filter((e) => Math.abs(e) <= FLAT * Math.max(1e-300, Math.abs(eigen[0])) + 1e-10).length;
  const at = point.map((v, i) => `${land.variables[i]} = ${shown(v)}`).join(", ");
  const count = land.dimension === 1 ? "the Hessian" : `${zero} of ${land.dimension} eigenvalues of the Hessian`;
  return `At ${at}, ${count} ${zero === 1 ? "is" : "are"} 0: Laplace's method divides by ${zero === 1 ? "it" : "them"} and says F = −∞.`;
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

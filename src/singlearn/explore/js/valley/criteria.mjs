// What BIC and Laplace's method say of a landscape, and where they cannot say anything. Free energies in nats, nβ without unit.

import { descend, eigenvalues, hessian, lowest, trueSet, value } from "./landscape.mjs";

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
    const eigen = eigenvalues(hessian(land, point));
    if (eigen.at(-1) <= FLAT * Math.max(1e-300, Math.abs(eigen[0])) + 1e-10)
      return { minima: [], singular: { point, eigenvalues: eigen }, sentence: singularSentence(land, point, eigen) };
    if (!found.some((f) => f.point.every((v, i) => Math.abs(v - point[i]) < 1e-5))) found.push({ point, eigenvalues: eigen });
  }
  return { minima: found, singular: null, sentence: "" };
}

function singularSentence(land, point, eigen) {
  const zero = eigen.filter((e) => Math.abs(e) <= FLAT * Math.max(1e-300, Math.abs(eigen[0])) + 1e-10).length;
  const at = point.map((v, i) => `${land.variables[i]} = ${shown(v)}`).join(", ");
  const count = land.dimension === 1 ? "the Hessian" : `${zero} of ${land.dimension} eigenvalues of the Hessian`;
  return `At ${at}, ${count} ${zero === 1 ? "is" : "are"} 0: Laplace's method divides by ${zero === 1 ? "it" : "them"} and says F = −∞.`;
}

const shown = (v) => String(Number(v.toFixed(3)) + 0).replace("-", "−");

const thinned = (list, most) => (list.length <= most ? list : Array.from({ length: most }, (_, i) => list[Math.floor((i * list.length) / most)]));

// Laplace: -log Σ over minima of φ (2π/nβ)^(d/2) / sqrt(det H); a minimum on a side of the box counts half. Null where it fails.
export function laplace(land, nBeta, { minima }) {
  if (!minima.length) return null;
  let total = 0;
  for (const { point, eigenvalues: eigen } of minima) {
    const share = point.reduce((s, v, i) => s * (land.box[i].some((end) => Math.abs(end - v) < 1e-9) ? 0.5 : 1), 1);
    const det = eigen.reduce((a, b) => a * b, 1);
    total += (share * (2 * Math.PI / nBeta) ** (land.dimension / 2) * Math.exp(-nBeta * value(land, point))) / Math.sqrt(det) / land.area;
  }
  return -Math.log(total);
}

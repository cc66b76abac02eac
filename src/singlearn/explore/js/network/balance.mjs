/** How the orientations of the nodes on its kinks pay for the slope of a function: Σ_{k∉T} s_k A_k n_k/2 + Σ_{k∈T} v_k n_k + V = G. */

import { Rational, dot, scaledRows } from "../math/rational.mjs";
import { kernel } from "../math/linear.mjs";
import { slope } from "./kink_form.mjs";

/** All patterns of +1 and -1, + first. */
export function patterns(length) {
  let found = [[]];
  for (let k = 0; k < length; k += 1) found = found.flatMap((start) => [[...start, 1], [...start, -1]]);
  return found;
}

/** The equation for a kink form: {normals, totals, slope, residual(pattern), solutions(both)}. */
export function slopeBalance(form) {
  const normals = form.kinks.map(({ normal }) => normal.map((n) => new Rational(n)));
  const totals = form.kinks.map(({ total }) => total);
  const halves = normals.map((normal, k) => normal.map((n) => n.mul(totals[k]).mul(new Rational(1n, 2n))));
  const all = slope(form);
  return {
    normals,
    totals,
    slope: all,
    /** R = G − Σ s_k A_k n_k/2 over the kinks of one orientation. */
    residual: (pattern) => all.map((value, i) => pattern.reduce((rest, sign, k) => (sign ? (sign > 0 ? rest.sub(halves[k][i]) : rest.add(halves[k][i])) : rest), value)),
    /** The patterns with exactly the zeros `both` whose residual lies in the span of those normals; [] gives Σ_0. */
    solutions(both) {
      const single = normals.map((_, k) => k).filter((k) => !both.includes(k));
      const functionals = kernel(both.map((k) => normals[k]), all.length);
      const columns = single.map((k) => functionals.map((f) => dot(f, halves[k])));
      const target = functionals.map((f) => dot(f, all));
      return signsWith(columns, target).map((signs) => {
        const pattern = Array(normals.length).fill(0);
        single.forEach((k, i) => { pattern[k] = signs[i]; });
        return pattern;
      });
    },
  };
}

/** Whether a vector is a multiple of a normal; zero is. */
export function parallel(vector, normal) {
  const lead = normal.findIndex((n) => !n.isZero);
  return vector.every((v, i) => v.mul(normal[lead]).equals(vector[lead].mul(normal[i])));
}

/** All sign vectors s with Σ s_k columns_k = target, + first. */
export function signsWith(columns, target) {
  const rows = scaledRows(target.map((goal, i) => [...columns.map((column) => column[i]), goal]));
  const size = (value) => (value < 0 ? -value : value);
  const none = rows.map((row) => row[row.length - 1] - row[row.length - 1]);
  // rest[k][i]: the most that the columns from k on can add to row i.
  const rest = columns.map((_, k) => rows.map((row, i) => row.slice(k, -1).reduce((sum, v) => sum + size(v), none[i])));
  const found = [];
  const signs = [];
  const walk = (left) => {
    const k = signs.length;
    if (k === columns.length) {
      if (left.every((value, i) => value === none[i])) found.push([...signs]);
      return;
    }
    for (let i = 0; i < left.length; i += 1) if (size(left[i]) > rest[k][i]) return;
    for (const sign of [1, -1]) {
      signs.push(sign);
      walk(left.map((value, i) => (sign > 0 ? value - rows[i][k] : value + rows[i][k])));
      signs.pop();
    }
  };
  walk(rows.map((row) => row[row.length - 1]));
  return found;
}

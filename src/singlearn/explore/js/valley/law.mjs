// Conserved quantities of the gradient flow w' = -∇K: every Q = wᵀSw/2 + b·w with (Sw + b)·∇K = 0, exactly, by linear algebra over
// the fractions. Such a Q exists where K has a symmetry whose generator is the gradient field Sw + b (THEORY: Noether for gradient flow).

import { derivative } from "./polynomial.mjs";

const gcd = (a, b) => {
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  while (b) [a, b] = [b, a % b];
  return a;
};
const reduced = ([n, d]) => {
  if (d < 0n) [n, d] = [-n, -d];
  const g = gcd(n, d) || 1n;
  return [n / g, d / g];
};
const minus = (a, b) => reduced([a[0] * b[1] - b[0] * a[1], a[1] * b[1]]);
const times = (a, b) => reduced([a[0] * b[0], a[1] * b[1]]);
const over = (a, b) => reduced([a[0] * b[1], a[1] * b[0]]);

// The unknowns: S upper triangle row by row, then b. Each contributes a vector field, whose product with ∇K is a polynomial.
function fields(d) {
  const made = [];
  for (let i = 0; i < d; i++)
    for (let j = i; j < d; j++) made.push({ kind: "S", i, j });
  for (let i = 0; i < d; i++) made.push({ kind: "b", i });
  return made;
}

export function laws(polynomial) {
  const d = polynomial.variables.length;
  const gradients = polynomial.variables.map((_, i) => derivative(polynomial, i).terms);
  const unknowns = fields(d);
  const unit = (j) => Array.from({ length: d }, (_, k) => +(k === j));
  const shift = (e, by) => e.map((v, k) => v + by[k]);
  const columns = unknowns.map((u) => {
    const map = new Map();
    const put = (terms, by) => {
      for (const { c, e } of terms) {
        const key = shift(e, by).join();
        const old = map.get(key) ?? [0n, 1n];
        map.set(key, minus(old, [-c[0], c[1]]));
      }
    };
    if (u.kind === "b") put(gradients[u.i], unit(-1));
    else {
      put(gradients[u.i], unit(u.j));
      if (u.j !== u.i) put(gradients[u.j], unit(u.i));
    }
    return map;
  });
  const keys = [...new Set(columns.flatMap((c) => [...c.keys()]))];
  const rows = keys.map((key) => columns.map((c) => c.get(key) ?? [0n, 1n]));
  return kernel(rows, unknowns.length).map((v) => {
    const S = Array.from({ length: d }, () => new Array(d).fill(null));
    const b = new Array(d);
    unknowns.forEach((u, k) => {
      if (u.kind === "b") b[u.i] = v[k];
      else S[u.i][u.j] = S[u.j][u.i] = v[k];
    });
    return { S, b };
  });
}

// A basis of { v: row·v = 0 }, each vector with first non-zero entry 1: reduced row echelon form.
function kernel(rows, width) {
  const work = rows.map((r) => [...r]);
  const pivots = [];
  let at = 0;
  for (let c = 0; c < width && at < work.length; c++) {
    const found = work.findIndex((row, i) => i >= at && row[c][0] !== 0n);
    if (found < 0) continue;
    [work[at], work[found]] = [work[found], work[at]];
    const lead = work[at][c];
    work[at] = work[at].map((v) => over(v, lead));
    work.forEach((row, i) => {
      if (i !== at && row[c][0] !== 0n) work[i] = row.map((v, k) => minus(v, times(row[c], work[at][k])));
    });
    pivots.push(c);
    at++;
  }
  const free = Array.from({ length: width }, (_, c) => c).filter((c) => !pivots.includes(c));
  return free.map((c) => {
    const v = Array.from({ length: width }, () => [0n, 1n]);
    v[c] = [1n, 1n];
    pivots.forEach((p, r) => {
      v[p] = reduced([-work[r][c][0], work[r][c][1]]);
    });
    const lead = v.find((x) => x[0] !== 0n);
    return v.map((x) => over(x, lead));
  });
}

const number = ([n, d]) => Number(n) / Number(d);

// Q as a function of a point, and as people read it: wᵀSw + 2 b·w, or b·w where S is 0.
export function conserved({ S, b }, variables) {
  const linear = S.every((row) => row.every(([n]) => n === 0n));
  const s = S.map((row) => row.map(number)), c = b.map(number);
  const quadratic = (u, v) => s.reduce((sum, row, i) => sum + row.reduce((t, x, j) => t + x * u[i] * v[j], 0), 0);
  return {
    at: (w) => quadratic(w, w) + (linear ? 1 : 2) * c.reduce((sum, x, i) => sum + x * w[i], 0),
    // A gradient step w - ηg changes it by exactly η² gᵀSg, since (Sw + b)·g = 0.
    step: (g, eta) => eta * eta * quadratic(g, g),
    generator: (w) => s.map((row, i) => row.reduce((t, x, j) => t + x * w[j], c[i])),
    text: readable(S, b, variables, [linear ? 1n : 2n, 1n]),
  };
}

function readable(S, b, variables, factor) {
  const parts = [];
  const put = (c, body) => {
    if (c[0] === 0n) return;
    const size = [c[0] < 0n ? -c[0] : c[0], c[1]];
    const before = size[0] === 1n && size[1] === 1n ? "" : `${size[1] === 1n ? size[0] : `${size[0]}/${size[1]}`} `;
    parts.push(`${parts.length ? (c[0] < 0n ? " − " : " + ") : c[0] < 0n ? "−" : ""}${before}${body}`);
  };
  S.forEach((row, i) => row.forEach((c, j) => j >= i && put(j === i ? c : times(c, [2n, 1n]), j === i ? `${variables[i]}²` : `${variables[i]}${variables[j]}`)));
  b.forEach((c, i) => put(times(c, factor), variables[i]));
  return parts.join("");
}

// Exact numbers and polynomials. A rational number is a pair [numerator, denominator] of BigInts in lowest terms, the denominator
// positive; a polynomial is a Map from exponents joined by commas to {e: exponents, c: coefficient}, no coefficient 0.

export class Refuted extends Error {} // the certificate claims something that is not so
export class NotCovered extends Error {} // a proof that this checker has not the means to follow

export function require(condition, sentence) {
  if (!condition) throw new Refuted(sentence);
}

function gcd(a, b) {
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  while (b) [a, b] = [b, a % b];
  return a;
}
export const gcdOfIntegers = gcd;

export const Q = (n, d = 1n) => {
  n = BigInt(n);
  d = BigInt(d);
  if (d === 0n) throw new Refuted("a fraction with denominator 0");
  if (d < 0n) [n, d] = [-n, -d];
  const g = gcd(n, d);
  return g === 1n ? [n, d] : [n / g, d / g];
};
export const ZERO = Q(0);
export const ONE = Q(1);
export const plus = (a, b) => Q(a[0] * b[1] + b[0] * a[1], a[1] * b[1]);
export const minus = (a, b) => Q(a[0] * b[1] - b[0] * a[1], a[1] * b[1]);
export const times = (a, b) => Q(a[0] * b[0], a[1] * b[1]);
export const over = (a, b) => Q(a[0] * b[1], a[1] * b[0]);
export const negative = (a) => [-a[0], a[1]];
export const sign = (a) => (a[0] > 0n ? 1 : a[0] < 0n ? -1 : 0);
export const compare = (a, b) => sign(minus(a, b));
export const absolute = (a) => (a[0] < 0n ? negative(a) : a);
export const power = (a, k) => [a[0] ** BigInt(k), a[1] ** BigInt(k)];
export const text = (a) => (a[1] === 1n ? `${a[0]}` : `${a[0]}/${a[1]}`);

// ---- polynomials

const put = (p, e, c) => {
  const key = e.join();
  const old = p.get(key);
  const value = old ? plus(old.c, c) : c;
  if (value[0]) p.set(key, { e, c: value });
  else p.delete(key);
};

export const fromTerms = (terms) => {
  const p = new Map();
  for (const [e, c] of terms) put(p, e, c);
  return p;
};
export const terms = (p) => [...p.values()];
export const constant = (size, c) => fromTerms(c[0] ? [[Array(size).fill(0), c]] : []);
export const coordinate = (size, i) => fromTerms([[Array.from({ length: size }, (_, j) => +(i === j)), ONE]]);
export const isZero = (p) => p.size === 0;
export const sizeOf = (p) => terms(p)[0].e.length;

export function add(p, q, factor = ONE) {
  const r = new Map(p);
  for (const { e, c } of q.values()) put(r, e, times(factor, c));
  return r;
}
export const subtract = (p, q) => add(p, q, Q(-1));
export function multiply(p, q) {
  const r = new Map();
  for (const a of p.values()) for (const b of q.values()) put(r, a.e.map((v, i) => v + b.e[i]), times(a.c, b.c));
  return r;
}
export function raise(p, k, size) {
  let r = constant(size, ONE);
  for (let i = 0; i < k; i++) r = multiply(r, p);
  return r;
}
export const scale = (p, c) => fromTerms(terms(p).map((t) => [t.e, times(t.c, c)]));
export const equal = (p, q) => subtract(p, q).size === 0;

// Exponents in lexicographic order.
export const order = (a, b) => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
};
export const leading = (p) => terms(p).reduce((a, b) => (order(a.e, b.e) >= 0 ? a : b));
export const lowest = (p) => terms(p).reduce((a, b) => (order(a.e, b.e) <= 0 ? a : b));
export const monic = (p) => scale(p, over(ONE, leading(p).c));
export const degree = (p, i) => Math.max(0, ...terms(p).map((t) => t.e[i]));
export const least = (p, i) => Math.min(...terms(p).map((t) => t.e[i]));
export const totalDegree = (p) => Math.max(...terms(p).map((t) => t.e.reduce((a, b) => a + b, 0)));
export const lowered = (p, by) => fromTerms(terms(p).map((t) => [t.e.map((v, i) => v - by[i]), t.c]));
export const isMonomial = (p) => p.size === 1;
export const derivative = (p, i) =>
  fromTerms(terms(p).filter((t) => t.e[i]).map((t) => [t.e.map((v, j) => v - (i === j)), times(t.c, Q(t.e[i]))]));
export const value = (p, point) =>
  terms(p).reduce((sum, t) => plus(sum, t.e.reduce((c, k, i) => (k ? times(c, power(point[i], k)) : c), t.c)), ZERO);

// Every variable replaced by a polynomial in `size` new ones.
export function compose(p, images, size) {
  let r = new Map();
  for (const { e, c } of p.values()) {
    let t = constant(size, c);
    e.forEach((k, i) => {
      if (k) t = multiply(t, raise(images[i], k, size));
    });
    r = add(r, t);
  }
  return r;
}

// The exact quotient, or null.
export function divide(p, q) {
  const lead = leading(q);
  const quotient = [];
  while (p.size) {
    const top = leading(p);
    const shift = top.e.map((v, i) => v - lead.e[i]);
    if (shift.some((v) => v < 0)) return null;
    const c = over(top.c, lead.c);
    quotient.push([shift, c]);
    p = subtract(p, multiply(fromTerms([[shift, c]]), q));
  }
  return fromTerms(quotient);
}

// ---- linear algebra

// Rank and a basis of the vectors v with row·v = 0 for all rows.
export function kernel(rows, width) {
  const work = rows.map((row) => row.map((v) => Q(v)));
  const pivots = [];
  let r = 0;
  for (let c = 0; c < width && r < work.length; c++) {
    const found = work.findIndex((row, i) => i >= r && row[c][0]);
    if (found < 0) continue;
    [work[r], work[found]] = [work[found], work[r]];
    const lead = work[r][c];
    work[r] = work[r].map((v) => over(v, lead));
    work.forEach((row, i) => {
      if (i !== r && row[c][0]) {
        const f = row[c];
        work[i] = row.map((v, j) => minus(v, times(f, work[r][j])));
      }
    });
    pivots.push(c);
    r++;
  }
  const free = [...Array(width).keys()].filter((c) => !pivots.includes(c));
  const basis = free.map((c) => {
    const v = Array(width).fill(ZERO);
    v[c] = ONE;
    pivots.forEach((pc, i) => (v[pc] = negative(work[i][c])));
    return v;
  });
  return { rank: pivots.length, basis };
}
export const rank = (rows) => (rows.length ? kernel(rows, rows[0].length).rank : 0);

// A vector of whole numbers without common divisor in the same direction.
export function primitive(v) {
  const d = v.reduce((m, x) => (m * x[1]) / gcd(m, x[1]), 1n);
  const whole = v.map((x) => (x[0] * d) / x[1]);
  const g = whole.reduce(gcd, 0n) || 1n;
  return whole.map((x) => safe(x / g));
}
export function safe(x) {
  const n = Number(x);
  if (!Number.isSafeInteger(n)) throw new NotCovered("exponents beyond 2^53");
  return n;
}

// Of a square matrix of polynomials, by expansion along the first row.
export function determinant(rows) {
  if (rows.length === 1) return rows[0][0];
  let total = new Map();
  rows[0].forEach((entry, i) => {
    if (!entry.size) return;
    const minor = determinant(rows.slice(1).map((row) => row.filter((_, j) => j !== i)));
    total = add(total, multiply(entry, minor), Q(i % 2 ? -1 : 1));
  });
  return total;
}

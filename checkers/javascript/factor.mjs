// Common divisors, irreducible factors, and real roots.

import {
  NotCovered, ONE, Q, ZERO, absolute, compare, constant, degree, derivative, divide, fromTerms, gcdOfIntegers, isMonomial, kernel, least, lowered,
  minus, monic, multiply, over, plus, primitive, sign, sizeOf, subtract, terms, times,
} from "./algebra.mjs";

// ---- one variable over ℚ: arrays of coefficients, the lowest first

const trimmed = (f) => {
  let n = f.length;
  while (n && !f[n - 1][0]) n--;
  return f.slice(0, n);
};
function remainder(f, g) {
  f = [...f];
  while (f.length >= g.length) {
    const c = over(f.at(-1), g.at(-1));
    const shift = f.length - g.length;
    g.forEach((v, i) => (f[i + shift] = minus(f[i + shift], times(c, v))));
    f = trimmed(f.slice(0, -1));
    if (!f.length) break;
  }
  return trimmed(f);
}
function quotient(f, g) {
  f = [...f];
  const q = Array(Math.max(0, f.length - g.length + 1)).fill(ZERO);
  for (let shift = q.length - 1; shift >= 0; shift--) {
    const c = over(f[shift + g.length - 1], g.at(-1));
    q[shift] = c;
    g.forEach((v, i) => (f[i + shift] = minus(f[i + shift], times(c, v))));
  }
  return q;
}
export function gcdOfLines(f, g) {
  while (g.length) [f, g] = [g, remainder(f, g)];
  return f;
}
const slope = (f) => f.slice(1).map((c, i) => times(c, Q(i + 1)));
const at = (f, x) => f.reduceRight((sum, c) => plus(times(sum, x), c), ZERO);

// The number of distinct real roots with from < root ≤ to (without ends: of all), by Sturm's theorem.
export function realRoots(f, from = null, to = null) {
  f = trimmed(f);
  if (f.length < 2) return 0;
  f = quotient(f, gcdOfLines(f, slope(f)));
  const chain = [f, slope(f)];
  while (chain.at(-1).length > 1) chain.push(remainder(chain.at(-2), chain.at(-1)).map((c) => [-c[0], c[1]]));
  const changes = (signs) => signs.filter((s) => s).reduce((n, s, i, list) => n + (i > 0 && s !== list[i - 1]), 0);
  const ends = (x, side) =>
    changes(chain.filter((g) => g.length).map((g) => (x === null ? sign(g.at(-1)) * (side < 0 && g.length % 2 === 0 ? -1 : 1) : sign(at(g, x)))));
  return ends(from, -1) - ends(to, 1);
}

// A positive number below the size of every root that is not 0 (Cauchy's bound for the reversed polynomial).
export function belowRoots(f) {
  f = trimmed(f);
  while (f.length && !f[0][0]) f = f.slice(1);
  if (f.length < 2) return ONE;
  const largest = f.slice(1).map(absolute).reduce((a, b) => (compare(a, b) > 0 ? a : b));
  const bound = over(absolute(f[0]), times(Q(2), plus(absolute(f[0]), largest)));
  return compare(bound, ONE) < 0 ? bound : ONE;
}

// ---- monomials aside

export function stripped(p) {
  return lowered(p, Array.from({ length: sizeOf(p) }, (_, i) => least(p, i)));
}

// Variables set to 1 that quasi-homogeneity allows: where a weight leaves all polynomials alone and is ±1 on a variable.
export function fewestVariables(polys) {
  for (;;) {
    const size = sizeOf(polys[0]);
    const rows = polys.flatMap((p) => terms(p).slice(1).map((t) => t.e.map((v, i) => v - terms(p)[0].e[i])));
    if (!rows.length || size <= 1) return polys;
    const weights = kernel(rows, size).basis.map(primitive);
    const chosen = weights.map((w) => w.findIndex((v) => Math.abs(v) === 1)).find((i) => i >= 0);
    if (chosen === undefined) return polys;
    polys = polys.map((p) => fromTerms(terms(p).map((t) => [t.e.filter((_, i) => i !== chosen), t.c])));
  }
}

// {direction, line} when p is a monomial times a polynomial in one monomial; null otherwise. The direction of a monomial is "".
export function onLine(p) {
  const list = terms(p);
  const base = list[0].e;
  const step = list.map((t) => t.e.map((v, i) => v - base[i])).find((d) => d.some((v) => v));
  if (!step) return { direction: "", line: [list[0].c] };
  const g = step.reduce((a, b) => gcdOfIntegers(a, BigInt(b)), 0n);
  let direction = step.map((v) => v / Number(g));
  if (direction.find((v) => v) < 0) direction = direction.map((v) => -v || 0);
  const index = direction.findIndex((v) => v);
  const places = list.map((t) => {
    const k = (t.e[index] - base[index]) / direction[index];
    return direction.every((v, i) => k * v === t.e[i] - base[i]) ? k : null;
  });
  if (places.includes(null)) return null;
  const low = Math.min(...places);
  const line = Array(Math.max(...places) - low + 1).fill(ZERO);
  places.forEach((k, i) => (line[k - low] = list[i].c));
  return { direction: direction.join(), line };
}

// ---- several variables

const coefficients = (p, i) => {
  const parts = new Map();
  for (const { e, c } of p.values()) {
    const k = e[i];
    if (!parts.has(k)) parts.set(k, []);
    parts.get(k).push([e.map((v, j) => (j === i ? 0 : v)), c]);
  }
  return new Map([...parts].map(([k, list]) => [k, fromTerms(list)]));
};
const shifted = (p, i, k) => fromTerms(terms(p).map((t) => [t.e.map((v, j) => (j === i ? v + k : v)), t.c]));
const leadingIn = (p, i) => coefficients(p, i).get(degree(p, i));

export function gcd(p, q) {
  if (!p.size) return q;
  if (!q.size) return p;
  const size = sizeOf(p);
  const i = [...Array(size).keys()].find((j) => degree(p, j) || degree(q, j));
  if (i === undefined) return constant(size, ONE);
  const content = (f) => [...coefficients(f, i).values()].reduce((a, b) => gcd(a, b));
  const [a, b] = [content(p), content(q)];
  let [f, g] = [divide(p, a), divide(q, b)];
  if (degree(f, i) < degree(g, i)) [f, g] = [g, f];
  while (g.size && degree(g, i) > 0) {
    let r = f;
    while (r.size && degree(r, i) >= degree(g, i))
      r = subtract(multiply(leadingIn(g, i), r), multiply(shifted(leadingIn(r, i), i, degree(r, i) - degree(g, i)), g));
    if (r.size) r = divide(r, content(r));
    [f, g] = [g, r];
  }
  const common = g.size ? constant(size, ONE) : f;
  return monic(multiply(gcd(a, b), divide(common, content(common))));
}
export const coprime = (p, q) => gcd(p, q).size === 1 && !terms(gcd(p, q))[0].e.some((v) => v);

export function squareFreePart(p) {
  let g = p;
  for (let i = 0; i < sizeOf(p); i++) g = gcd(g, derivative(p, i));
  return divide(p, g);
}

// Factors that are not monomials; p is irreducible, monomials aside, when it is square-free and there is one.
export function factors(p) {
  p = squareFreePart(stripped(p));
  const size = sizeOf(p);
  const widths = Array.from({ length: size }, (_, i) => degree(p, i) + 1);
  const places = widths.map((_, i) => widths.slice(0, i).reduce((a, b) => a * b, 1));
  const line = [];
  for (const { e, c } of p.values()) line[e.reduce((sum, v, i) => sum + v * places[i], 0)] = c;
  const back = (f) =>
    fromTerms(f.map((c, k) => [places.map((w, i) => Math.floor(k / w) % widths[i]), Q(c)]));
  let pieces = factorsOfLine(Array.from(line, (c) => c ?? ZERO));
  const found = [];
  for (let count = 1; 2 * count <= pieces.length; ) {
    const hit = choose(pieces, count).find((chosen) => {
      const g = back(chosen.reduce(productOfIntegers, [1n]));
      return !isMonomial(g) && divide(p, g);
    });
    if (!hit) {
      count++;
      continue;
    }
    const g = back(hit.reduce(productOfIntegers, [1n]));
    found.push(g);
    p = divide(p, g);
    pieces = pieces.filter((f) => !hit.includes(f));
  }
  if (!isMonomial(p)) found.push(p);
  return found;
}

function choose(list, count) {
  if (list.length > 16) throw new NotCovered("a polynomial with more than 16 factors modulo Kronecker's substitution");
  if (count === 0) return [[]];
  return list.flatMap((x, i) => choose(list.slice(i + 1), count - 1).map((rest) => [x, ...rest]));
}
const productOfIntegers = (f, g) => {
  const r = Array(f.length + g.length - 1).fill(0n);
  f.forEach((a, i) => g.forEach((b, j) => (r[i + j] += a * b)));
  return r;
};
const primitiveIntegers = (f) => {
  const d = f.reduce((m, c) => (m * c[1]) / gcdOfIntegers(m, c[1]), 1n);
  const whole = f.map((c) => (c[0] * d) / c[1]);
  const g = whole.reduce(gcdOfIntegers, 0n);
  return whole.map((c) => c / (whole.at(-1) < 0n ? -g : g));
};

// Irreducible factors over ℤ with repetitions, as arrays of whole numbers.
function factorsOfLine(f) {
  const found = [];
  f = trimmed(f);
  while (f.length > 1) {
    // One round per multiplicity: the square-free part of what is left.
    const part = quotient(f, gcdOfLines(f, slope(f)));
    found.push(...squareFreeFactors(primitiveIntegers(part)));
    f = quotient(f, part);
  }
  return found;
}

// Modulo one prime beyond twice Mignotte's bound, then put together (Zassenhaus without lifting).
function squareFreeFactors(f) {
  const n = f.length - 1;
  if (n < 2) return [f];
  if (n > 80) throw new NotCovered("a polynomial of degree above 80 after Kronecker's substitution");
  const lead = f[n];
  const norm = f.reduce((sum, c) => sum + (c < 0n ? -c : c), 0n);
  let p = 2n * 2n ** BigInt(n) * norm * (lead < 0n ? -lead : lead) + 101n;
  while (!isPrime(p) || lead % p === 0n || gcdModulo(reduced(f, p), slopeModulo(reduced(f, p), p), p).length > 1) p += 1n;
  let pieces = distinctDegrees(monicModulo(reduced(f, p), p), p).flatMap(([g, d]) => equalDegrees(g, d, p));
  const found = [];
  for (let count = 1; 2 * count <= pieces.length; ) {
    const hit = choose(pieces, count)
      .map((chosen) => {
        const g = chosen.reduce((a, b) => productModulo(a, b, p), [((f.at(-1) % p) + p) % p]);
        const whole = primitiveIntegers(g.map((c) => Q(2n * c > p ? c - p : c)));
        return { chosen, whole };
      })
      .find(({ whole }) => !remainder(f.map((c) => Q(c)), whole.map((c) => Q(c))).length);
    if (!hit) {
      count++;
      continue;
    }
    found.push(hit.whole);
    f = primitiveIntegers(quotient(f.map((c) => Q(c)), hit.whole.map((c) => Q(c))));
    pieces = pieces.filter((g) => !hit.chosen.includes(g));
  }
  if (f.length > 1) found.push(f);
  return found;
}

const trim = (f) => {
  let n = f.length;
  while (n && !f[n - 1]) n--;
  return f.slice(0, n);
};
const reduced = (f, p) => trim(f.map((c) => ((c % p) + p) % p));
const slopeModulo = (f, p) => reduced(f.slice(1).map((c, i) => c * BigInt(i + 1)), p);
function powerOf(a, k, p) {
  let r = 1n;
  for (a %= p; k; k >>= 1n, a = (a * a) % p) if (k & 1n) r = (r * a) % p;
  return r;
}
const monicModulo = (f, p) => {
  const inverse = powerOf(f.at(-1), p - 2n, p);
  return f.map((c) => (c * inverse) % p);
};
function remainderModulo(f, g, p) {
  f = [...f];
  const inverse = powerOf(g.at(-1), p - 2n, p);
  for (let shift = f.length - g.length; shift >= 0; shift--) {
    const c = (f[shift + g.length - 1] * inverse) % p;
    if (c) g.forEach((v, i) => (f[i + shift] = (((f[i + shift] - c * v) % p) + p) % p));
  }
  return trim(f.slice(0, g.length - 1));
}
function quotientModulo(f, g, p) {
  f = [...f];
  const inverse = powerOf(g.at(-1), p - 2n, p);
  const q = [];
  for (let shift = f.length - g.length; shift >= 0; shift--) {
    const c = (q[shift] = (f[shift + g.length - 1] * inverse) % p);
    g.forEach((v, i) => (f[i + shift] = (((f[i + shift] - c * v) % p) + p) % p));
  }
  return q;
}
const productModulo = (f, g, p) => (f.length && g.length ? reduced(productOfIntegers(f, g), p) : []);
function gcdModulo(f, g, p) {
  while (g.length) [f, g] = [g, remainderModulo(f, g, p)];
  return monicModulo(f, p);
}
function powerModulo(f, k, g, p) {
  let r = [1n];
  for (f = remainderModulo(f, g, p); k; k >>= 1n, f = remainderModulo(productModulo(f, f, p), g, p))
    if (k & 1n) r = remainderModulo(productModulo(r, f, p), g, p);
  return r;
}
const less = (f, g, p) => reduced(Array.from({ length: Math.max(f.length, g.length) }, (_, i) => (f[i] ?? 0n) - (g[i] ?? 0n)), p);

function distinctDegrees(f, p) {
  const found = [];
  let x = [0n, 1n];
  for (let d = 1; 2 * d < f.length; d++) {
    x = powerModulo(x, p, f, p);
    const g = gcdModulo(f, less(x, [0n, 1n], p), p);
    if (g.length > 1) {
      found.push([g, d]);
      f = quotientModulo(f, g, p);
      x = f.length > 1 ? remainderModulo(x, f, p) : x;
    }
  }
  if (f.length > 1) found.push([f, f.length - 1]);
  return found;
}

function equalDegrees(f, d, p) {
  if (f.length - 1 === d) return [f];
  for (let seed = 1n; ; seed++) {
    const start = Array.from({ length: f.length - 1 }, (_, i) => powerOf(seed + 2n, BigInt(i * i + 1), p));
    const g = gcdModulo(f, less(powerModulo(start, (p ** BigInt(d) - 1n) / 2n, f, p), [1n], p), p);
    if (g.length > 1 && g.length < f.length) return [...equalDegrees(g, d, p), ...equalDegrees(quotientModulo(f, g, p), d, p)];
  }
}

function isPrime(n) {
  for (const q of [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n]) {
    if (n % q === 0n) return n === q;
  }
  let d = n - 1n, s = 0;
  for (; d % 2n === 0n; d /= 2n) s++;
  // A composite that passed would be caught: what is put together is divided out over the whole numbers.
  return [2n, 3n, 5n, 7n, 11n, 13n, 17n, 19n, 23n, 29n, 31n, 37n].every((a) => {
    let x = powerOf(a, d, n);
    if (x === 1n || x === n - 1n) return true;
    for (let i = 1; i < s; i++) {
      x = (x * x) % n;
      if (x === n - 1n) return true;
    }
    return false;
  });
}

// A landscape: K ≥ 0 over a box of one or two parameters with a uniform prior, made of pieces, each a polynomial on a box of its own.
// { variables, box: [[low, high], …], area, pieces: [{ box, polynomial, rows, square }], dimension }

import { dense, derivative, evaluate, exactValue, inVariables, parse, readFraction, slice, squareRoot, toNumber } from "./polynomial.mjs";
import { derivativeOf, horner, rootsIn } from "./roots.mjs";

const sides = (box) => box.map((side) => side.map((end) => (typeof end === "number" ? end : toNumber(readFraction(end)))));

export function landscape({ variables, box, pieces }) {
  const dimension = variables.length;
  const made = pieces.map((piece) => {
    const polynomial = inVariables(typeof piece.K === "string" ? parse(piece.K) : piece.K, variables);
    return {
      box: sides(piece.box),
      polynomial,
      rows: dense(polynomial),
      gradient: variables.map((_, i) => dense(derivative(polynomial, i))),
      hessian: variables.map((_, i) => variables.map((__, j) => dense(derivative(derivative(polynomial, i), j)))),
      square: squareRoot(polynomial),
    };
  });
  const whole = sides(box);
  return { variables, dimension, box: whole, area: whole.reduce((a, [low, high]) => a * (high - low), 1), pieces: made };
}

// The landscape of one polynomial over a box.
export function fromPolynomial(polynomial, box) {
  return landscape({ variables: polynomial.variables, box, pieces: [{ box, K: polynomial }] });
}

export function pieceAt(land, point) {
  return land.pieces.find((p) => p.box.every(([low, high], i) => point[i] >= low && point[i] <= high)) ?? nearest(land, point);
}

// Outside the box of the prior the piece next to the point goes on.
function nearest(land, point) {
  const distance = (p) => p.box.reduce((sum, [low, high], i) => sum + Math.max(low - point[i], 0, point[i] - high) ** 2, 0);
  return land.pieces.reduce((a, b) => (distance(b) < distance(a) ? b : a));
}

export const value = (land, point) => evaluate(pieceAt(land, point).rows, point[0], point[1]);
export const gradient = (land, point) => pieceAt(land, point).gradient.map((rows) => evaluate(rows, point[0], point[1]));
export const hessian = (land, point) => pieceAt(land, point).hessian.map((line) => line.map((rows) => evaluate(rows, point[0], point[1])));

// Exactly, at fractions such as "1/3".
export function exactly(land, point) {
  const numbers = point.map(readFraction);
  return exactValue(pieceAt(land, numbers.map(toNumber)).polynomial, numbers);
}

// Eigenvalues of a symmetric matrix of one or two rows, the larger first.
export function eigenvalues(h) {
  if (h.length === 1) return [h[0][0]];
  const middle = 0.5 * (h[0][0] + h[1][1]);
  const radius = Math.hypot(0.5 * (h[0][0] - h[1][1]), h[0][1]);
  return [middle + radius, middle - radius];
}

// K on a grid of columns × rows cell centres, row by row from the lowest second parameter; one row for one parameter.
export function grid(land, columns, rows = 1) {
  const made = new Float64Array(columns * rows);
  const [x, y] = land.box;
  for (let j = 0; j < rows; j++)
    for (let i = 0; i < columns; i++) {
      const point = [x[0] + ((i + 0.5) / columns) * (x[1] - x[0])];
      if (y) point.push(y[0] + ((j + 0.5) / rows) * (y[1] - y[0]));
      made[j * columns + i] = value(land, point);
    }
  return made;
}

// The smallest value of K over the box and a place where it is taken: Newton's and gradient steps from the lowest place of every region.
export function lowest(land, side = 121) {
  let best = { value: Infinity, point: null };
  for (const point of regionally(land, lineMinima(land, side), 12)) {
    let found = descend(land, point);
    if (found.value >= best.value) continue;
    // On a flat floor one descent ends early: it goes on while that lowers K.
    for (let again = 0; again < 10; again++) {
      const lower = descend(land, found.point);
      const stays = !(lower.value < 0.99 * found.value);
      found = lower;
      if (stays) break;
    }
    best = found;
  }
  return best;
}

// Minima of K along the lines of a grid in both directions, which are exact: a dip between two lines is seen by the lines that pass near.
function lineMinima(land, lines) {
  const found = [];
  for (const piece of land.pieces) {
    if (land.dimension === 1) {
      const p = piece.rows.map((row) => row[0]);
      const [low, high] = piece.box[0];
      for (const x of [low, ...rootsIn(derivativeOf(p), low, high), high]) found.push([x]);
      continue;
    }
    for (const along of [0, 1]) {
      const [from, to] = [piece.box[along], piece.box[1 - along]];
      for (let k = 0; k < lines; k++) {
        const at = from[0] + (k / (lines - 1)) * (from[1] - from[0]);
        for (const other of minimaOnLine(piece, at, along, to)) found.push(along === 0 ? [at, other] : [other, at]);
      }
    }
  }
  return found;
}

// The lowest of the points in each of per × per regions of the box: a narrow dip does not drown in a long valley.
function regionally(land, points, per) {
  const kept = new Map();
  for (const point of points) {
    const region = point.map((v, i) => Math.min(per - 1, Math.floor((per * (v - land.box[i][0])) / (land.box[i][1] - land.box[i][0])))).join();
    const here = value(land, point);
    if (!(kept.get(region)?.here <= here)) kept.set(region, { here, point });
  }
  return [...kept.values()].map(({ point }) => point);
}

// How far a double may be from K at a point: a unit of rounding of its terms, which may cancel.
export const rounding = (land, point) => evaluate(pieceAt(land, point).rows.map((row) => row.map(Math.abs)), ...point.map(Math.abs)) * 2 ** -52;

// The largest rounding where K is lowest, up to it: what every integral exp(-nβK) suffers, times nβ.
export function worstRounding(land, low) {
  let worst = { size: 0, point: low.point };
  for (const point of [low.point, ...lineMinima(land, 61)]) {
    const size = rounding(land, point);
    if (size > worst.size && value(land, point) - low.value < Math.max(1e-8, 4 * size)) worst = { size, point };
  }
  return worst;
}

const inside = (land, point) => point.map((v, i) => Math.min(land.box[i][1], Math.max(land.box[i][0], v)));

export function descend(land, start) {
  let point = [...start];
  let here = value(land, point);
  for (let step = 0; step < 80; step++) {
    const g = gradient(land, point), h = hessian(land, point);
    const size = Math.hypot(...g);
    if (size === 0) break;
    // Levenberg's damping: also where the Hessian has a kernel.
    let moved = false;
    for (let damping = 1e-12; damping < 1e8 && !moved; damping *= 100) {
      const next = inside(land, point.map((v, i) => v - solveDamped(h, g, damping)[i]));
      const there = value(land, next);
      if (there < here) {
        moved = here - there > 0;
        [point, here] = [next, there];
      }
    }
    if (!moved) break;
  }
  return { value: here, point };
}

function solveDamped(h, g, damping) {
  const scale = Math.max(1e-300, Math.abs(h[0][0]), Math.abs(h.at(-1).at(-1)));
  const extra = damping * scale + 1e-14 * scale;
  if (h.length === 1) return [g[0] / (Math.abs(h[0][0]) + extra)];
  const [a, b, d] = [h[0][0] + extra, h[0][1], h[1][1] + extra];
  const det = a * d - b * b;
  if (det > 0 && a > 0) return [(d * g[0] - b * g[1]) / det, (a * g[1] - b * g[0]) / det];
  const size = Math.hypot(a, b, d) + extra;
  return g.map((v) => v / size);
}

// Whether K is 0 at a place that was found to rounding: its own terms say what rounding is, not K elsewhere in the box.
const vanishes = (land, point, scale) => value(land, point) <= 8 * rounding(land, point) + 1e-28 * scale;

// Points where K is 0: minima along the lines of a fine grid in both directions; with a `level`, where K is below it times the largest K.
export function trueSet(land, lines = 400, level = null) {
  if (land.dimension === 1) return zerosOnLine(land);
  const found = [];
  const scale = Math.max(1e-12, ...grid(land, 24, 24));
  for (const piece of land.pieces) {
    for (const along of [0, 1]) {
      const [from, to] = [piece.box[along], piece.box[1 - along]];
      const count = Math.round((lines * (from[1] - from[0])) / (land.box[along][1] - land.box[along][0]));
      for (let k = 0; k <= count; k++) {
        const at = from[0] + (k / count) * (from[1] - from[0]);
        for (const other of minimaOnLine(piece, at, along, to)) {
          const point = along === 0 ? [at, other] : [other, at];
          if (level === null ? vanishes(land, point, scale) : evaluate(piece.rows, ...point) < level * scale) found.push(point);
        }
      }
    }
  }
  return found;
}

function minimaOnLine(piece, at, along, [low, high]) {
  const p = slice(piece.rows, at, along);
  if (p.every((c) => Math.abs(c) < 1e-14)) return [low, 0.5 * (low + high), high];
  const candidates = [low, ...rootsIn(derivativeOf(p), low, high), high];
  return candidates.filter((x, i) => {
    const here = horner(p, x);
    return (i === 0 || horner(p, candidates[i - 1]) >= here) && (i + 1 === candidates.length || horner(p, candidates[i + 1]) >= here);
  });
}

function zerosOnLine(land) {
  const scale = Math.max(1e-12, ...grid(land, 200));
  const found = [];
  for (const piece of land.pieces) {
    const p = piece.rows.map((row) => row[0]);
    const [low, high] = piece.box[0];
    for (const x of [low, ...rootsIn(derivativeOf(p), low, high), high])
      if (vanishes(land, [x], scale) && !found.some(([v]) => Math.abs(v - x) < 1e-9)) found.push([x]);
  }
  return found;
}

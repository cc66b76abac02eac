// Descents on a landscape: gradient flow, gradient descent with step η, and stochastic gradients. Paths are lists of points.

import { gradient, pieceAt, value } from "./landscape.mjs";
import { evaluate, dense, derivative } from "./polynomial.mjs";

// Gradient flow w' = -∇K by Dormand and Prince's method of order 5, its step chosen by the error of order 4: [{ time, point, K }].
export function flow(land, start, { until = 50, tolerance = 1e-10, most = 20000, still = 1e-9 } = {}) {
  let point = [...start], time = 0, step = 1e-3;
  const path = [{ time, point, K: value(land, point) }];
  for (let count = 0; count < most && time < until; count++) {
    step = Math.min(step, until - time);
    const { next, error } = stage(land, point, step);
    const scale = tolerance * Math.max(1, ...point.map(Math.abs));
    if (error <= scale) {
      [point, time] = [next, time + step];
      path.push({ time, point, K: value(land, point) });
      if (Math.hypot(...gradient(land, point)) < still) break;
    }
    step *= Math.min(5, Math.max(0.2, 0.9 * (scale / (error || 1e-300)) ** 0.2));
  }
  return path;
}

const A = [
  [], [1 / 5], [3 / 40, 9 / 40], [44 / 45, -56 / 15, 32 / 9], [19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729],
  [9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656], [35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84],
];
const FOURTH = [5179 / 57600, 0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40];

function stage(land, point, step) {
  const slopes = [];
  for (const row of A) slopes.push(gradient(land, point.map((v, i) => v + step * row.reduce((s, a, k) => s + a * slopes[k][i], 0))).map((g) => -g));
  const next = point.map((v, i) => v + step * A[6].reduce((s, a, k) => s + a * slopes[k][i], 0));
  const other = point.map((v, i) => v + step * FOURTH.reduce((s, a, k) => s + a * slopes[k][i], 0));
  return { next, error: Math.hypot(...next.map((v, i) => v - other[i])) };
}

// Gradient descent: `steps` steps of size η; it ends early where it leaves every bound.
export function gradientDescent(land, start, { eta = 0.1, steps = 200 } = {}) {
  let point = [...start];
  const path = [{ step: 0, point, K: value(land, point) }];
  for (let k = 1; k <= steps; k++) {
    const g = gradient(land, point);
    point = point.map((v, i) => v - eta * g[i]);
    if (!point.every((v) => Math.abs(v) < 1e3)) {
      path.diverged = k;
      break;
    }
    path.push({ step: k, point, K: value(land, point), g });
  }
  return path;
}

// A generator of random numbers with a seed (mulberry32), and normal ones from it (Box and Muller).
export function random(seed) {
  let state = seed >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return { uniform, normal };
}

// The stochastic gradient of a landscape at a point. Where K = c g², as of a regression with one residual g, a minibatch of size B sees
// c (g - σξ/√B)² with ξ ~ N(0, 1), the noise of the labels: its gradient is 2c (g - σξ/√B) ∇g, which lies along ∇g and keeps every
// law of K. Other landscapes get isotropic noise σξ/√B on the gradient, which keeps none.
export function noisyGradient(land, point, noise, generator) {
  const piece = pieceAt(land, point);
  if (piece.square) {
    piece.residual ??= {
      factor: Number(piece.square.factor[0]) / Number(piece.square.factor[1]),
      rows: dense(piece.square.root),
      gradient: piece.polynomial.variables.map((_, i) => dense(derivative(piece.square.root, i))),
    };
    const { factor, rows, gradient: slopes } = piece.residual;
    const error = evaluate(rows, point[0], point[1]) - noise * generator.normal();
    return slopes.map((r) => 2 * factor * error * evaluate(r, point[0], point[1]));
  }
  return gradient(land, point).map((g) => g + noise * generator.normal());
}

export const noiseIsOfLabels = (land, point) => Boolean(pieceAt(land, point).square);

export function stochasticDescent(land, start, { eta = 0.1, steps = 200, sigma = 0.5, batch = 1, seed = 1 } = {}) {
  const generator = random(seed);
  const noise = sigma / Math.sqrt(batch);
  let point = [...start];
  const path = [{ step: 0, point, K: value(land, point) }];
  for (let k = 1; k <= steps; k++) {
    const g = noisyGradient(land, point, noise, generator);
    point = point.map((v, i) => v - eta * g[i]);
    if (!point.every((v) => Math.abs(v) < 1e3)) {
      path.diverged = k;
      break;
    }
    path.push({ step: k, point, K: value(land, point), g });
  }
  return path;
}

// The balanced point on the orbit of the scaling (a w, q/a): |w| = |q| with the signs and the product kept. Q = w² - q² is 0 there.
export function balanced([w, q]) {
  const size = Math.sqrt(Math.abs(w * q));
  return [Math.sign(w) * size, Math.sign(q) * size];
}


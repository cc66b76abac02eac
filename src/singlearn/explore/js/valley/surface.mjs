// A surface over the box, seen from a direction: pure functions of a grid of heights.
//
// The box is the square [-1, 1]², heights are between 0 and 1. The eye is far away (parallel rays), turned by `turn` degrees round the
// vertical and raised by `tilt` degrees above the horizon: at 90 it looks down as on a map.

export const HIGH = 1.1; // how tall a height of 1 is drawn, in the units of the square

// { columns, rows, heights, step }: every `step`-th value of a grid of columns × rows cell centres, from 0 at `floor` to 1 at `top`.
// Heights above 1 are kept, so that what is cut off is known.
export function mesh(values, columns, rows, floor, top, step) {
  const at = (count) => Array.from({ length: Math.floor((count - 1) / step) + 1 }, (_, i) => Math.floor(((count - 1) % step) / 2) + i * step);
  const [across, up] = [at(columns), at(rows)];
  const span = top > floor ? top - floor : 1;
  const heights = new Float64Array(across.length * up.length);
  up.forEach((j, row) => across.forEach((i, column) => {
    heights[row * across.length + column] = (values[j * columns + i] - floor) / span;
  }));
  const place = (count) => (i) => (2 * (i + 0.5)) / count - 1;
  return { columns: across.length, rows: up.length, heights, x: across.map(place(columns)), y: up.map(place(rows)), indexX: across, indexY: up };
}

// The value below which a share of the values lies.
export function quantile(values, share) {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))];
}

// The projection: a point (x, y, height) to (right, up), and its distance behind the middle.
export function seenFrom(turn, tilt) {
  const [s, c] = [Math.sin((turn * Math.PI) / 180), Math.cos((turn * Math.PI) / 180)];
  const [rise, flat] = [Math.sin((tilt * Math.PI) / 180), Math.cos((tilt * Math.PI) / 180)];
  return {
    right: (x, y) => x * c - y * s,
    up: (x, y, h) => (x * s + y * c) * rise + h * HIGH * flat,
    behind: (x, y) => x * s + y * c,
    toEye: [-s, -c],
    slope: rise / Math.max(flat, 1e-12),
  };
}

// Cells (i, j), by their lower corner, from the furthest to the nearest: no cell hides one that comes after it.
export function* backToFront(columns, rows, turn) {
  const [s, c] = [Math.sin((turn * Math.PI) / 180), Math.cos((turn * Math.PI) / 180)];
  const order = (count, falling) => Array.from({ length: count - 1 }, (_, k) => (falling ? count - 2 - k : k));
  const [across, up] = [order(columns, s > 0), order(rows, c > 0)];
  for (const j of up) for (const i of across) yield [i, j];
}

// What of a polygon of corners [right, up, height] lies at heights up to 1.
export function below(corners) {
  if (corners.every(([, , h]) => h <= 1)) return corners;
  const kept = [];
  corners.forEach((one, k) => {
    const next = corners[(k + 1) % corners.length];
    if (one[2] <= 1) kept.push(one);
    if (one[2] <= 1 === next[2] <= 1) return;
    const t = (1 - one[2]) / (next[2] - one[2]);
    kept.push(one.map((v, i) => v + t * (next[i] - v)));
  });
  return kept;
}

// The height of the surface at (x, y), between its vertices by the two products; outside the mesh that of its edge.
export function heightAt({ columns, rows, heights, x, y }, a, b) {
  const place = (list, count, v) => Math.min(count - 1, Math.max(0, ((v - list[0]) / (list[count - 1] - list[0])) * (count - 1)));
  const [p, q] = [place(x, columns, a), place(y, rows, b)];
  const [i, j] = [Math.min(columns - 2, Math.floor(p)), Math.min(rows - 2, Math.floor(q))];
  const [u, v] = [p - i, q - j];
  const at = (k, l) => Math.min(1, heights[l * columns + k]);
  return (1 - v) * ((1 - u) * at(i, j) + u * at(i + 1, j)) + v * ((1 - u) * at(i, j + 1) + u * at(i + 1, j + 1));
}

// Whether nothing of the surface stands between a point on it and the eye. The first cell is left out: the point lies on that one.
export function isSeen(surface, view, a, b, h) {
  const cell = Math.max(2 / (surface.columns - 1), 2 / (surface.rows - 1));
  for (let s = 1.5 * cell; ; s += 0.6 * cell) {
    const [x, y] = [a + s * view.toEye[0], b + s * view.toEye[1]];
    const ray = h + (s * view.slope) / HIGH;
    if (ray >= 1 || Math.abs(x) > 1 || Math.abs(y) > 1) return true;
    if (heightAt(surface, x, y) > ray + 1e-3) return false;
  }
}

// How much light falls on every cell from the upper left of the eye: 1 where it faces the light.
export function light(surface, view) {
  const { columns, rows, heights, x, y } = surface;
  // Right, away from the eye, up, in the coordinates of the box.
  const right = [-view.toEye[1], view.toEye[0]];
  const [l, m, n] = [-0.45 * right[0] + 0.35 * view.toEye[0], -0.45 * right[1] + 0.35 * view.toEye[1], 0.82];
  const shades = new Float32Array((columns - 1) * (rows - 1));
  const at = (i, j) => Math.min(1, heights[j * columns + i]);
  for (let j = 0; j + 1 < rows; j++)
    for (let i = 0; i + 1 < columns; i++) {
      const a = (HIGH * 0.5 * (at(i + 1, j) - at(i, j) + at(i + 1, j + 1) - at(i, j + 1))) / (x[i + 1] - x[i]);
      const b = (HIGH * 0.5 * (at(i, j + 1) - at(i, j) + at(i + 1, j + 1) - at(i + 1, j))) / (y[j + 1] - y[j]);
      shades[j * (columns - 1) + i] = Math.max(0, (n - l * a - m * b) / Math.hypot(a, b, 1));
    }
  return shades;
}

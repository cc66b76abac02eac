// Newton polyhedra: the cones of weights under which a compact face is lowest, and covers of a cone by simplicial ones.

import { Q, kernel, primitive, rank, require, safe } from "./algebra.mjs";

export const dot = (a, b) => safe(a.reduce((sum, v, i) => sum + v * b[i], 0));
export const keyOf = (rays) => rays.map((ray) => ray.join()).sort().join(";");
const lexicographic = (a, b) => a.reduce((found, v, i) => found || v - b[i], 0);

// Extreme rays of {w ≥ 0 : w·h ≥ 0 for all h}, adding one half-space after the other; which walls a ray lies on is a set of bits, and
// two rays are neighbours when no third one lies on all walls that they share.
function extremeRays(size, halfSpaces) {
  const unit = (i) => Array.from({ length: size }, (_, j) => +(i === j));
  let rays = Array.from({ length: size }, (_, i) => ({ ray: unit(i), walls: ((1n << BigInt(size)) - 1n) ^ (1n << BigInt(i)) }));
  halfSpaces.forEach((h, index) => {
    const wall = 1n << BigInt(size + index);
    const heights = rays.map((r) => dot(h, r.ray));
    const next = rays.filter((_, i) => heights[i] >= 0).map((r) => ({ ...r }));
    next.forEach((r) => {
      if (dot(h, r.ray) === 0) r.walls |= wall;
    });
    rays.forEach((one, i) => {
      if (heights[i] <= 0) return;
      rays.forEach((two, j) => {
        if (heights[j] >= 0) return;
        const shared = one.walls & two.walls;
        if (rays.some((r, k) => k !== i && k !== j && (r.walls & shared) === shared)) return;
        const ray = primitive(one.ray.map((v, c) => Q(safe(heights[i] * two.ray[c] - heights[j] * v))));
        next.push({ ray, walls: shared | wall });
      });
    });
    rays = next;
  });
  return rays.map((r) => r.ray).sort(lexicographic);
}

// All cones of compact faces of the convex hull of points + orthant: [{rays, dimension}].
export function compactCones(points) {
  const size = points[0].length;
  const minimal = points.filter((p) => !points.some((q) => q !== p && q.every((v, i) => v <= p[i])));
  const tops = [];
  for (const p of minimal) {
    const rays = extremeRays(size, minimal.filter((q) => q !== p).map((q) => q.map((v, i) => v - p[i])));
    if (rank(rays) === size) tops.push(rays);
  }
  const found = new Map(tops.map((rays) => [keyOf(rays), rays]));
  const waiting = [...tops];
  while (waiting.length) {
    const cone = waiting.pop();
    for (const top of tops) {
      const known = new Set(top.map(String));
      const face = cone.filter((ray) => known.has(String(ray)));
      const compact = face.length && face[0].every((_, i) => face.some((ray) => ray[i]));
      if (compact && !found.has(keyOf(face))) {
        found.set(keyOf(face), face);
        waiting.push(face);
      }
    }
  }
  return [...found.values()].map((rays) => ({ rays, dimension: rank(rays) }));
}

function* subsets(list, size, from = 0) {
  if (size === 0) yield [];
  else for (let i = from; i <= list.length - size; i++) for (const rest of subsets(list, size - 1, i + 1)) yield [list[i], ...rest];
}
export { subsets };

// The linear form on the span of the cone that vanishes on the wall, up to a factor: outside the span it is told to vanish too.
function formOf(wall, across) {
  const { basis } = kernel([...wall, ...across], across.width);
  return basis.length === 1 ? primitive(basis[0]) : null;
}

// Every point inside the cone lies in the relative interior of one of the parts.
export function showCover(parts, { rays, dimension }) {
  const width = rays[0].length;
  const across = kernel(rays, width).basis.map(primitive);
  across.width = width;
  const facets = [];
  if (dimension > 1)
    for (const wall of subsets(rays, dimension - 1)) {
      const form = formOf(wall, across);
      if (!form) continue;
      const heights = rays.map((ray) => dot(form, ray));
      if (heights.every((h) => h >= 0)) facets.push(form);
      else if (heights.every((h) => h <= 0)) facets.push(form.map((v) => -v));
    }
  const inside = (face) => facets.every((form) => face.some((ray) => dot(form, ray)));
  const known = new Set(parts.map(keyOf));
  for (const part of parts)
    for (const ray of part) {
      require(across.every((form) => dot(form, ray) === 0), "a chart reaches out of the span of the face");
      require(facets.every((form) => dot(form, ray) >= 0), "a chart reaches beyond the face");
    }
  const full = parts.filter((part) => part.length === dimension);
  require(full.length > 0, "there are no charts of the face");
  for (const part of full) {
    for (let size = 1; size < dimension; size++)
      for (const face of subsets(part, size))
        require(!inside(face) || known.has(keyOf(face)), "the points where charts of the face meet are missing");
    for (const ray of part) {
      const wall = part.filter((r) => r !== ray);
      if (!wall.length || !inside(wall)) continue;
      const form = formOf(wall, across);
      const side = Math.sign(dot(form, ray));
      const beyond = full.some(
        (other) =>
          wall.every((r) => other.some((s) => String(s) === String(r))) &&
          other.some((s) => Math.sign(dot(form, s)) === -side),
      );
      require(beyond, "beyond a wall there is no chart of the face");
    }
  }
}

/** The linear domains of a function of two inputs as polygons, for drawing. */

/** Split a convex polygon of [x, y] points by the line u = 0: [part with u ≥ 0, part with u ≤ 0]; a part may be null. */
export function splitPolygon(polygon, u, slack = 1e-12) {
  const heights = polygon.map(u);
  const scale = Math.max(...heights.map(Math.abs), 1e-300);
  if (heights.every((h) => h >= -slack * scale)) return [polygon, null];
  if (heights.every((h) => h <= slack * scale)) return [null, polygon];
  const [above, below] = [[], []];
  polygon.forEach((point, i) => {
    const next = (i + 1) % polygon.length;
    const [h, g] = [heights[i], heights[next]];
    if (h >= 0) above.push(point);
    if (h <= 0) below.push(point);
    if ((h > 0 && g < 0) || (h < 0 && g > 0)) {
      const t = h / (h - g);
      const crossing = [point[0] + (polygon[next][0] - point[0]) * t, point[1] + (polygon[next][1] - point[1]) * t];
      above.push(crossing);
      below.push(crossing);
    }
  });
  return [above, below];
}

/**
 * The linear domains of a kink form inside the square |x_i| ≤ side: [{polygon, gradient, value}], where f(x) = value + gradient · x on the
 * polygon. In doubles: slivers thinner than rounding are left out.
 */
export function cells(form, side) {
  const planes = form.kinks.map(({ normal, offset, total }) => ({ n: normal.map(Number), o: Number(offset), a: total.toNumber() }));
  let polygons = [[[-side, -side], [side, -side], [side, side], [-side, side]]];
  for (const { n, o } of planes) {
    const u = ([x, y]) => n[0] * x + n[1] * y + o;
    polygons = polygons.flatMap((polygon) => splitPolygon(polygon, u).filter((part) => part && Math.abs(area(part)) > 1e-9 * side * side));
  }
  const [linear, constant] = [form.linear.map((v) => v.toNumber()), form.constant.toNumber()];
  return polygons.map((polygon) => {
    const [cx, cy] = centre(polygon);
    const gradient = [...linear];
    let value = constant;
    for (const { n, o, a } of planes) {
      if (n[0] * cx + n[1] * cy + o <= 0) continue;
      gradient[0] += a * n[0];
      gradient[1] += a * n[1];
      value += a * o;
    }
    return { polygon, gradient, value };
  });
}

export function area(polygon) {
  let twice = 0;
  polygon.forEach(([x, y], i) => {
    const [u, v] = polygon[(i + 1) % polygon.length];
    twice += x * v - u * y;
  });
  return twice / 2;
}

function centre(polygon) {
  return [0, 1].map((axis) => polygon.reduce((sum, point) => sum + point[axis], 0) / polygon.length);
}

/** The part of the line w · x + b = 0 inside the square |x_i| ≤ side, as two points, or null. */
export function chord([w0, w1], b, side) {
  const points = [];
  for (const end of [-side, side]) {
    if (w1) points.push([end, -(b + w0 * end) / w1]);
    if (w0) points.push([-(b + w1 * end) / w0, end]);
  }
  const inside = points.filter(([x, y]) => Math.abs(x) <= side * (1 + 1e-9) && Math.abs(y) <= side * (1 + 1e-9));
  if (inside.length < 2) return null;
  const far = (a, c) => Math.hypot(a[0] - c[0], a[1] - c[1]);
  const other = inside.reduce((best, point) => (far(point, inside[0]) > far(best, inside[0]) ? point : best), inside[0]);
  return far(other, inside[0]) > 1e-9 * side ? [inside[0], other] : null;
}

/** The two points where an affine u vanishes on the rim of a convex polygon, or null. */
export function crossSection(polygon, u) {
  const heights = polygon.map(u);
  const points = [];
  polygon.forEach((point, i) => {
    const next = (i + 1) % polygon.length;
    const [h, g] = [heights[i], heights[next]];
    if (h < 0 === g < 0) return;
    const t = h / (h - g);
    points.push([point[0] + (polygon[next][0] - point[0]) * t, point[1] + (polygon[next][1] - point[1]) * t]);
  });
  return points.length === 2 ? points : null;
}

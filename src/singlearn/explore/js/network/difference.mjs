/** The largest difference of two networks on a box, exact: a piecewise affine function is largest at a vertex of its arrangement. */

import { Rational, ZERO } from "../math/rational.mjs";
import { boundary } from "./kink_form.mjs";
import { isConstant, valueAt } from "./net.mjs";

/** {value, at}: the largest |f − g| on the box {low, high} of one or two inputs, and a point where it is reached. */
export function largestDifference(f, g, box) {
  let [value, at] = [ZERO, box.low];
  for (const point of vertices([...f.nodes, ...g.nodes], box)) {
    const difference = valueAt(f, point).sub(valueAt(g, point)).abs();
    if (difference.compare(value) > 0) [value, at] = [difference, point];
  }
  return { value, at };
}

/** The vertices of the arrangement of the nodes' boundaries and the box's sides, inside the box. */
export function vertices(nodes, box) {
  const planes = new Map();
  for (const node of nodes) {
    if (isConstant(node)) continue;
    const { key, normal, offset } = boundary(node);
    planes.set(key, { normal: normal.map((n) => new Rational(n)), offset: new Rational(offset) });
  }
  const unit = (j) => box.low.map((_, i) => new Rational(i === j ? 1n : 0n));
  box.low.forEach((_, j) => {
    for (const end of [box.low[j], box.high[j]]) planes.set(`side ${j} ${end}`, { normal: unit(j), offset: end.neg() });
  });
  const inside = (point) => point.every((v, i) => v.compare(box.low[i]) >= 0 && v.compare(box.high[i]) <= 0);
  const all = [...planes.values()];
  if (box.low.length === 1) return all.map(({ normal, offset }) => [offset.neg().div(normal[0])]).filter(inside);
  const found = new Map();
  all.forEach((one, i) => {
    for (const other of all.slice(i + 1)) {
      const point = crossing(one, other);
      if (point && inside(point)) found.set(point.join(), point);
    }
  });
  return [...found.values()];
}

/** The point where two lines of the plane cross, or null for parallel ones. */
export function crossing(one, other) {
  const determinant = one.normal[0].mul(other.normal[1]).sub(one.normal[1].mul(other.normal[0]));
  if (determinant.isZero) return null;
  return [
    one.normal[1].mul(other.offset).sub(other.normal[1].mul(one.offset)).div(determinant),
    other.normal[0].mul(one.offset).sub(one.normal[0].mul(other.offset)).div(determinant),
  ];
}

/**
 * The number of linear domains of a kink form inside a box of one or two inputs: 1 + one for every kink that meets the interior + at
 * every inner crossing one fewer than the lines through it.
 */
export function linearDomains(form, box) {
  const planes = form.kinks.map(({ normal, offset }) => ({ normal: normal.map((n) => new Rational(n)), offset: new Rational(offset) })).filter((plane) => meets(plane, box));
  if (box.low.length === 1) return planes.length + 1;
  const through = new Map();
  planes.forEach((one, i) => {
    planes.forEach((other, j) => {
      const point = j > i ? crossing(one, other) : null;
      if (!point || !point.every((v, a) => v.compare(box.low[a]) > 0 && v.compare(box.high[a]) < 0)) return;
      const key = point.join();
      through.set(key, (through.get(key) ?? new Set()).add(i).add(j));
    });
  });
  return 1 + planes.length + [...through.values()].reduce((sum, lines) => sum + lines.size - 1, 0);
}

/** Whether a hyperplane meets the interior of a box. */
function meets({ normal, offset }, box) {
  let [low, high] = [offset, offset];
  normal.forEach((n, i) => {
    const ends = [n.mul(box.low[i]), n.mul(box.high[i])].sort((a, b) => a.compare(b));
    low = low.add(ends[0]);
    high = high.add(ends[1]);
  });
  return low.sign < 0 && high.sign > 0;
}

/**
 * Where a dragged part comes to rest: exactly on a coincidence (a shared boundary, amounts that cancel, weights that annihilate, a zero)
 * if one is within the tolerance, else on a fine grid. Pure functions; each returns {node, note}, note null on the grid.
 */

import { ZERO, dot, rounded } from "../math/rational.mjs";
import { boundary } from "./kink_form.mjs";
import { isConstant } from "./net.mjs";

/** The grid: multiples of 1/GRID, or of 1/FINE with the shift key. */
export const GRID = 20;
export const FINE = 200;

/** The candidate nearest to a place within the tolerance, by `distance(candidate)`; null where there is none. */
function nearest(candidates, tolerance, distance) {
  let [best, least] = [null, tolerance];
  for (const candidate of candidates) {
    const far = distance(candidate);
    if (far <= least) [best, least] = [candidate, far];
  }
  return best;
}

function others(net, i) {
  return net.nodes.map((node, j) => ({ node, j })).filter(({ node, j }) => j !== i && !isConstant(node));
}

/** One input: the boundary of node i is dragged to x; w stays. */
export function moveBoundary(net, i, x, tolerance, per = GRID) {
  const { w } = net.nodes[i];
  const places = others(net, i).map(({ node, j }) => ({ at: node.b.neg().div(node.w[0]), note: `on the boundary of node ${j + 1}` }));
  const found = nearest(places, tolerance, ({ at }) => Math.abs(at.toNumber() - x));
  const at = found ? found.at : rounded(x, per);
  return { node: { b: w[0].mul(at).neg() }, note: found?.note ?? null };
}

/** One input: the total gradient q w of node i is dragged to a value; w stays, q follows. */
export function moveTotal(net, i, value, tolerance, per = GRID) {
  const { w } = net.nodes[i];
  const targets = [{ at: ZERO, note: "q = 0: degenerate" }, ...cancellingTotals(net, i), ...annihilatingProducts(net, i).map(({ at, note }) => ({ at: at[0], note }))];
  const found = nearest(targets, tolerance, ({ at }) => Math.abs(at.toNumber() - value));
  return { node: { q: (found ? found.at : rounded(value, per)).div(w[0]) }, note: found?.note ?? null };
}

/** Totals q w at which the amounts on the node's own boundary add up to zero. */
function cancellingTotals(net, i) {
  const own = boundary(net.nodes[i]);
  const same = others(net, i).filter(({ node }) => !node.q.isZero && boundary(node).key === own.key);
  if (!same.length) return [];
  const amount = same.reduce((sum, { node }) => sum.add(node.q.mul(node.w[0].abs())), ZERO);
  return [{ at: own.factor.sign > 0 ? amount.neg() : amount, note: `cancels node ${same.map(({ j }) => j + 1).join(", ")}` }];
}

/** Products q w that annihilate those of one or two other nodes, or of all: [{at: vector, note}]. */
function annihilatingProducts(net, i) {
  const loud = others(net, i).filter(({ node }) => !node.q.isZero);
  const sets = loud.map((one) => [one]);
  loud.forEach((one, k) => loud.slice(k + 1).forEach((other) => sets.push([one, other])));
  if (loud.length > 2) sets.push(loud);
  return sets.map((set) => ({
    at: net.nodes[i].w.map((_, axis) => set.reduce((sum, { node }) => sum.sub(node.q.mul(node.w[axis])), ZERO)),
    note: `annihilates node ${set.map(({ j }) => j + 1).join(", ")}`,
  })).filter(({ at }) => at.some((value) => !value.isZero));
}

/** Any number of inputs: the boundary of node i is dragged through a point; w stays. */
export function moveThrough(net, i, point, tolerance, per = GRID) {
  const { w } = net.nodes[i];
  const length = Math.hypot(...w.map((v) => v.toNumber()));
  const wanted = -w.reduce((sum, v, axis) => sum + v.toNumber() * point[axis], 0);
  const axis = w.findIndex((v) => !v.isZero);
  const parallels = others(net, i).flatMap(({ node, j }) => {
    const ratio = node.w[axis].isZero ? null : w[axis].div(node.w[axis]);
    return ratio && node.w.every((v, k) => v.mul(ratio).equals(w[k])) ? [{ b: node.b.mul(ratio), note: `on the boundary of node ${j + 1}` }] : [];
  });
  const found = nearest(parallels, tolerance, ({ b }) => Math.abs(b.toNumber() - wanted) / length);
  if (found) return { node: { b: found.b }, note: found.note };
  return { node: { b: dot(w, point.map((v) => rounded(v, per))).neg() }, note: null };
}

/**
 * Two inputs: the weight vector of node i is dragged to `target`, its boundary held at the point `foot`. It snaps to annihilation, then
 * to the direction of another node (and, where the boundaries meet in the foot, onto its boundary), then to the axes, then to zero.
 */
export function moveWeight(net, i, target, foot, tolerance, per = GRID) {
  const { q } = net.nodes[i];
  const far = (w) => Math.hypot(...w.map((v, axis) => v.toNumber() - target[axis]));
  const through = (w) => dot(w, foot.map((v) => rounded(v, FINE))).neg();
  if (Math.hypot(...target) <= tolerance) return { node: { w: target.map(() => ZERO) }, note: "w = 0: degenerate" };
  if (!q.isZero) {
    const found = nearest(annihilatingProducts(net, i).map(({ at, note }) => ({ w: at.map((v) => v.div(q)), note })), tolerance, ({ w }) => far(w));
    if (found) return { node: { w: found.w, b: through(found.w) }, note: found.note };
  }
  const along = (direction) => {
    const square = direction.reduce((sum, v) => sum + v.toNumber() ** 2, 0);
    const ratio = direction.reduce((sum, v, axis) => sum + v.toNumber() * target[axis], 0) / square;
    const factor = rounded(ratio, 8);
    return factor.isZero ? null : direction.map((v) => v.mul(factor));
  };
  const off = (w) => {
    const length = Math.hypot(...w.map((v) => v.toNumber()));
    return Math.abs(w[0].toNumber() * target[1] - w[1].toNumber() * target[0]) / length;
  };
  const directions = others(net, i).map(({ node, j }) => ({ w: along(node.w), note: `parallel to node ${j + 1}`, node, j })).filter(({ w }) => w);
  const found = nearest(directions, tolerance, ({ w }) => off(w));
  if (found) {
    const axis = found.w.findIndex((v) => !v.isZero);
    const own = found.node.b.mul(found.w[axis].div(found.node.w[axis]));
    const gap = Math.abs(own.toNumber() - through(found.w).toNumber()) / Math.hypot(...found.w.map((v) => v.toNumber()));
    return gap <= tolerance ? { node: { w: found.w, b: own }, note: `on the boundary of node ${found.j + 1}` } : { node: { w: found.w, b: through(found.w) }, note: found.note };
  }
  const w = target.map((v) => (Math.abs(v) <= tolerance / 2 ? ZERO : rounded(v, per)));
  return { node: { w, b: through(w) }, note: null };
}

/** The point of a node's boundary that is nearest to the origin, as doubles. */
export function footOf(node) {
  const w = node.w.map((v) => v.toNumber());
  const square = w.reduce((sum, v) => sum + v * v, 0);
  return w.map((v) => (-node.b.toNumber() * v) / square);
}


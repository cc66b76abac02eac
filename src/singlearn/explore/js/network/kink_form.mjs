/**
 * The kink form f(x) = d + L x + Σ A_k ReLU(u_k(x)): one term for each hyperplane where f has a kink. Two networks are the same function
 * exactly when their kink forms are equal.
 */

import { Rational, ZERO, dot, primitive } from "../math/rational.mjs";
import { isConstant, span } from "./net.mjs";

/**
 * The activation boundary of a node with w ≠ 0: {key, normal, offset, factor}, coprime BigInts with the first non-zero entry of the
 * normal positive and (w, b) = factor · (normal, offset).
 */
export function boundary(node) {
  const { integers, factor } = primitive([...node.w, node.b]);
  const reversed = integers.find((value) => value !== 0n) < 0n;
  const oriented = reversed ? integers.map((value) => -value) : integers;
  return {
    key: oriented.join(" "), normal: oriented.slice(0, -1), offset: oriented[oriented.length - 1], factor: reversed ? factor.neg() : factor,
  };
}

/** Order of hyperplanes: by normal, then by offset, as Python sorts them. */
function before(a, b) {
  for (let i = 0; i < a.normal.length; i += 1) if (a.normal[i] !== b.normal[i]) return a.normal[i] < b.normal[i] ? -1 : 1;
  return a.offset < b.offset ? -1 : a.offset > b.offset ? 1 : 0;
}

/** {kinks: [{key, normal, offset, total}], linear, constant} on all of R^N (box null), or of the restriction to a box. */
export function kinkForm(net, box = null) {
  const totals = new Map();
  let linear = Array(net.inputs).fill(ZERO);
  let constant = net.c;
  const addAffine = (node) => {
    linear = linear.map((value, i) => value.add(node.q.mul(node.w[i])));
    constant = constant.add(node.q.mul(node.b));
  };
  for (const node of net.nodes) {
    if (node.q.isZero) continue;
    if (isConstant(node)) {
      if (node.b.sign > 0) constant = constant.add(node.q.mul(node.b));
      continue;
    }
    const { low, high } = span(node, box);
    if (high !== null && high.sign <= 0) continue;
    if (low !== null && low.sign >= 0) {
      addAffine(node);
      continue;
    }
    const plane = boundary(node);
    const own = totals.get(plane.key) ?? { ...plane, total: ZERO };
    totals.set(plane.key, { ...own, total: own.total.add(node.q.mul(plane.factor.abs())) });
    // q ReLU(v) = q ReLU(-v) + q v
    if (plane.factor.sign < 0) addAffine(node);
  }
  const kinks = [...totals.values()].filter((kink) => !kink.total.isZero).sort(before)
    .map(({ key, normal, offset, total }) => ({ key, normal, offset, total }));
  return { kinks, linear, constant };
}

/** G = L + Σ A_k n_k / 2, the slope that does not depend on orientations. */
export function slope(form) {
  return form.linear.map((value, i) => form.kinks.reduce((sum, { normal, total }) => sum.add(total.mul(new Rational(normal[i], 2n))), value));
}

/** Whether two forms are the same function. */
export function sameForm(a, b) {
  return (
    a.kinks.length === b.kinks.length
    && a.kinks.every((kink, i) => kink.key === b.kinks[i].key && kink.total.equals(b.kinks[i].total))
    && a.linear.every((value, i) => value.equals(b.linear[i]))
    && a.constant.equals(b.constant)
  );
}

/** u(x) = <normal, x> + offset at an exact point. */
export function heightAt(plane, point) {
  return dot(plane.normal.map((n) => new Rational(n)), point).add(new Rational(plane.offset));
}

/** "2x − 1 = 0". */
export function planeText({ normal, offset }) {
  const terms = normal.map((n, i) => [n, normal.length > 1 ? `x${"₁₂₃₄₅₆₇₈"[i]}` : "x"]).filter(([n]) => n !== 0n);
  if (offset !== 0n) terms.push([offset, ""]);
  return `${terms.map(([n, name], i) => {
    const size = n < 0n ? -n : n;
    const digits = size === 1n && name ? "" : size < 10n ** 6n ? `${size}` : `${Number(Number(size).toPrecision(4))}`;
    return `${i ? (n < 0n ? " − " : " + ") : n < 0n ? "−" : ""}${digits}${name}`;
  }).join("")} = 0`;
}

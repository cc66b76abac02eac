/** A two-layer ReLU network with one output and exact parameters: f(x) = c + Σ q_i ReLU(<w_i, x> + b_i). */

import { dot, rational } from "../math/rational.mjs";

export const MOST_NODES = 8;

/**
 * The network {nodes: [{w, b, q}], c, inputs} of JSON values {w, b, q, c, inputs}: numbers, or fractions as text.
 * Throws an Error that names the part that does not fit.
 */
export function fromJson({ w, b, q, c, inputs }) {
  for (const [name, value] of Object.entries({ w, b, q })) if (!Array.isArray(value)) throw new Error(`${name} of the network should be a list`);
  if (Array.isArray(q[0])) throw new Error("q of the network has several rows; the explorer shows one output, so take one row of q at a time");
  if (b.length !== w.length || q.length !== w.length) throw new Error(`w has ${w.length} rows, b ${b.length} entries and q ${q.length}; all should have one for each node`);
  const columns = w.length ? w[0].length : inputs;
  if (!Number.isInteger(columns) || columns < 1) throw new Error("w has no rows, or empty ones, and inputs does not say how many inputs there are");
  if (inputs !== undefined && inputs !== columns) throw new Error(`inputs is ${inputs}, but the rows of w have ${columns} entries`);
  const read = (value, name) => {
    try {
      return withinDoubles(rational(value));
    } catch (error) {
      throw new Error(`${name} of the network: ${error.message}`);
    }
  };
  const nodes = w.map((row, i) => {
    if (!Array.isArray(row) || row.length !== columns) throw new Error(`row ${i} of w should have ${columns} entries`);
    return { w: row.map((value) => read(value, "w")), b: read(b[i], "b"), q: read(q[i], "q") };
  });
  return { nodes, c: read(c, "c"), inputs: columns };
}

const LARGEST = rational("1e100");
const SMALLEST = rational("1e-100");

/** A parameter that drawing can hold: a sum of products of such numbers stays within the doubles. Throws an Error that says what to write. */
export function withinDoubles(value) {
  const size = value.abs();
  if (size.compare(LARGEST) > 0 || (!size.isZero && size.compare(SMALLEST) < 0)) {
    throw new Error(`its size is beyond what can be drawn; write 0 or a number whose size is between 1e-100 and 1e100`);
  }
  return value;
}

/** JSON values that `fromJson`, and `singlearn symmetry describe`, take back exactly: whole numbers where they are, else text. */
export function toJson(net) {
  // Integers beyond 2^53 would be rounded by whoever reads them as a number.
  const value = (number) => (number.d === 1n && number.n <= 2n ** 53n && number.n >= -(2n ** 53n) ? Number(number.n) : number.toString());
  return {
    w: net.nodes.map((node) => node.w.map(value)), b: net.nodes.map((node) => value(node.b)), q: net.nodes.map((node) => value(node.q)),
    c: value(net.c), inputs: net.inputs,
  };
}

/** f at an exact point. */
export function valueAt(net, point) {
  return net.nodes.reduce((total, node) => {
    const height = dot(node.w, point).add(node.b);
    return height.sign > 0 ? total.add(node.q.mul(height)) : total;
  }, net.c);
}

/** A function of a point of doubles, for drawing. */
export function drawable(net) {
  const nodes = net.nodes.map((node) => ({ w: node.w.map((v) => v.toNumber()), b: node.b.toNumber(), q: node.q.toNumber() }));
  const c = net.c.toNumber();
  return (point) => {
    let total = c;
    for (const { w, b, q } of nodes) {
      let height = b;
      for (let i = 0; i < w.length; i += 1) height += w[i] * point[i];
      if (height > 0) total += q * height;
    }
    return total;
  };
}

/** The same network with node i replaced. */
export function withNode(net, i, node) {
  return { ...net, nodes: net.nodes.map((old, j) => (j === i ? { ...old, ...node } : old)) };
}

/** Whether w = 0. */
export function isConstant(node) {
  return node.w.every((value) => value.isZero);
}

/** Lowest and highest <w, x> + b on the box {low, high} of exact corners; null is all of R^N, infinite unless w = 0. */
export function span(node, box) {
  if (isConstant(node)) return { low: node.b, high: node.b };
  if (!box) return { low: null, high: null };
  let [low, high] = [node.b, node.b];
  node.w.forEach((w, i) => {
    const ends = [w.mul(box.low[i]), w.mul(box.high[i])];
    if (w.sign < 0) ends.reverse();
    low = low.add(ends[0]);
    high = high.add(ends[1]);
  });
  return { low, high };
}

/** A box with the same exact ends on every axis, or null for null. */
export function cube(low, high, inputs) {
  return { low: Array(inputs).fill(rational(low)), high: Array(inputs).fill(rational(high)) };
}


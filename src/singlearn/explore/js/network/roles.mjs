/** What every hidden node does. */

import { scaledRows } from "../math/rational.mjs";
import { boundary, kinkForm } from "./kink_form.mjs";
import { isConstant, span } from "./net.mjs";

/**
 * Nodes sorted by what they do on the box (null: all of R^N), degenerate ones included: {off, bypassed, sides}; sides is a list of
 * {plane, along: [index], against: [index]}.
 */
export function sorted(net, box, indices = net.nodes.map((_, i) => i)) {
  const [off, bypassed, sides] = [[], [], new Map()];
  for (const i of indices) {
    const node = net.nodes[i];
    const { low, high } = span(node, box);
    if (high !== null && high.sign <= 0) off.push(i);
    else if (low !== null && low.sign >= 0) bypassed.push(i);
    else {
      const plane = boundary(node);
      if (!sides.has(plane.key)) sides.set(plane.key, { plane, along: [], against: [] });
      sides.get(plane.key)[plane.factor.sign > 0 ? "along" : "against"].push(i);
    }
  }
  return { off, bypassed, sides: [...sides.values()] };
}

/** One role for every node: "live", "shared", "opposite", "q = 0", "w = 0", "dead" or "always active"; exact comparisons. */
export function nodeRoles(net, box) {
  const found = net.nodes.map((node) => (node.q.isZero ? "q = 0" : isConstant(node) ? "w = 0" : null));
  const own = sorted(net, box, net.nodes.map((_, i) => i).filter((i) => found[i] === null));
  for (const i of own.off) found[i] = "dead";
  for (const i of own.bypassed) found[i] = "always active";
  for (const { along, against } of own.sides) {
    for (const [same, other] of [[along, against], [against, along]]) {
      for (const i of same) found[i] = same.length > 1 ? "shared" : other.length ? "opposite" : "live";
    }
  }
  return found;
}

/** The nodes that stand on a boundary where amounts add up to zero, so that the function has no kink there. */
export function cancelling(net, box) {
  const kinks = new Set(kinkForm(net, box).kinks.map((kink) => kink.key));
  const loud = net.nodes.map((_, i) => i).filter((i) => !net.nodes[i].q.isZero && !isConstant(net.nodes[i]));
  return sorted(net, box, loud).sides.filter(({ plane }) => !kinks.has(plane.key)).map(({ along, against }) => [...along, ...against]);
}

/** The smallest sets of nodes whose weights annihilate, Σ q_i w_i = 0: they can be reversed together. Lists of indices. */
export function annihilating(net) {
  const loud = net.nodes.map((_, i) => i).filter((i) => !net.nodes[i].q.isZero && !isConstant(net.nodes[i]));
  // One row of integers for every input: entry k is the total gradient of the k-th of these nodes.
  const rows = scaledRows(Array.from({ length: net.inputs }, (_, j) => loud.map((i) => net.nodes[i].w[j].mul(net.nodes[i].q))));
  return zeroSums(rows, loud.length).map((positions) => positions.map((k) => loud[k]));
}

/** The smallest sets of positions 0 … size − 1 over which every row of integers adds up to zero. */
export function zeroSums(rows, size) {
  const masks = [];
  for (let mask = 1; mask < 2 ** size; mask += 1) {
    if (rows.every((row) => isZeroSum(row, mask))) masks.push(mask);
  }
  const smallest = masks.filter((mask) => !masks.some((other) => other !== mask && (other & mask) === other));
  return smallest.map((mask) => Array.from({ length: size }, (_, k) => k).filter((k) => mask & (1 << k)));
}

function isZeroSum(row, mask) {
  let sum = row[0] - row[0];
  for (let k = 0; k < row.length; k += 1) if (mask & (1 << k)) sum += row[k];
  return !sum;
}

/**
 * Moves inside a fibre: each gives a network whose function is the same on all of R^N, in exact arithmetic. Each `can…` says when it is
 * possible; nothing else is offered.
 */

import { HALF, ONE, Rational, ZERO, rounded, scaledRows } from "../math/rational.mjs";
import { boundary } from "./kink_form.mjs";
import { isConstant, withNode } from "./net.mjs";
import { annihilating, sorted, zeroSums } from "./roles.mjs";
import { turns } from "./rank.mjs";

/** (w, b) times ρ > 0, q divided by ρ. */
export function scale(net, i, factor) {
  if (factor.sign <= 0) throw new Error("ReLU commutes with positive factors only");
  const { w, b, q } = net.nodes[i];
  return withNode(net, i, { w: w.map((v) => v.mul(factor)), b: b.mul(factor), q: q.div(factor) });
}

/** The rational factor, to nine digits, after which |w|² + b² = q²; null where there is none (a part is zero). */
export function balancing(node) {
  const size = Math.hypot(...node.w.map((v) => v.toNumber()), node.b.toNumber());
  const factor = Math.sqrt(Math.abs(node.q.toNumber()) / size);
  if (!(factor > 0) || !Number.isFinite(factor)) return null;
  const digits = 10 ** (9 - Math.floor(Math.log10(factor)));
  return digits >= 1 ? rounded(factor, digits) : new Rational(BigInt(Math.round(factor)));
}

/** Two nodes change places. */
export function swap(net, i, j) {
  const nodes = [...net.nodes];
  [nodes[i], nodes[j]] = [nodes[j], nodes[i]];
  return { ...net, nodes };
}

/** Nodes i, j on one boundary with one orientation, q of both counted: [{i, j, ratio}] with (w, b)_j = ratio (w, b)_i. */
export function sharing(net) {
  const loud = net.nodes.map((_, i) => i).filter((i) => !isConstant(net.nodes[i]));
  return sorted(net, null, loud).sides.flatMap(({ along, against }) => [along, against].flatMap((same) => same.flatMap((i, k) => same.slice(k + 1).map((j) => {
    const axis = net.nodes[i].w.findIndex((w) => !w.isZero);
    return { i, j, ratio: net.nodes[j].w[axis].div(net.nodes[i].w[axis]) };
  }))));
}

/** Outgoing weight passes between two nodes on one oriented boundary, until node j has weight `part`. */
export function transfer(net, { i, j, ratio }, part) {
  const change = part.sub(net.nodes[j].q);
  return withNode(withNode(net, j, { q: part }), i, { q: net.nodes[i].q.sub(change.mul(ratio)) });
}

/** Node i takes the whole amount of both; node j is left with q = 0 and is free. */
export function merge(net, pair) {
  return transfer(net, pair, ZERO);
}

/** Pairs that merge changes: both nodes have q ≠ 0. */
export function canMerge(net) {
  return sharing(net).filter(({ i, j }) => !net.nodes[i].q.isZero && !net.nodes[j].q.isZero);
}

/** Nodes that contribute nothing, or only a constant that c can take. */
export function idle(net) {
  return net.nodes.map((_, i) => i).filter((i) => net.nodes[i].q.isZero || isConstant(net.nodes[i]));
}

/** A node's constant goes to c and its q becomes 0, where w = 0. */
export function silence(net, i) {
  const node = net.nodes[i];
  if (node.q.isZero) return net;
  if (!isConstant(node)) throw new Error("the node is no constant");
  const c = node.b.sign > 0 ? net.c.add(node.q.mul(node.b)) : net.c;
  return { ...withNode(net, i, { q: ZERO }), c };
}

/** Which nodes can be split, and with which idle node: [{i, j}]. */
export function canSplit(net) {
  const free = idle(net);
  const loud = net.nodes.map((_, i) => i).filter((i) => !free.includes(i));
  return free.length ? loud.map((i) => ({ i, j: free[0] })) : [];
}

/** The idle node j stands beside node i and takes half of its outgoing weight. */
export function split(net, { i, j }) {
  const { w, b, q } = net.nodes[i];
  const half = q.mul(HALF);
  return withNode(withNode(silence(net, j), j, { w, b, q: half }), i, { q: half });
}

/** Idle nodes, and the smallest sets on one boundary whose amounts add up to zero: they slide, since they leave no kink. [{nodes, kind}]. */
export function sliding(net) {
  const found = idle(net).map((i) => ({ nodes: [i], kind: net.nodes[i].q.isZero ? "q = 0" : "w = 0" }));
  const loud = net.nodes.map((_, i) => i).filter((i) => !net.nodes[i].q.isZero && !isConstant(net.nodes[i]));
  for (const { along, against } of sorted(net, null, loud).sides) {
    const members = [...along, ...against];
    const amounts = members.map((i) => net.nodes[i].q.mul(boundary(net.nodes[i]).factor.abs()));
    for (const positions of zeroSums(scaledRows([amounts]), members.length)) {
      const nodes = positions.map((k) => members[k]);
      const carried = positions.filter((k) => k >= along.length).reduce((sum, k) => sum.add(amounts[k]), ZERO);
      found.push({ nodes, kind: carried.isZero ? "cancelling" : "linear pair" });
    }
  }
  return found;
}

/**
 * Slide a set from `sliding` so that u becomes u + shift on its boundary (for the first node; the others keep their ratio to it). A
 * linear pair keeps its slope, so c follows; a constant node trades with c.
 */
export function slide(net, { nodes, kind }, shift) {
  const first = net.nodes[nodes[0]];
  if (kind === "w = 0") {
    const height = (node) => (node.b.sign > 0 ? node.b.mul(node.q) : ZERO);
    const moved = { ...first, b: first.b.add(shift) };
    return { ...withNode(net, nodes[0], { b: moved.b }), c: net.c.add(height(first)).sub(height(moved)) };
  }
  let after = net;
  let left = ZERO;
  const axis = first.w.findIndex((w) => !w.isZero);
  for (const i of nodes) {
    const node = net.nodes[i];
    const ratio = nodes.length === 1 ? ONE : node.w[axis].div(first.w[axis]);
    const change = shift.mul(ratio);
    after = withNode(after, i, { b: node.b.add(change) });
    // q ReLU(v) of an against node is q ReLU(-v) + q v: what its offset adds to the affine part, c takes back.
    if (ratio.sign < 0) left = left.add(node.q.mul(change));
  }
  return { ...after, c: after.c.sub(left) };
}

/** Sets whose weights annihilate, Σ q_i w_i = 0. */
export function canReverse(net) {
  return annihilating(net);
}

/** All nodes of an annihilating set turn round: q ReLU(v) = q ReLU(−v) + q v, and Σ q_i v_i is the constant Σ q_i b_i. */
export function reverse(net, set) {
  const slopes = net.c && net.nodes[set[0]].w.map((_, j) => set.reduce((sum, i) => sum.add(net.nodes[i].q.mul(net.nodes[i].w[j])), ZERO));
  if (slopes.some((value) => !value.isZero)) throw new Error("the weights of these nodes do not annihilate");
  let [after, c] = [net, net.c];
  for (const i of set) {
    const { w, b, q } = net.nodes[i];
    after = withNode(after, i, { w: w.map((v) => v.neg()), b: b.neg() });
    c = c.add(q.mul(b));
  }
  return { ...after, c };
}

/** Ways in which opposite nodes on several boundaries hand their amounts to each other: those of `turns` on R^N, degenerate nodes left out. */
export function canTurn(net) {
  const loud = net.nodes.map((_, i) => i).filter((i) => !isConstant(net.nodes[i]));
  return turns(net, sorted(net, null, loud));
}

/** Amounts τ times `amount` turn round: τ ReLU(u) − τ ReLU(−u) = τ u, and Σ τ_k u_k is a constant that c takes. */
export function turn(net, how, amount) {
  let [after, c] = [net, net.c];
  for (const { up, down, change, offset } of how) {
    const tau = change.mul(amount);
    after = withNode(after, up.index, { q: after.nodes[up.index].q.add(tau.div(up.size)) });
    after = withNode(after, down.index, { q: after.nodes[down.index].q.sub(tau.div(down.size)) });
    c = c.sub(tau.mul(offset));
  }
  return { ...after, c };
}

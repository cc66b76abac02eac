/**
 * Directions in which nodes that cancel on one boundary leave it together, the function staying as it is; as in
 * singlearn.symmetry.two_layer.slides, for one output and in exact arithmetic.
 *
 * A set S on one hyperplane u = 0 whose amounts a_i = q_i|ρ_i| add up to zero has no kink: what is left of it is α u, α the sum of the
 * amounts along the normal. It can move to u + t η as long as something takes back the slope t α η; c takes back constants.
 */

import { ONE, ZERO, scaledRows } from "../math/rational.mjs";
import { kernel, rank, transpose } from "../math/linear.mjs";
import { boundary } from "./kink_form.mjs";
import { isConstant } from "./net.mjs";
import { zeroSums } from "./roles.mjs";

/**
 * {slides, exchanges}: lists of {nodes, entries}, entries [[place, value]] of a direction.
 *
 * own: what `sorted` says on the domain. onBox: whether that is a box, where always active nodes can carry slopes.
 */
export function slides(net, own, place, onBox) {
  const groups = own.sides.map(({ along, against }) => new Map([...along, ...against].map((i) => [i, boundary(net.nodes[i]).factor])));
  // On all of R^N the constant nodes share one boundary as well, the one at infinity.
  if (!onBox) groups.push(new Map(net.nodes.map((node, i) => [i, node.b]).filter(([i, b]) => isConstant(net.nodes[i]) && !b.isZero)));
  const sets = groups.flatMap((group) => cancellingSets(net, group));
  const carriers = carriersOf(net, own, place, onBox);
  const found = [];
  const axes = Array.from({ length: net.inputs }, (_, axis) => axis);
  const tilt = (one, axis) => ({
    entries: one.nodes.map((i, k) => [place.w(i, axis), one.factors[k]]),
    slope: axes.map((other) => (other === axis ? one.slope : ZERO)),
  });
  for (const one of sets) {
    if (one.nodes.length === 1 && net.nodes[one.nodes[0]].q.isZero) continue; // its freedom has a name already
    found.push({ nodes: one.nodes, entries: [...one.nodes.map((i, k) => [place.b(i), one.factors[k]]), [place.c, one.slope.neg()]] });
    if (one.slope.isZero) for (const axis of axes) found.push({ nodes: one.nodes, entries: tilt(one, axis).entries });
  }
  const linear = sets.filter((one) => !one.slope.isZero);
  const families = linear.map((one) => [one]);
  // Single sets do where the carriers take every slope; else two sets balance each other or not at all.
  if (rank(carriers.map(({ slope }) => slope)) < net.inputs) {
    linear.forEach((one, k) => linear.slice(k + 1).forEach((other) => {
      if (!one.nodes.some((i) => other.nodes.includes(i))) families.push([one, other]);
    }));
  }
  for (const family of families) {
    const nodes = family.flatMap((one) => one.nodes);
    for (const entries of balanced(family.flatMap((one) => axes.map((axis) => tilt(one, axis))), carriers, net.inputs)) found.push({ nodes, entries });
  }
  const turning = own.sides.filter(({ along, against }) => along.length && against.length);
  const exchanges = onBox && own.bypassed.length
    ? balanced(carriers.slice(0, turning.length), carriers.slice(turning.length), net.inputs)
      .map((entries) => ({ nodes: [...own.bypassed, ...turning.flatMap(({ along, against }) => [along[0], against[0]])], entries }))
    : [];
  return { slides: found, exchanges };
}

/** The smallest sets of a group {node: ρ} whose amounts add up to zero: {nodes, factors, slope} in units of the first node's (w, b). */
function cancellingSets(net, group) {
  const nodes = [...group.keys()];
  const amounts = nodes.map((i) => net.nodes[i].q.mul(group.get(i).abs()));
  return zeroSums(scaledRows([amounts]), nodes.length).map((positions) => {
    const members = positions.map((k) => nodes[k]);
    const size = group.get(members[0]).abs();
    const along = positions.filter((k) => group.get(nodes[k]).sign > 0).reduce((sum, k) => sum.add(amounts[k]), ZERO);
    return { nodes: members, factors: members.map((i) => group.get(i).div(size)), slope: along.div(size) };
  });
}

/** What can take a slope: amounts of opposite nodes that turn round, and on a box all that always active nodes do. */
function carriersOf(net, own, place, onBox) {
  const moves = own.sides.filter(({ along, against }) => along.length && against.length).map(({ along: [up], against: [down] }) => {
    const axis = net.nodes[up].w.findIndex((w) => !w.isZero);
    const ratio = net.nodes[up].w[axis].div(net.nodes[down].w[axis]).abs();
    return { entries: [[place.q(up), ONE], [place.q(down), ratio.neg()], [place.c, net.nodes[up].b.neg()]], slope: net.nodes[up].w };
  });
  for (const i of onBox ? own.bypassed : []) {
    const { w, b, q } = net.nodes[i];
    w.forEach((_, axis) => moves.push({ entries: [[place.w(i, axis), ONE]], slope: w.map((__, other) => (other === axis ? q : ZERO)) }));
    moves.push({ entries: [[place.q(i), ONE], [place.c, b.neg()]], slope: w });
  }
  return moves;
}

/** Combinations of tilts whose slope the carriers take back, each with what the carriers do. */
function balanced(tilts, carriers, inputs) {
  const moves = [...carriers, ...tilts];
  // The carriers come first, so that a solution of theirs alone has no tilt in it.
  return kernel(transpose(moves.map(({ slope }) => slope), inputs), moves.length)
    .filter((solution) => solution.slice(carriers.length).some((v) => !v.isZero))
    .map((solution) => moves.flatMap(({ entries }, k) => (solution[k].isZero ? [] : entries.map(([at, value]) => [at, value.mul(solution[k])]))));
}

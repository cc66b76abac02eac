/** Rank of the Jacobian for inputs that fill the box (or R^N), and how much of its null space the symmetries explain. All exact. */

import { ONE, ZERO, Rational, dot } from "../math/rational.mjs";
import { kernel, rank, rankModulo, transpose } from "../math/linear.mjs";
import { isConstant } from "./net.mjs";
import { sorted } from "./roles.mjs";
import { slides } from "./slides.mjs";

/** Where the parameters lie in the vector (w row by row, b, q, c). */
export function layout(net) {
  const [width, inputs] = [net.nodes.length, net.inputs];
  return {
    size: width * (inputs + 2) + 1,
    w: (i, j) => i * inputs + j,
    b: (i) => width * inputs + i,
    q: (i) => width * (inputs + 1) + i,
    c: width * (inputs + 2),
  };
}

/**
 * {parameters, rank, null, explained, firstOrder, fields}: fields counts the directions that each symmetry gives (they may overlap),
 * explained is the dimension they span together, and firstOrder is what else is null: null to first order only, no symmetry.
 */
export function explainedRank(net, box) {
  const { size } = layout(net);
  const found = generators(net, box);
  const fields = {};
  for (const { field } of found) fields[field] = (fields[field] ?? 0) + 1;
  const directions = found.map(({ direction }) => direction);
  const rows = equations(net, box);
  let [own, explained] = [rankModulo(rows), rankModulo(directions)];
  // Modulo a prime ranks can only fall, and the symmetries are null: explained ≤ size − own. Where the quick ranks add up to the size
  // they are therefore the ranks; elsewhere both are computed in exact arithmetic.
  if (own + explained !== size) [own, explained] = [rank(rows), rank(directions)];
  return { parameters: size, rank: own, null: size - own, explained, firstOrder: size - own - explained, fields };
}

/**
 * The derivative of f along a direction is P_0 + Σ_k (1_{u_k>0} P_k^+ + 1_{u_k<0} P_k^-) with affine P; it vanishes exactly when
 * P_k^+ = P_k^- on every boundary and P_0 + Σ P_k^+ = 0. One block of N + 1 rows for each.
 */
export function equations(net, box) {
  const place = layout(net);
  const empty = () => Array.from({ length: net.inputs + 1 }, () => Array(place.size).fill(ZERO));
  const own = sorted(net, box);
  const total = empty();
  total[net.inputs][place.c] = ONE;
  const addPiece = (rows, i, sign) => {
    const { w, b, q } = net.nodes[i];
    const put = (row, column, value) => { rows[row][column] = rows[row][column].add(sign > 0 ? value : value.neg()); };
    for (let j = 0; j < net.inputs; j += 1) {
      put(j, place.w(i, j), q);
      put(j, place.q(i), w[j]);
    }
    put(net.inputs, place.b(i), q);
    put(net.inputs, place.q(i), b);
  };
  const blocks = [];
  for (const { along, against } of own.sides) {
    const block = empty();
    for (const i of along) {
      addPiece(block, i, 1);
      addPiece(total, i, 1);
    }
    for (const i of against) addPiece(block, i, -1);
    blocks.push(...block);
  }
  for (const i of own.bypassed) addPiece(total, i, 1);
  return [...blocks, ...total];
}

/** Directions along which the function does not change, from the symmetries: [{field, nodes, direction}]. They may depend on each other. */
export function generators(net, box) {
  const place = layout(net);
  const own = sorted(net, box);
  const found = [];
  const add = (field, nodes, entries) => {
    const direction = Array(place.size).fill(ZERO);
    for (const [at, value] of entries) direction[at] = direction[at].add(value);
    found.push({ field, nodes, direction });
  };
  const axes = Array.from({ length: net.inputs }, (_, j) => j);
  net.nodes.forEach((node, i) => {
    if (!isConstant(node) || !node.b.isZero || !node.q.isZero) {
      add("scaling", [i], [...axes.map((j) => [place.w(i, j), node.w[j]]), [place.b(i), node.b], [place.q(i), node.q.neg()]]);
    }
    if (node.q.isZero) for (const at of [...axes.map((j) => place.w(i, j)), place.b(i)]) add("q = 0", [i], [[at, ONE]]);
    if (!box && isConstant(node)) {
      if (!node.b.isZero) add("w = 0", [i], [[place.b(i), ONE], ...(node.b.sign > 0 ? [[place.c, node.q.neg()]] : [])]);
      add("w = 0", [i], [[place.q(i), ONE], ...(node.b.sign > 0 ? [[place.c, node.b.neg()]] : [])]);
    }
  });
  if (box) for (const i of own.off) for (const at of [...axes.map((j) => place.w(i, j)), place.b(i), place.q(i)]) add("dead on the domain", [i], [[at, ONE]]);
  for (const { along, against } of own.sides) {
    for (const same of [along, against]) {
      for (let k = 0; k + 1 < same.length; k += 1) {
        // u_j = ratio u_i: what q_j gains, q_i loses ratio times.
        const [i, j] = [same[k], same[k + 1]];
        const axis = net.nodes[i].w.findIndex((w) => !w.isZero);
        add("shared boundary", [i, j], [[place.q(j), ONE], [place.q(i), net.nodes[j].w[axis].div(net.nodes[i].w[axis]).neg()]]);
      }
    }
  }
  for (const turn of turns(net, own)) {
    add("opposite nodes", turn.flatMap(({ up, down }) => [up.index, down.index]), turn.flatMap(({ up, down, change, offset }) => [
      [place.q(up.index), change.div(up.size)], [place.q(down.index), change.div(down.size).neg()], [place.c, change.mul(offset).neg()],
    ]));
  }
  const { slides: sliding, exchanges } = slides(net, own, place, box !== null);
  for (const { nodes, entries } of sliding) add("cancelling nodes", nodes, entries);
  for (const { nodes, entries } of exchanges) add("opposite and always active nodes", nodes, entries);
  if (box && own.bypassed.length) bypassed(net, own.bypassed, place, add);
  return found;
}

/**
 * Ways in which amounts τ_k turn round together on boundaries with nodes of both orientations: Σ τ_k n_k = 0. A basis, each a list of
 * {up: {index, size}, down: {index, size}, change, offset, plane}, where size is |ρ| of (w, b) = ρ (normal, offset).
 */
export function turns(net, own) {
  const both = own.sides.filter(({ along, against }) => along.length && against.length).map(({ plane, along, against }) => ({
    plane,
    offset: new Rational(plane.offset),
    normal: plane.normal.map((n) => new Rational(n)),
    up: { index: along[0], size: sizeOn(plane, net.nodes[along[0]]) },
    down: { index: against[0], size: sizeOn(plane, net.nodes[against[0]]) },
  }));
  if (!both.length) return [];
  return kernel(transpose(both.map(({ normal }) => normal), net.inputs), both.length)
    .map((amounts) => both.map((one, k) => ({ ...one, change: amounts[k] })).filter(({ change }) => !change.isZero));
}

function sizeOn(plane, node) {
  const axis = plane.normal.findIndex((n) => n !== 0n);
  return node.w[axis].div(new Rational(plane.normal[axis])).abs();
}

/** The symmetries of the linear network Q (W x + b) + c that always active nodes are. */
function bypassed(net, members, place, add) {
  const axes = Array.from({ length: net.inputs }, (_, j) => j);
  const affine = members.map((i) => [...net.nodes[i].w, net.nodes[i].b]);
  const outgoing = members.map((i) => net.nodes[i].q);
  const at = (i, column) => (column < net.inputs ? place.w(i, column) : place.b(i));
  const put = (entries) => add("always active on the domain", members, entries);
  members.forEach((i, row) => {
    // X = E_rs of GL(k): row r of (W, b) gains row s, and q_s loses q_r.
    members.forEach((j, other) => put([...affine[other].map((value, column) => [at(i, column), value]), [place.q(j), outgoing[row].neg()]]));
    put([[place.b(i), ONE], [place.c, outgoing[row].neg()]]);
  });
  for (const vector of kernel([outgoing], members.length)) {
    for (const column of [...axes, net.inputs]) put(members.map((i, row) => [at(i, column), vector[row]]));
  }
  for (const vector of kernel(transpose(affine.map((row) => row.slice(0, -1)), net.inputs), members.length)) {
    put([...members.map((i, row) => [place.q(i), vector[row]]), [place.c, dot(vector, affine.map((row) => row[net.inputs])).neg()]]);
  }
}

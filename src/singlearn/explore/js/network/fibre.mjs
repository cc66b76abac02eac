/**
 * The connected components of all parameters of one width that compute one function on R^N, as singlearn.symmetry.fibre proves them.
 *
 * Let p kinks, width m, excess e = m − p. A rigid component keeps every node on its boundary (e kinks carry two opposite nodes). In
 * everything else a node can be brought to contribute nothing (kind "free"), or there is a linear pair off the kinks.
 */

import { rank } from "../math/linear.mjs";
import { sorted } from "./roles.mjs";
import { isConstant } from "./net.mjs";
import { parallel, patterns, slopeBalance } from "./balance.mjs";
import { ZERO } from "../math/rational.mjs";

/** {components, number, dimension, excess, indexOf(pattern)} of a kink form and a width; dimension is null where the fibre is empty. */
export function fibre(form, width) {
  const balance = slopeBalance(form);
  const p = form.kinks.length;
  const excess = width - p;
  const components = excess < 0 ? [] : [...freeOnes(balance, p, excess), ...heldOnes(balance, p, width)];
  return {
    components,
    excess,
    number: components.reduce((total, component) => total + component.copies, 0),
    dimension: components.length ? Math.max(...components.map((component) => component.dimension)) : null,
    indexOf(pattern) {
      const place = (one) => components.findIndex((component) => component.patterns.some((own) => own.join() === one.join()));
      const exact = place(pattern);
      if (exact >= 0) return exact;
      return excess >= 3 ? 0 : place(pattern.map((sign) => sign || 1));
    },
  };
}

/** +1, −1 or 0 (both) for every kink of the form: how the nodes of a network point on it, by amounts that are not zero. */
export function patternOf(net, form) {
  const loud = net.nodes.map((_, i) => i).filter((i) => !net.nodes[i].q.isZero && !isConstant(net.nodes[i]));
  const sides = new Map(sorted(net, null, loud).sides.map((side) => [side.plane.key, side]));
  const amount = (indices) => indices.reduce((sum, i) => sum.add(amountOf(net.nodes[i])), ZERO);
  return form.kinks.map(({ key }) => {
    const { along, against } = sides.get(key);
    const [up, down] = [!amount(along).isZero, !amount(against).isZero];
    return up && down ? 0 : up ? 1 : -1;
  });
}

function amountOf(node) {
  // On one side of one boundary all nodes have (w, b) = ρ (w, b) of the first with ρ > 0: any norm gives amounts that can be added.
  return node.w.reduce((size, w) => size.add(w.abs()), ZERO).mul(node.q);
}

function freeOnes(balance, p, e) {
  const idle = balance.slope.length + 1; // q = 0, (w, b) free
  const balanced = balance.solutions([]);
  const component = (own, every, dimension, free) => ({ kind: "free", patterns: own, takesEveryPattern: every, copies: 1, dimension, freeNodes: free });
  if (e === 1) return balanced.map((pattern) => component([pattern], false, p + idle, 1));
  if (e === 2) {
    return classes(balance, p).flatMap((members) => {
      if (members.some((one) => contains(balanced, one))) return [component(members, false, p + 2 * idle, 2)];
      return members.length > 1 ? [component(members, false, p + 1 + idle, 1)] : [];
    });
  }
  if (e < 3) return [];
  const [held, scales] = balanced.length ? [0, 0] : balance.normals.some((_, k) => balance.solutions([k]).length) ? [1, 1] : [2, 3];
  return [component(balanced, true, p + scales + (e - held) * idle, e - held)];
}

function heldOnes(balance, p, width) {
  const e = width - p;
  const copies = factorial(width);
  const pairs = [];
  if (e === 2) {
    const balanced = balance.solutions([]);
    for (const members of classes(balance, p)) {
      if (members.length === 1 && !contains(balanced, members[0])) {
        pairs.push({ kind: "linear pair", patterns: members, takesEveryPattern: false, copies, dimension: p + 3, freeNodes: 0 });
      }
    }
  }
  const rigid = [];
  for (const both of combinations(p, e)) {
    if (rank(both.map((k) => balance.normals[k])) < both.length) continue;
    // v_k = ±A_k/2 means that k can do with one node: the pattern balances with fewer shared kinks.
    const fewer = both.flatMap((k) => balance.solutions(both.filter((other) => other !== k)).map((pattern) => pattern.map((sign, i) => (i === k ? 0 : sign))));
    for (const pattern of balance.solutions(both)) {
      if (!contains(fewer, pattern)) rigid.push({ kind: "rigid", patterns: [pattern], takesEveryPattern: false, copies, dimension: width, freeNodes: 0 });
    }
  }
  return [...pairs, ...rigid];
}

/** For e = 2: patterns that a linear pair connects, reversing one kink k with R_s parallel to n_k at a time. */
function classes(balance, p) {
  const left = new Map(patterns(p).map((pattern) => [pattern.join(), pattern]));
  const found = [];
  while (left.size) {
    const [key, start] = left.entries().next().value;
    left.delete(key);
    const members = [start];
    for (let at = 0; at < members.length; at += 1) {
      const residual = balance.residual(members[at]);
      balance.normals.forEach((normal, k) => {
        if (!parallel(residual, normal)) return;
        const other = members[at].map((sign, i) => (i === k ? -sign : sign));
        if (left.delete(other.join())) members.push(other);
      });
    }
    found.push(members);
  }
  return found;
}

function contains(list, pattern) {
  const key = pattern.join();
  return list.some((one) => one.join() === key);
}

function combinations(size, count) {
  if (count > size) return [];
  if (!count) return [[]];
  const found = [];
  const walk = (start, chosen) => {
    if (chosen.length === count) found.push(chosen);
    else for (let k = start; k < size; k += 1) walk(k + 1, [...chosen, k]);
  };
  walk(0, []);
  return found;
}

function factorial(n) {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** A component in words. */
export function describe(component, width) {
  const shared = component.patterns[0]?.map((sign, k) => (sign ? null : k + 1)).filter((k) => k !== null) ?? [];
  if (component.kind === "rigid") return `${shared.length ? `two opposite nodes on kink ${shared.join(" and ")}, ` : ""}every node keeps its boundary; only the ${width} scales are free`;
  if (component.kind === "linear pair") return "two opposite nodes off the kinks carry a slope; their offset is free";
  const nodes = component.freeNodes === 1 ? "one node" : `${component.freeNodes} nodes`;
  return component.takesEveryPattern ? `up to ${nodes} free, kinks of any orientation` : `up to ${nodes} free`;
}

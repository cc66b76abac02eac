/** The state that the scenes of networks share, and what of it may come from an address. */

import { rational } from "../../math/rational.mjs";
import { EXAMPLES } from "../../network/examples.mjs";
import { kinkForm, sameForm } from "../../network/kink_form.mjs";
import { MOST_NODES, fromJson, toJson } from "../../network/net.mjs";

export const SLICE = "network";

/** Half sides of the box of inputs that the scene offers. */
export const SIDES = ["1", "2", "3", "5", "10", "30", "100", "1000"];

/**
 * net: the network, as JSON. side: the inputs shown are |x_i| ≤ side. everywhere: kinks, roles, width and rank on all of R^N instead of
 * on that box. selected: the node in hand. start: where the walk in the fibre began, null for here. yaw: from where the surface is seen.
 */
export const defaults = { net: EXAMPLES[0].net, side: "3", everywhere: false, selected: 0, start: null, yaw: 30 };

/** Throws an Error that says what is wrong with a state. */
export function check(state) {
  for (const one of [state.net, ...(state.start ? [state.start] : [])]) {
    if (typeof one !== "object" || one === null) throw new Error("the network should be an object with w, b, q and c");
    const net = fromJson(one);
    if (net.inputs > 2) throw new Error(`the network has ${net.inputs} inputs; the explorer draws one or two`);
    if (net.nodes.length > MOST_NODES) throw new Error(`the network has ${net.nodes.length} nodes; the explorer shows up to ${MOST_NODES}`);
  }
  if (state.start) {
    const [net, start] = [fromJson(state.net), fromJson(state.start)];
    if (net.inputs !== start.inputs || net.nodes.length !== start.nodes.length || !sameForm(kinkForm(net), kinkForm(start))) {
      throw new Error("the network is no point of the fibre in which the walk began: it has another shape or computes another function");
    }
  }
  if (!SIDES.includes(state.side)) throw new Error(`side is ${state.side}; it should be one of ${SIDES.join(", ")}`);
  if (typeof state.everywhere !== "boolean") throw new Error("everywhere should be true or false");
  if (!Number.isInteger(state.selected) || state.selected < 0 || state.selected >= Math.max(1, state.net.w.length)) throw new Error("selected should be the index of a node, from 0");
  if (!Number.isFinite(state.yaw)) throw new Error("yaw should be an angle in degrees");
}

/** The network of a state; the same object for the same JSON, so that a frame reads it once. */
export function netOf(json) {
  if (!cache.has(json)) cache.set(json, fromJson(json));
  return cache.get(json);
}
const cache = new WeakMap();

export function sideOf(state) {
  return rational(state.side);
}

/** Put a network into the store. A change that is no move of the fibre ends the walk there. */
export function setNet(store, net, patch = {}) {
  store.set({ net: toJson(net), start: null, ...patch });
}

/** Colour class of a node. */
export function colourOf(i) {
  return `sle-c${(i % 8) + 1}`;
}

/** A light or heavy name for each role: what it means, for people. */
export const MEANING = {
  live: "alone on its boundary",
  shared: "on a boundary with a node of the same orientation",
  opposite: "on a boundary with a node of the opposite orientation",
  "q = 0": "degenerate: it adds nothing",
  "w = 0": "degenerate: it adds a constant",
  dead: "never active on the box",
  "always active": "bypassed: linear on the whole box",
};

// Polynomials as users type them: what is negative somewhere, or lost in rounding, is refused by name; what has no zero is said to have none.

import assert from "node:assert/strict";
import { test } from "node:test";

import { check as checkNetwork, defaults as networkDefaults } from "../../src/singlearn/explore/js/scenes/network/state.mjs";
import { check, defaults, problemOf } from "../../src/singlearn/explore/js/scenes/valley/state.mjs";
import { fromHash } from "../../src/singlearn/explore/js/shell/store.mjs";
import { laplace } from "../../src/singlearn/explore/js/valley/criteria.mjs";
import { momentsAt, reading } from "../../src/singlearn/explore/js/valley/posterior.mjs";

const problem = (text, side = 1) => problemOf({ ...defaults, landscape: "typed", text, side });

test("the sign of K is decided exactly, however large K is elsewhere in the box and however narrow its dip", () => {
  for (const [text, side] of [
    ["x^20 - 100*x^2", 4], ["x^12*y^8 + y^20 - y^2*x^2", 4], ["x^2 - 1e-10", 1], ["w^2*((w - 0.9)^2 - 1e-6)", 1],
    ["x^4*y^4*((x - 0.9)^2 + (y - 0.9)^2 - 1e-4)", 1], ["x", 1], ["x*y", 0.25],
  ]) assert.throws(() => problem(text, side), /and a divergence is never negative/, text);
});

test("terms that cancel beyond what doubles hold are refused by name", () => {
  for (const text of ["(x - 3)^20", "(x^2 + y^2 - 4)^10", "(x^2 - y^2)^10"]) assert.throws(() => problem(text, 4), /doubles are wrong there by .* smaller box/, text);
  for (const [text, side] of [["(x - 3)^2*(x + 3)^2", 4], ["(y^2 - x^3)^2", 4], ["x^20", 8], ["(x^2 - y^2)^2", 4]]) problem(text, side);
});

test("a minimum above 0 is told from a zero by its own rounding", () => {
  for (const [text, side, least] of [["x^20 + 1", 4, 1], ["x^20 + 1/2", 4, 0.5], ["(x^2 + y^2)^2 + 1e-10", 1, 1e-10], ["(x - 2)^2 + y^2", 1, 1]]) {
    const found = problem(text, side);
    assert.ok(Math.abs(found.offset / least - 1) < 1e-9, `${text}: ${found.offset}`);
    assert.match(found.sentence, /^No zero of K/);
    assert.deepEqual([found.lambda, found.zeros], [null, []]);
  }
  for (const [text, side] of [["(x^2 + y^2)^5", 4], ["(y - x^2)^2 + x^6", 1], ["x^4 + y^6", 4], ["(x - 1/3)^4", 1], ["(x - y)^4", 4]]) assert.equal(problem(text, side).offset, 0, text);
  // Only the origin is true, although K is below 1e-9 of its largest value far around it.
  assert.ok(problem("(x^2 + y^2)^5", 4).zeros.every(([x, y]) => Math.hypot(x, y) < 0.02));
});

test("Laplace's method at a side and at a corner of the box", () => {
  for (const text of ["(x - 1)^2 + y^2", "(x - 1)^2 + (x - 1)*(y - 1) + (y - 1)^2", "(x + 1)^2 + (x + 1)*(y - 1) + (y - 1)^2"]) {
    const { land, minima, offset } = problem(text);
    const { F } = reading(momentsAt(land, 1e5, { offset }), offset);
    assert.ok(Math.abs(laplace(land, 1e5, minima) - F) < 1e-6, text);
  }
  const outside = problem("(x - 2)^2 + y^2"); // the slope at x = 1 is not 0: F grows by 3/2 log n
  assert.equal(laplace(outside.land, 1e5, outside.minima), null);
  assert.match(outside.minima.sentence, /on a side of the box, where its slope is not 0/);
});

test("an address sets what a scene has, and every number is one that can be drawn", () => {
  const net = (w, b = 1) => ({ ...networkDefaults, net: { w: [[w]], b: [b], q: [1], c: 0, inputs: 1 } });
  for (const value of ["1e999", "-1e101", "1e-101", "1e400"]) for (const one of [net(value), net(1, value)]) assert.throws(() => checkNetwork(one), /beyond what can be drawn/, value);
  for (const value of ["1e100", "-1e-100", 0, "2/3"]) checkNetwork(net(value));
  assert.throws(() => checkNetwork({ ...net(1), selected: 1 }), /index of a node/);
  assert.throws(() => check({ ...defaults, root: "yes" }), /true or false/);
  assert.throws(() => check({ ...defaults, probe: [1, 2, 3] }), /one number for each of 2/);
  assert.throws(() => check({ ...defaults, landscape: "quartic", start: [1, 2] }), /one number for each of 1/);
  check({ ...defaults, probe: [1, 2], start: null });
});

test("an address may name nothing that every object has", () => {
  const known = { valley: { side: 1 } };
  for (const told of ['{"constructor":{}}', '{"__proto__":{"toString":1}}', '{"valley":{"toString":1}}', '{"valley":{"__proto__":{"side":9}}}'])
    assert.throws(() => fromHash(`#valley/${encodeURIComponent(told)}`, ["valley"], known), /the address (holds|sets)/, told);
});

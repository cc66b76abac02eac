// The explorer's network modules meet what the Python library says about 340 random networks.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fibre, patternOf } from "../../src/singlearn/explore/js/network/fibre.mjs";
import { kinkForm, sameForm } from "../../src/singlearn/explore/js/network/kink_form.mjs";
import { largestDifference } from "../../src/singlearn/explore/js/network/difference.mjs";
import { cube, drawable, fromJson, toJson, valueAt } from "../../src/singlearn/explore/js/network/net.mjs";
import { explainedRank } from "../../src/singlearn/explore/js/network/rank.mjs";
import { nodeRoles } from "../../src/singlearn/explore/js/network/roles.mjs";
import { minimalWidth } from "../../src/singlearn/explore/js/network/width.mjs";
import * as moves from "../../src/singlearn/explore/js/network/moves.mjs";
import { area, cells, crossSection } from "../../src/singlearn/explore/js/network/cells.mjs";
import { linearDomains } from "../../src/singlearn/explore/js/network/difference.mjs";
import { footOf, moveBoundary, moveThrough, moveTotal, moveWeight } from "../../src/singlearn/explore/js/network/snap.mjs";
import { ONE, rational } from "../../src/singlearn/explore/js/math/rational.mjs";

const golden = JSON.parse(readFileSync(new URL("golden/networks.json", import.meta.url)));
const networks = golden.map(({ net }) => fromJson(net));

/** Every golden row with its network, its place in the file in each message. */
function each(check) {
  golden.forEach((row, i) => {
    try {
      check(row, networks[i], i);
    } catch (error) {
      error.message = `network ${i}: ${error.message}`;
      throw error;
    }
  });
}

const domains = (net) => [["everywhere", null], ["box", cube(-3, 3, net.inputs)]];

test("there are at least 300 networks, of one and two inputs and up to eight nodes", () => {
  assert.ok(golden.length >= 300);
  assert.deepEqual([...new Set(networks.map((net) => net.inputs))].sort(), [1, 2]);
  assert.equal(Math.max(...networks.map((net) => net.nodes.length)), 8);
});

test("values are exact, and those for drawing agree to 1e-12", () => each((row, net) => {
  for (const [point, value] of row.values) {
    const exact = valueAt(net, point.map(rational));
    assert.equal(exact.toString(), value);
    const size = 1 + Math.abs(exact.toNumber());
    assert.ok(Math.abs(drawable(net)(point.map((v) => rational(v).toNumber())) - exact.toNumber()) < 1e-12 * size * 100);
  }
}));

test("networks go through JSON without a change", () => each((row, net) => {
  assert.ok(sameForm(kinkForm(fromJson(toJson(net))), kinkForm(net)));
  assert.deepEqual(toJson(fromJson(toJson(net))), toJson(net));
}));

test("kink forms", () => each((row, net) => {
  for (const [name, box] of domains(net)) {
    const form = kinkForm(net, box);
    assert.deepEqual({
      kinks: form.kinks.map(({ normal, offset, total }) => [normal.map(String), String(offset), String(total)]),
      linear: form.linear.map(String), constant: String(form.constant),
    }, row[name].form, name);
  }
}));

test("roles", () => each((row, net) => {
  for (const [name, box] of domains(net)) assert.deepEqual(nodeRoles(net, box), row[name].roles, name);
}));

test("minimal widths", () => each((row, net) => {
  for (const [name, box] of domains(net)) assert.equal(minimalWidth(kinkForm(net, box), box !== null), row[name].width, name);
}));

test("ranks of the Jacobian and the dimension that symmetries explain", () => each((row, net) => {
  for (const [name, box] of domains(net)) {
    const { parameters, rank, explained } = explainedRank(net, box);
    assert.deepEqual({ parameters, rank, explained }, row[name].rank, name);
  }
}));

const told = ({ kind, patterns, takesEveryPattern, copies, dimension, freeNodes }) => {
  const texts = patterns.map((pattern) => pattern.map((sign) => (sign > 0 ? "+" : sign < 0 ? "-" : "0")).join("")).sort();
  return { kind, patterns: texts.slice(0, 8), count: texts.length, takesEveryPattern, copies, dimension, freeNodes };
};
const inOrder = (components) => components.map((component) => JSON.stringify(component, Object.keys(component).sort())).sort();

test("components of fibres, their number and dimension, and the one a network lies in", () => each((row, net) => {
  const form = kinkForm(net);
  for (const expected of row.fibres) {
    const found = fibre(form, expected.width);
    assert.equal(found.number, expected.number);
    assert.equal(found.dimension, expected.dimension);
    assert.equal(found.components.length, expected.types);
    if (expected.types > 12) continue;
    assert.deepEqual(inOrder(found.components.map(told)), inOrder(expected.components));
    if (expected.component === undefined) continue;
    const own = found.components[found.indexOf(patternOf(net, form))];
    assert.deepEqual(told(own), expected.components[expected.component]);
  }
}));

test("equivalences, and the largest difference on the box", () => each((row, net) => {
  const other = fromJson(row.other.net);
  assert.equal(sameForm(kinkForm(net), kinkForm(other)), row.other.equivalent);
  assert.equal(largestDifference(net, other, cube(-3, 3, net.inputs)).value.toString(), row.other.distance);
}));

test("every move that is offered keeps the function, in exact arithmetic", () => {
  const done = {};
  const check = (name, net, after) => {
    done[name] = (done[name] ?? 0) + 1;
    assert.ok(sameForm(kinkForm(after), kinkForm(net)), name);
    assert.equal(after.nodes.length, net.nodes.length);
  };
  each((row, net) => {
    net.nodes.forEach((_, i) => check("scale", net, moves.scale(net, i, rational("7/3"))));
    for (const pair of moves.canMerge(net)) {
      const after = moves.merge(net, pair);
      check("merge", net, after);
      assert.ok(after.nodes[pair.j].q.isZero);
      check("transfer", net, moves.transfer(net, pair, rational("-5/7")));
    }
    for (const pair of moves.canSplit(net)) check("split", net, moves.split(net, pair));
    for (const set of moves.sliding(net)) check(`slide: ${set.kind}`, net, moves.slide(net, set, rational("11/13")));
    for (const set of moves.canReverse(net)) check("reverse", net, moves.reverse(net, set));
    for (const how of moves.canTurn(net)) check("turn", net, moves.turn(net, how, rational("3/11")));
    if (net.nodes.length > 1) check("swap", net, moves.swap(net, 0, net.nodes.length - 1));
  });
  const kinds = ["merge", "reverse", "scale", "slide: cancelling", "slide: linear pair", "slide: q = 0", "slide: w = 0", "split", "swap", "transfer", "turn"];
  assert.deepEqual(Object.keys(done).sort(), kinds);
  for (const kind of kinds) assert.ok(done[kind] >= 5, `${kind}: only ${done[kind]} cases`);
});

test("a redundant set slides off a boundary where a kink stays", () => {
  const net = fromJson({ w: [[1], [2], [-1]], b: [-1, -2, 1], q: [3, "-3/2", "1/2"], c: 0 });
  assert.deepEqual(moves.sliding(net), [{ nodes: [0, 1], kind: "cancelling" }]);
  const after = moves.slide(net, moves.sliding(net)[0], rational("1/3"));
  assert.equal(kinkForm(after).kinks.length, 1);
  assert.ok(sameForm(kinkForm(after), kinkForm(net)) && after.nodes[0].b.toString() === "-2/3" && after.nodes[1].b.toString() === "-4/3");
  const pair = fromJson({ w: [[1], [-1], [1]], b: [0, 0, 0], q: [2, -2, 5], c: 0 });
  assert.deepEqual(moves.sliding(pair), [{ nodes: [0, 1], kind: "linear pair" }]);
  assert.ok(sameForm(kinkForm(moves.slide(pair, moves.sliding(pair)[0], rational(4))), kinkForm(pair)));
});

test("what does not keep the function is refused or seen", () => {
  const net = fromJson({ w: [[1], [-1]], b: [1, 1], q: [1, 2], c: 0 });
  assert.throws(() => moves.reverse(net, [0, 1]), /do not annihilate/);
  assert.throws(() => moves.scale(net, 0, rational(-1)), /positive/);
  assert.deepEqual(moves.canReverse(net), []);
  assert.ok(!sameForm(kinkForm(net), kinkForm({ ...net, c: net.c.add(ONE) })));
});

test("after balancing, |w|² + b² = q² to eight digits and the function is exactly the same", () => each((row, net) => {
  net.nodes.forEach((node, i) => {
    const factor = moves.balancing(node);
    if (!factor) return;
    const after = moves.scale(net, i, factor);
    const { w, b, q } = after.nodes[i];
    const [incoming, outgoing] = [w.reduce((sum, v) => sum + v.toNumber() ** 2, b.toNumber() ** 2), q.toNumber() ** 2];
    assert.ok(Math.abs(incoming - outgoing) < 1e-8 * outgoing);
    assert.ok(sameForm(kinkForm(after), kinkForm(net)));
  });
}));

test("what is no network is refused by name", () => {
  for (const [json, message] of [
    [{ w: [[1]], b: [0, 1], q: [1], c: 0 }, /1 rows, b 2 entries/],
    [{ w: [[1]], b: ["x"], q: [1], c: 0 }, /b of the network: “x” is no number/],
    [{ w: [[1], [1, 2]], b: [0, 0], q: [1, 1], c: 0 }, /row 1 of w/],
    [{ w: [[1]], b: ["1/0"], q: [1], c: 0 }, /denominator 0/],
    [{ w: [[1]], b: [0], q: [[1]], c: [0] }, /several rows/],
    [{ w: [], b: [], q: [], c: 0 }, /inputs/],
    [{ w: [[1]], b: [NaN], q: [1], c: 0 }, /not finite/],
  ]) assert.throws(() => fromJson(json), message);
});

test("linear domains: the exact count is that of the polygons that are drawn, which fill the box and hold the function", () => {
  let several = 0;
  each((row, net) => {
    if (net.inputs !== 2) return;
    const form = kinkForm(net, cube(-3, 3, 2));
    const box = { low: [rational(-3), rational(-3)], high: [rational(3), rational(3)] };
    const parts = cells(form, 3);
    assert.equal(parts.length, linearDomains(form, box));
    several += parts.length > 4;
    const f = drawable(net);
    let total = 0;
    for (const { polygon, gradient, value } of parts) {
      total += area(polygon);
      for (const [x, y] of polygon) {
        const size = 1 + Math.abs(f([x, y]));
        assert.ok(Math.abs(value + gradient[0] * x + gradient[1] * y - f([x, y])) < 1e-9 * size);
      }
    }
    assert.ok(Math.abs(total - 36) < 1e-9);
  });
  assert.ok(several > 20);
});

test("a level line crosses a polygon in two points of its rim", () => {
  const square = [[0, 0], [1, 0], [1, 1], [0, 1]];
  assert.deepEqual(crossSection(square, ([x]) => x - 0.25), [[0.25, 0], [0.25, 1]]);
  assert.equal(crossSection(square, ([x]) => x + 1), null);
});

test("snapping: coincidences are exact within the tolerance, a grid outside of it", () => {
  const net = fromJson({ w: [[2], [3], [-1]], b: [1, 1, 0], q: [1, "1/2", 1], c: 0 });
  const near = moveBoundary(net, 0, -0.3334, 0.01); // node 2 folds at -1/3
  assert.equal(near.node.b.toString(), "2/3");
  assert.match(near.note, /boundary of node 2/);
  assert.deepEqual([moveBoundary(net, 0, -0.36, 0.01).node.b.toString(), moveBoundary(net, 0, -0.36, 0.01).note], ["7/10", null]);
  assert.equal(moveTotal(net, 0, 0.004, 0.01).node.q.toString(), "0");
  const pair = moveTotal(net, 0, 0.996, 0.01); // the product of node 3 is -1
  assert.deepEqual([pair.node.q.toString(), pair.note], ["1/2", "annihilates node 3"]);
  const shared = fromJson({ w: [[1], [-2]], b: [0, 0], q: [1, 1], c: 0 });
  assert.match(moveTotal(shared, 0, -1.99, 0.02).note, /cancels node 2/);
});

test("snapping in the plane", () => {
  const net = fromJson({ w: [[1, 2], [2, 4], [0, 1]], b: [1, "1/3", 1], q: [1, 1, 3], c: 0 });
  const through = moveThrough(net, 0, [-0.0333, -0.0667], 0.01);
  assert.deepEqual([through.node.b.toString(), through.note], ["1/6", "on the boundary of node 2"]);
  assert.equal(moveThrough(net, 0, [0.52, -1], 0.01).node.b.toString(), "3/2");
  const turned = moveWeight(net, 2, [0.51, 0.99], [3, 3], 0.05);
  assert.match(turned.note, /parallel to node/);
  assert.ok(turned.node.w[1].equals(turned.node.w[0].mul(rational(2))));
  assert.match(moveWeight(net, 0, [-2.01, -6.99], [0, 0], 0.05).note, /annihilates node 2, 3/);
  assert.match(moveWeight(net, 0, [0.01, 0], [0, 0], 0.05).note, /degenerate/);
  const foot = footOf(net.nodes[1]);
  const onto = moveWeight(net, 0, [1.02, 1.98], foot, 0.05);
  assert.match(onto.note, /on the boundary of node 2/);
  assert.equal(kinkForm({ ...net, nodes: [{ ...net.nodes[0], ...onto.node }, net.nodes[1]] }).kinks.length, 1);
});

test("numbers that people write are read as what they mean, or refused", () => {
  for (const [text, value] of [["1/3", "1/3"], ["-0.25", "-1/4"], ["2e-3", "1/500"], [" +7 ", "7"], ["−2/4", "-1/2"], [".5", "1/2"], ["1E2", "100"]]) assert.equal(rational(text).toString(), value);
  for (const text of ["", "1/0", "1/-2", "a", "1.2.3", "0x10", "1,5", "Infinity", "1/2/3", "--1", "9".repeat(1300)]) assert.throws(() => rational(text), Error, text);
  assert.equal(rational(0.1).toString(), "3602879701896397/36028797018963968");
  assert.equal(rational(5e-324).d, 2n ** 1074n);
  assert.equal(rational("1e300").div(rational("1e299")).toNumber(), 10);
  assert.ok(Math.abs(rational(`${10n ** 390n}/${3n * 10n ** 389n}`).toNumber() - 10 / 3) < 1e-15);
});

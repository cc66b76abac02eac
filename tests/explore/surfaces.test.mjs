// The surface scene's mathematics, and posteriors of what is typed in, beside the golden numbers of golden_surfaces.py.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { fillConvex, packed } from "../../src/singlearn/explore/js/draw/fill.mjs";
import { check, defaults, problemOf } from "../../src/singlearn/explore/js/scenes/valley/state.mjs";
import { momentsAt, reading } from "../../src/singlearn/explore/js/valley/posterior.mjs";
import { backToFront, below, heightAt, isSeen, light, mesh, quantile, seenFrom } from "../../src/singlearn/explore/js/valley/surface.mjs";

const golden = JSON.parse(readFileSync(new URL("golden/surfaces.json", import.meta.url)));
const COUNT = 150;
const surfaces = {
  bowl: (x, y) => 0.5 * (x * x + y * y),
  cross: (x, y) => x * x * y * y,
  wave: (x, y) => 0.5 + 0.5 * Math.sin(4 * x) * Math.cos(3 * y),
};
const place = (i) => (2 * (i + 0.5)) / COUNT - 1;
const cells = (f) => Float64Array.from({ length: COUNT * COUNT }, (_, k) => f(place(k % COUNT), place(Math.floor(k / COUNT))));
const meshes = Object.fromEntries(Object.entries(surfaces).map(([name, f]) => [name, mesh(cells(f), COUNT, COUNT, 0, 1, 3)]));

test("a view is the product of two rotations", () => {
  for (const { turn, tilt, point: [x, y, h], seen } of golden.views) {
    const view = seenFrom(turn, tilt);
    assert.ok(Math.abs(view.right(x, y) - seen[0]) < 1e-12 && Math.abs(view.up(x, y, h) - seen[1]) < 1e-12);
  }
});

test("what the surface hides is what the function hides along the ray to the eye", () => {
  const said = { true: 0, false: 0 };
  for (const { surface, turn, tilt, point: [x, y, h], seen } of golden.hidden) {
    assert.equal(isSeen(meshes[surface], seenFrom(turn, tilt), x, y, h), seen, `${surface} ${turn} ${tilt} ${x} ${y}`);
    said[seen] += 1;
  }
  assert.ok(said.true > 30 && said.false > 10);
});

test("cells come from the furthest to the nearest", () => {
  const view = (turn) => seenFrom(turn, 30);
  for (const turn of [-170, -90, -30, 0, 15, 90, 135, 180]) {
    const last = new Map();
    let count = 0;
    for (const [i, j] of backToFront(9, 7, turn)) {
      // No neighbour that came before is nearer to the eye.
      for (const [a, b] of [[i + 1, j], [i - 1, j], [i, j + 1], [i, j - 1]])
        if (last.has(`${a} ${b}`)) assert.ok(view(turn).behind(a, b) >= view(turn).behind(i, j) - 1e-9, `${turn}: ${i} ${j}`);
      last.set(`${i} ${j}`, count);
      count += 1;
    }
    assert.equal(count, 48);
    assert.equal(last.size, 48);
  }
});

test("a mesh has the values of the grid, and a share of them lies below the ceiling", () => {
  const { values, shares, found } = golden.quantiles;
  shares.forEach((share, k) => assert.equal(quantile(values, share), found[k]));
  for (const [name, f] of Object.entries(surfaces)) {
    const { columns, heights, x, y } = meshes[name];
    assert.equal(columns, 50);
    x.forEach((a, i) => y.forEach((b, j) => assert.ok(Math.abs(heights[j * columns + i] - f(a, b)) < 1e-12)));
    assert.ok(Math.abs(heightAt(meshes[name], 0.31, -0.47) - f(0.31, -0.47)) < 2e-3);
  }
  assert.ok(mesh(new Float64Array(9), 3, 3, 0, 0, 1).heights.every((h) => h === 0)); // a constant has a floor and no ceiling
  assert.deepEqual(below([[0, 0, 0], [1, 0, 2], [1, 1, 2], [0, 1, 0]]), [[0, 0, 0], [0.5, 0, 1], [0.5, 1, 1], [0, 1, 0]]);
  assert.deepEqual(below([[0, 0, 2], [1, 0, 2], [1, 1, 3], [0, 1, 2]]), []);
});

test("polygons with a common edge share no pixel and leave none out", () => {
  const [width, height] = [40, 30];
  const made = new Uint32Array(width * height);
  const count = () => made.reduce((sum, v) => sum + (v ? 1 : 0), 0);
  const corners = [[3.3, 2.1], [36.2, 5.7], [33.9, 27.4], [6.1, 22.8]], middle = [19.7, 13.3];
  fillConvex(made, width, height, corners, 1);
  const whole = [...made], all = count();
  let parts = 0;
  const again = new Uint32Array(width * height);
  corners.forEach((one, k) => {
    made.fill(0);
    const triangle = [one, corners[(k + 1) % 4], middle];
    fillConvex(made, width, height, triangle, 1);
    fillConvex(again, width, height, triangle, 1);
    parts += count();
  });
  assert.deepEqual([...again], whole);
  assert.equal(parts, all);
  const area = 0.5 * corners.reduce((sum, [x, y], k) => sum + x * corners[(k + 1) % 4][1] - y * corners[(k + 1) % 4][0], 0);
  assert.ok(Math.abs(all - area) < 0.03 * area);
  fillConvex(made, width, height, [[-9, -9], [99, -9], [99, 99], [-9, 99]], packed(255, 0, 1)); // what reaches beyond the picture is left out
  assert.ok(made.every((v) => v === 0xff0100ff));
});

test("a slope that faces the light is bright, one that faces away is dark", () => {
  const slope = (sign) => mesh(cells((x) => 0.5 + 0.4 * sign * x), COUNT, COUNT, 0, 1, 3);
  const view = seenFrom(0, 35); // the light comes from the left
  assert.ok(light(slope(1), view)[0] > light(slope(-1), view)[0] + 0.3);
});

test("posteriors of polynomials that are small far from the origin", () => {
  const { side, rows } = golden.integrals;
  for (const { K, nBeta, F, slope } of rows) {
    const { land, offset } = problemOf({ ...defaults, landscape: "typed", text: K, side });
    const found = reading(momentsAt(land, nBeta, { tolerance: 1e-7, offset }), offset);
    // Beside the quadrature's own error, what doubles are wrong by in nβK: the page refuses more than a hundredth, and refines no integral below what that does.
    const noise = nBeta * land.rounding;
    assert.ok(noise <= 0.01);
    const most = 1e-6 + Math.min(1e-3, Math.max(noise, (200 * noise) ** 1.5));
    assert.ok(Math.abs(found.F - F) < most, `${K} at ${nBeta}: F ${found.F}, should be ${F}`);
    assert.ok(Math.abs(found.slope - slope) < most, `${K} at ${nBeta}: slope ${found.slope}, should be ${slope}`);
  }
});

test("rounding is not refined: the panels at the coldest nβ stay few", () => {
  const { land } = problemOf({ ...defaults, landscape: "typed", text: "(x-3)^2*(y-3)^2", side: 4 });
  assert.ok(momentsAt(land, 1e8, { tolerance: 1e-7 }).cuts.length < 200);
});

test("Laplace's method at minima whose Hessian is 0 only up to rounding, or small only in its unit", () => {
  for (const [text, minima] of [["(x-7/2)^6", 0], ["(x-3.14159)^2*(x+2.71828)^4", 0], ["((x-3)^2+(y-3)^2)^2", 0], ["1e-30*x^2", 1], ["(x-3)^2*(x+2)^2", 2], ["x^2*y^2", 0], ["(x-1/3)^2+1e-8*(y-1/7)^2", 1]]) {
    const { minima: found } = problemOf({ ...defaults, landscape: "typed", text, side: 4 });
    assert.equal(found.minima.length, minima, text);
    assert.equal(Boolean(found.sentence), minima === 0, text);
  }
});

test("what has no landscape is refused by name", () => {
  for (const [text, side, said] of [
    ["(x-3)^8", 4, /doubles are wrong there .* put its zeros at the origin/], ["1e12*(x-3)^2", 4, /doubles are wrong there/], ["1e40*x^2", 1, /30 digits/],
    ["0", 1, /without a parameter/], ["5", 1, /without a parameter/], ["x-x", 1, /0 everywhere/], ["x^3", 4, /never negative/], ["-x^2", 1, /never negative/], ["x^100", 1, /power 100 is above 20/],
  ]) assert.throws(() => problemOf({ ...defaults, landscape: "typed", text, side }), said, text);
  assert.throws(() => check({ ...defaults, shape: "hill" }), /neither map nor surface/);
  assert.throws(() => check({ ...defaults, tilt: 0 }), /tilt is 0; it should be a number from 5 to 90/);
});

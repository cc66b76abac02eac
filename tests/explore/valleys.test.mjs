// The modules of valleys, descents and phases meet exact arithmetic to 1e-12 and an independent quadrature to 1e-6.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import * as phases from "../../src/singlearn/explore/js/phases/phases.mjs";
import { bic, laplace, regularMinima } from "../../src/singlearn/explore/js/valley/criteria.mjs";
import { balanced, flow, gradientDescent, noisyGradient, random, stochasticDescent } from "../../src/singlearn/explore/js/valley/descent.mjs";
import * as land from "../../src/singlearn/explore/js/valley/landscape.mjs";
import { conserved, laws } from "../../src/singlearn/explore/js/valley/law.mjs";
import { WrittenWrongly, fractionText, parse, readFraction, squareRoot, text, toNumber } from "../../src/singlearn/explore/js/valley/polynomial.mjs";
import { ladder, marginal, momentsAt, reading } from "../../src/singlearn/explore/js/valley/posterior.mjs";
import { rootsIn } from "../../src/singlearn/explore/js/valley/roots.mjs";
import { lookUp, verdictOn } from "../../src/singlearn/explore/js/valley/table.mjs";
import { curve, exponents, volume } from "../../src/singlearn/explore/js/valley/volume.mjs";
import { gamma, shells, zeta } from "../../src/singlearn/explore/js/valley/zeta.mjs";

const read = (path) => JSON.parse(readFileSync(new URL(path, import.meta.url)));
const golden = read("golden/valleys.json");
const { table, examples } = read("../../src/singlearn/explore/data/valleys.json");
const measured = read("../../src/singlearn/explore/data/phases.json");

const landscapes = golden.map((row) => land.fromPolynomial(parse(row.K), row.box));
const example = (id) => land.landscape(examples.find((e) => e.id === id));

function near(found, wanted, tolerance, what) {
  assert.ok(Math.abs(found - wanted) <= tolerance * Math.max(Math.abs(wanted), 1e-300), `${what}: ${found} instead of ${wanted}`);
}

function each(check) {
  golden.forEach((row, i) => {
    try {
      check(row, landscapes[i]);
    } catch (error) {
      error.message = `${row.K}: ${error.message}`;
      throw error;
    }
  });
}

test("there are at least 40 polynomials, of one and of two parameters, also some that are in no table", () => {
  assert.ok(golden.length >= 60);
  assert.deepEqual([...new Set(landscapes.map((l) => l.dimension))].sort(), [1, 2]);
  assert.ok(golden.filter((row) => !table.some((entry) => entry.K === row.K)).length >= 10);
});

test("K is exact at fractions, and in doubles to 1e-12, with its gradient and its Hessian", () => each((row, l) => {
  const size = (p) => p.polynomial.terms.reduce((sum, t) => sum + Math.abs(toNumber(t.c)) * 2 ** t.e.reduce((a, b) => a + b, 0), 0);
  const scale = 1e-12 * Math.max(1, size(l.pieces[0]));
  for (const { at, K, gradient, hessian } of row.points) {
    assert.equal(fractionText(land.exactly(l, at)), K);
    const point = at.map((v) => toNumber(readFraction(v)));
    assert.ok(Math.abs(land.value(l, point) - toNumber(readFraction(K))) <= scale);
    land.gradient(l, point).forEach((v, i) => assert.ok(Math.abs(v - toNumber(readFraction(gradient[i]))) <= 20 * scale));
    land.hessian(l, point).forEach((line, i) => line.forEach((v, j) => assert.ok(Math.abs(v - toNumber(readFraction(hessian[i][j]))) <= 400 * scale)));
  }
}));

test("the quadratic conserved quantities are those of exact linear algebra", () => each((row, l) => {
  const found = laws(l.pieces[0].polynomial).map(({ S, b }) => [...S.flatMap((line, i) => line.slice(i)), ...b].map(fractionText));
  assert.deepEqual(found, row.conserved);
}));

test("the posterior is that of a tensor product of Gauss rules to 1e-6", () => each((row, l) => {
  assert.ok(row.posterior.length >= 2);
  let rungs = [];
  for (const wanted of row.posterior) {
    const found = momentsAt(l, wanted.nBeta, { rungs, tolerance: 1e-7 });
    rungs = [...rungs, found];
    assert.ok(found.settled);
    near(found.Z, wanted.Z, 1e-6, `Z at nβ = ${wanted.nBeta}`);
    near(found.mean, wanted.mean, 1e-6, `⟨K⟩ at nβ = ${wanted.nBeta}`);
    near(found.variance, wanted.variance, 1e-6, `Var K at nβ = ${wanted.nBeta}`);
  }
}));

test("V(t) is that between roots of discriminants to 1e-6", () => {
  let count = 0;
  // Two of three, which is enough and quicker.
  each((row, l) => golden.indexOf(row) % 3 !== 2 && row.volume.forEach(({ t, V }) => {
    count += 1;
    near(volume(l, t, { tolerance: 1e-7 }), V, 1e-6, `V(${t})`);
  }));
  assert.ok(count >= 120);
});

test("ζ(1) is the mean of K, and ζ of monomials has its closed form on both sides of 0", () => {
  for (const [K, powers, lambda, m] of [["w^2", [2], 1 / 2, 1], ["w^4", [4], 1 / 4, 1], ["x^2*y^2", [2, 2], 1 / 2, 2], ["x^2*y^4", [2, 4], 1 / 4, 1]]) {
    const rungs = [...ladder(land.fromPolynomial(parse(K), powers.map(() => ["-1", "1"])), { tolerance: 1e-8 })];
    for (const z of [-0.8 * lambda, -0.5 * lambda, 0, 0.5, 1, 1.5])
      near(zeta(rungs, z, { lambda, m }), powers.reduce((value, k) => value / (k * z + 1), 1), 1e-6, `ζ(${z}) of ${K}`);
    assert.equal(zeta(rungs, -lambda, { lambda, m }), Infinity);
  }
  for (const row of golden.filter((r) => r.variables.length === 1)) {
    const rungs = [...ladder(land.fromPolynomial(parse(row.K), row.box), { tolerance: 1e-8 })];
    near(zeta(rungs, 1, { lambda: 0.1 }), toNumber(readFraction(row.mean)), 1e-6, `mean of ${row.K}`);
  }
  near(gamma(0.5), Math.sqrt(Math.PI), 1e-13, "Γ(1/2)");
  near(gamma(6), 120, 1e-13, "Γ(6)");
});

test("descents are those of SciPy and of plain floats, noise included", () => each((row, l) => {
  const { start, flow: flowed, steps, noisy } = row.descent;
  const end = flow(l, start, { until: 1, tolerance: 1e-12, still: 0 }).at(-1);
  assert.equal(end.time, 1);
  const close = (a, b, tolerance) => a.forEach((v, i) => assert.ok(Math.abs(v - b[i]) <= tolerance * Math.max(1, Math.abs(b[i])), `${v} instead of ${b[i]}`));
  close(end.point, flowed, 1e-9);
  close(gradientDescent(l, start, { eta: 0.02, steps: 25 }).at(-1).point, steps, 1e-12);
  const generator = random(7);
  let w = start;
  for (let k = 0; k < 25; k += 1) {
    const g = land.gradient(l, w);
    w = w.map((v, i) => v - 0.02 * (g[i] + 0.1 * generator.normal()));
  }
  close(w, noisy, 1e-12);
}));

test("every flow keeps its conserved quantities, and a gradient step changes them by what is said", () => each((row, l) => {
  for (const law of laws(l.pieces[0].polynomial)) {
    const Q = conserved(law, l.variables);
    const { start } = row.descent;
    const end = flow(l, start, { until: 5, tolerance: 1e-11 }).at(-1).point;
    assert.ok(Math.abs(Q.at(end) - Q.at(start)) < 1e-8 * Math.max(1, Math.abs(Q.at(start))));
    const [before, after] = gradientDescent(l, start, { eta: 0.05, steps: 1 });
    assert.ok(Math.abs(Q.at(after.point) - Q.at(before.point) - Q.step(after.g, 0.05)) < 1e-13 * Math.max(1, Math.abs(Q.at(before.point))));
  }
}));

test("label noise keeps to the gradient of the residual, so that Q shrinks by an exact factor", () => {
  const l = example("scaling");
  const generator = random(3), again = random(3);
  const [w, q] = [2, 1.5];
  const g = noisyGradient(l, [w, q], 0.7, generator);
  const a = 0.5 * (w * q - 1 - 0.7 * again.normal());
  near(g[0], a * q, 1e-14, "∂w");
  near(g[1], a * w, 1e-14, "∂q");
  const [W, V] = [w - 0.1 * g[0], q - 0.1 * g[1]];
  near(W * W - V * V, (w * w - q * q) * (1 - 0.01 * a * a), 1e-13, "Q after a step");
  const [b, c] = balanced([-4, 1]);
  assert.deepEqual([b * c, b * b - c * c], [-4, 0]);
  const path = stochasticDescent(l, [2, 1.5], { eta: 0.3, steps: 500, sigma: 1, batch: 4, seed: 1 });
  assert.equal(path.length, 501);
  assert.ok(Math.abs(path.at(-1).point[0] ** 2 - path.at(-1).point[1] ** 2) < 1);
});

test("examples have their closed forms", () => {
  const two = example("two-nodes");
  for (const t of [1e-2, 1e-4, 1e-6]) {
    const rho = 2 * Math.sqrt(t); // a strip along the segment and two half discs
    near(volume(two, t), (2 * rho + Math.PI * rho * rho) / 9, 1e-6, `V(${t}) of two nodes`);
  }
  const bowl = land.fromPolynomial(parse("x^2 + y^2"), [["-1", "1"], ["-1", "1"]]);
  near(volume(bowl, 1e-4), (Math.PI * 1e-4) / 4, 1e-7, "disc");
  const cross = land.fromPolynomial(parse("x^2*y^2"), [["-1", "1"], ["-1", "1"]]);
  near(volume(cross, 1e-4), 1e-2 * (1 - Math.log(1e-2)), 1e-7, "cross");
  const line = example("quadratic");
  near(momentsAt(line, 1e4).Z, 0.5 * Math.sqrt(Math.PI / 1e4), 1e-8, "Gauss");
  // The scaling valley over [-1, 4]²: inside the marginal of w is a Gaussian integral over q.
  near(marginal(example("scaling"), 1e4, 2), Math.sqrt((4 * Math.PI) / 1e4) / 2, 1e-6, "marginal");
  for (const id of ["scaling", "two-nodes", "moving-kink", "reversal"]) assert.ok(land.lowest(example(id)).value < 1e-12, id);
});

test("λ is what β E, C(β) and the slope of V tend to", () => {
  for (const [id, tolerance] of [["scaling", 1e-4], ["two-nodes", 2e-3], ["moving-kink", 2e-3], ["quartic", 1e-4], ["bowl", 1e-4], ["circle", 1e-4]]) {
    const { lambda } = examples.find((e) => e.id === id);
    const wanted = toNumber(readFraction(lambda));
    const { slope, C } = reading(momentsAt(example(id), 1e7, { tolerance: 1e-7 }));
    near(slope, wanted, tolerance, `βE of ${id}`);
    near(C, wanted, 5 * tolerance, `C of ${id}`);
    const steep = exponents([...curve(example(id), { from: 1e-6, to: 1e-7, perDecade: 1 })])[0].exponent;
    near(steep, wanted, 10 * tolerance, `slope of V of ${id}`);
  }
});

test("shells of K add up to ζ, and at z = -λ all of them weigh the same", () => {
  const points = [...curve(example("quartic"), { perDecade: 2 })];
  const flat = shells(points, -0.25).map((s) => s.weight);
  flat.forEach((w) => near(w, flat[0], 1e-9, "shell"));
  near(shells(points, 0).reduce((sum, s) => sum + s.weight, 0), points[0].V - points.at(-1).V, 1e-12, "shells at z = 0");
});

test("Laplace's method meets F where the Hessian can be inverted, and is refused elsewhere", () => {
  for (const id of ["reversal", "bowl", "quadratic", "moving-kink"]) {
    const l = example(id), minima = regularMinima(l);
    assert.equal(minima.sentence, "");
    assert.ok(Math.abs(laplace(l, 1e6, minima) - reading(momentsAt(l, 1e6)).F) < 1e-3, id);
  }
  const wells = land.fromPolynomial(parse("y^2 + (x^2 - 1/4)^2"), [["-1", "1"], ["-1", "1"]]);
  assert.equal(regularMinima(wells).minima.length, 2);
  assert.ok(Math.abs(laplace(wells, 1e6, regularMinima(wells)) - reading(momentsAt(wells, 1e6)).F) < 1e-3);
  for (const id of ["scaling", "cross", "two-nodes", "quartic", "crossing", "cusp", "node", "circle", "tacnode"]) {
    const minima = regularMinima(example(id));
    assert.equal(laplace(example(id), 1e4, minima), null, id);
    assert.match(minima.sentence, /Hessian.* (is|are) 0/);
  }
  near(bic(example("cusp"), 100), Math.log(100), 1e-14, "BIC");
});

test("λ comes from the table only, and every certificate is verified", () => {
  for (const entry of table) {
    const polynomial = parse(entry.K);
    const found = lookUp(table, polynomial, entry.box.map((s) => s.map((v) => toNumber(readFraction(v)))));
    assert.equal(found.lambda, entry.lambda, entry.K);
    assert.equal(verdictOn(entry).verdict, "valid", entry.K);
  }
  for (const piece of examples.flatMap((e) => e.pieces)) if (piece.certificate) assert.equal(verdictOn(piece).verdict, "valid", piece.K);
  const square = [[-1, 1], [-1, 1]];
  const of = (K, box = square) => lookUp(table, parse(K), box);
  assert.deepEqual([of("(b^2 - a^3)^2").lambda, of("7/3*(a^3 - b^2)^2").lambda, of("(a^2 - b^3)^2").lambda], ["5/12", "5/12", "5/12"]);
  assert.equal(of("u^2*v^2").m, 2);
  for (const K of ["(y^2 - x^3)^2 + y^8", "x^2*y^2 + 1", "x^3 + y^2", "(y^2 - 2*x^3)^2"]) assert.match(of(K).sentence, /Not in the table: singlearn exact "/, K);
  // The tip of the cusp lies outside this box, where λ is 1/2.
  assert.match(of("(y^2 - x^3)^2", [[0.25, 1], [-1, 1]]).sentence, /leaves out a point/);
  const cusp = table.find((e) => e.K === "(y^2 - x^3)^2");
  const forged = structuredClone(cusp);
  forged.lambda = "1/3";
  assert.match(verdictOn(forged).reason, /it proves/);
  forged.certificate.statement.bound = { low: ["1/3", -1], high: ["1/3", -1] };
  assert.match(verdictOn(forged).reason, /not what is stated/);
  assert.match(verdictOn({ ...cusp, certificate: table.find((e) => e.lambda === "5/12" && e.K !== cusp.K).certificate }).reason, /it is about/);
  assert.equal(verdictOn({ ...cusp, certificate: {} }).verdict, "refuted");
});

test("polynomials are read as they are meant, or refused with what to write", () => {
  for (const [typed, wanted] of [["x²y² ".replace("²y", "²*y"), "x^2*y^2"], ["x**2 - 0.5·y", "x^2 - 1/2*y"], ["−(x − 1)^2*2/4", "-1/2*x^2 + x - 1/2"], ["2e-1*w", "1/5*w"], ["-x^2", "-x^2"], ["(w1+w2)^2", "w1^2 + 2*w1*w2 + w2^2"], ["x^0*y", "y"]])
    assert.equal(text(parse(typed)), wanted);
  for (const [typed, said] of [
    ["", /write a polynomial/], ["2x", /write \* between factors: 2\*x/], ["xy + x + y", /write x\*y/], ["x y", /x\*y/], ["x^2+", /missing at the end/], ["(x", /\( without its \)/],
    ["x)", /closes nothing/], ["x^y", /whole number/], ["x^-2", /whole number/], ["x^0.5", /whole number/], ["x^2^2", /write parentheses/], ["sin(x)", /no polynomial/], ["K=x", /without an = sign/],
    ["x+y+z", /at most two/], ["x/y", /divide by numbers only/], ["x/0", /division by 0/], ["0,5*x", /decimal point/], ["x & y", /cannot be read/], ["3", /without a parameter/], ["x-x", /0 everywhere/],
    ["x^99", /above 20/], ["(x*y)^11", /degree is above 20/], ["[x]^2", /parentheses/], ["|x|", /absolute value/], ["√x", /root/], ["()", /\( \)|\(\)/], ["x+*y", /nothing before it/], [" ".repeat(9), /write a polynomial/],
    ["x".repeat(400), /400 characters/], ["alert(1)", /write \* between factors/], ["constructor.x", /cannot be read/], ["1".repeat(40) + "*x", /digits/],
  ]) assert.throws(() => parse(typed), (error) => error instanceof WrittenWrongly && said.test(error.message) && error.at >= 0, typed);
  assert.equal(text(squareRoot(parse("1/4*(w*q - 1)^2")).root), "q*w - 1");
  assert.equal(squareRoot(parse("x^2 + y^2")), null);
});

test("roots lie where a polynomial changes its sign", () => {
  const roots = rootsIn([-6, 11, -6, 1], 0, 4);
  [1, 2, 3].forEach((x, i) => near(roots[i], x, 1e-12, "root"));
  assert.deepEqual(rootsIn([1, 0, 1], -5, 5), []);
  assert.deepEqual(rootsIn([-0.5, 1], -1, 1), [0.5]);
  near(rootsIn([-1e-12, 0, 1], 0, 1)[0], 1e-6, 1e-12, "small root");
});

test("free energies of phases are those that the library wrote, and cross where it says", () => {
  for (const set of measured.sets) {
    for (const phase of set.phases)
      set.n.forEach((n, i) => {
        const found = phases.freeEnergyAt(set, phase, n);
        if (phase.F.value[i] === null) assert.equal(found, null);
        else near(found, phase.F.value[i], 2e-5, `F of ${phase.id} in ${set.id} at ${n}`);
      });
    if (!set.crossing) continue;
    const { n, F } = phases.curves(set);
    const [found] = phases.crossingsIn(set, 0, 1);
    near(found.n, set.crossing.n, 2e-5, `crossing of ${set.id}`);
    assert.deepEqual([found.before, found.after], [0, 1]);
    assert.ok(set.paper.n < set.crossing.n);
    const cold = phases.slopes(n, F[1]).at(-1).slope;
    near(cold, toNumber(readFraction(set.phases[1].lambda)), 1e-3, "λ of the phase at W_0");
  }
  const shares = phases.shares([3, 1, null, 2]);
  near(shares.reduce((sum, s) => sum + (s ?? 0), 0), 1, 1e-14, "shares");
  near(shares[1] / shares[0], Math.exp(2), 1e-13, "ratio");
  near(phases.together([1, 1]), 1 - Math.log(2), 1e-14, "together");
});

test("measured shares and free energies of one run belong together", () => {
  const [set] = measured.sets;
  set.n.forEach((_, i) => {
    const seen = set.phases.filter((p) => p.F.value[i] !== null);
    const whole = phases.together(seen.map((p) => p.F.value[i]));
    for (const p of seen) near(Math.exp(whole - p.F.value[i]) * seen.reduce((sum, q) => sum + q.share.value[i], 0), p.share.value[i], 2e-3, `share of ${p.id}`);
  });
});

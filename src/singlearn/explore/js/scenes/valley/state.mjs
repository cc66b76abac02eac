/** The landscape that Valley and Descent share: its settings, what is made of them, and what is computed in the background. */

import valleys from "../../../data/valleys.json" with { type: "json" };
import { fromPolynomial, grid, landscape, lowest, rounding, trueSet, worstRounding } from "../../valley/landscape.mjs";
import { doubleFraction, exactValue, parse, text as spelled, toNumber } from "../../valley/polynomial.mjs";
import { lookUp, verdictOn } from "../../valley/table.mjs";
import { ladder } from "../../valley/posterior.mjs";
import { curve } from "../../valley/volume.mjs";
import { regularMinima } from "../../valley/criteria.mjs";

export const SLICE = "valley";
export const TYPED = "typed";
export const EXAMPLES = valleys.examples;
export const CELLS = 150;

export const defaults = {
  landscape: "scaling", text: "(y^2 - x^3)^2", side: 1, logN: 2, logBeta: 0, view: "posterior", logT: -2, z: -0.25, probe: null, root: false,
  shape: "map", turn: -30, tilt: 35, share: 0.85,
};

/** Throws an Error where a state from an address is none of these scenes. */
export function check(state) {
  const known = [TYPED, ...EXAMPLES.map((e) => e.id)];
  if (!known.includes(state.landscape)) throw new Error(`the landscape “${state.landscape}” is none of ${known.join(", ")}`);
  if (!["posterior", "K"].includes(state.view)) throw new Error(`the view “${state.view}” is neither posterior nor K`);
  if (!["map", "surface"].includes(state.shape)) throw new Error(`the shape “${state.shape}” is neither map nor surface`);
  for (const [key, low, high] of [["side", 0.25, 8], ["logN", 0, 8], ["logBeta", -2, 0], ["logT", -8, 0], ["z", -1, 1.5], ["turn", -180, 180], ["tilt", 5, 90], ["share", 0.05, 1]])
    if (!(typeof state[key] === "number" && state[key] >= low && state[key] <= high)) throw new Error(`${key} is ${state[key]}; it should be a number from ${low} to ${high}`);
  for (const key of ["probe", "start"])
    if (state[key] != null && !(Array.isArray(state[key]) && state[key].every(Number.isFinite))) throw new Error(`${key} is ${JSON.stringify(state[key])}; it should be a list of numbers`);
  if (typeof state.root !== "boolean") throw new Error(`root is ${JSON.stringify(state.root)}; it should be true or false`);
  const { dimension } = state.landscape === TYPED ? typed(state).land : problemOf(state).land;
  for (const key of ["probe", "start"])
    if (state[key] != null && state[key].length !== dimension) throw new Error(`${key} is ${JSON.stringify(state[key])}; it should have one number for each of ${dimension} parameters`);
}

const COLDEST = 1e8; // the largest nβ of the page
const MOST_ROUNDING = 0.01; // of nβK, where the posterior sits
const SMALLEST_OFFSET = 1e-12; // of K: less shifts nothing that is read up to the largest nβ

/** The landscape of a polynomial as typed. Throws WrittenWrongly, or an Error where K is negative or lost in rounding. */
function typed(state) {
  const polynomial = parse(state.text);
  const side = Number(state.side);
  const land = fromPolynomial(polynomial, polynomial.variables.map(() => [-side, side]));
  const low = lowest(land);
  const at = (point) => point.map((v, i) => `${land.variables[i]} = ${Number(v.toPrecision(3))}`).join(", ");
  const worst = worstRounding(land, low);
  if (worst.size * COLDEST > MOST_ROUNDING)
    throw new Error(`the terms of K cancel at ${at(worst.point)}, and doubles are wrong there by ${Number(worst.size.toPrecision(2))}, too much for nβ = 10⁸: put its zeros at the origin (x for x − 3), write lower powers, or take a smaller box`);
  land.rounding = worst.size;
  // The sign is exact: doubles are fractions, and a K ≥ 0 has no negative value at any of them.
  const least = toNumber(exactValue(polynomial, low.point.map(doubleFraction)));
  if (least < 0)
    throw new Error(`K is ${Number(least.toPrecision(3))} at ${at(low.point)}, and a divergence is never negative: write a square, such as (${spelled(polynomial)})^2`);
  const offset = least > Math.max(SMALLEST_OFFSET, 4 * rounding(land, low.point)) ? least : 0;
  return { land, offset, polynomial };
}

const made = new Map();

/** Everything that depends on the landscape alone; the last few are kept. */
export function problemOf(state) {
  const key = state.landscape === TYPED ? `${TYPED} ${state.side} ${state.text}` : state.landscape;
  if (!made.has(key)) {
    if (made.size > 5) made.delete(made.keys().next().value);
    made.set(key, build(state, key));
  }
  return made.get(key);
}

function build(state, key) {
  if (state.landscape !== TYPED) {
    const example = EXAMPLES.find((e) => e.id === state.landscape);
    const land = landscape(example);
    const certificates = example.pieces.map((piece) => ({ K: piece.K, lambda: piece.lambda, m: piece.m, certificate: piece.certificate ?? valleys.table[piece.table].certificate }));
    return finished({ key, name: `“${example.title}”`, land, offset: 0, lambda: example.lambda, m: example.m, certificates, words: example.words, source: example.source, sentence: "" });
  }
  const { land, offset, polynomial } = typed(state);
  const found = offset > 0
    ? { entry: null, sentence: `No zero of K in this box: its minimum is ${Number(offset.toPrecision(4))}, and what is read here belongs to K minus that` }
    : lookUp(valleys.table, polynomial, land.box);
  return finished({
    key, name: `K = ${spelled(polynomial)}`, land, offset, lambda: found.lambda ?? null, m: found.m ?? null, sentence: found.sentence ?? "", source: "",
    certificates: found.entry ? [{ K: found.entry.K, lambda: found.lambda, m: found.m, certificate: found.certificate }] : [],
    words: "",
  });
}

function finished(problem) {
  const exponent = problem.lambda === null ? null : fractionOf(problem.lambda);
  return withParts({ ...problem, exponent, rungs: [], volumes: [], complete: false });
}

/** What costs some milliseconds is computed when it is first asked for. */
function withParts(problem) {
  const kept = {};
  const once = (name, f) => ({ get: () => (kept[name] ??= f()), enumerable: true });
  return Object.defineProperties(problem, {
    zeros: once("zeros", () => (problem.offset > 0 ? [] : trueSet(problem.land))),
    minima: once("minima", () => regularMinima(problem.land)),
    verdicts: once("verdicts", () => problem.certificates.map((c) => ({ ...c, ...verdictOn(c) }))),
    cells: once("cells", () => grid(problem.land, CELLS, problem.land.dimension > 1 ? CELLS : 1)),
  });
}

export function fractionOf(text) {
  const [n, d = "1"] = text.split("/");
  return Number(n) / Number(d);
}

/** Computes ladder and V(t) of a problem in slices of a frame; `onNews` is called after each. Returns the function that stops it. */
export function inBackground(problem, onNews) {
  if (problem.complete) return () => {};
  const work = (function* () {
    const rungs = ladder(problem.land, { tolerance: 1e-7, offset: problem.offset });
    problem.rungs = [];
    for (const rung of rungs) {
      problem.rungs.push(rung);
      yield;
    }
    problem.volumes = [];
    for (const point of curve(problem.land, { rungs: problem.rungs, tolerance: 1e-5, offset: problem.offset })) {
      problem.volumes.push(point);
      yield;
    }
    problem.complete = true;
  })();
  let timer = 0;
  const slice = () => {
    const end = performance.now() + 14;
    let state;
    do state = work.next(); while (!state.done && performance.now() < end);
    onNews();
    timer = state.done ? 0 : setTimeout(slice, 4);
  };
  timer = setTimeout(slice, 0);
  return () => clearTimeout(timer);
}

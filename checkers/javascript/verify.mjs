// Certificates of format "singlearn rlct certificate 3", checked independently of the library that writes them.
// Runs in Node and in a browser; depends on nothing. The format and why each step proves what it does: docs/certificate-format.md.

import {
  NotCovered, ONE, Q, Refuted, ZERO, add, compare, compose, constant, coordinate, degree, derivative, divide, equal, fromTerms, isZero, lowest,
  multiply, raise, require, sign, subtract, terms, times,
} from "./algebra.mjs";
import { names as namesIn, parse, polynomial as expand } from "./expression.mjs";
import { belowRoots, gcd, realRoots } from "./factor.mjs";
import { Chart, NOTHING, claim, fields, listed, meet, poles, polynomial, rational, sameClaim, whole } from "./tree.mjs";

export const FORMAT = "singlearn rlct certificate 3";
export const READ = [FORMAT, "singlearn rlct certificate 2"]; // the second one is the first without contractions
export const VALID = "valid";
export const REFUTED = "refuted";
export const NOT_COVERED = "not covered";

// {verdict, reason}: valid; refuted; or not covered, where a proof asks for more algebra than this checker has. Never valid by default.
export function verify(certificate) {
  try {
    check(certificate);
    return { verdict: VALID, reason: "every step holds" };
  } catch (error) {
    if (error instanceof NotCovered) return { verdict: NOT_COVERED, reason: error.message };
    if (error instanceof Refuted) return { verdict: REFUTED, reason: error.message };
    return { verdict: REFUTED, reason: `the certificate cannot be read: ${error.message}` };
  }
}

function check(certificate) {
  const { format, statement, proofs } = fields(certificate, ["format", "statement", "proofs"], "a certificate");
  require(READ.includes(format), `this checker reads ${FORMAT}`);
  fields(statement, ["K", "squares", "variables", "terms", "power", "prior", "scope", "nonnegative", "bound"], "the statement");
  const K = readFunction(statement);
  const places = listed(proofs, "proofs").map((proof) => {
    fields(proof, ["place", "node"], "a proof");
    return readPlace(proof.place, K, proof.node);
  });
  const found = together(statement.scope, K, places);
  require(sameClaim(statement.bound, found), `the charts prove ${JSON.stringify(claim(found))}, not what is stated`);
  require(statement.nonnegative === nonnegative(K, statement.scope, places, found), "whether K ≥ 0 was shown is stated wrongly");
}

function readFunction(statement) {
  const trees = listed(statement.K, "K").map((source) => parse(source));
  const variables = [];
  for (const tree of trees) namesIn(tree, { plain: variables, bars: [] });
  require(
    listed(statement.variables, "variables").length === variables.length && variables.every((v, i) => v === statement.variables[i]),
    "the variables are not those of K",
  );
  const size = variables.length;
  require(typeof statement.squares === "boolean", "squares should be true or false");
  const polys = trees.map((tree) => expand(tree, variables));
  require(polys.length > 0 && (statement.squares || polys.length === 1), "K should be one expression, or generators whose squares are added");
  const whole_ = statement.squares ? polys.map((p) => multiply(p, p)).reduce((a, b) => add(a, b)) : polys[0];
  const power = whole(statement.power, 1, 3, "the power");
  let total = fromTerms([]);
  const generators = listed(statement.terms, "terms").map((term) => {
    require(listed(term, "a term").length === 2, "a term should have a coefficient and a generator");
    const c = rational(term[0]), g = polynomial(term[1], size);
    require(sign(c) > 0, "a coefficient should be positive");
    total = add(total, raise(g, power, size), c);
    return g;
  });
  require(equal(total, whole_), "the terms do not add up to K");
  require(power === 2 || generators.length === 1, "without squares there should be one term");
  return { variables, size, whole: whole_, generators, power, ...readPrior(statement.prior, variables) };
}

function readPrior(source, variables) {
  const size = variables.length;
  if (source === null) return { weights: Array(size).fill(0), prior: constant(size, ONE) };
  const tree = parse(source, true);
  const { bars } = namesIn(tree);
  const poly = expand(tree, variables, bars);
  require(!isZero(poly), "the prior is 0");
  const weights = Array(size).fill(0);
  bars.forEach((name, i) => {
    const powers = new Set(terms(poly).map((t) => t.e[size + i]));
    require(powers.size === 1, "an absolute value should be a factor");
    require(variables.includes(name), "an absolute value of something that is no variable");
    weights[variables.indexOf(name)] += [...powers][0];
  });
  return { weights, prior: fromTerms(terms(poly).map((t) => [t.e.slice(0, size), t.c])) };
}

const moved = (K, point) => K.variables.map((_, i) => add(coordinate(K.size, i), constant(K.size, point[i])));

function readPlace(place, K, node) {
  const { size, variables, power } = K;
  if (Object.hasOwn(place, "point")) {
    const { point } = fields(place, ["point"], "a place");
    fields(point, variables, "a point");
    const x = variables.map((name) => rational(point[name]));
    const images = moved(K, x);
    const chart = new Chart({
      local: variables, units: [], exponents: Array(size).fill(0), weights: K.weights.map((h, i) => (x[i][0] ? 0 : h)),
      generators: K.generators.map((g) => compose(g, images, size)), prior: compose(K.prior, images, size), power,
    }).normal();
    return { point: x, found: poles(chart, node) };
  }
  const zero = new Set(listed(fields(place, ["zero"], "a place").zero, "zero"));
  const local = variables.filter((n) => zero.has(n)), units = variables.filter((n) => !zero.has(n));
  const order = [...local, ...units].map((n) => variables.indexOf(n));
  const carry = (p) => fromTerms(terms(p).map((t) => [order.map((i) => t.e[i]), t.c]));
  const chart = new Chart({
    local, units, exponents: local.map(() => 0), weights: order.slice(0, local.length).map((i) => K.weights[i]),
    generators: K.generators.map(carry), prior: carry(K.prior), power,
  }).normal();
  return { zero: [...zero].sort().join(), found: poles(chart, node) };
}

function together(scope, K, places) {
  if (scope === "point") {
    require(places.length === 1 && places[0].point !== undefined, "the place should be a point");
    return places[0].found;
  }
  const strata = new Map(places.filter((p) => p.zero !== undefined).map((p) => [p.zero, p.found]));
  let every = [[]];
  for (const name of K.variables) every = every.flatMap((s) => [s, [...s, name]]);
  require(strata.size === every.length && every.every((s) => strata.has(s.sort().join())), "the places do not cover all points");
  const found = [...strata.values()].reduce(meet, NOTHING);
  if (scope === "everywhere") return found;
  fields(scope, K.variables, "a box");
  const box = K.variables.map((name) => {
    require(listed(scope[name], "a side of the box").length === 2, "a side of the box should have two ends");
    return scope[name].map(rational);
  });
  let high = { ...NOTHING };
  for (const { point, found: there } of places) {
    if (point === undefined) continue;
    point.forEach((x, i) => require(compare(box[i][0], x) < 0 && compare(x, box[i][1]) < 0, "a point is not inside the box"));
    high = meet(high, { ...NOTHING, high: there.high });
  }
  return { low: found.low, high: high.high, even: found.even };
}

// ---- the sign of K

function nonnegative(K, scope, places, found) {
  if (K.power === 2) return true;
  const point = scope === "point" ? places[0].point : K.variables.map(() => ZERO);
  const k = compose(K.whole, moved(K, point), K.size);
  let shown = found.low[0] === null || found.even;
  const proved = sameClaim({ low: claim(found).high, high: claim(found).high }, found);
  if (!shown && scope === "point" && K.size === 2 && proved) shown = keepsItsSign(k);
  // The lexicographically least monomial is the largest one near the point along some curve.
  return shown && sign(lowest(k).c) > 0;
}

// Whether a polynomial in x and y is nowhere negative, or nowhere positive, near the origin: what divides it an odd number of times has no
// branch through the origin, that is, no small zero on the lines y = ±h for a small h.
function keepsItsSign(k) {
  let odd = constant(2, ONE);
  // Radicals: r_1 of k, r_2 of k/r_1, …; r_j/r_(j+1) divides k just j times.
  const radicals = [];
  for (let rest = k; !isConstant(rest); rest = divide(rest, radicals.at(-1))) {
    const common = gcd(gcd(rest, derivative(rest, 0)), derivative(rest, 1));
    radicals.push(divide(rest, common));
  }
  radicals.push(constant(2, ONE));
  for (let j = 0; j + 1 < radicals.length; j += 2) odd = multiply(odd, divide(radicals[j], radicals[j + 1]));
  const onAxis = atHeight(odd, ZERO);
  if (onAxis.every((c) => !c[0])) return false; // y divides it
  if (degree(odd, 0) === 0) return true;
  const end = belowRoots(onAxis);
  let events = multiply(across(odd, end), across(odd, times(Q(-1), end)));
  if (degree(odd, 0) > 1) events = multiply(events, resultant(odd, derivative(odd, 0)));
  const height = belowRoots(line(events, 1));
  return [height, times(Q(-1), height)].every((h) => realRoots(atHeight(odd, h), times(Q(-1), end), end) === 0);
}
const isConstant = (p) => terms(p).every((t) => t.e.every((v) => !v));
const line = (p, i) => {
  const f = Array(degree(p, i) + 1).fill(ZERO);
  for (const { e, c } of p.values()) f[e[i]] = c;
  return f;
};
const atHeight = (p, h) => line(compose(p, [coordinate(2, 0), constant(2, h)], 2), 0);
const across = (p, x) => compose(p, [constant(2, x), coordinate(2, 1)], 2);

// With respect to x, by Sylvester's matrix and elimination without fractions.
function resultant(p, q) {
  const m = degree(p, 0), n = degree(q, 0);
  const coefficient = (f, k) => fromTerms(terms(f).filter((t) => t.e[0] === k).map((t) => [[0, t.e[1]], t.c]));
  const row = (f, top, shift) => Array.from({ length: m + n }, (_, j) => coefficient(f, top - (j - shift)));
  const rows = [...Array.from({ length: n }, (_, i) => row(p, m, i)), ...Array.from({ length: m }, (_, i) => row(q, n, i))];
  let last = constant(2, ONE);
  for (let c = 0; c < rows.length - 1; c++) {
    const pivot = rows.findIndex((r, i) => i >= c && r[c].size);
    if (pivot < 0) return fromTerms([]);
    [rows[c], rows[pivot]] = [rows[pivot], rows[c]];
    for (let i = c + 1; i < rows.length; i++)
      for (let j = rows.length - 1; j >= c; j--)
        rows[i][j] = divide(subtract(multiply(rows[c][c], rows[i][j]), multiply(rows[i][c], rows[c][j])), last);
    last = rows[c][c];
  }
  return rows.at(-1).at(-1);
}

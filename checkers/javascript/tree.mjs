// Charts, the moves between them, and the poles that a tree of charts proves. See docs/certificate-format.md.

import {
  ONE, Q, Refuted, add, compare, compose, constant, coordinate, degree, derivative, determinant, divide, equal, fromTerms, isZero, least, lowered,
  monic, multiply, over, plus, raise, rank, require, subtract, terms, text, totalDegree,
} from "./algebra.mjs";
import { compactCones, dot, keyOf, showCover, subsets } from "./polyhedron.mjs";
import { irreducible, noZeros, showRealZero } from "./zeros.mjs";

// ---- reading

const isObject = (x) => typeof x === "object" && x !== null && !Array.isArray(x);
export function fields(data, names, what) {
  require(isObject(data), `${what} should be a dictionary`);
  const given = Object.keys(data).sort().join(", "), wanted = [...names].sort().join(", ");
  require(given === wanted, `${what} should have the fields ${wanted} and no other`);
  return data;
}
export function listed(data, what) {
  require(Array.isArray(data), `${what} should be a list`);
  return data;
}
export function whole(x, low, high, what) {
  require(typeof x === "number" && Number.isInteger(x) && low <= x && x < high, `${what} should be a whole number from ${low} to ${high - 1}`);
  return x;
}
export function rational(x) {
  require(typeof x === "string" && /^-?[0-9]+(\/[0-9]+)?$/.test(x), "a number should be written as a fraction of whole numbers");
  const [n, d = "1"] = x.split("/");
  return Q(BigInt(n), BigInt(d));
}
function exponents(data, size) {
  require(listed(data, "exponents").length === size, "there should be one exponent per variable");
  return data.map((v) => whole(v, 0, 1000000, "an exponent"));
}
export function polynomial(data, size) {
  const seen = new Set();
  return fromTerms(
    listed(data, "a polynomial").map((term) => {
      require(listed(term, "a term").length === 2, "a term should be a coefficient and exponents");
      const e = exponents(term[1], size), c = rational(term[0]);
      require(!seen.has(e.join()), "a monomial occurs twice");
      seen.add(e.join());
      require(c[0] !== 0n, "a coefficient should not be 0");
      return [e, c];
    }),
  );
}
const name = (x) => {
  require(typeof x === "string", "a name should be a string");
  return x;
};

// ---- bounds: keys [λ, -m], λ a fraction or null for ∞

export const NEVER = [null, 0];
const earlier = (a, b) => {
  if (a[0] === null || b[0] === null) return a[0] === null && b[0] !== null ? b : a[0] === null ? (a[1] <= b[1] ? a : b) : a;
  const c = compare(a[0], b[0]);
  return c < 0 || (c === 0 && a[1] <= b[1]) ? a : b;
};
export const meet = (a, b) => ({ low: earlier(a.low, b.low), high: earlier(a.high, b.high), even: a.even && b.even });
export const NOTHING = { low: NEVER, high: NEVER, even: true };
const total = (keys) =>
  keys.some((k) => k[0] === null)
    ? NEVER
    : [keys.reduce((s, k) => plus(s, k[0]), Q(0)), keys.reduce((s, k) => s + k[1], 0) + keys.length - 1];
const keyText = (k) => [k[0] === null ? "inf" : text(k[0]), k[1]];
export const claim = (p) => ({ low: keyText(p.low), high: keyText(p.high) });
export function sameClaim(data, p) {
  const wanted = claim(p);
  return (
    isObject(data) && Object.keys(data).sort().join() === "high,low" &&
    ["low", "high"].every((s) => Array.isArray(data[s]) && data[s].length === 2 && data[s][0] === wanted[s][0] && data[s][1] === wanted[s][1])
  );
}

// ---- charts

export class Chart {
  constructor(fields) {
    Object.assign(this, { relations: [], nonzero: [], real: true, free: new Set() }, fields); // free: units that may be 0 as well
    this.names = [...this.local, ...this.units];
    this.size = this.names.length;
  }
  with(changes) {
    const { local, units, exponents, weights, generators, prior, power, relations, nonzero, real, free } = this;
    return new Chart({ local, units, exponents, weights, generators, prior, power, relations, nonzero, real, free, ...changes });
  }
  onDivisors(p) {
    return fromTerms(terms(p).filter((t) => t.e.slice(0, this.local.length).every((v) => !v)).map((t) => [t.e, t.c]));
  }
  get base() {
    return this.relations.map(([, r]) => this.onDivisors(r));
  }
  used(p) {
    return new Set(this.names.filter((_, i) => degree(p, i)));
  }
  reduce(p) {
    for (const [variable, relation] of this.relations) {
      const i = this.names.indexOf(variable);
      const top = degree(relation, i);
      for (;;) {
        const high = terms(p).filter((t) => t.e[i] >= top);
        if (!high.length) break;
        p = subtract(p, multiply(fromTerms(high.map((t) => [t.e.map((v, j) => (j === i ? v - top : v)), t.c])), relation));
      }
    }
    return p;
  }
  // The polynomial in the units with the same values at the points of the chart.
  atPoints(p) {
    return this.onDivisors(this.reduce(this.onDivisors(p)));
  }
  isUnit(p) {
    return this.noZeros([this.atPoints(p)]);
  }
  // No common zero of these and the relations where no polynomial of `avoid` vanishes.
  noZeros(polys, avoid = []) {
    const places = this.names.map((_, i) => i).filter((i) => this.free.has(this.names[i]));
    return noZeros([...polys, ...this.base], [...this.nonzero, ...avoid], places);
  }
  withoutUnits(p) {
    return monic(lowered(p, this.names.map((n, i) => (i < this.local.length || this.free.has(n) ? 0 : least(p, i)))));
  }
  normal() {
    const count = this.local.length;
    const shift = (low) => [...low, ...this.units.map(() => 0)];
    let generators = this.generators.map((g) => this.reduce(g)).filter((g) => !isZero(g)).map((g) => this.withoutUnits(g));
    require(generators.length > 0 && !isZero(this.prior), "K or the prior is 0 in a chart");
    const common = this.local.map((_, i) => Math.min(...generators.map((g) => least(g, i))));
    generators = generators.map((g) => lowered(g, shift(common)));
    let prior = this.withoutUnits(this.reduce(this.prior));
    const low = this.local.map((_, i) => least(prior, i));
    prior = lowered(prior, shift(low));
    const distinct = (list) => list.filter((p, i) => !list.slice(0, i).some((q) => equal(p, q)));
    const nonzero = this.nonzero.map((q) => this.withoutUnits(q)).filter((q) => terms(q).some((t) => t.e.some((v) => v)));
    return this.with({
      exponents: this.exponents.map((k, i) => k + common[i]),
      weights: this.weights.map((h, i) => h + low[i]),
      generators: distinct(generators),
      prior,
      nonzero: distinct(nonzero),
    });
  }
}

// ---- moves

const SIMPLIFICATIONS = ["combine", "divide", "solve", "change", "contract"];

function apply(chart, move, allowed) {
  require(isObject(move) && allowed.includes(move.move), `a move should be one of ${allowed.join(", ")} here`);
  return MOVES[move.move](chart, move, allowed === SIMPLIFICATIONS).normal();
}

function without(set, x) {
  const rest = new Set(set);
  rest.delete(x);
  return rest;
}

function newNames(chart, list) {
  list.forEach(name);
  require(new Set([...list, ...chart.names]).size === list.length + chart.size, "names should be new, none twice");
  return list;
}

function indexIn(list, x, what) {
  const i = list.indexOf(x);
  require(i >= 0, `no such ${what}`);
  return i;
}

const MOVES = {
  combine(chart, data) {
    fields(data, ["move", "target", "factor", "source"], "a combination");
    const count = chart.generators.length;
    const target = whole(data.target, 0, count, "target"), source = whole(data.source, 0, count, "source");
    require(target !== source, "a generator cannot be combined with itself");
    const factor = polynomial(data.factor, chart.size);
    return chart.with({
      generators: chart.generators.map((g, i) => (i === target ? add(g, multiply(factor, chart.generators[source])) : g)),
    });
  },

  divide(chart, data) {
    fields(data, ["move", "target", "factor"], "a division");
    const target = whole(data.target, 0, chart.generators.length, "target");
    const factor = polynomial(data.factor, chart.size);
    require(chart.isUnit(factor), "the divisor may vanish");
    const quotient = divide(chart.generators[target], factor);
    require(quotient !== null, "the factor does not divide the generator");
    return chart.with({ generators: chart.generators.map((g, i) => (i === target ? quotient : g)) });
  },

  solve(chart, data, inside) {
    fields(data, ["move", "variable", "slope", "rest", "name"], "a straightening");
    const v = data.variable;
    const index = indexIn(chart.names, v, "variable");
    const [fresh] = newNames(chart, [data.name]);
    const slope = polynomial(data.slope, chart.size), rest = polynomial(data.rest, chart.size);
    require(degree(slope, index) === 0, "the slope contains the variable");
    require(degree(rest, index) === 0, "the rest contains the variable");
    require(chart.relations.every(([, r]) => degree(r, index) === 0), "a relation contains the variable");
    require(chart.isUnit(slope), "the slope may vanish");
    const isLocal = index < chart.local.length;
    if (isLocal) {
      require(chart.exponents[index] === 0, "the variable carries a monomial");
      require(chart.weights[index] === 0, "the variable carries a weight");
      require(isZero(chart.onDivisors(rest)), "the new coordinate does not vanish at the points of the chart");
    } else if (inside) {
      const whole_ = monic(add(multiply(slope, coordinate(chart.size, index)), rest));
      require(chart.generators.some((g) => equal(monic(g), whole_)), "zeros off the new coordinate would be lost");
    }
    const local = isLocal ? chart.local.map((n) => (n === v ? fresh : n)) : [...chart.local, fresh];
    const units = chart.units.filter((n) => n !== v);
    const names = [...local, ...units];
    const size = names.length;
    const images = chart.names.map((n) => coordinate(size, names.indexOf(n === v ? fresh : n)));
    const value = subtract(coordinate(size, names.indexOf(fresh)), compose(rest, images, size));
    const denominator = compose(slope, images, size);
    // slope^d · p with v replaced by value/slope, d the degree of p in v
    const carry = (p) => {
      const top = degree(p, index);
      let r = fromTerms([]);
      for (let k = 0; k <= top; k++) {
        const part = fromTerms(terms(p).filter((t) => t.e[index] === k).map((t) => [t.e.map((w, j) => (j === index ? 0 : w)), t.c]));
        if (part.size) r = add(r, multiply(compose(part, images, size), multiply(raise(value, k, size), raise(denominator, top - k, size))));
      }
      return r;
    };
    const moved = chart.with({
      local, units,
      exponents: isLocal ? chart.exponents : [...chart.exponents, 0],
      weights: isLocal ? chart.weights : [...chart.weights, 0],
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      relations: chart.relations.map(([n, r]) => [n, carry(r)]),
      nonzero: [],
      free: without(chart.free, v),
    });
    const nonzero = [...chart.nonzero.map(carry), ...(isLocal || chart.free.has(v) ? [] : [value])].map((q) => moved.atPoints(q));
    return moved.with({ nonzero: nonzero.filter((q) => q.size), real: chart.real && nonzero.every((q) => q.size) });
  },

  change(chart, data) {
    fields(data, ["move", "variable", "slope", "rest", "name"], "a change");
    const v = data.variable;
    const index = indexIn(chart.names, v, "variable");
    const [fresh] = newNames(chart, [data.name]);
    const slope = polynomial(data.slope, chart.size), rest = polynomial(data.rest, chart.size);
    require(chart.free.has(v), "only free coordinates are changed");
    require(degree(slope, index) === 0, "the slope contains the variable");
    require(degree(rest, index) === 0, "the rest contains the variable");
    require(chart.relations.every(([, r]) => degree(r, index) === 0), "a relation contains the variable");
    require(chart.isUnit(slope), "the slope may vanish");
    const value = subtract(coordinate(chart.size, index), rest);
    const carry = (p) => {
      const top = degree(p, index);
      let r = fromTerms([]);
      for (let k = 0; k <= top; k++) {
        const part = fromTerms(terms(p).filter((t) => t.e[index] === k).map((t) => [t.e.map((w, j) => (j === index ? 0 : w)), t.c]));
        if (part.size) r = add(r, multiply(part, multiply(raise(value, k, chart.size), raise(slope, top - k, chart.size))));
      }
      return r;
    };
    return chart.with({
      units: chart.units.map((n) => (n === v ? fresh : n)),
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      nonzero: chart.nonzero.map((q) => chart.onDivisors(carry(q))),
      free: without(chart.free, v).add(fresh),
    });
  },

  subspace(chart, data) {
    fields(data, ["move", "centre", "pivot", "names"], "a chart of a blow-up");
    const names = newNames(chart, listed(data.names, "names"));
    const places = listed(data.centre, "the centre").map((n) => indexIn(chart.local, n, "local coordinate"));
    require(
      new Set(places).size === places.length && places.length === names.length,
      "the centre should be local coordinates, none twice, with a name for each",
    );
    const pivot = whole(data.pivot, 0, places.length, "the pivot");
    const late = places.slice(pivot + 1);
    require(late.every((i) => !chart.exponents[i] && !chart.weights[i]), "a free coordinate would carry a monomial or a weight");
    const renamed = chart.names.map((n, i) => (places.includes(i) ? names[places.indexOf(i)] : n));
    const kept = chart.local.map((_, i) => i).filter((i) => !late.includes(i));
    const fresh = late.map((i) => renamed[i]);
    const local = kept.map((i) => renamed[i]), units = [...chart.units, ...fresh];
    const every = [...local, ...units];
    const size = every.length;
    const s = coordinate(size, every.indexOf(names[pivot]));
    const images = renamed.map((n, i) => {
      const own = coordinate(size, every.indexOf(n));
      return places.includes(i) && i !== places[pivot] ? multiply(own, s) : own;
    });
    const carry = (p) => compose(p, images, size);
    const k = places.reduce((sum, i) => sum + chart.exponents[i], 0);
    const h = places.reduce((sum, i) => sum + chart.weights[i] + 1, 0) - 1;
    return chart.with({
      local, units,
      exponents: kept.map((i) => (i === places[pivot] ? k : chart.exponents[i])),
      weights: kept.map((i) => (i === places[pivot] ? h : chart.weights[i])),
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      relations: chart.relations.map(([n, r]) => [n, carry(r)]),
      nonzero: chart.nonzero.map(carry),
      free: new Set([...chart.free, ...fresh]),
    });
  },

  // Free coordinates of positive weight become local: where they are 0 the function is worst.
  contract(chart, data) {
    fields(data, ["move", "weights"], "a contraction");
    require(isObject(data.weights), "the weights should be a dictionary");
    require(Object.keys(data.weights).every((n) => chart.local.includes(n) || chart.free.has(n)), "only free coordinates are contracted");
    const fresh = chart.units.filter((n) => Object.hasOwn(data.weights, n));
    const weights = chart.names.map((n) =>
      Object.hasOwn(data.weights, n) ? whole(data.weights[n], fresh.includes(n) ? 1 : -999, 1000, "a weight") : 0,
    );
    for (const g of [...chart.generators, ...chart.relations.map(([, r]) => r)])
      require(new Set(terms(g).map((t) => dot(t.e, weights))).size === 1, "a generator is not homogeneous");
    const local = [...chart.local, ...fresh], units = chart.units.filter((n) => !fresh.includes(n));
    const every = [...local, ...units];
    const images = chart.names.map((n) => coordinate(every.length, every.indexOf(n)));
    const carry = (p) => compose(p, images, every.length);
    const moved = chart.with({
      local, units,
      exponents: [...chart.exponents, ...fresh.map(() => 0)],
      weights: [...chart.weights, ...fresh.map(() => 0)],
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      relations: chart.relations.map(([n, r]) => [n, carry(r)]),
      nonzero: [],
      free: new Set([...chart.free].filter((n) => !fresh.includes(n))),
    });
    const nonzero = chart.nonzero.map((q) => moved.atPoints(carry(q)));
    require(nonzero.every((q) => q.size > 0), "what may not vanish is 0 at all points");
    return moved.with({ nonzero });
  },

  apart(chart, data) {
    fields(data, ["move", "polynomial"], "the points off a piece");
    const p = polynomial(data.polynomial, chart.size);
    const own = chart.names.find((n, i) => chart.free.has(n) && equal(p, coordinate(chart.size, i)));
    if (own !== undefined) return chart.with({ free: without(chart.free, own) });
    const value = chart.atPoints(p);
    require(value.size > 0, "the piece is 0 at all points");
    return chart.with({ nonzero: [...chart.nonzero, value] });
  },

  etale(chart, data) {
    fields(data, ["move", "variable", "polynomial", "name", "witness"], "an étale coordinate");
    require(!chart.relations.length, "an étale coordinate needs a chart without relations");
    const index = indexIn(chart.names, data.variable, "variable");
    const [fresh] = newNames(chart, [data.name]);
    const q = polynomial(data.polynomial, chart.size);
    const top = Math.max(1, degree(q, index));
    const lead = terms(q).filter((t) => t.e[index] === top);
    require(lead.length === 1 && lead[0].e.every((v, i) => i === index || !v) && text(lead[0].c) === "1", "not monic in its variable");
    require(equal(chart.onDivisors(q), q), "an étale coordinate should contain units only");
    require([...chart.used(q)].every((n) => !chart.free.has(n)), "an étale coordinate should contain no free coordinate");
    const gradient = chart.units.map((_, i) => derivative(q, chart.local.length + i));
    require(chart.noZeros([q, ...gradient]), "the étale coordinate may have a critical point");
    const known = data.witness !== null;
    if (known) {
      showRealZero([q], data.witness, chart.nonzero, (w) => readWitness(w, chart.size));
      require(irreducible(q), "a factor of the étale coordinate may have no real zero");
    }
    const local = [...chart.local, fresh];
    const names = [...local, ...chart.units];
    const images = chart.names.map((n) => coordinate(names.length, names.indexOf(n)));
    const carry = (p) => compose(p, images, names.length);
    return chart.with({
      local,
      exponents: [...chart.exponents, 0],
      weights: [...chart.weights, 0],
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      relations: [[data.variable, subtract(carry(q), coordinate(names.length, names.indexOf(fresh)))]],
      nonzero: chart.nonzero.map(carry),
      real: chart.real && known,
    });
  },

  toric(chart, data) {
    fields(data, ["move", "rays", "complement", "local", "units"], "a blow-up");
    const count = chart.local.length;
    const [rays, complement] = ["rays", "complement"].map((k) => listed(data[k], k).map((row) => exponents(row, count)));
    const rows = [...rays, ...complement];
    require(rows.length === count, "there should be as many new coordinates as old ones");
    const numbers = rows.map((row) => row.map((v) => constant(0, Q(v))));
    const volume = count ? terms(determinant(numbers)) : [{ c: ONE }];
    require(volume.length === 1 && ["1", "-1"].includes(text(volume[0].c)), "the monomial map is not invertible");
    require(chart.local.every((_, i) => rays.some((ray) => ray[i])), "the blow-up does not lie over the points of the chart");
    require(listed(data.local, "names").length === rays.length, "a name for every ray should be local");
    require(listed(data.units, "names").length === complement.length, "a name for every other row should be a unit");
    const fresh = newNames(chart, [...data.local, ...data.units]);
    const local = fresh.slice(0, rays.length);
    const names = [...local, ...chart.units, ...fresh.slice(rays.length)];
    const size = names.length;
    const images = chart.local.map((_, i) => {
      const e = Array(size).fill(0);
      rows.forEach((row, j) => (e[names.indexOf(fresh[j])] = row[i]));
      return fromTerms([[e, ONE]]);
    });
    images.push(...chart.units.map((n) => coordinate(size, names.indexOf(n))));
    const carry = (p) => compose(p, images, size);
    const sum = (ray) => ray.reduce((a, b) => a + b, 0);
    return chart.with({
      local,
      units: names.slice(rays.length),
      exponents: rays.map((ray) => dot(ray, chart.exponents)),
      weights: rays.map((ray) => dot(ray, chart.weights) + sum(ray) - 1), // the Jacobian determinant is ± ∏ x / (∏ s ∏ t)
      generators: chart.generators.map(carry),
      prior: carry(chart.prior),
      relations: chart.relations.map(([n, r]) => [n, carry(r)]),
      nonzero: chart.nonzero.map(carry),
    });
  },

  keep(chart, data) {
    fields(data, ["move", "generators"], "fewer generators");
    const kept = listed(data.generators, "generators").map((i) => chart.generators[whole(i, 0, chart.generators.length, "a generator")]);
    return chart.with({ generators: kept });
  },

  part(chart, data) {
    fields(data, ["move", "generators", "names"], "a part");
    const own = new Set(listed(data.names, "names").map(name));
    const within = (p) => [...chart.used(p)].every((n) => own.has(n));
    const chosen = listed(data.generators, "generators").map((i) => chart.generators[whole(i, 0, chart.generators.length, "a generator")]);
    require(chosen.every(within), "the part contains other variables");
    const local = chart.local.filter((n) => own.has(n)), units = chart.units.filter((n) => own.has(n));
    const names = [...local, ...units];
    const images = chart.names.map((n) => (own.has(n) ? coordinate(names.length, names.indexOf(n)) : constant(names.length, ONE)));
    const carry = (p) => compose(p, images, names.length);
    return chart.with({
      local, units,
      exponents: local.map(() => 0),
      weights: local.map((n) => chart.weights[chart.local.indexOf(n)]),
      generators: chosen.map(carry),
      prior: constant(names.length, ONE),
      free: new Set([...chart.free].filter((n) => own.has(n))),
      relations: chart.relations.filter(([, r]) => within(r)).map(([n, r]) => [n, carry(r)]),
      nonzero: chart.nonzero.filter(within).map(carry),
    });
  },
};

function readWitness(witness, size) {
  return listed(witness, "a witness").map((point) => {
    require(listed(point, "a point").length === size, "a point should have all coordinates");
    return point.map(rational);
  });
}

// ---- the Newton polyhedron of a chart

class Polyhedron {
  constructor(chart) {
    this.chart = chart;
    this.count = chart.local.length;
    const heads = (p) => terms(p).map((t) => t.e.slice(0, this.count));
    const unique = (points) => [...new Map(points.map((p) => [p.join(), p])).values()];
    const shifts = unique(heads(chart.prior));
    const points = unique(chart.generators.flatMap(heads));
    this.cones = compactCones(unique(points.flatMap((p) => shifts.map((s) => p.map((v, i) => v + s[i])))));
  }
  height(e, weight) {
    return weight.reduce((sum, w, i) => sum + w * e[i], 0);
  }
  bottom(p, weight) {
    return Math.min(...terms(p).map((t) => this.height(t.e, weight)));
  }
  order(weight) {
    const { chart } = this;
    return chart.power * (Math.min(...chart.generators.map((g) => this.bottom(g, weight))) + dot(weight, chart.exponents));
  }
  ratio(ray) {
    const density = ray.reduce((sum, r, i) => sum + r * (this.chart.weights[i] + 1), 0) + this.bottom(this.chart.prior, ray);
    const order = this.order(ray);
    return order ? Q(density, order) : null;
  }
  key(rays, strict = []) {
    const ratios = rays.map((ray) => this.ratio(ray));
    const finite = [...ratios, ...strict].filter((r) => r !== null);
    if (!finite.length) return NEVER;
    const best = finite.reduce((a, b) => (compare(a, b) <= 0 ? a : b));
    const isBest = (r) => r !== null && compare(r, best) === 0;
    return [best, -(rank(rays.filter((_, i) => isBest(ratios[i]))) + strict.filter(isBest).length)];
  }
  plain() {
    return this.cones.filter((c) => c.dimension === this.count).map((c) => this.key(c.rays)).reduce(earlier, NEVER);
  }
  even() {
    return this.cones.every((c) => c.rays.every((ray) => this.order(ray) % 2 === 0));
  }
  face(p, weight, level = null) {
    const low = this.bottom(p, weight);
    if (level !== null && low > level) return fromTerms([]);
    return fromTerms(terms(p).filter((t) => this.height(t.e, weight) === low).map((t) => [t.e, t.c]));
  }
  system(weight) {
    const level = Math.min(...this.chart.generators.map((g) => this.bottom(g, weight)));
    return this.chart.generators.map((g) => this.face(g, weight, level));
  }
  // From the polyhedron alone: never too small a λ.
  start() {
    const plain = this.plain();
    return { low: plain, high: this.chart.real ? plain : NEVER, even: this.even() };
  }
  weight(rays) {
    return Array.from({ length: this.count }, (_, i) => rays.reduce((sum, ray) => sum + ray[i], 0));
  }
}

// ---- nodes

export function poles(chart, node) {
  require(isObject(node), "a node should be a dictionary");
  for (const move of listed(node.moves, "moves")) chart = apply(chart, move, SIMPLIFICATIONS);
  require(Object.hasOwn(KINDS, node.kind), "no such kind of node");
  const found = KINDS[node.kind](chart, node);
  require(sameClaim(node.bound, found), "the bound of a chart is another one");
  return found;
}

function children(chart, data, allowed) {
  return listed(data, "children").map((child) => {
    fields(child, ["move", "node"], "a child");
    return poles(apply(chart, child.move, allowed), child.node);
  });
}

function hoelder(chart) {
  const ratios = chart.exponents.map((k, i) => Q(chart.power * k, chart.weights[i] + 1));
  const slowest = ratios.reduce((a, b) => (compare(a, b) >= 0 ? a : b), Q(0));
  const order = Math.min(...chart.generators.map(totalDegree)) * chart.relations.reduce((d, [, r]) => d * totalDegree(r), 1);
  const sum = plus(slowest, Q(chart.power * order));
  return sum[0] ? [over(ONE, sum), -chart.size] : NEVER;
}
const unknown = (chart) => ({ low: hoelder(chart), high: NEVER, even: false });

const optional = (node, field) => (Object.hasOwn(node, field) ? [field] : []);

const KINDS = {
  open(chart, node) {
    fields(node, ["kind", "moves", "bound"], "an open chart");
    return unknown(chart);
  },

  // K is at least what some of its generators give: so its pole is not before theirs.
  fewer(chart, node) {
    fields(node, ["kind", "moves", "bound", "children"], "a chart with fewer generators");
    const below = children(chart, node.children, ["keep"]);
    require(below.length === 1, "one chart with fewer generators is enough");
    return { low: below[0].low, high: new Polyhedron(chart).start().high, even: below[0].even };
  },

  sum(chart, node) {
    fields(node, ["kind", "moves", "bound", "children"], "a sum");
    require(chart.exponents.every((k) => !k), "a monomial is shared by all summands");
    require(chart.isUnit(chart.prior), "the prior may vanish");
    const parts = children(chart, node.children, ["part"]);
    const moves = node.children.map((child) => child.move);
    const chosen = moves.flatMap((m) => m.generators).sort((a, b) => a - b);
    require(chosen.length === chart.generators.length && chosen.every((g, i) => g === i), "every generator should be in one summand");
    const all = moves.flatMap((m) => m.names);
    require(all.length === new Set(all).size, "the summands share a variable");
    for (const link of [...chart.relations.map(([, r]) => r), ...chart.nonzero]) {
      const used = [...chart.used(link)];
      const owners = moves.filter((m) => used.some((n) => m.names.includes(n)));
      require(owners.every((m) => used.every((n) => m.names.includes(n))), "what holds at the points of the chart links summands");
    }
    return { low: total(parts.map((p) => p.low)), high: total(parts.map((p) => p.high)), even: false };
  },

  newton(chart, node) {
    fields(node, ["kind", "moves", "bound", "faces", ...optional(node, "factors")], "a Newton polyhedron");
    const polyhedron = new Polyhedron(chart);
    const named = Object.hasOwn(node, "factors") ? namedFactors(chart, node.factors) : null;
    const needed = new Map(
      chart.generators.every((g) => g.size === 1 && [...chart.used(g)].every((n) => !chart.free.has(n))) ? [] : polyhedron.cones.map((cone) => [keyOf(cone.rays), cone]),
    );
    const seen = new Set();
    let found = polyhedron.start();
    for (const face of listed(node.faces, "faces")) {
      const key = keyOf(raysOf(face, chart));
      require(needed.has(key), "the faces should be the compact ones");
      seen.add(key);
      found = meet(found, onFace(polyhedron, needed.get(key), face, named));
    }
    require(seen.size === needed.size, "a compact face is missing");
    return found;
  },

  split(chart, node) {
    fields(node, ["kind", "moves", "bound", "children"], "a split");
    require(listed(node.children, "children").length === 2, "a split has two children");
    const [on, off] = node.children;
    const found = meet(children(chart, [on], ["solve", "etale"])[0], children(chart, [off], ["apart"])[0]);
    require(equal(pieceOf(chart, on.move), polynomial(off.move.polynomial, chart.size)), "the two polynomials are not the same");
    return found;
  },

  blow_up(chart, node) {
    fields(node, ["kind", "moves", "bound", "children"], "a blow-up");
    const parts = children(chart, node.children, ["subspace"]);
    const moves = node.children.map((child) => child.move);
    require(moves.length > 0, "a blow-up without charts");
    const centre = moves[0].centre;
    const same = (list) => list.length === centre.length && list.every((n, i) => n === centre[i]);
    require(moves.every((move) => same(move.centre)), "the charts have different centres");
    require(moves.length === centre.length && moves.every((move, i) => move.pivot === i), "a chart of the blow-up is missing");
    return parts.reduce(meet);
  },

  cover(chart, node) {
    const elsewhere = node.generator === -1;
    const names = ["kind", "moves", "bound", "generator", "children", ...optional(node, "factors"), ...(elsewhere ? ["faces"] : [])];
    fields(node, names, "a cover");
    const polyhedron = new Polyhedron(chart);
    require(polyhedron.cones.length === 1, "a cover is for a polyhedron with one vertex");
    const [cone] = polyhedron.cones;
    let found = children(chart, node.children, ["solve", "etale"]).reduce(meet, polyhedron.start());
    const pieces = node.children.map(({ move }) => pieceOf(chart, move));
    if (elsewhere) {
      require(listed(node.faces, "faces").length === 1, "a cover has one face");
      const [face] = node.faces;
      require(keyOf(raysOf(face, chart)) === keyOf(cone.rays), "not the face of the vertex");
      const named = Object.hasOwn(node, "factors") ? namedFactors(chart, node.factors) : null;
      return meet(found, goodZeros(polyhedron, cone, face, named, pieces));
    }
    let base = chart.atPoints(chart.generators[whole(node.generator, 0, chart.generators.length, "generator")]);
    for (const piece of pieces)
      while (piece.size && base.size) {
        const quotient = divide(base, piece);
        if (quotient === null) break;
        base = quotient;
      }
    require(chart.noZeros([base]), "zeros are not covered");
    return found;
  },
};

function raysOf(face, chart) {
  require(isObject(face), "a face should be a dictionary");
  return listed(face.rays, "rays").map((ray) => exponents(ray, chart.local.length));
}

// The polynomial that a child makes a coordinate, at the points of the chart.
function pieceOf(chart, move) {
  if (move.move === "etale") return polynomial(move.polynomial, chart.size);
  const slope = polynomial(move.slope, chart.size), rest = polynomial(move.rest, chart.size);
  return chart.onDivisors(add(multiply(slope, coordinate(chart.size, chart.names.indexOf(move.variable))), rest));
}

function namedFactors(chart, data) {
  const factors = listed(data, "factors").map((pair) => {
    require(listed(pair, "a factor").length === 2, "a factor should have a multiplicity");
    return { f: polynomial(pair[0], chart.size), s: whole(pair[1], 1, 1000, "a multiplicity") };
  });
  if (chart.generators.length > 1 || chart.relations.length)
    require(
      factors.length === chart.generators.length && factors.every(({ f, s }, i) => s === 1 && equal(f, chart.generators[i])),
      "the factors should be the generators, each once",
    );
  else {
    const product = factors.reduce((p, { f, s }) => multiply(p, raise(f, s, chart.size)), constant(chart.size, ONE));
    require(product.size > 0 && equal(monic(product), monic(chart.generators[0])), "the factors do not multiply up to the generator");
  }
  return factors;
}

function onFace(polyhedron, cone, face, named) {
  const { chart } = polyhedron;
  const weight = polyhedron.weight(cone.rays);
  switch (face.method) {
    case "crossing":
    case "steep":
      return goodZeros(polyhedron, cone, face, named, []);
    case "excluded":
      fields(face, ["rays", "method"], "a face");
      require(chart.noZeros(polyhedron.system(weight)), "a face may have a zero");
      return NOTHING;
    case "squares":
      fields(face, ["rays", "method", "terms"], "a face");
      return squares(polyhedron, weight, face.terms);
    case "contact":
      fields(face, ["rays", "method", "rank"], "a face");
      return contact(polyhedron, cone, weight, face.rank);
    case "charts": {
      fields(face, ["rays", "method", "children"], "a face");
      const found = children(chart, face.children, ["toric"]).reduce(meet, NOTHING);
      showCover(face.children.map((child) => child.move.rays), cone);
      return found;
    }
    case "open":
      fields(face, ["rays", "method"], "a face");
      return unknown(chart);
  }
  throw new Refuted("no such method");
}

function goodZeros(polyhedron, cone, face, named, avoid) {
  const weight = polyhedron.weight(cone.rays);
  if (face.method === "crossing") {
    fields(face, ["rays", "method", "crossings"], "a face");
    require(named !== null, "a crossing needs factors");
    return crossing(polyhedron, cone, weight, face.crossings, named, avoid);
  }
  fields(face, ["rays", "method", "rank"], "a face");
  require(face.method === "steep", "no such method");
  return steep(polyhedron, cone, weight, face.rank, avoid);
}

function crossing(polyhedron, cone, weight, data, named, avoid) {
  const { chart } = polyhedron;
  const claimed = new Map();
  for (const one of listed(data, "crossings")) {
    fields(one, ["factors", "witness"], "a crossing");
    claimed.set(listed(one.factors, "factors of a crossing").join(), one.witness);
  }
  const together = chart.generators.length > 1;
  if (together) require(polyhedron.system(weight).every((p) => p.size), "a generator does not reach the face");
  const parts = named.map(({ f }) => polyhedron.face(f, weight));
  const all = [...parts.keys()];
  const sizes = together ? [parts.length] : all.map((i) => i + 1);
  let found = NOTHING;
  for (const size of sizes)
    for (const subset of subsets(all, size)) {
      const polys = subset.map((i) => parts[i]);
      if (!claimed.has(subset.join())) {
        require(chart.noZeros(polys), "factors may meet that are not listed");
        continue;
      }
      require(chart.noZeros(withMinors(chart, polys, polys.length), avoid), "factors may touch");
      const strict = together ? [Q(subset.length, chart.power)] : subset.map((i) => Q(1, chart.power * named[i].s));
      const key = polyhedron.key(cone.rays, strict);
      const witness = claimed.get(subset.join());
      if (witness !== null) {
        require(chart.real, "the chart may have no real point");
        showRealZero([...polys, ...chart.base], witness, [...chart.nonzero, ...avoid], (w) => readWitness(w, chart.size));
        const part = polyhedron.face(chart.prior, weight);
        require(chart.noZeros([part, ...polys]), "the prior may vanish there");
      }
      const even = together || subset.every((i) => named[i].s % 2 === 0);
      found = meet(found, { low: key, high: witness === null ? NEVER : key, even });
    }
  return found;
}

function steep(polyhedron, cone, weight, number, avoid) {
  const { chart } = polyhedron;
  const polys = polyhedron.system(weight).filter((p) => p.size);
  const required = whole(number, 1, polys.length + 1, "rank");
  require(chart.noZeros(withMinors(chart, polys, required), avoid), "the differentials may be dependent");
  const own = [Q(required, chart.power), -chart.size];
  return { low: earlier(own, polyhedron.key(cone.rays)), high: NEVER, even: false };
}

function squares(polyhedron, weight, data) {
  const { chart } = polyhedron;
  const system = polyhedron.system(weight);
  require(system.length === 1, "squares need a single generator");
  let total = constant(chart.size, Q(0));
  const roots = [];
  for (const term of listed(data, "terms")) {
    require(listed(term, "a term").length === 2, "a term should be a multiple and a root");
    const c = rational(term[0]), root = polynomial(term[1], chart.size);
    require(compare(c, Q(0)) > 0, "the multiple of a square is not positive");
    roots.push(root);
    total = add(total, multiply(root, root), c);
  }
  require(equal(total, system[0]), "the squares do not add up to the part");
  require(chart.noZeros(roots), "the squares may have a common zero");
  return NOTHING;
}

function contact(polyhedron, cone, weight, order) {
  const { chart } = polyhedron;
  const polys = polyhedron.system(weight).filter((p) => p.size);
  const highest = whole(order, 1, 100, "the order");
  const system = [...polys];
  for (const p of polys)
    for (let i = 0; i < chart.size; i++) {
      if (chart.base.some((r) => degree(r, i))) continue;
      let current = p;
      for (let k = 0; k < highest; k++) system.push((current = derivative(current, i)));
    }
  require(chart.noZeros(system), "the zeros may have a higher order");
  return { low: polyhedron.key(cone.rays, [Q(1, chart.power * highest)]), high: NEVER, even: false };
}

// The common zeros of the polynomials and the relations where fewer of the former than required have independent differentials.
function withMinors(chart, polys, required) {
  const system = [...polys, ...chart.base];
  const size = required + chart.base.length;
  const live = chart.names.map((_, i) => i).filter((i) => system.some((p) => degree(p, i)));
  const minors = [];
  for (const rows of subsets(system, size))
    for (const columns of subsets(live, size)) minors.push(determinant(rows.map((p) => columns.map((i) => derivative(p, i)))));
  return [...polys, ...minors];
}

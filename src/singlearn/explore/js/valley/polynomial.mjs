// Polynomials in one or two parameters with exact rational coefficients, as people type them. Nothing is evaluated as a program.
// A polynomial is { variables: [names], terms: [{ c: [numerator, denominator], e: [exponents] }] }, BigInts, the highest exponents first.

export class WrittenWrongly extends Error {
  // `at` is the place in the text, from 0; the message says what to write instead.
  constructor(message, at = 0) {
    super(message);
    this.name = "WrittenWrongly";
    this.at = at;
  }
}

const LONGEST = 300;
const HIGHEST_DEGREE = 20;
const MOST_DIGITS = 30;
const EXAMPLE = "for example (y^2 - x^3)^2";
const SUPERSCRIPTS = { "⁰": 0, "¹": 1, "²": 2, "³": 3, "⁴": 4, "⁵": 5, "⁶": 6, "⁷": 7, "⁸": 8, "⁹": 9 };
const FUNCTIONS = new Set(["sin", "cos", "tan", "exp", "log", "ln", "sqrt", "abs", "max", "min", "relu", "tanh", "pow"]);

// ---- fractions

const gcd = (a, b) => {
  if (a < 0n) a = -a;
  if (b < 0n) b = -b;
  while (b) [a, b] = [b, a % b];
  return a;
};
const fraction = (n, d = 1n) => {
  if (d < 0n) [n, d] = [-n, -d];
  const g = gcd(n, d);
  return g > 1n ? [n / g, d / g] : [n, d];
};
const plus = (a, b) => fraction(a[0] * b[1] + b[0] * a[1], a[1] * b[1]);
const times = (a, b) => fraction(a[0] * b[0], a[1] * b[1]);

export function fractionText([n, d]) {
  return d === 1n ? `${n}` : `${n}/${d}`;
}

// "3/4" or "-2" or "0.25", exactly.
export function readFraction(text) {
  const parts = /^\s*([-+]?)(\d+)(?:\.(\d+))?(?:\/(\d+))?\s*$/.exec(String(text));
  if (!parts || (parts[3] && parts[4])) throw new WrittenWrongly(`"${text}" is no number: write one such as 2, 0.5 or 3/4`);
  const [, minus, whole, decimals = "", below = "1"] = parts;
  if (BigInt(below) === 0n) throw new WrittenWrongly(`"${text}" divides by 0`);
  const top = BigInt(whole + decimals) * (minus === "-" ? -1n : 1n);
  return fraction(top, 10n ** BigInt(decimals.length) * BigInt(below));
}

// The fraction that a double is.
export function doubleFraction(value) {
  if (!Number.isFinite(value)) throw new RangeError(`${value} is no number`);
  let power = 0;
  while (!Number.isInteger(value)) [value, power] = [2 * value, power + 1];
  return fraction(BigInt(value), 2n ** BigInt(power));
}

// The nearest double, also for numerators and denominators beyond 2^53.
export function toNumber([n, d]) {
  const digits = (v) => (v < 0n ? -v : v).toString().length;
  if (digits(n) < 16 && digits(d) < 16) return Number(n) / Number(d);
  const shift = 40n - BigInt(digits(n) - digits(d));
  const scaled = shift >= 0n ? (n * 10n ** shift) / d : n / (d * 10n ** -shift);
  return Number(`${scaled}e${-shift}`);
}

// ---- reading

const MARK = /^(\*\*|[-+*/^()])/;
const NUMBER = /^(\d+(?:\.\d*)?|\.\d+)(?:[eE]([-+]?\d+))?/;
const NAME = /^[\p{L}_][\p{L}\p{Nd}_]*/u;

function tokens(text) {
  const found = [];
  let at = 0;
  while (at < text.length) {
    const rest = text.slice(at);
    if (/^\s/.test(rest)) {
      at += 1;
      continue;
    }
    const mark = MARK.exec(rest);
    if (mark) {
      found.push({ at, mark: mark[0] === "**" ? "^" : mark[0] });
      at += mark[0].length;
      continue;
    }
    if (rest[0] in SUPERSCRIPTS) {
      let power = "";
      const start = at;
      while (text[at] in SUPERSCRIPTS) power += SUPERSCRIPTS[text[at++]];
      found.push({ at: start, mark: "^" }, { at: start, number: fraction(BigInt(power)), whole: true });
      continue;
    }
    if (rest[0] === "·" || rest[0] === "×") {
      found.push({ at, mark: "*" });
      at += 1;
      continue;
    }
    if (rest[0] === "−" || rest[0] === "–") {
      found.push({ at, mark: "-" });
      at += 1;
      continue;
    }
    const number = NUMBER.exec(rest);
    if (number) {
      const after = text[at + number[0].length];
      if (after === ",") throw new WrittenWrongly(`write a decimal point instead of the comma: ${number[0]}.5`, at + number[0].length);
      found.push({ at, number: decimal(number[1], number[2], at), whole: /^\d+$/.test(number[0]) });
      at += number[0].length;
      continue;
    }
    const name = NAME.exec(rest);
    if (name) {
      found.push({ at, name: name[0] });
      at += name[0].length;
      continue;
    }
    throw unknownMark(rest[0], at);
  }
  return found;
}

function unknownMark(mark, at) {
  if (mark === "=") return new WrittenWrongly("write K only, without an = sign: K = 0 are the true parameters", at);
  if (mark === "[" || mark === "{") return new WrittenWrongly(`write parentheses ( ) instead of ${mark}`, at);
  if (mark === "|") return new WrittenWrongly("an absolute value is no polynomial: write its square, such as (x - y)^2", at);
  if (mark === "√") return new WrittenWrongly("a root is no polynomial: write a number such as 1.414, or square the whole", at);
  return new WrittenWrongly(`"${mark}" cannot be read: write + - * ^ ( ), numbers and the names of one or two parameters, ${EXAMPLE}`, at);
}

function decimal(mantissa, exponent, at) {
  const [whole, part = ""] = mantissa.split(".");
  const shift = Number(exponent ?? 0) - part.length;
  if (whole.length + part.length > MOST_DIGITS || Math.abs(shift) > MOST_DIGITS)
    throw new WrittenWrongly(`a number of more than ${MOST_DIGITS} digits: write a shorter one`, at);
  const top = BigInt(whole + part || "0");
  return shift >= 0 ? fraction(top * 10n ** BigInt(shift)) : fraction(top, 10n ** BigInt(-shift));
}

// A polynomial from text. Raises WrittenWrongly with what to write.
export function parse(text) {
  if (typeof text !== "string" || !text.trim()) throw new WrittenWrongly(`write a polynomial in one or two parameters, ${EXAMPLE}`);
  if (text.length > LONGEST) throw new WrittenWrongly(`the polynomial has ${text.length} characters: write at most ${LONGEST}`);
  const list = tokens(text);
  const variables = namesOf(list);
  let at = 0;
  const place = () => list[at]?.at ?? text.length;
  const has = (mark) => list[at]?.mark === mark;

  function sum() {
    let left = product();
    while (has("+") || has("-")) {
      const minus = list[at++].mark === "-";
      const right = product();
      left = addTerms(left, minus ? scaled(right, [-1n, 1n]) : right);
    }
    return left;
  }
  function product() {
    let left = signed();
    for (;;) {
      if (has("*")) {
        at++;
        left = multiplyTerms(left, signed(), place());
      } else if (has("/")) {
        const where = list[at++].at;
        const right = signed();
        if (right.some((t) => t.e.some(Boolean)))
          throw new WrittenWrongly("dividing by a parameter gives no polynomial: divide by numbers only, such as x^2/4", where);
        if (!right.length) throw new WrittenWrongly("division by 0", where);
        left = scaled(left, fraction(right[0].c[1], right[0].c[0]));
      } else if (list[at] && (list[at].name || list[at].number || has("("))) {
        throw new WrittenWrongly(`write * between factors: ${text.slice(0, list[at].at).trimEnd()}*${text.slice(list[at].at)}`, place());
      } else return left;
    }
  }
  function signed() {
    if (has("-") || has("+")) return list[at++].mark === "-" ? scaled(signed(), [-1n, 1n]) : signed();
    const base = atom();
    if (!has("^")) return base;
    const where = list[at++].at;
    const power = list[at];
    if (!power?.whole)
      throw new WrittenWrongly("write a power that is a whole number from 0 on, such as x^2", power?.at ?? where);
    at++;
    if (has("^")) throw new WrittenWrongly("a power of a power: write parentheses, such as (x^2)^3", place());
    const exponent = Number(power.number[0]);
    if (exponent > HIGHEST_DEGREE) throw new WrittenWrongly(`the power ${exponent} is above ${HIGHEST_DEGREE}: write a lower one`, power.at);
    let result = [{ c: [1n, 1n], e: variables.map(() => 0) }];
    for (let k = 0; k < exponent; k++) result = multiplyTerms(result, base, where);
    return result;
  }
  function atom() {
    const token = list[at];
    if (!token) throw new WrittenWrongly(`something is missing at the end: write a number, a parameter or ( ), ${EXAMPLE}`, text.length);
    if (token.number) {
      at++;
      return token.number[0] ? [{ c: token.number, e: variables.map(() => 0) }] : [];
    }
    if (token.name) {
      at++;
      return [{ c: [1n, 1n], e: variables.map((v) => +(v === token.name)) }];
    }
    if (has("(")) {
      const open = token.at;
      at++;
      const inner = sum();
      if (!has(")")) throw new WrittenWrongly(`a ( without its ): write a ) for the one at place ${open + 1}`, place());
      at++;
      return inner;
    }
    if (has(")")) throw new WrittenWrongly(`a ) that closes nothing, or () with nothing inside: ${EXAMPLE}`, token.at);
    throw new WrittenWrongly(`"${token.mark}" has nothing before it: write a number or a parameter there`, token.at);
  }

  const made = sum();
  if (at < list.length) throw new WrittenWrongly(has(")") ? "a ) that closes nothing: take it away" : "this cannot be read from here on", place());
  if (!variables.length) throw new WrittenWrongly(`a number without a parameter: write a polynomial in x and y, ${EXAMPLE}`);
  if (!made.length) throw new WrittenWrongly("this is 0 everywhere: every parameter is true, and there is no λ; write another polynomial");
  return { variables, terms: sorted(made) };
}

function namesOf(list) {
  const names = [];
  for (let i = 0; i < list.length; i++) {
    const { name, at } = list[i];
    if (!name) continue;
    if (FUNCTIONS.has(name.toLowerCase()) && list[i + 1]?.mark === "(")
      throw new WrittenWrongly(`${name} is no polynomial: write powers, products and sums of parameters, ${EXAMPLE}`, at);
    if (!names.some((n) => n.name === name)) names.push({ name, at });
  }
  const run = names.find(({ name }) => /^[a-z]{2,}$/i.test(name) && [...name].every((c) => names.some((n) => n.name === c)));
  if (run) throw new WrittenWrongly(`"${run.name}" is read as one name: write ${[...run.name].join("*")}`, run.at);
  if (names.length === 1 && /^[xy]{2,}$/.test(names[0].name))
    throw new WrittenWrongly(`"${names[0].name}" is read as one name: write ${[...names[0].name].join("*")}`, names[0].at);
  if (names.length > 2) {
    const all = names.map((n) => n.name);
    throw new WrittenWrongly(`${names.length} parameters, ${all.join(", ")}: write a polynomial in at most two, the picture has two axes`, names[2].at);
  }
  return names.map((n) => n.name).sort();
}

// ---- arithmetic on lists of terms

const keyOf = (e) => e.join();

function gathered(map) {
  return [...map.values()].filter((t) => t.c[0] !== 0n);
}

function addTerms(a, b) {
  const map = new Map(a.map((t) => [keyOf(t.e), t]));
  for (const t of b) {
    const old = map.get(keyOf(t.e));
    map.set(keyOf(t.e), { e: t.e, c: old ? plus(old.c, t.c) : t.c });
  }
  return gathered(map);
}

const scaled = (a, c) => (c[0] === 0n ? [] : a.map((t) => ({ e: t.e, c: times(t.c, c) })));

function multiplyTerms(a, b, where = 0) {
  const map = new Map();
  for (const s of a)
    for (const t of b) {
      const e = s.e.map((v, i) => v + t.e[i]);
      if (e.reduce((x, y) => x + y, 0) > HIGHEST_DEGREE)
        throw new WrittenWrongly(`the degree is above ${HIGHEST_DEGREE}: write lower powers`, where);
      const old = map.get(keyOf(e));
      const c = times(s.c, t.c);
      map.set(keyOf(e), { e, c: old ? plus(old.c, c) : c });
    }
  return gathered(map);
}

const sorted = (terms) =>
  [...terms].sort((s, t) => {
    const degree = (u) => u.e.reduce((a, b) => a + b, 0);
    return degree(t) - degree(s) || t.e[0] - s.e[0];
  });

// ---- what is made of them

export const degreeOf = (p) => Math.max(0, ...p.terms.map((t) => t.e.reduce((a, b) => a + b, 0)));

export function derivative(p, i) {
  const terms = p.terms.filter((t) => t.e[i]).map((t) => ({ c: times(t.c, [BigInt(t.e[i]), 1n]), e: t.e.map((v, j) => v - +(i === j)) }));
  return { variables: p.variables, terms };
}

// The same polynomial in more variables, or with others in another order.
export function inVariables(p, variables) {
  const missing = p.variables.find((v) => !variables.includes(v));
  if (missing) throw new WrittenWrongly(`${missing} is none of ${variables.join(", ")}`);
  return { variables, terms: p.terms.map((t) => ({ c: t.c, e: variables.map((v) => t.e[p.variables.indexOf(v)] ?? 0) })) };
}

// As people read it: x^2*y - 3/2*x + 1.
export function text(p) {
  if (!p.terms.length) return "0";
  return p.terms
    .map(({ c, e }, index) => {
      const factors = p.variables.flatMap((v, i) => (e[i] ? [e[i] > 1 ? `${v}^${e[i]}` : v] : []));
      const size = [c[0] < 0n ? -c[0] : c[0], c[1]];
      const one = size[0] === 1n && size[1] === 1n;
      const body = [...(one && factors.length ? [] : [fractionText(size)]), ...factors].join("*");
      return index ? ` ${c[0] < 0n ? "-" : "+"} ${body}` : `${c[0] < 0n ? "-" : ""}${body}`;
    })
    .join("");
}

// The exact value at fractions.
export function exactValue(p, point) {
  let total = [0n, 1n];
  for (const { c, e } of p.terms) {
    let term = c;
    e.forEach((k, i) => {
      term = times(term, fraction(point[i][0] ** BigInt(k), point[i][1] ** BigInt(k)));
    });
    total = plus(total, term);
  }
  return total;
}

// Coefficients as doubles: rows[i][j] belongs to x^i y^j; with one parameter every row has one entry.
export function dense(p) {
  const two = p.variables.length > 1;
  const high = (i) => Math.max(0, ...p.terms.map((t) => t.e[i] ?? 0));
  const rows = Array.from({ length: high(0) + 1 }, () => new Array(two ? high(1) + 1 : 1).fill(0));
  for (const { c, e } of p.terms) rows[e[0]][two ? e[1] : 0] = toNumber(c);
  return rows;
}

export function evaluate(rows, x, y = 0) {
  let total = 0;
  for (let i = rows.length - 1; i >= 0; i--) {
    const row = rows[i];
    let inner = 0;
    for (let j = row.length - 1; j >= 0; j--) inner = inner * y + row[j];
    total = total * x + inner;
  }
  return total;
}

// The polynomial in y that is left at a fixed x, lowest power first; `along` = 1 fixes y instead.
export function slice(rows, at, along = 0) {
  if (along === 0) {
    const width = rows[0].length;
    const made = new Array(width).fill(0);
    for (let j = 0; j < width; j++) {
      let value = 0;
      for (let i = rows.length - 1; i >= 0; i--) value = value * at + rows[i][j];
      made[j] = value;
    }
    return made;
  }
  return rows.map((row) => {
    let value = 0;
    for (let j = row.length - 1; j >= 0; j--) value = value * at + row[j];
    return value;
  });
}

// A form in which polynomials are equal that differ by a positive factor only: the leading coefficient is ±1.
export function canonical(p) {
  const [n, d] = p.terms[0].c;
  const unit = n < 0n ? [d, -n] : [d, n];
  const terms = p.terms.map((t) => ({ c: times(t.c, unit), e: t.e }));
  return terms.map((t) => `${fractionText(t.c)}@${t.e.join()}`).sort().join(" ");
}

// A polynomial g and c > 0 with p = c g², or null: exact division by its own root, term by term.
export function squareRoot(p) {
  const lead = (terms) => terms.reduce((a, b) => (compareExponents(a.e, b.e) >= 0 ? a : b));
  const top = lead(p.terms);
  if (top.c[0] < 0n || top.e.some((k) => k % 2)) return null;
  const c = top.c;
  const goal = scaled(p.terms, fraction(c[1], c[0]));
  let root = [{ c: [1n, 1n], e: top.e.map((k) => k / 2) }];
  for (let step = 0; step < 200; step++) {
    const rest = addTerms(goal, scaled(multiplyTerms(root, root), [-1n, 1n]));
    if (!rest.length) return { factor: c, root: { variables: p.variables, terms: sorted(root) } };
    const next = lead(rest);
    const e = next.e.map((k, i) => k - root[0].e[i]);
    if (e.some((k) => k < 0) || compareExponents(e, root[0].e) >= 0) return null;
    if (root.some((t) => keyOf(t.e) === keyOf(e))) return null;
    root = [...root, { c: times(next.c, [1n, 2n]), e }];
  }
  return null;
}

const compareExponents = (a, b) => {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
};

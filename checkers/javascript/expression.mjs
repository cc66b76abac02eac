// Polynomials as people type them: names, numbers, parentheses, + - * / ^ **, division by numbers only. In a prior also |x|, abs(x).

import { NotCovered, Q, Refuted, add, constant, coordinate, multiply, raise, scale, subtract } from "./algebra.mjs";

const TOKEN = /\s*(?:((?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?)|([\p{L}_][\p{L}\p{N}_]*)|(\*\*|[-+*\/^()|]))/uy;

function tokens(source) {
  const found = [];
  TOKEN.lastIndex = 0;
  const end = source.trimEnd().length;
  while (TOKEN.lastIndex < end) {
    const at = TOKEN.lastIndex;
    const match = TOKEN.exec(source);
    if (!match) throw new Refuted(`an expression cannot be read at ${JSON.stringify(source.slice(at, at + 10))}`);
    const [, number, name, mark] = match;
    found.push(number !== undefined ? { number } : name !== undefined ? { name } : { mark: mark === "**" ? "^" : mark });
  }
  return found;
}

function numberOf(source) {
  const [, whole, part = "", exponent = "0"] = /^([\d_]*)\.?([\d_]*)(?:[eE]([+-]?\d+))?$/.exec(source);
  const digits = BigInt((whole + part).replaceAll("_", ""));
  const shift = Number(exponent) - part.replaceAll("_", "").length;
  if (Math.abs(shift) > 400) throw new NotCovered("a number of more than 400 digits");
  return shift < 0 ? Q(digits, 10n ** BigInt(-shift)) : Q(digits * 10n ** BigInt(shift));
}

// A tree: {number}, {name}, {bars: name}, {negative}, {op, left, right}, {power, base}.
export function parse(source, bars = false) {
  if (typeof source !== "string") throw new Refuted("an expression should be a string");
  const list = tokens(source);
  let at = 0;
  const peek = (mark) => list[at]?.mark === mark;
  const fail = () => {
    throw new Refuted(`${JSON.stringify(source)} is no polynomial`);
  };
  const expect = (mark) => (peek(mark) ? at++ : fail());
  const name = () => list[at++]?.name ?? fail();

  function sum() {
    let left = product();
    while (peek("+") || peek("-")) left = { op: list[at++].mark, left, right: product() };
    return left;
  }
  function product() {
    let left = signed();
    while (peek("*") || peek("/")) {
      const op = list[at++].mark;
      const right = signed();
      if (op === "/" && (!right.number || !right.number[0])) fail();
      left = { op, left, right };
    }
    return left;
  }
  function signed() {
    if (peek("-") || peek("+")) return list[at++].mark === "-" ? { negative: signed() } : { positive: signed() };
    const base = atom();
    if (!peek("^")) return base;
    at++;
    const exponent = list[at++];
    if (!exponent || !/^\d+$/.test(exponent.number ?? "") || Number(exponent.number) > 100 || peek("^")) fail();
    return { base, power: Number(exponent.number) };
  }
  function atom() {
    const token = list[at++] ?? fail();
    if (token.number !== undefined) return { number: numberOf(token.number) };
    if (token.mark === "(") {
      const inner = sum();
      expect(")");
      return inner;
    }
    if (bars && token.mark === "|") {
      const inner = name();
      expect("|");
      return { bars: inner };
    }
    if (token.name === undefined) fail();
    if (bars && (token.name === "abs" || token.name === "Abs") && peek("(")) {
      at++;
      const inner = name();
      expect(")");
      return { bars: inner };
    }
    return { name: token.name };
  }
  const tree = sum();
  if (at !== list.length) fail();
  return tree;
}

// Names in the order in which they occur, those between bars apart.
export function names(tree, found = { plain: [], bars: [] }) {
  const note = (list, name) => list.includes(name) || list.push(name);
  if (tree.name !== undefined) note(found.plain, tree.name);
  if (tree.bars !== undefined) note(found.bars, tree.bars);
  for (const part of [tree.left, tree.right, tree.base, tree.negative, tree.positive]) if (part) names(part, found);
  return found;
}

export function polynomial(tree, variables, bars = []) {
  const size = variables.length + bars.length;
  const of = (t) => {
    if (t.number) return constant(size, t.number);
    if (t.name !== undefined) {
      const index = variables.indexOf(t.name);
      if (index < 0) throw new Refuted(`${t.name} is no variable of K`);
      return coordinate(size, index);
    }
    if (t.bars !== undefined) return coordinate(size, variables.length + bars.indexOf(t.bars));
    if (t.negative) return scale(of(t.negative), Q(-1));
    if (t.positive) return of(t.positive);
    if (t.base) return raise(of(t.base), t.power, size);
    const a = of(t.left), b = of(t.right);
    if (t.op === "+") return add(a, b);
    if (t.op === "-") return subtract(a, b);
    if (t.op === "/") return scale(a, Q(t.right.number[1], t.right.number[0]));
    return multiply(a, b);
  };
  return of(tree);
}

// λ and m of a polynomial, from the table that was proved by singlearn.exact.rlct; never by guessing.

import { verify } from "../checker/verify.mjs";
import { canonical, fractionText, inVariables, parse, readFraction, text, toNumber } from "./polynomial.mjs";

// What the checker says of a certificate, and whether it is about this K and proves this λ and m: { verdict, reason }.
export function verdictOn({ K, lambda, m, certificate }) {
  const found = verify(certificate);
  if (found.verdict !== "valid") return found;
  const { K: about, squares, prior, bound } = certificate.statement;
  const claimed = JSON.stringify(lambda === null ? ["inf", 0] : [lambda, -m]);
  const refuted = (reason) => ({ verdict: "refuted", reason });
  if (squares || about.length !== 1 || prior !== null || text(parse(about[0])) !== text(parse(K))) return refuted(`it is about ${about.join(", ")}, not about ${K}`);
  if (JSON.stringify(bound.low) !== claimed || JSON.stringify(bound.high) !== claimed) return refuted(`it proves ${JSON.stringify(bound)}, not λ = ${lambda}, m = ${m}`);
  return found;
}

// { entry, lambda, m, certificate } where the table has K (up to a positive factor and the names of the parameters) and the box
// contains the points at which its λ is attained; otherwise { entry: null, sentence }.
export function lookUp(table, polynomial, box) {
  const goal = canonical(polynomial);
  const command = `singlearn exact "${spelled(polynomial)}"`;
  let outside = "";
  for (const entry of table) {
    if (entry.variables.length !== polynomial.variables.length) continue;
    for (const order of orders(entry.variables)) {
      const candidate = inVariables(parse(entry.K), order);
      const renamed = { variables: polynomial.variables, terms: resorted(candidate.terms) };
      if (canonical(renamed) !== goal) continue;
      const points = attainedAt(entry, order);
      if (!points.length) continue;
      const missing = points.find((point) => !point.every((v, i) => v > box[i][0] && v < box[i][1]));
      if (missing) {
        // Another entry may have the same K with another box.
        outside = `Not in the table for this box, which leaves out a point where its λ was proved (${missing.map(round).join(", ")}): ${command}`;
        continue;
      }
      return { entry, order, lambda: entry.lambda, m: entry.m, certificate: entry.certificate };
    }
  }
  return { entry: null, sentence: outside || `Not in the table: ${command}` };
}

const round = (v) => String(Number(v.toFixed(4)));
const orders = (names) => (names.length === 1 ? [names] : [names, [names[1], names[0]]]);

// As polynomial.mjs sorts them: its canonical form divides by the first one.
const resorted = (terms) => [...terms].sort((s, t) => sum(t.e) - sum(s.e) || t.e[0] - s.e[0]);
const sum = (e) => e.reduce((a, b) => a + b, 0);

const spelled = (p) =>
  p.terms
    .map(({ c, e }) => `${fractionText(c)}${p.variables.map((v, i) => (e[i] ? `*${v}^${e[i]}` : "")).join("")}`)
    .join(" + ")
    .replaceAll("+ -", "- ")
    .replace(/(^|[ -])1\*/g, "$1")
    .replaceAll(/\^1(?!\d)/g, "");

// The points of the certificate at which an upper bound is proved: one of them has the key that is claimed.
function attainedAt(entry, order) {
  const claimed = JSON.stringify(entry.certificate.statement.bound.high);
  const all = entry.certificate.proofs.filter((p) => p.place.point);
  const best = all.filter((p) => JSON.stringify(p.node.bound?.high) === claimed);
  return (best.length ? best.slice(0, 1) : all).map((p) => order.map((name) => toNumber(readFraction(p.place.point[name]))));
}

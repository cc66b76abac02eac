/** The curves beside a landscape: λ as read, free energies, V(t), and what each shell adds to ζ(z). */

import { Plot } from "../../draw/plot.mjs";
import { replace, svg } from "../../draw/svg.mjs";
import { bic, laplace } from "../../valley/criteria.mjs";
import { reading } from "../../valley/posterior.mjs";
import { exponents } from "../../valley/volume.mjs";
import { shells, zeta } from "../../valley/zeta.mjs";

const COLD = 1e8;

const upright = (plot, x, className) => svg("line", { class: `sle-line sle-dash sle-thin ${className}`, x1: plot.x(x), x2: plot.x(x), y1: plot.y(plot.y.low), y2: plot.y(plot.y.high) });
const level = (plot, y, className, low = plot.x.low) => plot.line([[low, y], [plot.x.high, y]], className);
const spot = (plot, x, y, className) => (Number.isFinite(plot.y(y)) ? svg("circle", { class: `sle-dot ${className}`, cx: plot.x(x), cy: plot.y(y), r: 5 }) : null);

/** λ as the energy and the heat capacity read it at every nβ. */
export function lambdaPlot() {
  const plot = new Plot({ label: "λ as read at each nβ, beside the exact λ", xLabel: "nβ", yLabel: "λ", xLog: true });
  return {
    plot,
    draw(problem, nBeta, now) {
      const half = problem.land.dimension / 2;
      const readings = problem.rungs.filter((r) => r.nBeta >= 1).map((r) => reading(r, problem.offset));
      plot.look(1, COLD, 0, 1.25 * Math.max(half, problem.exponent ?? 0, now.C < 3 * half ? now.C : 0));
      replace(plot.body, [
        level(plot, half, "sle-muted sle-dash"),
        problem.exponent === null ? null : level(plot, problem.exponent, "sle-ink sle-dash"),
        plot.line(readings.map((r) => [r.nBeta, r.slope]), "sle-c1"),
        plot.line(readings.map((r) => [r.nBeta, r.C]), "sle-c2"),
        upright(plot, nBeta, "sle-muted"), spot(plot, nBeta, now.slope, "sle-c1"), spot(plot, nBeta, now.C, "sle-c2"),
      ].filter(Boolean));
    },
  };
}

/** F, what BIC and Laplace's method say, and the law λ log n - (m - 1) log log n. */
export function freeEnergyPlot() {
  const plot = new Plot({ label: "Free energy against nβ, beside BIC and Laplace's method", xLabel: "nβ", yLabel: "F − nβ K_min  (nats)", xLog: true });
  return {
    plot,
    draw(problem, nBeta, now) {
      const rungs = problem.rungs.filter((r) => r.nBeta >= 1).map((r) => reading(r, 0));
      const d = problem.land.dimension;
      const top = Math.max(0.5 * d * Math.log(COLD) * 1.05, rungs.at(-1)?.F ?? 0);
      plot.look(1, COLD, -1, top + 1);
      const x = Array.from({ length: 33 }, (_, i) => 10 ** (i / 4));
      const last = rungs.at(-1);
      const whole = last && last.nBeta > 0.9 * COLD;
      const law = (n) => problem.exponent * Math.log(n) - (problem.m - 1) * Math.log(Math.log(n));
      const shift = whole && problem.exponent !== null ? last.F - law(last.nBeta) : null;
      const classical = laplace({ ...problem.land }, 1, problem.minima) === null ? null : x.map((n) => [n, laplace(problem.land, n, problem.minima) - n * problem.offset]);
      replace(plot.body, [
        plot.line(x.map((n) => [n, bic(problem.land, n)]), "sle-muted sle-dash"),
        classical ? plot.line(classical, "sle-c4 sle-dash") : null,
        shift === null ? null : plot.line(x.filter((n) => n > 10).map((n) => [n, law(n) + shift]), "sle-ink sle-dash"),
        plot.line(rungs.map((r) => [r.nBeta, r.F]), "sle-c1"),
        upright(plot, nBeta, "sle-muted"), spot(plot, nBeta, now.F - nBeta * problem.offset, "sle-c1"),
      ].filter(Boolean));
    },
  };
}

/** V(t), against t or against the distance √t: a slope of λ, or of 2λ; through it the line t^(-z), which z turns. */
export function volumePlot() {
  const plot = new Plot({ label: "V(t), the share of the prior with K below t", xLabel: "t", yLabel: "V(t)", xLog: true, yLog: true });
  return {
    plot,
    draw(problem, t, V, byDistance, z) {
      const points = problem.volumes.filter((p) => p.V > 0);
      plot.options.xLabel = byDistance ? "distance √t" : "t";
      const at = (s) => (byDistance ? Math.sqrt(s) : s);
      const low = points.length ? Math.min(...points.map((p) => p.V)) : 1e-8;
      plot.look(at(1e-8), 1, 10 ** Math.floor(Math.log10(low)), 1.5);
      const last = points.at(-1);
      const law = (s) => s ** problem.exponent * (-Math.log(s)) ** (problem.m - 1);
      replace(plot.body, [
        problem.exponent === null || !last || last.t > 2e-8 ? null
          : plot.line(points.filter((p) => p.t < 0.3).map((p) => [at(p.t), (law(p.t) / law(last.t)) * last.V]), "sle-ink sle-dash"),
        z < 0 && V > 0 ? plot.line([1e-8, 1].map((s) => [at(s), V * (s / t) ** -z]), "sle-c5 sle-dash") : null,
        plot.line(points.map((p) => [at(p.t), p.V]), "sle-c3"),
        upright(plot, at(t), "sle-muted"), V > 0 ? spot(plot, at(t), V, "sle-c3") : null,
      ].filter(Boolean));
    },
  };
}

/** The exponent of V at t, from its neighbours on the curve. */
export function slopeOfVolume(problem, t) {
  const steep = exponents(problem.volumes.filter((p) => p.V > 0));
  if (!steep.length) return null;
  return steep.reduce((a, b) => (Math.abs(Math.log(b.t / t)) < Math.abs(Math.log(a.t / t)) ? b : a)).exponent;
}

/** Bars: what the shell of each quarter decade of K adds to ∫ K^z φ. */
export function shellPlot() {
  const plot = new Plot({ label: "What each shell of K adds to ζ(z)", xLabel: "K", yLabel: "share", xLog: true });
  return {
    plot,
    draw(problem, z, t) {
      const bars = shells(problem.volumes.filter((p) => p.V > 0), z);
      const total = bars.reduce((sum, b) => sum + b.weight, 0) || 1;
      const highest = Math.max(1e-9, ...bars.map((b) => b.weight / total));
      plot.look(1e-8, 1, 0, Math.min(1, 1.15 * highest));
      replace(plot.body, [...bars.map((b) => {
        const [x0, x1, y0, y1] = [plot.x(b.low), plot.x(b.high), plot.y(0), plot.y(b.weight / total)];
        return svg("rect", { class: "sle-area sle-c3", style: "fill-opacity: 0.55", x: x0 + 0.5, width: Math.max(0.5, x1 - x0 - 1), y: y1, height: Math.max(0, y0 - y1) });
      }), upright(plot, t, "sle-muted")]);
    },
  };
}

/** ζ on the real line, with its pole at -λ. */
export function zetaPlot() {
  const plot = new Plot({ label: "ζ(z) on the real line; it has its largest pole at −λ", xLabel: "z", yLabel: "ζ(z)", yLog: true });
  return {
    plot,
    draw(problem, z) {
      plot.look(-1, 1.5, 0.01, 1000);
      const points = (problem.zetaCurve ??= []);
      if (problem.complete && !points.length) {
        for (let x = problem.exponent === null ? 0 : -problem.exponent + 0.004; x < 1.5; x += x < 0 ? 0.01 : 0.05) points.push([x, zetaAt(problem, x)]);
      }
      replace(plot.body, [
        problem.exponent === null ? null : svg("rect", { class: "sle-band", x: plot.x(-1), width: Math.max(0, plot.x(-problem.exponent) - plot.x(-1)), y: plot.y(1000), height: plot.y(0.01) - plot.y(1000) }),
        problem.exponent === null ? null : upright(plot, -problem.exponent, "sle-ink"),
        plot.line(points, "sle-c3"), upright(plot, z, "sle-muted"),
        points.length && z > points[0][0] ? spot(plot, z, Math.min(1000, zetaAt(problem, z)), "sle-c3") : null,
      ].filter(Boolean));
    },
  };
}

/** ζ(z); without a proved λ for z ≥ 0 only, where the last exponent read does for what lies behind the ladder. */
export function zetaAt(problem, z) {
  if (problem.exponent !== null) return zeta(problem.rungs, z, { lambda: problem.exponent, m: problem.m });
  return z < 0 ? NaN : zeta(problem.rungs, z, { lambda: reading(problem.rungs.at(-1)).slope });
}

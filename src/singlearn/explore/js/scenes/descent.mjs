/** Scene 4: gradient flow, gradient descent and noisy gradients on a landscape, and what they conserve; beside them the posterior. */

import { button, choice, legend, number, panel, slider } from "../draw/controls.mjs";
import { handle } from "../draw/handle.mjs";
import { Plot } from "../draw/plot.mjs";
import { contour } from "../draw/raster.mjs";
import { shown } from "../draw/scale.mjs";
import { html, oncePerFrame, replace, svg } from "../draw/svg.mjs";
import { balanced, flow, gradientDescent, noiseIsOfLabels, stochasticDescent } from "../valley/descent.mjs";
import { pieceAt, value } from "../valley/landscape.mjs";
import { conserved, laws } from "../valley/law.mjs";
import { marginal, momentsAt } from "../valley/posterior.mjs";
import { colourBar, landscapeMap } from "./valley/map.mjs";
import { keeper } from "./valley/kept.mjs";
import { EXAMPLES, SLICE, TYPED, check as checkLandscape, defaults as common, problemOf } from "./valley/state.mjs";

export const id = "descent";
export const title = "Descent";
export const slice = SLICE;
export const defaults = { ...common, start: null, logEta: -0.7, logSteps: 2.5, shownPart: 1, sigma: 1, batch: 4, seed: 1 };
export const tour = [
  {
    title: "Where does training end?",
    text: "Gradient flow keeps w² − q²: it slides along one hyperbola and stops where that meets the valley. Gradient descent leaves it a little at each step, and noise drifts towards balance. The posterior does not care where you began.",
  },
];

export function check(state) {
  checkLandscape(state);
  for (const [key, low, high] of [["logEta", -3, 1], ["logSteps", 1, 3.7], ["shownPart", 0, 1], ["sigma", 0, 5], ["batch", 1, 64], ["seed", 0, 1e9]])
    if (!(typeof state[key] === "number" && state[key] >= low && state[key] <= high)) throw new Error(`${key} is ${state[key]}; it should be a number from ${low} to ${high}`);
}

const WALKERS = 40;
const LEVELS = 9;

export function mount(root, store, context) {
  const count = () => Math.round(10 ** store.get().logSteps);
  const map = landscapeMap(null, "The plane of the parameters, with descents");
  const plots = {
    law: new Plot({ label: "The conserved quantity along the descents", xLabel: "step", yLabel: "Q" }),
    ends: new Plot({ label: "Where noisy descents end, beside the posterior", xLabel: "", yLabel: "density" }),
  };
  const paths = svg("g");
  map.plot.body.append(paths);
  const start = handle(map.plot, { label: "The start of all descents", className: "sle-c4", onMove: ([x, y]) => store.set({ start: problem.land.dimension > 1 ? [x, y] : [x] }) });
  map.plot.over.append(start.node);
  const left = html("div", { class: "sle-figure" });
  const error = html("p", { class: "sle-note", role: "alert", hidden: true });
  const bar = html("div");
  const which = choice("Landscape", [...EXAMPLES.map((e) => [e.id, e.title]), [TYPED, "the polynomial typed in at Valley"]], store.get().landscape, (v) => store.set({ landscape: v, start: null, probe: null }), "landscape");
  const eta = slider({ label: "step η", min: -3, max: 1, step: 0.02, value: store.get().logEta, show: (v) => shown(10 ** v, 3), name: "eta", onInput: (v) => store.set({ logEta: v }) });
  const steps = slider({ label: "steps", min: 1, max: 3.7, step: 0.05, value: store.get().logSteps, show: (v) => String(Math.round(10 ** v)), name: "steps", onInput: (v) => store.set({ logSteps: v }) });
  const sigma = slider({ label: "noise σ of one datum", min: 0, max: 5, step: 0.05, value: store.get().sigma, show: (v) => shown(v), name: "sigma", onInput: (v) => store.set({ sigma: v }) });
  const batch = slider({ label: "batch size B", min: 1, max: 64, step: 1, value: store.get().batch, name: "batch", onInput: (v) => store.set({ batch: v }) });
  const part = slider({ label: "shown up to", min: 0, max: 1, step: 0.005, value: store.get().shownPart, show: (v) => `step ${Math.round(v * count())}`, name: "shown", onInput: (v) => store.set({ shownPart: v }) });
  const n = slider({ label: "nβ of the posterior", min: 0, max: 8, step: 0.05, value: store.get().logN, show: (v) => shown(10 ** (v + store.get().logBeta), 3), name: "n", onInput: (v) => store.set({ logN: v }) });
  const play = button("Play", toggle, { name: "play" });
  const balance = button("Balance the start", () => store.set({ start: balanced(startOf()) }), { name: "balance", title: "Scale (a w, q/a): the same function, with w² = q²" });
  const another = button("Other noise", () => store.set({ seed: store.get().seed + 1 }), { name: "seed" });
  const numbers = {
    law: number("law", "conserved by the flow"), Q0: number("Q-start", "Q at the start"), flow: number("Q-flow", "Q where the flow ends"),
    gd: number("Q-gd", "Q where gradient descent ends"), rest: number("Q-rest", "… of which the steps explain, up to"), sgd: number("Q-sgd", "Q of 40 noisy descents, mean ± spread"),
    K: number("K-end", "K there: flow, descent"),
  };
  const words = html("p", { class: "sle-help", "data-value": "descent-words" });
  const noiseWords = html("p", { class: "sle-help", "data-value": "noise-words" });
  const endWords = html("p", { class: "sle-help", "data-value": "end-words" });
  left.append(map.node, bar, legend([["sle-c1", "gradient flow"], ["sle-c3", "gradient descent", "dot"], ["sle-c5", "noisy descents, where they are", "dot"], ["sle-c2", "W₀: K = 0", "dot"], ["sle-muted", "white: Q constant"], ["sle-c4", "the start: drag it", "dot"]]), words);
  root.append(html("div", { class: "sle-columns" }, [
    left,
    html("div", { class: "sle-side" }, [
      panel("", [which.node, error, eta.node, steps.node, sigma.node, batch.node, part.node, html("div", { class: "sle-row" }, [play, balance, another]), n.node]),
      panel("What is conserved", [numbers.law.node, numbers.Q0.node, numbers.flow.node, numbers.gd.node, numbers.rest.node, numbers.sgd.node, numbers.K.node, noiseWords]),
    ]),
  ]), html("div", { class: "sle-gallery" }, [
    html("figure", { class: "sle-small-figure" }, [plots.law.node, legend([["sle-c1", "flow"], ["sle-c3", "gradient descent"], ["sle-c5", "noisy descents: mean, and where half of them are"], ["sle-ink", "drift predicted for the mean", "dash"]])]),
    html("figure", { class: "sle-small-figure" }, [plots.ends.node, legend([["sle-c5", "ends of the noisy descents", "area"], ["sle-c6", "posterior"], ["sle-c1", "end of the flow"], ["sle-c3", "end of gradient descent", "dash"]]), endWords]),
  ]));

  const keep = keeper();
  let problem = null;
  let runs = { key: "" };
  let playing = 0;

  function startOf() {
    const state = store.get();
    const { box } = problem.land;
    const point = Array.isArray(state.start) && state.start.length === box.length ? state.start : box.map(([low, high], i) => low + (i ? 0.55 : 0.88) * (high - low));
    return point.map((v, i) => Math.min(box[i][1], Math.max(box[i][0], v)));
  }

  function run(state) {
    const from = startOf();
    const key = JSON.stringify([problem.key, from, state.logEta, state.logSteps, state.sigma, state.batch, state.seed]);
    if (runs.key === key) return runs;
    const { land } = problem;
    const options = { eta: 10 ** state.logEta, steps: count() };
    const found = laws(pieceAt(land, from).polynomial);
    const law = found.find(({ S }) => S.every((row) => row.every(([x]) => x === 0n))) ?? found[0] ?? null;
    runs = {
      key, from, options,
      law: law ? conserved(law, land.variables) : null,
      flow: flow(land, from, { until: Math.max(200, options.eta * options.steps), tolerance: 1e-10, most: 4000 }),
      gd: gradientDescent(land, from, options),
      walkers: Array.from({ length: WALKERS }, (_, i) => stochasticDescent(land, from, { ...options, sigma: state.sigma, batch: state.batch, seed: 1000 * state.seed + i })),
    };
    return runs;
  }

  function toggle() {
    if (playing) {
      cancelAnimationFrame(playing);
      playing = 0;
      play.textContent = "Play";
      return;
    }
    if (context.reducedMotion()) {
      store.set({ shownPart: 1 });
      context.announce("the descents are shown to their ends");
      return;
    }
    play.textContent = "Stop";
    const began = performance.now();
    const tick = (now) => {
      const at = Math.min(1, (now - began) / 6000);
      store.set({ shownPart: at });
      playing = at < 1 ? requestAnimationFrame(tick) : 0;
      if (!playing) play.textContent = "Play";
    };
    playing = requestAnimationFrame(tick);
  }

  function draw() {
    const state = store.get();
    try {
      problem = problemOf(state);
      error.hidden = true;
    } catch (fault) {
      problem ??= problemOf({ ...defaults });
      error.textContent = `The polynomial at Valley: ${fault.message}. All that is shown belongs to ${problem.name}.`;
      error.hidden = false;
    }
    const { land } = problem;
    const r = run(state);
    const total = count();
    const until = Math.round(state.shownPart * total);
    which.value(state.landscape);
    for (const [control, key] of [[eta, "logEta"], [steps, "logSteps"], [sigma, "sigma"], [batch, "batch"], [part, "shownPart"], [n, "logN"]]) control.value(state[key]);
    const nBeta = 10 ** (state.logN + state.logBeta);
    const { width, height } = map.plot;
    keep("map", [problem.key, width, height, nBeta, state.view], () => map.draw(problem, { ...state, showLevel: false }, { nBeta }));
    if (!bar.firstChild && land.dimension > 1) bar.append(colourBar("posterior 0", "largest density"));
    start.place(r.from[0], land.dimension > 1 ? r.from[1] : value(land, r.from));
    drawPaths(r, until);
    drawNumbers(r, state);
    drawLaw(r, until, total, state);
    drawEnds(r, until, nBeta);
    const scaling = isScaling(r);
    balance.disabled = !scaling || r.from[0] * r.from[1] === 0;
  }

  const isScaling = (r) => problem.land.dimension === 2 && r.law && ["w² − q²", "q² − w²", "x² − y²"].includes(r.law.text);
  const place = (p) => (problem.land.dimension > 1 ? p : [p[0], value(problem.land, p)]);

  function drawPaths(r, until) {
    const { width: wide, height: high } = map.plot;
    const parts = [...keep("levels", [r.key, wide, high], () => levelsOf(r))];
    drawPathsOver(parts, r, until);
  }

  // Curves of constant Q, the one through the start strongest.
  function levelsOf(r) {
    const { land } = problem;
    const parts = [];
    if (r.law && land.dimension > 1) {
      const side = 70;
      const [x, y] = land.box;
      const at = ([low, high]) => (i) => low + (i / (side - 1)) * (high - low);
      const [ax, ay] = [at(x), at(y)];
      const values = Float64Array.from({ length: side * side }, (_, k) => r.law.at([ax(k % side), ay(Math.floor(k / side))]));
      const own = r.law.at(r.from);
      const width = Math.max(...values) - Math.min(...values);
      for (let k = -LEVELS; k <= LEVELS; k += 1) {
        const lines = contour(values, side, side, own + (k * width) / (2 * LEVELS), ax, ay);
        const d = lines.map(([a, b]) => `${map.plot.path([a, b])}`).join("");
        parts.push(svg("path", { class: "sle-line", d, style: `--sle-c: #ffffff; stroke-width: ${k ? 0.6 : 1.6}; stroke-opacity: ${k ? 0.45 : 0.9}`, "stroke-dasharray": k ? "2 3" : undefined }));
      }
    }
    return parts;
  }

  function drawPathsOver(parts, r, until) {
    const gd = r.gd.slice(0, until + 1).map((p) => place(p.point));
    const time = until * r.options.eta;
    const flowed = r.flow.filter((p) => p.time <= Math.max(time, 1e-9) || until >= count()).map((p) => place(p.point));
    parts.push(map.plot.line(flowed, "sle-c1 sle-thick"));
    const shown_ = gd.length > 400 ? gd.filter((_, i) => i < 100 || i % Math.ceil(gd.length / 300) === 0) : gd;
    parts.push(map.plot.line(gd, "sle-c3 sle-thin"), ...shown_.map(([a, b]) => svg("circle", { class: "sle-dot sle-c3", cx: map.plot.x(a), cy: map.plot.y(b), r: 2.6 })));
    parts.push(map.plot.line(r.walkers[0].slice(0, until + 1).map((p) => place(p.point)), "sle-c5 sle-thin"));
    for (const walk of r.walkers) {
      const [a, b] = place((walk[until] ?? walk.at(-1)).point);
      parts.push(svg("circle", { class: "sle-dot sle-c5", style: "stroke: #00224e; stroke-width: 0.7", cx: map.plot.x(a), cy: map.plot.y(b), r: 3.4 }));
    }
    replace(paths, parts);
  }

  function drawNumbers(r, state) {
    const flowEnd = r.flow.at(-1), gdEnd = r.gd.at(-1);
    numbers.law.show(r.law ? `Q = ${r.law.text}` : "nothing of this form");
    const none = (show) => (r.law ? show() : ["–", ""]);
    numbers.Q0.show(...none(() => [shown(r.law.at(r.from), 5), r.law.at(r.from)]));
    numbers.flow.show(...none(() => [shown(r.law.at(flowEnd.point), 5), r.law.at(flowEnd.point)]));
    numbers.gd.show(...none(() => (r.gd.diverged ? [`left every bound at step ${r.gd.diverged}`, ""] : [shown(r.law.at(gdEnd.point), 5), r.law.at(gdEnd.point)])));
    numbers.rest.show(...none(() => {
      const told = r.gd.slice(1).reduce((sum, p) => sum + r.law.step(p.g, r.options.eta), r.law.at(r.from));
      const rest = r.law.at(gdEnd.point) - told;
      return [Math.abs(rest) < 1e-13 * Math.max(1, Math.abs(told)) ? "rounding" : shown(rest, 2), rest];
    }));
    const ends = r.walkers.map((walk) => walk.at(-1));
    const left_ = r.walkers.filter((walk) => walk.diverged).length;
    numbers.sgd.show(...none(() => {
      if (left_) return [`${left_} of ${WALKERS} left every bound`, ""];
      const values = ends.map((p) => r.law.at(p.point));
      const mean = values.reduce((s, v) => s + v, 0) / WALKERS;
      const spread = Math.sqrt(values.reduce((s, v) => s + (v - mean) ** 2, 0) / (WALKERS - 1));
      return [`${shown(mean, 4)} ± ${shown(spread < 1e-12 ? 0 : spread, 2)}`, mean];
    }));
    const height = (k) => (Math.abs(k) < 1e-14 ? "0" : shown(k, 2));
    numbers.K.show(`${height(flowEnd.K)}, ${r.gd.diverged ? "–" : height(gdEnd.K)}`, flowEnd.K);
    words.textContent = r.gd.diverged
      ? `η is too large: gradient descent left every bound at step ${r.gd.diverged}.`
      : r.law
      ? "Each line of constant Q is a path that gradient flow cannot leave. A step w − η∇K changes Q by exactly η² ∇Kᵀ S ∇K, S the matrix of Q: that is all that gradient descent loses."
      : "No wᵀSw/2 + b·w is conserved here: (Sw + b)·∇K = 0 has only the solution 0, by exact linear algebra.";
    noiseWords.textContent = noiseIsOfLabels(problem.land, r.from)
      ? `Where K is the square c g² of one residual, as at the start, the noise is that of labels: a batch sees c (g − σξ/√B)², and its gradient lies along ∇g.${r.law ? ` So each batch obeys the law of the flow, and noise enters Q through η² only${isScaling(r) ? ": it shrinks Q, a drift to balance" : ""}.` : ""}${problem.land.pieces.some((p) => !p.square) ? " On the other pieces of K it is isotropic." : ""}`
      : "K is no square of one residual here: the noise is isotropic, σξ/√B on the gradient, and it obeys no law.";
    if (r.gd.diverged) context.announce(`gradient descent left every bound at step ${r.gd.diverged}`);
  }

  // For K = c (wq - θ)²: Q⁺ = Q (1 - η² a²) with a = 2c (e - ν), e = wq - θ, ν = σξ/√B. On the valley e⁺ ≈ (1 - ηh) e + ηh ν with the
  // curvature h = 2c (w² + q²), so that the mean of (e - ν)² is var ν · 2/(2 - ηh): the mean of Q shrinks at a known rate.
  function predictedDrift(r, state) {
    const piece = pieceAt(problem.land, r.from);
    if (!isScaling(r) || !piece.square || piece.polynomial.terms[0].e.join() !== "2,2") return null;
    const c = Number(piece.square.factor[0]) / Number(piece.square.factor[1]);
    const rate = (2 * c * r.options.eta) ** 2;
    const noise = (state.sigma * state.sigma) / state.batch;
    const constant = piece.square.root.terms.find((t) => t.e.every((k) => k === 0))?.c ?? [0n, 1n];
    const theta = Number(constant[0]) / Number(constant[1]);
    let q = r.law.at(r.from);
    return r.gd.map((p, k) => {
      if (k) {
        const e = c > 0 ? (r.gd[k - 1].K - problem.offset) / c : 0;
        const stiff = Math.min(1.9, 2 * c * r.options.eta * Math.sqrt(q * q + 4 * theta * theta));
        q *= 1 - rate * (e + (noise * 2) / (2 - stiff));
      }
      return [k, q];
    });
  }

  function drawLaw(r, until, total, state) {
    const plot = plots.law;
    const every = Math.max(1, Math.floor(total / 150));
    const at = Array.from({ length: Math.floor(total / every) + 1 }, (_, i) => i * every);
    // Without a law the height K is shown instead, which noise cannot bring to 0.
    const height = (p) => (r.law ? r.law.at(p.point) : p.K);
    const band = keep("band", [r.key, every], () => at.map((k) => {
      const values = r.walkers.map((walk) => height(walk[k] ?? walk.at(-1))).sort((a, b) => a - b);
      return [k, values.reduce((s, v) => s + v, 0) / values.length, values[Math.floor(0.25 * (WALKERS - 1))], values[Math.ceil(0.75 * (WALKERS - 1))]];
    }));
    const gd = at.filter((k) => r.gd[k]).map((k) => [k, height(r.gd[k])]);
    const q0 = height(r.gd[0]);
    const all = [0, q0, ...gd.map((p) => p[1]), ...band.flatMap((b) => [b[1], b[2], b[3]])].filter((v) => Math.abs(v) < 1e3);
    const [low, high] = [Math.min(...all), Math.max(...all)];
    const pad = 0.08 * (high - low) || 0.5;
    plot.options.yLabel = r.law ? `Q = ${r.law.text}` : "K: nothing is conserved";
    plot.look(0, total, low - pad, high + pad);
    const drift = predictedDrift(r, state);
    replace(plot.body, [
      svg("path", { class: "sle-area sle-c5", d: `${plot.path([...band.map((b) => [b[0], b[2]]), ...band.map((b) => [b[0], b[3]]).reverse()])}Z` }),
      r.law ? plot.line([[0, q0], [total, q0]], "sle-c1") : plot.line(r.flow.map((p) => [p.time / r.options.eta, p.K]).filter(([k]) => k <= total), "sle-c1"), plot.line(gd, "sle-c3"), plot.line(band.map((b) => [b[0], b[1]]), "sle-c5"),
      drift ? plot.line(drift, "sle-ink sle-dash") : null,
      svg("line", { class: "sle-line sle-muted sle-dash sle-thin", x1: plot.x(until), x2: plot.x(until), y1: plot.y(plot.y.low), y2: plot.y(plot.y.high) }),
    ].filter(Boolean));
  }

  function drawEnds(r, until, nBeta) {
    const { land } = problem;
    const plot = plots.ends;
    const [low, high] = land.box[0];
    const bins = 30;
    const width = (high - low) / bins;
    const heights = new Array(bins).fill(0);
    const staying = r.walkers.filter((walk) => !walk.diverged);
    const ends = staying.map((walk) => (walk[until] ?? walk.at(-1)).point[0]);
    for (const x of ends) if (x >= low && x < high) heights[Math.floor((x - low) / width)] += 1 / (WALKERS * width);
    const density = keep("posterior", [problem.key, nBeta], () => {
      const { Z } = momentsAt(land, nBeta, { rungs: problem.rungs, tolerance: 1e-6, offset: problem.offset });
      return Array.from({ length: 301 }, (_, i) => low + ((i + 0.5) / 302) * (high - low)).map((x) => [x, marginal(land, nBeta, x, problem.offset) / (Z * land.area)]);
    });
    const sorted = density.map((p) => p[1]).sort((a, b) => a - b);
    const top = Math.max(1.3 * sorted[Math.floor(0.97 * sorted.length)], 0.5 / width, 1.05 * Math.min(Math.max(...heights), 3 * sorted.at(-1)));
    plot.options.xLabel = `parameter ${land.variables[0]}`;
    plot.look(low, high, 0, top);
    const upright = (x, className) => svg("line", { class: `sle-line ${className}`, x1: plot.x(x), x2: plot.x(x), y1: plot.y(0), y2: plot.y(top) });
    replace(plot.body, [
      ...heights.map((h, i) => svg("rect", { class: "sle-area sle-c5", style: "fill-opacity: 0.5", x: plot.x(low + i * width), width: Math.max(0, plot.x(low + (i + 1) * width) - plot.x(low + i * width) - 1), y: plot.y(Math.min(h, top)), height: plot.y(0) - plot.y(Math.min(h, top)) })),
      plot.line(density, "sle-c6"), upright(r.flow.at(-1).point[0], "sle-c1"), r.gd.diverged ? null : upright(r.gd.at(-1).point[0], "sle-c3 sle-dash"),
    ].filter(Boolean));
    const spread = (values, weights) => {
      const total = weights.reduce((a, b) => a + b, 0);
      const mean = values.reduce((s, v, i) => s + v * weights[i], 0) / total;
      return [mean, Math.sqrt(values.reduce((s, v, i) => s + weights[i] * (v - mean) ** 2, 0) / total)];
    };
    const [m1, s1] = spread(ends, ends.map(() => 1));
    const [m2, s2] = spread(density.map((p) => p[0]), density.map((p) => p[1]));
    const tidy = (v, digits) => shown(Math.abs(v) < 1e-6 ? 0 : v, digits);
    const walked = staying.length ? `noisy descents ${tidy(m1, 3)} ± ${tidy(s1, 2)}` : "no noisy descent stayed";
    const gone = staying.length < WALKERS ? ` ${WALKERS - staying.length} of ${WALKERS} noisy descents left every bound and are not counted.` : "";
    endWords.textContent = `${land.variables[0]}: ${walked}, posterior ${tidy(m2, 3)} ± ${tidy(s2, 2)} (mean ± standard deviation).${gone} The posterior fills the valley according to its width, wherever training began.`;
  }

  function size() {
    map.plot.dimension = problem?.land.dimension;
    map.size(left.clientWidth);
    for (const plot of Object.values(plots)) {
      const width = plot.node.parentElement.clientWidth;
      plot.size(width, Math.max(200, Math.min(280, 0.6 * width)));
    }
  }

  const ask = oncePerFrame(draw);
  const stop = store.subscribe(ask);
  draw();
  return {
    resize() {
      size();
      ask();
    },
    svg: () => [map.plot.node, plots.law.node, plots.ends.node],
    destroy() {
      stop();
      ask.cancel();
      cancelAnimationFrame(playing);
    },
  };
}

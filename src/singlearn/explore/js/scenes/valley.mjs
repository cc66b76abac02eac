/** Scene 3: a landscape K of two parameters, its posterior, V(t), F, E and C, and what λ is. */

import { button, choice, legend, number, panel, slider, toggle } from "../draw/controls.mjs";
import { shown } from "../draw/scale.mjs";
import { html, oncePerFrame, replace } from "../draw/svg.mjs";
import { bic, laplace } from "../valley/criteria.mjs";
import { momentsAt, reading } from "../valley/posterior.mjs";
import { volume } from "../valley/volume.mjs";
import { freeEnergyPlot, lambdaPlot, shellPlot, slopeOfVolume, volumePlot, zetaAt, zetaPlot } from "./valley/curves.mjs";
import { colourBar, landscapeMap, probeOf, probeText } from "./valley/map.mjs";
import { keeper } from "./valley/kept.mjs";
import { ceiling, landscapeSurface } from "./valley/surface.mjs";
import { EXAMPLES, SLICE, TYPED, check, defaults, inBackground, problemOf } from "./valley/state.mjs";

export { check, defaults };
export const id = "valley";
export const title = "Valley";
export const slice = SLICE;
export const tour = [
  {
    title: "How much room is there near the truth?",
    text: "K says how far a parameter is from the truth; the orange set is where K = 0. Move n: the posterior sinks onto it. λ says how fast the room V(t) near it shrinks, and it is the price per log n. A BIC would charge half a unit for each parameter.",
  },
];

const power = (v, digits = 3) => shown(10 ** v, digits);

export function mount(root, store, context) {
  let problem = null;
  const keep = keeper();
  const map = landscapeMap((x, y) => store.set({ probe: problem?.land.dimension === 1 ? [x] : [x, y] }), "The plane of the parameters");
  const surface = landscapeSurface((turn, tilt) => store.set({ turn, tilt }), () => {
    keep.forget("surface");
    ask();
  });
  const plots = { lambda: lambdaPlot(), free: freeEnergyPlot(), volume: volumePlot(), shell: shellPlot(), zeta: zetaPlot() };
  const left = html("div", { class: "sle-figure" });
  const error = html("p", { class: "sle-note", role: "alert", "data-value": "typed-error", hidden: true });
  const words = html("p", { class: "sle-help", "data-value": "words" });
  const probeLine = html("p", { class: "sle-help", "data-value": "probe" });

  const which = choice("Landscape", [...EXAMPLES.map((e) => [e.id, e.title]), [TYPED, "A polynomial of your own …"]], store.get().landscape, (v) => store.set({ landscape: v, probe: null }), "landscape");
  const field = html("input", { type: "text", name: "polynomial", spellcheck: "false", autocomplete: "off", "aria-label": "K, a polynomial in one or two parameters", oninput: () => typeSoon() });
  const own = html("div", { class: "sle-control sle-wide-input" }, [html("label", {}, ["K ="]), field]);
  const side = slider({ label: "prior: uniform on [−a, a] for each, a", min: 0.25, max: 4, step: 0.25, value: store.get().side, show: (v) => shown(v), name: "side", onInput: (v) => store.set({ side: v, probe: null }) });
  const n = slider({ label: "n", min: 0, max: 8, step: 0.05, value: store.get().logN, show: (v) => power(v), name: "n", onInput: (v) => store.set({ logN: v }) });
  const beta = slider({ label: "β", min: -2, max: 0, step: 0.02, value: store.get().logBeta, show: (v) => power(v), name: "beta", onInput: (v) => store.set({ logBeta: v }) });
  const wbic = button("β = 1/log n", () => {
    const size = Math.max(1, store.get().logN * Math.LN10);
    store.set({ logBeta: Math.max(-2, -Math.log10(size)) });
  }, { name: "wbic", title: "The temperature at which the energy is the WBIC" });
  const view = choice("Colours show", [["posterior", "posterior density"], ["K", "K, on a scale of powers of ten"]], store.get().view, (v) => store.set({ view: v }), "view");
  const shape = choice("Draw K as", [["map", "a map, seen from above"], ["surface", "a surface: drag it to turn it"]], store.get().shape, (v) => store.set({ shape: v }), "shape");
  const share = slider({ label: "lowest part shown", min: 0.05, max: 1, step: 0.05, value: store.get().share, show: (v) => `${Math.round(100 * v)} %${problem && problem.land.dimension > 1 ? `, up to K = ${shown(problem.offset + ceiling(problem, v), 2)}` : ""}`, name: "share", onInput: (v) => store.set({ share: v }) });
  const level = slider({ label: "t, the level of K", min: -8, max: 0, step: 0.05, value: store.get().logT, show: (v) => power(v), name: "t", onInput: (v) => store.set({ logT: v }) });
  const z = slider({ label: "z", min: -1, max: 1.5, step: 0.005, value: store.get().z, show: (v) => shown(v), name: "z", onInput: (v) => store.set({ z: v }) });
  const root2 = toggle("measure by distance √t instead of K = t", store.get().root, (v) => store.set({ root: v }), "root");

  const numbers = {
    F: number("F", "free energy F (nats)"), E: number("E", "energy E = n⟨K⟩ (nats)"),
    read: number("lambda-read", "λ read at this n: β E"), C: number("C", "heat capacity C(β)"),
    exact: number("lambda-exact", "λ, exact"), m: number("m", "multiplicity m"),
    bic: number("bic", "BIC: (d/2) log nβ (nats)"), laplace: number("laplace", "Laplace's method (nats)"),
    V: number("V", "V(t)"), slope: number("V-slope", "slope of log V: exponent at this t"), zeta: number("zeta", "ζ(z)"),
  };
  const verdict = html("p", { "data-value": "certificate" });
  const details = html("details", {}, [html("summary", {}, ["the certificate"]), html("pre", { class: "sle-code", tabindex: 0 })]);
  const laplaceWords = html("p", { class: "sle-help", "data-value": "laplace-words" });
  const halfWords = html("p", { "data-value": "half-words" });
  const zWords = html("p", { "data-value": "z-words" });
  const busy = html("p", { class: "sle-help", "data-value": "busy", role: "status" });
  const mapBar = html("div");

  const figure = (plot, entries, text) => html("figure", { class: "sle-small-figure" }, [plot.plot.node, legend(entries), text ? html("p", { class: "sle-help" }, [text]) : null]);
  const figures = [
    figure(plots.lambda, [["sle-c1", "β E, the slope of F over log n"], ["sle-c2", "C(β)"], ["sle-ink", "λ, exact", "dash"], ["sle-muted", "d/2", "dash"]]),
    figure(plots.free, [["sle-c1", "F"], ["sle-ink", "λ log nβ − (m−1) log log nβ + const", "dash"], ["sle-muted", "BIC", "dash"], ["sle-c4", "Laplace, where it exists", "dash"]]),
    figure(plots.volume, [["sle-c3", "V"], ["sle-ink", "the law t^λ (−log t)^(m−1)", "dash"], ["sle-c5", "t^(−z): what K^z makes up for", "dash"]]),
    figure(plots.shell, [["sle-c3", "K^z times the prior, shell by shell", "area"]]),
    figure(plots.zeta, [["sle-c3", "ζ(z)"], ["sle-ink", "pole −λ", "dash"], ["sle-muted", "z", "dash"]]),
  ];
  left.append(map.node, surface.node, mapBar, words, probeLine, figures[0]);
  root.append(html("div", { class: "sle-columns" }, [
    left,
    html("div", { class: "sle-side" }, [
      panel("", [which.node, own, error, side.node, n.node, beta.node, html("div", { class: "sle-row" }, [wbic]), shape.node, view.node, share.node]),
      panel("The posterior at this n and β", [numbers.F.node, numbers.E.node, numbers.read.node, numbers.C.node, busy]),
      panel("What is proved", [numbers.exact.node, numbers.m.node, verdict, details]),
      panel("What others would say", [numbers.bic.node, numbers.laplace.node, laplaceWords, figures[1]]),
    ]),
  ]), html("div", { class: "sle-gallery" }, [
    html("section", {}, [panel("Why divide by two?", [level.node, numbers.V.node, numbers.slope.node, root2.node, halfWords]), figures[2]]),
    html("section", {}, [panel("How do I interpret z?", [z.node, numbers.zeta.node, zWords]), html("div", { class: "sle-pair" }, [figures[3], figures[4]])]),
  ]));

  let failed = "";
  let stopWork = () => {};
  let timer = 0;
  const typeSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => store.set({ text: field.value, landscape: TYPED, probe: null }), 250);
  };

  function choose(state) {
    const before = failed;
    let next;
    try {
      next = problemOf(state);
      failed = "";
    } catch (fault) {
      failed = fault.at > 0 ? `${fault.message} (at place ${fault.at + 1})` : fault.message;
    }
    if (!next) next = problem ?? problemOf({ ...defaults });
    error.textContent = failed && `${failed}. All that is shown still belongs to ${next.name}.`;
    error.hidden = !failed;
    if (next === problem) {
      if (before !== failed) drawVerdict();
      return;
    }
    stopWork();
    problem = next;
    resize();
    stopWork = inBackground(problem, ask);
    drawVerdict();
  }

  function drawVerdict() {
    // What is typed has no proof before it can be read, whatever is still drawn.
    const { lambda, m, verdicts, sentence } = failed ? { lambda: null, m: null, verdicts: [], sentence: "Nothing is proved of what is typed." } : problem;
    numbers.exact.show(lambda ?? "unknown", lambda ?? "");
    numbers.m.show(m ?? "unknown", m ?? "");
    if (!verdicts.length) verdict.textContent = sentence;
    else {
      const bad = verdicts.filter((v) => v.verdict !== "valid");
      verdict.className = bad.length ? "sle-warn" : "sle-good";
      verdict.textContent = bad.length
        ? `The checker of this page refuses the certificate: ${bad[0].reason}. Do not trust this λ, and please report it.`
        : `✓ Proved by singlearn.exact.rlct; ${verdicts.length > 1 ? `the certificates of its ${verdicts.length} pieces were` : "its certificate was"} just verified in this page: every step holds.${verdicts.length > 1 ? " The smallest λ of the pieces counts." : ""}`;
    }
    if (!verdicts.length) verdict.className = "";
    details.hidden = !verdicts.length;
    details.lastChild.textContent = verdicts.map((v) => `K = ${v.K}\n${v.lambda === null ? "no zero there" : `λ = ${v.lambda}, m = ${v.m}`}\n${JSON.stringify(v.certificate)}`).join("\n\n");
    const d = problem.land.dimension;
    halfWords.textContent = `K is the square of a distance: half the mean square of f − f₀. Near a regular truth a ball of radius r has the share r^d, and K < t is a ball of radius √t, so V(t) = t^(d/2): half a unit of λ for each direction that is pinned down. Here d = ${d}${lambda ? `, and λ = ${lambda}: as if ${shown(2 * problem.exponent, 3)} of ${d} direction${d > 1 ? "s" : ""} were pinned` : ""}. Measured by the distance, the slope is 2λ.`;
    laplaceWords.textContent = problem.minima.sentence || "The Hessian can be inverted at every minimum: Laplace's method and BIC are right here, up to a constant.";
  }

  function draw() {
    const state = store.get();
    choose(state);
    const nBeta = 10 ** (state.logN + state.logBeta);
    if (problem.momentsAt?.nBeta !== nBeta) problem.momentsAt = momentsAt(problem.land, nBeta, { rungs: problem.rungs, tolerance: 1e-7, offset: problem.offset });
    const found = problem.momentsAt;
    const now = reading(found, problem.offset);
    which.value(state.landscape);
    own.hidden = side.node.hidden = state.landscape !== TYPED;
    if (document.activeElement !== field) field.value = state.text;
    n.value(state.logN);
    beta.value(state.logBeta);
    view.value(state.view);
    level.value(state.logT);
    z.value(state.z);
    side.value(state.side);
    root2.value(state.root);
    numbers.F.show(shown(now.F, 6), now.F);
    numbers.E.show(shown(now.meanK * 10 ** state.logN, 5), now.meanK * 10 ** state.logN);
    numbers.read.show(shown(now.slope, 4), now.slope);
    numbers.C.show(shown(now.C, 4), now.C);
    numbers.bic.show(shown(bic(problem.land, nBeta, problem.offset), 5), bic(problem.land, nBeta, problem.offset));
    const classical = laplace(problem.land, nBeta, problem.minima);
    numbers.laplace.show(classical === null ? "none: see below" : shown(classical, 5), classical ?? "");
    const t = 10 ** state.logT;
    if (problem.volumeAt?.t !== t) problem.volumeAt = { t, V: volume(problem.land, t, { rungs: problem.rungs, tolerance: 1e-6, offset: problem.offset }) };
    const { V } = problem.volumeAt;
    numbers.V.show(shown(V, 4), V);
    const steep = slopeOfVolume(problem, t);
    const slopeShown = steep === null ? "…" : shown(state.root ? 2 * steep : steep, 4);
    numbers.slope.show(slopeShown, steep === null ? "" : state.root ? 2 * steep : steep);
    const value = problem.exponent === null && state.z < 0 ? null : problem.complete ? zetaAt(problem, state.z) : undefined;
    numbers.zeta.show(value === null ? "unknown: λ is not in the table" : value === undefined ? "…" : shown(value, 5), value ?? "");
    zWords.textContent = zSentence(state.z, value);
    busy.textContent = [found.settled ? "" : "The quadrature did not reach its accuracy here: these numbers are rough.", problem.complete ? "" : "The curves are being computed …"].join(" ").trim();
    busy.className = found.settled ? "sle-help" : "sle-warn";
    words.textContent = `${problem.words}${problem.source ? ` (${problem.source})` : ""}`;
    probeLine.textContent = probeText(problem, probeOf(problem, state));
    const size = (plot) => [problem.key, plot.width, plot.height];
    const isSurface = drawnAsSurface(state);
    shape.node.hidden = problem.land.dimension === 1;
    share.node.hidden = surface.node.hidden = !isSurface;
    map.node.hidden = isSurface;
    shape.value(state.shape);
    share.value(state.share);
    if (isSurface) keep("surface", [...size(map.plot), nBeta, state.view, t, state.probe, state.turn, state.tilt, state.share], () => surface.draw(problem, state, { nBeta }));
    else keep("map", [...size(map.plot), nBeta, state.view, t, state.probe], () => map.draw(problem, state, { nBeta }));
    drawBar(state);
    const { lambda, free, volume: room, shell, zeta: poles } = plots;
    keep("lambda", [...size(lambda.plot), nBeta, problem.rungs.length], () => lambda.draw(problem, nBeta, now));
    keep("free", [...size(free.plot), nBeta, problem.rungs.length], () => free.draw(problem, nBeta, now));
    keep("volume", [...size(room.plot), t, state.root, state.z, problem.volumes.length], () => room.draw(problem, t, V, state.root, state.z));
    keep("shell", [...size(shell.plot), t, state.z, problem.volumes.length], () => shell.draw(problem, state.z, t));
    keep("zeta", [...size(poles.plot), state.z, problem.complete], () => poles.draw(problem, state.z));
  }

  function zSentence(at, value) {
    const { exponent } = problem;
    const start = "ζ(z) = ∫ K^z φ is an average of K^z over the prior: z sets what a shell of small K counts. ";
    if (at >= 0) return `${start}At z = ${shown(at)} ${at === 0 ? "every parameter counts the same, and ζ(0) = 1" : "parameters far from the truth count most"}. Move z below 0.`;
    if (exponent === null) return `${start}At z = ${shown(at)} small K counts more. The integral lives as long as V(t) falls faster than t^${shown(-at)}; for this K no λ is proved.`;
    if (value === undefined) return start;
    if (Math.abs(at + exponent) < 0.012) {
      return `${start}At z = −λ, once K is small, ${problem.m > 1 ? `each decade of K adds a little more than the one before, by the logarithm of m = ${problem.m}` : "every decade of K adds as much as the one before"}: t^z undoes t^λ exactly, the sum never ends, and ζ has its pole${problem.m > 1 ? `, of order ${problem.m}` : ""}.`;
    }
    return at > -exponent
      ? `${start}At z = ${shown(at)} a shell ten times nearer counts ${shown(10 ** -at, 3)} times as much, and holds about ${shown(10 ** exponent, 3)} times less prior: the sum ends.`
      : `${start}At z = ${shown(at)}, below −λ = ${shown(-exponent)}, each shell nearer to the truth adds more than the one before: the integral is infinite. So −λ is where nearness begins to pay more than room is lost.`;
  }

  const drawnAsSurface = (state) => state.shape === "surface" && problem.land.dimension > 1;

  let bar = "";
  function drawBar(state) {
    const next = problem.land.dimension === 1 ? "line" : drawnAsSurface(state) ? `surface ${state.view}` : state.view;
    if (next === bar) return;
    bar = next;
    const marks = legend([["sle-c2", "W₀: K = 0", "dot"], ["sle-muted", next === "line" ? "K = t" : "white: K = t", next === "line" ? "dash" : "line"], ...(next === "K" ? [["sle-muted", "thin white: K = 1, 0.1, 0.01, …"]] : []), ["sle-c4", "the parameter you look at", "dot"], ...(next === "line" ? [["sle-ink", "K"], ["sle-c3", "posterior density", "area"]] : [])]);
    replace(mapBar, [next === "line" ? null : next.endsWith("K") ? colourBar("K = 10⁻⁶", "10") : colourBar("posterior 0", "largest density"), marks].filter(Boolean));
  }

  function resize() {
    map.plot.dimension = problem?.land.dimension;
    map.size(left.clientWidth);
    surface.size(left.clientWidth);
    keep.forget("surface");
    for (const { plot } of Object.values(plots)) {
      const width = plot.node.parentElement.clientWidth;
      plot.size(width, Math.max(190, Math.min(280, 0.6 * width)));
    }
  }

  const ask = oncePerFrame(draw);
  const stop = store.subscribe(ask);
  draw();
  return {
    resize() {
      resize();
      ask();
    },
    svg: () => [drawnAsSurface(store.get()) ? surface.picture() : map.plot.node, plots.lambda.plot.node, plots.volume.plot.node],
    destroy() {
      stop();
      stopWork();
      surface.destroy();
      clearTimeout(timer);
      ask.cancel();
    },
  };
}

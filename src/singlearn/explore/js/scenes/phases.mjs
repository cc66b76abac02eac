/** Scene 5: shares and free energies of phases against nβ, measured by the library; where the order changes. */

import measured from "../../data/phases.json" with { type: "json" };
import { choice, legend, number, panel, slider, toggle } from "../draw/controls.mjs";
import { Plot } from "../draw/plot.mjs";
import { shown } from "../draw/scale.mjs";
import { html, oncePerFrame, replace, svg } from "../draw/svg.mjs";
import { crossingsIn, curves, freeEnergyAt, interpolate, ledger, shares, slopes } from "../phases/phases.mjs";

export const id = "phases";
export const title = "Phases";
export const defaults = { set: "table2-s3", logN: 2, relative: true, hidden: [] };
export const tour = [
  {
    title: "The moment the order changes",
    text: "A phase costs nβ K + λ log nβ. At the n of a published table every hidden node is dead: λ is that of a constant. Move nβ to the right: where the lines cross, the true parameters win. A λ̂ belongs to the phase it was measured in.",
  },
];

export function check(state) {
  const known = measured.sets.map((s) => s.id);
  if (!known.includes(state.set)) throw new Error(`the set “${state.set}” is none of ${known.join(", ")}`);
  if (!(typeof state.logN === "number" && state.logN >= 1 && state.logN <= 8)) throw new Error(`logN is ${state.logN}; it should be a number from 1 to 8`);
  if (!Array.isArray(state.hidden)) throw new Error("hidden should be a list of phases");
}

const MOST = 2;
const colour = (i) => `sle-c${(i % 8) + 1}`;
const DASHES = ["", "6 3", "2 3", "9 3 2 3", "", "6 3", "2 3"];

export function mount(root, store) {
  const plots = {
    free: new Plot({ label: "Free energies of the phases against nβ", xLabel: "nβ", yLabel: "F (nats)", xLog: true }),
    share: new Plot({ label: "Shares of the phases against nβ", xLabel: "nβ", yLabel: "posterior share", xLog: true }),
  };
  const left = html("div", { class: "sle-figure" });
  const which = choice("Experiment", measured.sets.map((s) => [s.id, s.title]), store.get().set, (v) => store.set({ set: v, hidden: [] }), "set");
  const n = slider({ label: "nβ", min: 1, max: 8, step: 0.02, value: store.get().logN, show: (v) => shown(10 ** v, 4), name: "n-beta", onInput: (v) => store.set({ logN: v }) });
  const relative = toggle("F relative to the best phase", store.get().relative, (v) => store.set({ relative: v }), "relative");
  const words = html("p", { "data-value": "set-words" });
  const method = html("p", { class: "sle-help", "data-value": "method" });
  const leading = number("leading", "the phase that wins here");
  const cross = number("crossing", "the order changes at nβ");
  const crossWords = html("p", { class: "sle-help", "data-value": "crossing-words" });
  const ledgerWords = html("p", { class: "sle-help" });
  const table = html("table", { class: "sle-table sle-phases", "data-value": "phases" });
  const keys = html("div");
  const cautions = html("details", {}, [html("summary", {}, ["cautions of the runs"]), html("ul", { class: "sle-help" })]);
  left.append(words, plots.free.node, plots.share.node, keys);
  root.append(html("div", { class: "sle-columns" }, [
    left,
    html("div", { class: "sle-side" }, [
      panel("", [which.node, n.node, relative.node]),
      panel("At this nβ", [leading.node, cross.node, crossWords, html("div", { class: "sle-scroll" }, [table]), ledgerWords]),
      panel("How it was measured", [method, cautions]),
    ]),
  ]));

  const setOf = (state) => measured.sets.find((s) => s.id === state.set);
  let laid = "";

  // Free energies and shares of a set, computed once: shares as measured where there are any, otherwise those that follow from F.
  const kept = new Map();
  function tableOf(set) {
    if (!kept.has(set.id)) {
      const { n, F } = curves(set);
      // A free energy with an error above MOST nats says nothing, and is not drawn.
      const free = F.map((values, k) => values.map((f, i) => (f === null || set.phases[k].F.error?.[i] > MOST ? null : f)));
      const columns = n.map((_, i) => shares(F.map((values) => values[i])));
      kept.set(set.id, { n, F: free, share: set.phases.map((p, k) => p.share?.value ?? columns.map((c) => c[k])) });
    }
    return kept.get(set.id);
  }

  function draw() {
    const state = store.get();
    const set = setOf(state);
    const at = Math.min(set.n.at(-1), Math.max(set.n[0], 10 ** state.logN));
    which.value(state.set);
    n.value(Math.log10(at));
    relative.value(state.relative);
    const curve = tableOf(set);
    const free = set.phases.map((p) => freeEnergyAt(set, p, at));
    const best = free.reduce((b, f, i) => (f !== null && (b < 0 || f < free[b]) ? i : b), -1);
    leading.show(set.phases[best].id);
    if (laid !== set.id) lay(set);
    drawFree(set, state, at, curve);
    drawShares(set, at, curve);
    drawCrossings(set);
    drawTable(set, curve, free, at, best);
  }

  function lay(set) {
    laid = set.id;
    words.textContent = set.words;
    method.textContent = `${set.method}; seed ${set.seed}. Written by ${measured.made_by.replace("python -m ", "")}.`;
    const list = set.warnings ?? set.phases.flatMap((p) => (p.measured ?? []).flatMap((m) => m.warnings.map((w) => `nβ = ${shown(m.n)}: ${w}`)));
    cautions.hidden = !list.length;
    replace(cautions.lastChild, list.map((w) => html("li", {}, [w])));
    const dashes = (i) => (DASHES[i % DASHES.length] ? "dash" : "line");
    replace(keys, [legend([...set.phases.map((p, i) => [colour(i), `${p.id}: ${p.words}`, dashes(i)]), ["sle-ink", "where the order changes", "dash"]])]);
  }

  function drawFree(set, state, at, { n: sizes, F }) {
    const plot = plots.free;
    const lowest = sizes.map((_, i) => Math.min(...F.map((values) => values[i]).filter((f) => f !== null)));
    const height = (k, i) => (F[k][i] === null ? NaN : F[k][i] - (state.relative ? lowest[i] : 0));
    const all = set.phases.flatMap((_, k) => sizes.map((__, i) => height(k, i))).filter(Number.isFinite);
    plot.options.yLabel = state.relative ? "F − F of the best (nats)" : "F (nats)";
    const top = state.relative ? Math.min(25, 1.1 * Math.max(...all)) : Math.min(Math.max(...all), 4 * Math.max(...lowest));
    plot.look(set.n[0], set.n.at(-1), state.relative ? -0.5 : Math.min(0, ...all), top);
    const parts = set.phases.flatMap((p, i) => {
      const line = plot.line(sizes.map((x, k) => [x, height(i, k)]), colour(i), { "stroke-dasharray": DASHES[i % DASHES.length] || undefined });
      const errors = p.F.error ? sizes.map((x, k) => bar(plot, x, height(i, k), p.F.error[k], colour(i))) : [];
      const points = (p.measured ?? []).flatMap((m) => {
        const base = state.relative ? interpolate(sizes, lowest, m.n) : 0;
        return base === null ? [] : [bar(plot, m.n, m.F - base, m.error, colour(i)), dot(plot, m.n, m.F - base, colour(i))];
      });
      return [line, ...errors, ...points];
    });
    replace(plot.body, [...parts, upright(plot, at, "sle-muted"), ...marks(set).map((x) => upright(plot, x, "sle-ink sle-thin"))].filter(Boolean));
  }

  const bar = (plot, x, y, error, className) => (error && Number.isFinite(y) ? svg("line", { class: `sle-line sle-thin ${className}`, x1: plot.x(x), x2: plot.x(x), y1: plot.y(y - error), y2: plot.y(y + error) }) : null);
  const dot = (plot, x, y, className) => svg("circle", { class: `sle-dot ${className}`, cx: plot.x(x), cy: plot.y(y), r: 3.5 });
  const upright = (plot, x, className) => svg("line", { class: `sle-line sle-dash ${className}`, x1: plot.x(x), x2: plot.x(x), y1: plot.y(plot.y.low), y2: plot.y(plot.y.high) });

  function drawShares(set, at, { n: sizes, share }) {
    const plot = plots.share;
    plot.look(set.n[0], set.n.at(-1), 0, 1);
    replace(plot.body, [
      ...set.phases.flatMap((p, i) => [
        plot.line(sizes.map((x, k) => [x, share[i][k] ?? NaN]), colour(i), { "stroke-dasharray": DASHES[i % DASHES.length] || undefined }),
        ...(p.share ? sizes.map((x, k) => bar(plot, x, share[i][k] ?? NaN, p.share.error[k], colour(i))) : []),
      ]),
      upright(plot, at, "sle-muted"), ...marks(set).map((x) => upright(plot, x, "sle-ink sle-thin")),
    ].filter(Boolean));
  }

  // Where the phase that wins changes.
  function changes(set) {
    if (!changesKept.has(set.id)) {
      const found = [];
      for (let i = 0; i < set.phases.length; i += 1)
        for (let j = i + 1; j < set.phases.length; j += 1)
          for (const c of crossingsIn(set, i, j)) {
            const here = set.phases.map((p) => freeEnergyAt(set, p, c.n));
            const low = Math.min(...here.filter((f) => f !== null));
            if (Math.abs(here[i] - low) < 1e-6) found.push({ n: c.n, before: set.phases[c.before].id, after: set.phases[c.after].id });
          }
      changesKept.set(set.id, found.sort((a, b) => a.n - b.n));
    }
    return changesKept.get(set.id);
  }
  const changesKept = new Map();
  const marks = (set) => changes(set).map((c) => c.n);

  function drawCrossings(set) {
    const found = changes(set);
    const exact = set.crossing;
    const last = found.at(-1);
    cross.show(exact ? `${shown(exact.n, 4)} ± ${shown(exact.error, 2)}` : last ? shown(last.n, 3) : "nowhere here", exact?.n ?? last?.n ?? "");
    crossWords.textContent = last
      ? `${found.map((c) => `“${c.before}” wins before nβ = ${shown(c.n, 4)}, “${c.after}” after`).join("; ")}.${set.paper ? ` The paper's table was measured at nβ = ${shown(set.paper.n, 3)}: on the left.` : ""}`
      : "One phase wins throughout.";
  }

  function drawTable(set, { n: sizes, F, share }, free, at, best) {
    const head = ["Phase", "share", "F (nats)", "slope of F", "exact λ"];
    replace(table, [
      html("thead", {}, [html("tr", {}, head.map((name) => html("th", { scope: "col" }, [name])))]),
      html("tbody", {}, set.phases.map((p, i) => {
        const s = interpolate(sizes, share[i], at);
        const steep = slopes(sizes, F[i]).filter((x) => x.slope !== null);
        const near = steep.length ? steep.reduce((a, b) => (Math.abs(Math.log(b.n / at)) < Math.abs(Math.log(a.n / at)) ? b : a)) : null;
        const bound = p.share_below?.[nearest(set.n, at)];
        return html("tr", { class: i === best ? "sle-selected" : undefined }, [
          html("th", { scope: "row", class: `sle-text ${colour(i)}` }, [html("span", { class: `sle-key ${colour(i)}`, "aria-hidden": "true" }), ` ${p.id}`]),
          html("td", { "data-value": `share-${i}` }, [s === null ? (bound ? `< ${shown(bound, 2)}` : "unseen") : shown(s, 3)]),
          html("td", { "data-value": `F-${i}` }, [free[i] === null ? "–" : shown(free[i], 4)]),
          html("td", {}, [near === null || free[i] === null ? "–" : shown(near.slope, 3)]),
          html("td", {}, [p.lambda ?? "–"]),
        ]);
      })),
    ]);
    ledgerWords.hidden = set.phases[best].K === undefined;
    if (!ledgerWords.hidden) {
      const parts = ledger(free[best], at, set.phases[best].K);
      ledgerWords.textContent = `The winner's F = accuracy nβ K ${shown(parts.accuracy, 4)} + complexity ${shown(parts.complexity, 4)} nats. The slope of F over log nβ is λ plus nβ K.`;
    }
  }

  const nearest = (list, at) => list.reduce((b, x, i) => (Math.abs(Math.log(x / at)) < Math.abs(Math.log(list[b] / at)) ? i : b), 0);

  function size() {
    for (const plot of Object.values(plots)) plot.size(left.clientWidth, Math.max(210, Math.min(320, 0.45 * left.clientWidth)));
  }

  const ask = oncePerFrame(draw);
  const stop = store.subscribe(ask);
  draw();
  return {
    resize() {
      size();
      ask();
    },
    svg: () => [plots.free.node, plots.share.node],
    destroy() {
      stop();
      ask.cancel();
    },
  };
}

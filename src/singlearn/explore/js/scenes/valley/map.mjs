/** The plane of the parameters as a picture: K or the posterior, W₀, a level of K; for one parameter, graphs of both. */

import { css, sequential } from "../../draw/colour.mjs";
import { handle } from "../../draw/handle.mjs";
import { Plot } from "../../draw/plot.mjs";
import { contour, paint } from "../../draw/raster.mjs";
import { shown } from "../../draw/scale.mjs";
import { html, replace, set, svg } from "../../draw/svg.mjs";
import { eigenvalues, gradient, hessian, value } from "../../valley/landscape.mjs";
import { CELLS } from "./state.mjs";

const DARKEST = -6; // log10 of K where the colours of K end

/** The colour of K, on a scale of powers of ten. */
export const logColour = (k) => sequential((Math.log10(Math.max(k, 1e-30)) - DARKEST) / (1 - DARKEST));

/** {plot, node, draw(problem, state, {nBeta}), size(width)}; onProbe(point) where the probe is moved. */
export function landscapeMap(onProbe, label = "The parameters") {
  const plot = new Plot({ label, margins: { left: 54, right: 10, top: 8, bottom: 38 } });
  plot.node.classList.add("sle-map");
  const canvas = document.createElement("canvas");
  const picture = svg("image", { preserveAspectRatio: "none", style: "image-rendering: auto" });
  const zeros = svg("path", { class: "sle-line sle-c2", "stroke-linecap": "round" });
  const level = svg("path", { class: "sle-line sle-dash sle-thin", style: "--sle-c: #ffffff" });
  const ladder = svg("path", { class: "sle-line", style: "--sle-c: #ffffff; stroke-width: 0.7; stroke-opacity: 0.55" });
  const border = svg("rect", { class: "sle-frame" });
  const curves = svg("g");
  const probe = onProbe ? handle(plot, {
    label: "A parameter to look at", className: "sle-c4", radius: 6,
    onMove: ([x, y]) => onProbe(x, y),
    text: ([x, y]) => (plot.dimension === 1 ? `${plot.names[0]} = ${shown(x, 3)}` : `${plot.names[0]} = ${shown(x, 3)}, ${plot.names[1]} = ${shown(y, 3)}`),
  }) : null;
  plot.under.append(picture);
  plot.body.append(border, ladder, zeros, level, curves);
  if (probe) plot.over.append(probe.node);
  let painted = "";
  let size = 0;

  function frame(problem) {
    const { land } = problem;
    plot.dimension = land.dimension;
    plot.names = land.variables;
    plot.options.xLabel = `parameter ${land.variables[0]}`;
    plot.options.yLabel = land.dimension > 1 ? `parameter ${land.variables[1]}` : "K, and posterior density (scaled)";
  }

  function draw(problem, state, { nBeta }) {
    const { land } = problem;
    frame(problem);
    if (land.dimension === 1) return drawLine(problem, state, nBeta);
    const [x, y] = land.box;
    plot.look(x[0], x[1], y[0], y[1]);
    const place = { x: plot.x(x[0]), y: plot.y(y[1]), width: plot.x(x[1]) - plot.x(x[0]), height: plot.y(y[0]) - plot.y(y[1]) };
    set(border, place);
    const key = [problem.key, state.view, state.view === "K" ? "" : nBeta].join();
    if (key !== painted) {
      painted = key;
      const density = state.view === "K" ? null : densityOnCells(problem, nBeta);
      const values = density ?? problem.cells;
      paint(canvas, values, CELLS, CELLS, density ? (v) => sequential(v) : (v) => logColour(v - problem.offset));
      set(picture, { href: canvas.toDataURL() });
    }
    set(picture, place);
    set(zeros, { d: problem.zeros.map(([a, b]) => `M${round(plot.x(a))} ${round(plot.y(b))}h0`).join(""), "stroke-width": problem.zeros.length > 40 ? 1.6 : 7 });
    const t = 10 ** state.logT + problem.offset;
    const at = (side) => (i) => side[0] + ((i + 0.5) / CELLS) * (side[1] - side[0]);
    const lineAt = (k) => contour(problem.cells, CELLS, CELLS, k, at(x), at(y)).map(([[a, b], [c, d]]) => `M${round(plot.x(a))} ${round(plot.y(b))}L${round(plot.x(c))} ${round(plot.y(d))}`).join("");
    set(level, { d: state.showLevel === false ? "" : lineAt(t) });
    set(ladder, { d: state.view === "K" ? [1, 0.1, 0.01, 1e-3].map((k) => lineAt(k + problem.offset)).join("") : "" });
    replace(curves, []);
    placeProbe(problem, state);
    return null;
  }

  function drawLine(problem, state, nBeta) {
    const { land } = problem;
    const [low, high] = land.box[0];
    const points = Array.from({ length: 401 }, (_, i) => low + (i / 400) * (high - low));
    const K = points.map((w) => value(land, [w]));
    const top = Math.max(...K);
    plot.look(low, high, 0, top * 1.05);
    set(picture, { href: null });
    painted = "";
    set(zeros, { d: problem.zeros.map(([a]) => `M${round(plot.x(a))} ${round(plot.y(0))}h0`).join(""), "stroke-width": 9 });
    set(level, { d: "" });
    set(ladder, { d: "" });
    set(border, { width: 0, height: 0 });
    const peak = Math.max(...K.map((k) => Math.exp(-nBeta * (k - problem.offset))));
    const density = points.map((w, i) => [w, (0.95 * top * Math.exp(-nBeta * (K[i] - problem.offset))) / peak]);
    const t = 10 ** state.logT + problem.offset;
    replace(curves, [
      svg("path", { class: "sle-area sle-c3", d: `${plot.path([[low, 0], ...density, [high, 0]])}Z` }),
      plot.line(density, "sle-c3"),
      plot.line(points.map((w, i) => [w, K[i]]), "sle-ink sle-thick"),
      plot.line([[low, t], [high, t]], "sle-muted sle-dash sle-thin"),
    ]);
    placeProbe(problem, state);
    return null;
  }

  function placeProbe(problem, state) {
    if (!probe) return;
    const point = probeOf(problem, state);
    probe.place(point[0], problem.land.dimension > 1 ? point[1] : Math.max(0, value(problem.land, point)));
  }

  return {
    plot,
    node: html("div", {}, [plot.node]),
    draw,
    size(width) {
      size = Math.min(width, 620);
      plot.size(size, plot.dimension === 1 ? Math.min(0.62 * size, 360) : Math.min(size, 560));
    },
  };
}

const round = (v) => Math.round(v * 10) / 10;

/** exp(-nβ K) on the cells, relative to its largest value; a valley thinner than a cell is drawn one cell wide. */
export function densityOnCells(problem, nBeta) {
  const { land, cells, offset } = problem;
  const [x, y] = land.box;
  const half = 0.5 * Math.max((x[1] - x[0]) / CELLS, (y[1] - y[0]) / CELLS);
  problem.steepness ??= cells.map((k, index) => {
    const point = [x[0] + (((index % CELLS) + 0.5) / CELLS) * (x[1] - x[0]), y[0] + ((Math.floor(index / CELLS) + 0.5) / CELLS) * (y[1] - y[0])];
    // Of √K, the distance: its slope is that of K divided by 2√K.
    return Math.hypot(...gradient(land, point)) / (2 * Math.sqrt(Math.max(k - offset, 1e-300)));
  });
  return cells.map((k, i) => {
    const distance = Math.max(0, Math.sqrt(Math.max(k - offset, 0)) - problem.steepness[i] * half);
    return Math.exp(-nBeta * distance * distance);
  });
}

/** Where the probe stands: as the state says, inside the box; otherwise at a fixed place of the box. */
export function probeOf(problem, state) {
  const { box } = problem.land;
  const point = Array.isArray(state.probe) && state.probe.length === box.length ? state.probe : box.map(([low, high]) => low + 0.7 * (high - low));
  return point.map((v, i) => Math.min(box[i][1], Math.max(box[i][0], v)));
}

/** K, its slope and the eigenvalues of its Hessian at a point, as a sentence. */
export function probeText(problem, point) {
  const { land } = problem;
  const place = point.map((v, i) => `${land.variables[i]} = ${shown(v, 3)}`).join(", ");
  const k = value(land, point);
  const eigen = eigenvalues(hessian(land, point)).map((e) => shown(Math.abs(e) < 1e-10 ? 0 : e, 3));
  return `At ${place}: K = ${shown(k, 4)}, |∇K| = ${shown(Math.hypot(...gradient(land, point)), 3)}, eigenvalues of the Hessian ${eigen.join(" and ")}.`;
}

/** A bar of colours with its ends, for the legend. */
export function colourBar(low, high) {
  const stops = Array.from({ length: 9 }, (_, i) => css(sequential(i / 8))).join(", ");
  return html("div", { class: "sle-bar" }, [html("span", {}, [low]), html("span", { class: "sle-bar-colours", style: `background: linear-gradient(90deg, ${stops})`, "aria-hidden": "true" }), html("span", {}, [high])]);
}

/** Two inputs: boundaries and weight vectors in the plane over the function's colours, and the surface beside it. */

import { css, diverging } from "../../draw/colour.mjs";
import { handle } from "../../draw/handle.mjs";
import { Plot } from "../../draw/plot.mjs";
import { html, replace, svg } from "../../draw/svg.mjs";
import { shown, ticks } from "../../draw/scale.mjs";
import { cells, chord, crossSection } from "../../network/cells.mjs";
import { isConstant, withNode } from "../../network/net.mjs";
import { FINE, GRID, footOf, moveThrough, moveWeight } from "../../network/snap.mjs";
import { TOLERANCE, keep } from "./graph.mjs";
import { colourOf } from "./state.mjs";

const STOPS = [-1, -0.5, 0, 0.5, 1];

/** The figure for two inputs; as `graphFigure`. `onYaw(degrees)` turns the surface. */
export function planeFigure(edit, options = {}) {
  const plane = new Plot({ label: "The plane of inputs; boundaries and weight vectors can be dragged", xLabel: "input x₁", yLabel: "input x₂", square: true });
  const surface = svg("svg", { class: "sle-plot sle-surface", role: "img", "aria-label": "The graph of the function as a surface, one colour of light for each linear domain" });
  const caption = html("p", { class: "sle-help", "aria-live": "polite", "data-value": "caption" }, [options.caption ?? ""]);
  const scale = html("p", { class: "sle-help", "data-value": "colour-scale" });
  const turnInput = html("input", { type: "range", min: -180, max: 180, step: 1, "aria-label": "Turn the surface", oninput: () => options.onYaw?.(Number(turnInput.value)) });
  const node = html("div", { class: "sle-figure" }, [plane.node, scale, surface, html("label", { class: "sle-help sle-row" }, ["Turn ", turnInput]), caption]);
  const colours = svg("g");
  const layer = svg("g");
  plane.under.append(colours);
  plane.body.append(layer);
  let now = null;
  let dragging = false;
  let arrow = 1;
  let totalArrow = 1;
  const feet = [];
  const tips = [];

  function grow(count) {
    while (feet.length < count) {
      const i = feet.length;
      const common = {
        className: colourOf(i), onStart: () => { dragging = true; options.onSelect?.(i); },
        onEnd: () => { dragging = false; redraw(); },
      };
      const tolerance = (how) => (how.keyboard ? 1e-9 : TOLERANCE * (plane.x.invert(1) - plane.x.invert(0)));
      const per = (how) => (how.fine ? FINE : GRID);
      feet.push(handle(plane, {
        ...common, label: `Boundary of node ${i + 1}`, text: ([x, y]) => `boundary through ${x.toFixed(2)}, ${y.toFixed(2)}`,
        onMove: (point, how) => {
          const { node: patch, note } = moveThrough(now.net, i, point.map(inside), tolerance(how), per(how));
          edit(withNode(now.net, i, patch), note, i);
        },
      }));
      tips.push(handle(plane, {
        ...common, shape: "square", radius: 6, label: `Weight vector of node ${i + 1}`, text: () => `w = ${now.net.nodes[i].w.join(", ")}`,
        onMove: ([x, y], how) => {
          const foot = footShown(now.net.nodes[i]);
          const target = [(x - foot[0]) / arrow, (y - foot[1]) / arrow];
          const { node: patch, note } = moveWeight(now.net, i, target, foot, tolerance(how) / arrow, per(how));
          edit(withNode(now.net, i, patch), note, i);
        },
      }));
    }
  }
  const inside = (v) => Math.max(-now.side, Math.min(now.side, v));
  // A boundary that has left the box keeps its handle on the rim.
  const footShown = (one) => footOf(one).map(inside);

  function redraw() {
    const { net, side, form, selected, snapped, note } = now;
    grow(net.nodes.length);
    if (!dragging) {
      plane.look(-side, side, -side, side);
      const longest = Math.max(0.5, ...net.nodes.map((one) => Math.hypot(...one.w.map((v) => v.toNumber()))));
      arrow = (0.32 * side) / longest;
      // Total gradients have the scale of the weights, unless they would leave the picture.
      const total = Math.max(0, ...net.nodes.map((one) => Math.hypot(...one.w.map((v) => v.mul(one.q).toNumber()))));
      totalArrow = arrow * Math.min(1, (2 * longest) / total);
    }
    const domains = cells(form, side);
    drawColours(domains, side);
    const parts = [];
    const kinked = new Set(form.kinks.map(({ key }) => key));
    for (const { normal, offset } of form.kinks) {
      const line = chord(normal.map(Number), Number(offset), side);
      if (line) parts.push(svg("path", { class: "sle-line sle-fold", d: plane.path(line) }));
    }
    net.nodes.forEach((one, i) => {
      if (isConstant(one)) return;
      const line = chord(one.w.map((v) => v.toNumber()), one.b.toNumber(), side);
      if (line) parts.push(svg("path", { class: `sle-line sle-thin ${kinked.size && !one.q.isZero ? "" : "sle-dash"} ${colourOf(i)}`, d: plane.path(line) }));
      const foot = footShown(one);
      const w = one.w.map((v) => v.toNumber() * arrow);
      const total = one.w.map((v) => v.mul(one.q).toNumber() * totalArrow);
      parts.push(arrowTo(foot, [foot[0] + total[0], foot[1] + total[1]], `sle-total ${colourOf(i)}`));
      parts.push(arrowTo(foot, [foot[0] + w[0], foot[1] + w[1]], colourOf(i)));
    });
    replace(layer, parts);
    const marks = [];
    net.nodes.forEach((one, i) => {
      for (const part of [feet[i], tips[i]]) part.node.style.display = isConstant(one) || options.still ? "none" : "";
      if (isConstant(one)) return;
      const foot = footShown(one);
      feet[i].place(...foot);
      tips[i].place(foot[0] + one.w[0].toNumber() * arrow, foot[1] + one.w[1].toNumber() * arrow);
      marks.push(svg("text", { class: `sle-text sle-strong sle-halo ${colourOf(i)}`, x: plane.x(foot[0]) + 9, y: plane.y(foot[1]) - 9 }, [String(i + 1)]));
      if (dragging && i === selected) marks.push(svg("circle", { class: snapped ? "sle-snap sle-snapped" : "sle-snap", cx: plane.x(foot[0]), cy: plane.y(foot[1]), r: TOLERANCE + 7 }));
    });
    keep(plane.over, [...feet, ...tips].filter((_, k) => k % feet.length < net.nodes.length).map((part) => part.node), marks, feet[selected]?.node);
    drawSurface(domains, side);
    turnInput.value = String(now.yaw);
    caption.textContent = note ? `Snapped: ${note}.` : options.caption ?? "";
    caption.className = note ? "sle-snap-note" : "sle-help";
  }

  function arrowTo([x0, y0], [x1, y1], className) {
    const [a, b, c, d] = [plane.x(x0), plane.y(y0), plane.x(x1), plane.y(y1)];
    const length = Math.hypot(c - a, d - b) || 1;
    const [ux, uy] = [(c - a) / length, (d - b) / length];
    const head = `M${c - 8 * ux + 4 * uy} ${d - 8 * uy - 4 * ux}L${c} ${d}L${c - 8 * ux - 4 * uy} ${d - 8 * uy + 4 * ux}`;
    return svg("path", { class: `sle-line ${className}`, d: `M${a} ${b}L${c} ${d}${head}` });
  }

  /** Each linear domain is filled by a linear gradient, and its level lines are straight: no grid of pixels is needed. */
  function drawColours(parts, side) {
    const most = Math.max(1e-12, ...parts.flatMap(({ polygon, gradient, value }) => polygon.map(([x, y]) => Math.abs(value + gradient[0] * x + gradient[1] * y))));
    const defs = [];
    const fills = [];
    let lines = "";
    const levels = ticks(-most, most, 9);
    parts.forEach(({ polygon, gradient: g, value }, k) => {
      const square = g[0] * g[0] + g[1] * g[1];
      const outline = `${plane.path(polygon)}Z`;
      if (Math.sqrt(square) * side < 1e-9 * most) {
        fills.push(svg("path", { class: "sle-domain", d: outline, fill: css(diverging(value / most)), stroke: css(diverging(value / most)) }));
        return;
      }
      // f = h on the point g (h − value) / |g|² and on the line through it across g.
      const at = (h) => [(g[0] * (h - value)) / square, (g[1] * (h - value)) / square];
      const [a, b] = [at(-most), at(most)];
      const name = `${plane.clip}-g${k}`;
      defs.push(svg("linearGradient", { id: name, gradientUnits: "userSpaceOnUse", x1: plane.x(a[0]), y1: plane.y(a[1]), x2: plane.x(b[0]), y2: plane.y(b[1]) },
        STOPS.map((t) => svg("stop", { offset: (t + 1) / 2, "stop-color": css(diverging(t)) }))));
      fills.push(svg("path", { class: "sle-domain", d: outline, fill: `url(#${name})`, stroke: `url(#${name})` }));
      for (const level of levels) {
        const line = crossSection(polygon, ([x, y]) => value + g[0] * x + g[1] * y - level);
        if (line) lines += plane.path(line);
      }
    });
    replace(colours, [svg("defs", {}, defs), ...fills, svg("path", { class: "sle-contour", d: lines })]);
    scale.textContent = `Colours: blue is below 0, orange above, up to ±${shown(most, 3)}; thin lines join equal outputs. Bold lines are the folds; arrows are the weight vectors w, dotted ones the total gradients q w.`;
  }

  function drawSurface(parts, side) {
    const width = plane.width;
    const height = Math.round(Math.min(320, width * 0.62));
    const angle = (now.yaw * Math.PI) / 180;
    const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
    const heights = parts.flatMap(({ polygon, gradient, value }) => polygon.map(([x, y]) => value + gradient[0] * x + gradient[1] * y));
    const [low, high] = [Math.min(...heights), Math.max(...heights)];
    const lift = (0.27 * height) / Math.max(high - low, 1e-9);
    const unit = width / (side * 3.1);
    const project = ([x, y], z) => {
      const [u, v] = [x * cos - y * sin, x * sin + y * cos];
      return [width / 2 + unit * u, height * 0.54 - 0.36 * unit * v - lift * (z - (low + high) / 2)];
    };
    const drawn = parts.map(({ polygon, gradient, value }) => {
      const points = polygon.map((point) => project(point, value + gradient[0] * point[0] + gradient[1] * point[1]));
      const depth = polygon.reduce((sum, [x, y]) => sum + x * sin + y * cos, 0) / polygon.length;
      // Light from the upper left, as on a map.
      const normal = [-gradient[0], -gradient[1], 1];
      const light = (-0.5 * normal[0] + 0.4 * normal[1] + 0.75 * normal[2]) / (Math.hypot(...normal) * Math.hypot(0.5, 0.4, 0.75));
      return { depth, node: svg("path", { class: "sle-facet", fill: css(shade(light)), d: `M${points.map((p) => p.map((v) => Math.round(v * 10) / 10).join(" ")).join("L")}Z` }) };
    });
    drawn.sort((a, b) => b.depth - a.depth);
    for (const [name, value] of [["viewBox", `0 0 ${width} ${height}`], ["width", width], ["height", height]]) surface.setAttribute(name, value);
    replace(surface, drawn.map((one) => one.node));
  }

  return {
    node,
    plots: [plane, { node: surface }],
    draw(state) {
      now = state;
      redraw();
    },
    size(width) {
      const side = Math.min(width, 560);
      plane.size(side, side * 0.94);
      if (now) redraw();
    },
    dragging: () => dragging,
  };
}

function shade(light) {
  const t = Math.max(0, Math.min(1, 0.25 + 0.75 * light));
  return [70 + 140 * t, 95 + 130 * t, 120 + 120 * t].map(Math.round);
}

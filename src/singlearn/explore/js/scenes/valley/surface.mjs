/** K as a surface over the box, on a canvas: dragging or the arrow keys turn it. It reads the grid that the map reads. */

import { sequential } from "../../draw/colour.mjs";
import { fillConvex, packed } from "../../draw/fill.mjs";
import { contour } from "../../draw/raster.mjs";
import { shown } from "../../draw/scale.mjs";
import { html, replace, set, svg } from "../../draw/svg.mjs";
import { value } from "../../valley/landscape.mjs";
import { HIGH, backToFront, below, isSeen, light, mesh, quantile, seenFrom } from "../../valley/surface.mjs";
import { densityOnCells, logColour, probeOf } from "./map.mjs";
import { CELLS, defaults } from "./state.mjs";

const SHARP = 1.5; // pixels of the canvas per pixel of the page: edges are smooth
const STEP = 3; // cells of the grid per cell of the mesh
const MOST_DOTS = 500;
const PER_PIXEL = 0.4; // degrees

/** {node, draw(problem, state, {nBeta}), size(width), picture(), destroy()}; onTurn(turn, tilt) in degrees where it is turned; ask() where the colours of the page change. */
export function landscapeSurface(onTurn, ask) {
  const canvas = html("canvas", { class: "sle-surface-canvas", "aria-hidden": "true" });
  const image = svg("image", { preserveAspectRatio: "none" });
  const words = svg("g", { "aria-hidden": "true" });
  const plot = svg("svg", { class: "sle-plot sle-surface", role: "slider", tabindex: 0, "aria-label": "K as a surface over the parameters: the arrow keys turn and tilt it", "aria-valuemin": -180, "aria-valuemax": 180 }, [image, words]);
  const node = html("div", { class: "sle-surface-box" }, [canvas, plot]);
  let here = { turn: defaults.turn, tilt: defaults.tilt };
  let last = null;
  let [width, height] = [400, 320];
  let made = { key: "" };
  let picture = null;

  const turnTo = (turn, tilt) => onTurn(Math.round(((((turn + 180) % 360) + 360) % 360) * 10 - 1800) / 10, Math.round(Math.min(90, Math.max(5, tilt)) * 10) / 10);
  plot.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    plot.setPointerCapture(event.pointerId);
    last = [event.clientX, event.clientY, here.turn, here.tilt];
  });
  plot.addEventListener("pointermove", (event) => {
    if (last) turnTo(last[2] + PER_PIXEL * (event.clientX - last[0]), last[3] + PER_PIXEL * (event.clientY - last[1]));
  });
  const end = () => { last = null; };
  plot.addEventListener("pointerup", end);
  plot.addEventListener("pointercancel", end);
  plot.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!direction && event.key !== "Home") return;
    event.preventDefault();
    const size = event.shiftKey ? 1 : 5;
    if (direction) turnTo(here.turn + size * direction[0], here.tilt + size * direction[1]);
    else turnTo(defaults.turn, defaults.tilt);
  });
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  scheme.addEventListener("change", ask);

  /** What does not depend on the direction: the mesh, its colours, W₀ and the line K = t. */
  function prepare(problem, state, nBeta) {
    const top = problem.offset + ceiling(problem, state.share);
    const key = [problem.key, state.view, state.view === "K" ? "" : nBeta, state.share].join();
    if (made.key !== key) {
      const surface = mesh(problem.cells, CELLS, CELLS, problem.offset, top, STEP);
      const density = state.view === "K" ? null : densityOnCells(problem, nBeta);
      const colours = [];
      for (let j = 0; j + 1 < surface.rows; j += 1)
        for (let i = 0; i + 1 < surface.columns; i += 1) colours.push(density ? sequential(largest(density, surface, i, j)) : logColour(mean(problem.cells, surface, i, j) - problem.offset));
      made = { key, surface, colours, top };
    }
    const [x, y] = problem.land.box;
    const flat = (side) => (v) => (2 * (v - side[0])) / (side[1] - side[0]) - 1;
    made.across = flat(x);
    made.along = flat(y);
    if (made.zerosOf !== problem.key) {
      made.zerosOf = problem.key;
      const every = Math.ceil(problem.zeros.length / MOST_DOTS) || 1;
      made.zeros = problem.zeros.filter((_, k) => k % every === 0).map(([a, b]) => [made.across(a), made.along(b)]);
    }
    if (made.levelOf !== `${problem.key} ${state.logT}`) {
      made.levelOf = `${problem.key} ${state.logT}`;
      const at = (i) => (2 * (i + 0.5)) / CELLS - 1;
      made.level = contour(problem.cells, CELLS, CELLS, 10 ** state.logT + problem.offset, at, at);
    }
    return made;
  }

  function draw(problem, state, { nBeta }) {
    here = { turn: state.turn, tilt: state.tilt };
    set(plot, { "aria-valuenow": state.turn, "aria-valuetext": `turned by ${shown(state.turn)} degrees, seen from ${shown(state.tilt)} degrees above` });
    set(image, { href: null });
    const { surface, colours, top, zeros, level } = prepare(problem, state, nBeta);
    const view = seenFrom(state.turn, state.tilt);
    const context = canvas.getContext("2d", { willReadFrequently: true });
    if (canvas.width !== Math.round(SHARP * width) || canvas.height !== Math.round(SHARP * height)) {
      canvas.width = Math.round(SHARP * width);
      canvas.height = Math.round(SHARP * height);
      picture = context.createImageData(canvas.width, canvas.height);
    }
    const pixels = new Uint32Array(picture.data.buffer);
    pixels.fill(0);
    const scale = Math.min(width / 3.25, height / 3.35);
    const middle = 0.5 * HIGH * Math.cos((state.tilt * Math.PI) / 180);
    const X = (a, b) => width / 2 + scale * view.right(a, b);
    const Y = (a, b, h) => height / 2 - scale * (view.up(a, b, h) - middle);
    const style = getComputedStyle(plot);
    const colour = (name) => style.getPropertyValue(name).trim();
    const shades = light(surface, view);
    const across = surface.columns;
    const px = new Float64Array(surface.heights.length), py = new Float64Array(surface.heights.length);
    surface.y.forEach((b, j) => surface.x.forEach((a, i) => {
      px[j * across + i] = SHARP * X(a, b);
      py[j * across + i] = SHARP * Y(a, b, surface.heights[j * across + i]);
    }));
    for (const [i, j] of backToFront(across, surface.rows, state.turn)) {
      const corner = (k) => [px[k], py[k], surface.heights[k]];
      const k = j * across + i;
      const shape = below([corner(k), corner(k + 1), corner(k + across + 1), corner(k + across)]);
      if (!shape.length) continue;
      const cell = j * (across - 1) + i;
      const [r, g, b] = colours[cell];
      const [times, plus] = [0.6 + 0.4 * shades[cell], 44 * shades[cell]];
      fillConvex(pixels, canvas.width, canvas.height, shape, packed(Math.min(255, times * r + plus), Math.min(255, times * g + plus), Math.min(255, times * b + plus)));
    }
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.putImageData(picture, 0, 0);
    context.setTransform(SHARP, 0, 0, SHARP, 0, 0);
    context.lineJoin = context.lineCap = "round";

    // The box stands behind the surface: it is drawn where no pixel is taken.
    const corners = [[-1, -1], [1, -1], [1, 1], [-1, 1]];
    const furthest = corners.reduce((best, c, k) => (view.behind(...c) > view.behind(...corners[best]) ? k : best), 0);
    const [before, back, after] = [3, 0, 1].map((k) => corners[(furthest + k) % 4]);
    context.globalCompositeOperation = "destination-over";
    context.strokeStyle = colour("--sle-edge");
    context.lineWidth = 1;
    context.beginPath();
    for (const line of [[...corners, corners[0]].map((c) => [...c, 0]), [[...before, 0], [...before, 1], [...back, 1], [...after, 1], [...after, 0]], [[...back, 0], [...back, 1]]])
      line.forEach(([a, b, h], k) => context[k ? "lineTo" : "moveTo"](X(a, b), Y(a, b, h)));
    context.stroke();
    context.globalCompositeOperation = "source-over";

    // Dots at points [a, b, h]; what the surface hides shows through it.
    const dots = (points, radius, name) => {
      context.fillStyle = colour(name);
      const seen = points.map(([a, b, h]) => isSeen(surface, view, a, b, h));
      for (const inFront of [false, true]) {
        context.globalAlpha = inFront ? 1 : 0.3;
        context.beginPath();
        points.forEach(([a, b, h], k) => {
          if (seen[k] !== inFront) return;
          context.moveTo(X(a, b) + radius, Y(a, b, h));
          context.arc(X(a, b), Y(a, b, h), radius, 0, 2 * Math.PI);
        });
        context.fill();
      }
    };
    const t = 10 ** state.logT / (top - problem.offset || 1);
    if (t <= 1) {
      context.lineWidth = 1.4;
      context.strokeStyle = "#ffffff";
      context.beginPath();
      for (const [[a, b], [c, d]] of level) {
        if (!isSeen(surface, view, (a + c) / 2, (b + d) / 2, t)) continue;
        context.moveTo(X(a, b), Y(a, b, t));
        context.lineTo(X(c, d), Y(c, d, t));
      }
      context.stroke();
    }
    const radius = zeros.length > 40 ? 1.7 : 4.5;
    dots(zeros.map(([a, b]) => [a, b, 0]), radius, "--sle-2");
    const probe = probeOf(problem, state);
    const high = (value(problem.land, probe) - problem.offset) / (top - problem.offset || 1);
    if (high <= 1) dots([[made.across(probe[0]), made.along(probe[1]), Math.max(0, high)]], 5, "--sle-4");
    drawWords(problem, view, X, Y, corners, furthest, top);
  }

  function drawWords(problem, view, X, Y, corners, furthest, top) {
    const { box, variables } = problem.land;
    const near = corners[(furthest + 2) % 4];
    const parts = [];
    const text = (a, b, h, words_, anchor = "middle", className = "sle-tick") => parts.push(svg("text", { class: className, x: X(a, b), y: Y(a, b, h) + 4, "text-anchor": anchor }, [words_]));
    // Along the two edges of the floor that meet nearest to the eye.
    for (const axis of [0, 1]) {
      const out = (v, far) => (axis === 0 ? [v, near[1] * far] : [near[0] * far, v]);
      text(...out(0, 1.32), 0, variables[axis], "middle", "sle-label");
      box[axis].forEach((end_, k) => text(...out(k ? 0.9 : -0.9, 1.16), 0, shown(end_)));
    }
    const left = corners.reduce((best, c) => (view.right(...c) < view.right(...best) ? c : best));
    const sideways = (h) => [left[0] * 1.03, left[1] * 1.03, h];
    text(...sideways(1), `K = ${shown(top, 2)}`, "end");
    text(...sideways(0.5), shown(problem.offset + (top - problem.offset) / 2, 2), "end");
    replace(words, parts);
  }

  return {
    node,
    draw,
    size(across) {
      width = Math.round(Math.min(across, 620));
      height = Math.round(Math.min(0.84 * width, 500));
      set(plot, { viewBox: `0 0 ${width} ${height}`, width, height });
      set(image, { x: 0, y: 0, width, height });
      set(canvas, { style: `width: ${width}px; height: ${height}px` });
    },
    /** The SVG element with the canvas inside it, for a file; it is taken out again afterwards. */
    picture() {
      set(image, { href: canvas.toDataURL() });
      setTimeout(() => set(image, { href: null }), 0);
      return plot;
    },
    destroy: () => scheme.removeEventListener("change", ask),
  };
}

/** How far above its lowest value K is where the surface is cut off: a share of the box lies below. */
export function ceiling(problem, share) {
  const kept = (problem.ceilings ??= new Map());
  if (!kept.has(share)) kept.set(share, quantile(problem.cells, share) - problem.offset);
  return kept.get(share);
}

// The largest value on the cells of the grid that a cell of the mesh covers: a valley thinner than it is not lost.
function largest(values, { indexX, indexY }, i, j) {
  let most = 0;
  for (let b = indexY[j]; b <= indexY[j + 1]; b += 1) for (let a = indexX[i]; a <= indexX[i + 1]; a += 1) most = Math.max(most, values[b * CELLS + a]);
  return most;
}

function mean(values, { indexX, indexY }, i, j) {
  return 0.25 * [0, 1].reduce((sum, b) => sum + [0, 1].reduce((s, a) => s + values[indexY[j + b] * CELLS + indexX[i + a]], 0), 0);
}

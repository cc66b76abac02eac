/** Scene 2: all parameters of one function, and walks among them. */

import { button, legend, number, panel } from "../draw/controls.mjs";
import { Plot } from "../draw/plot.mjs";
import { html, oncePerFrame, replace } from "../draw/svg.mjs";
import { rational, short } from "../math/rational.mjs";
import { describe, fibre, patternOf } from "../network/fibre.mjs";
import { kinkForm, planeText, sameForm } from "../network/kink_form.mjs";
import { largestDifference } from "../network/difference.mjs";
import { MOST_NODES, cube, isConstant, toJson } from "../network/net.mjs";
import { movesPanel } from "./fibre/moves_panel.mjs";
import { orbitFigure } from "./fibre/orbits.mjs";
import { linePoints } from "./network/graph.mjs";
import { planeFigure } from "./network/plane.mjs";
import { SLICE, check, colourOf, defaults, netOf, sideOf } from "./network/state.mjs";

export { check, defaults };
export const id = "fibre";
export const title = "Fibre";
export const slice = SLICE;
export const tour = [
  {
    title: "One function, many parameters",
    text: "Everything here moves the parameters and leaves the function as it is: the page compares kink forms in exact arithmetic and shows the difference, 0. Press “Add a free node”, then “Split”, “Slide” or “Merge”. A button is there exactly when its move is possible.",
  },
];

export function mount(root, store, context) {
  const graph = new Plot({ label: "The function, which does not move", xLabel: "input x", yLabel: "output f(x)" });
  const orbits = orbitFigure((i, factor) => go(scaled(i, factor), null));
  const left = html("div", { class: "sle-figure" });
  const numberOf = number("components", "Connected components");
  const dimension = number("dimension", "Largest dimension");
  const excess = number("excess", "Nodes beyond one per kink");
  const own = html("p", { "data-value": "own-component" });
  const difference = number("difference", "Largest difference to the start");
  const moved = number("moved", "Parameters have moved by");
  const proof = html("p", { class: "sle-help" });
  const conserved = html("table", { class: "sle-table", "data-value": "conserved" });
  const log = html("ol", { class: "sle-log", "data-value": "log" });
  const panelOfMoves = movesPanel(go);
  let steps = [];
  let plane = null;
  let known = { key: "", found: null };

  function scaled(i, factor) {
    const net = netOf(store.get().net);
    const { w, b, q } = net.nodes[i];
    return { ...net, nodes: net.nodes.map((node, k) => (k === i ? { w: w.map((v) => v.mul(factor)), b: b.mul(factor), q: q.div(factor) } : node)) };
  }

  function go(net, what) {
    const state = store.get();
    if (what) {
      steps = [...steps.slice(-19), what];
      context.announce(`${what}; the function is the same`);
    }
    store.set({ net: toJson(net), start: state.start ?? state.net });
  }

  const again = button("Back to the start", () => {
    const { start } = store.get();
    steps = [];
    if (start) store.set({ net: start, start: null });
  }, { name: "back-to-start" });
  const here = button("Start here", () => {
    steps = [];
    store.set({ start: null });
  }, { name: "start-here", title: "Compare with this parameter from now on" });
  const free = button("Add a free node", () => {
    const net = netOf(store.get().net);
    const node = { w: Array.from({ length: net.inputs }, (_, k) => rational(k ? 0 : 1)), b: rational(0), q: rational(0) };
    steps = [...steps, "a node with q = 0 was added: a fibre of larger width"];
    store.set({ net: toJson({ ...net, nodes: [...net.nodes, node] }), start: null });
  }, { name: "add-free", title: "The same function with one node more: its fibre is larger" });

  root.append(html("div", { class: "sle-columns" }, [
    left,
    html("div", { class: "sle-side" }, [
      panel("The fibre: all parameters of this width and function", [numberOf.node, dimension.node, excess.node, own]),
      panel("The proof", [difference.node, moved.node, proof, html("div", { class: "sle-row" }, [again, here, free])]),
      panel("Moves that are possible here", [panelOfMoves.node]),
      panel("What each node keeps", [html("div", { class: "sle-scroll" }, [conserved])]),
      panel("Walk so far", [log]),
    ]),
  ]));

  let inputs = 0;
  function arrange(net) {
    inputs = net.inputs;
    plane = inputs === 2 ? planeFigure(() => {}, { still: true, onYaw: (yaw) => store.set({ yaw }), caption: "The boundaries and weight vectors move; the colours and folds do not." }) : null;
    replace(left, [
      plane ? plane.node : graph.node,
      plane ? null : legend([["sle-ink", "the function now"], ["sle-muted", "the function at the start, below it", "area"], ["sle-c1", "c + what one node adds", "dash"]]),
      orbits.plot.node,
      legend([["sle-c1", "orbit of scaling: q · |(w, b)| is kept", "line"], ["sle-muted", "balanced: |w|² + b² = q²", "dash"], ["sle-c1", "rings: where the walk began", "dot"]]),
      html("p", { class: "sle-help" }, ["Drag a node along its hyperbola. Gradient flow cannot do that: it keeps |w|² + b² − q², which tells the points of an orbit apart."]),
    ].filter(Boolean));
    size();
  }

  function size() {
    const width = left.clientWidth;
    graph.size(width, Math.max(200, Math.min(320, width * 0.45)));
    plane?.size(width);
    orbits.size(width);
  }

  function drawGraph(net, start, side) {
    const points = linePoints(net, side);
    const heights = points.map(([, y]) => y);
    const pad = Math.max(0.12 * (Math.max(...heights) - Math.min(...heights)), 0.25);
    graph.look(-side, side, Math.min(...heights) - pad, Math.max(...heights) + pad);
    replace(graph.body, [
      graph.line(linePoints(start, side), "sle-wide sle-muted"),
      ...net.nodes.map((node, i) => {
        if (isConstant(node)) return null;
        const alone = { nodes: [node], c: net.c, inputs: 1 };
        return graph.line(linePoints(alone, side), `sle-dash sle-thin ${colourOf(i)}`);
      }).filter(Boolean),
      graph.line(points, "sle-thick sle-ink"),
    ]);
  }

  function draw() {
    const state = store.get();
    const [net, start, side] = [netOf(state.net), netOf(state.start ?? state.net), sideOf(state)];
    if (net.inputs !== inputs) arrange(net);
    const [form, first] = [kinkForm(net), kinkForm(start)];
    const key = JSON.stringify([form.kinks.map((kink) => [kink.key, kink.total]), form.linear, net.nodes.length]);
    if (key !== known.key) known = { key, found: fibre(form, net.nodes.length) };
    const { found } = known;
    numberOf.show(found.number.toLocaleString("en"), found.number);
    dimension.show(String(found.dimension), found.dimension);
    excess.show(`${found.excess} of ${net.nodes.length}`, found.excess);
    const component = found.components[found.indexOf(patternOf(net, form))];
    own.textContent = `You are in a component of dimension ${component.dimension}${component.copies > 1 ? `, one of ${component.copies.toLocaleString("en")} that differ by the numbering of the nodes` : ""}: ${describe(component, net.nodes.length)}.`;

    const same = sameForm(form, first);
    const gap = same ? rational(0) : largestDifference(net, start, { low: cube(side, side, net.inputs).low.map((v) => v.neg()), high: cube(side, side, net.inputs).high }).value;
    difference.show(same ? "0" : short(gap), same ? "0" : gap.toString());
    proof.textContent = same
      ? `Exact: both have the ${form.kinks.length ? `folds ${form.kinks.slice(0, 3).map(planeText).join("; ")}${form.kinks.length > 3 ? "; …" : ""}` : "form without a fold"}, the same total kinks and the same affine part, so they agree on all inputs.`
      : "The kink forms differ: this is a fault of the page. Please report it.";
    proof.className = same ? "sle-help" : "sle-warn";
    moved.show(String(Number(distance(net, start).toPrecision(4))));
    again.disabled = !state.start;
    here.disabled = !state.start;
    free.disabled = net.nodes.length >= MOST_NODES;

    if (plane) plane.draw({ net, side: side.toNumber(), form, roles: [], selected: -1, snapped: false, note: null, yaw: state.yaw, start });
    else drawGraph(net, start, side.toNumber());
    orbits.draw(net, start);
    panelOfMoves.draw(net, side.toNumber());
    drawConserved(net);
    replace(log, steps.length ? steps.map((step) => html("li", {}, [step])) : [html("li", { class: "sle-help" }, ["no step yet"])]);
  }

  function drawConserved(net) {
    const head = ["Node", "scaling keeps q w", "gradient flow keeps |w|² + b² − q²"];
    replace(conserved, [
      html("thead", {}, [html("tr", {}, head.map((name) => html("th", { scope: "col" }, [name])))]),
      html("tbody", {}, net.nodes.map(({ w, b, q }, i) => {
        const balance = w.reduce((sum, v) => sum.add(v.mul(v)), b.mul(b)).sub(q.mul(q));
        return html("tr", {}, [
          html("th", { scope: "row", class: `sle-text ${colourOf(i)}` }, [String(i + 1)]),
          html("td", { "data-value": `total-${i}` }, [w.map((v) => short(v.mul(q))).join(", ")]),
          html("td", { "data-value": `balance-${i}` }, [short(balance)]),
        ]);
      })),
    ]);
  }

  const ask = oncePerFrame(draw);
  const stop = store.subscribe(ask);
  draw();
  return {
    resize: size,
    svg: () => [...(plane ? plane.plots.map((plot) => plot.node) : [graph.node]), orbits.plot.node],
    destroy() {
      stop();
      ask.cancel();
    },
  };
}

/** Euclidean distance of two parameters of one width; of a network and itself with a node more, that of the common nodes. */
function distance(a, b) {
  const numbers = (net) => [...net.nodes.flatMap(({ w, b: bias, q }) => [...w, bias, q]), net.c].map((v) => v.toNumber());
  const [one, other] = [numbers(a), numbers(b)];
  return Math.hypot(...one.map((v, i) => v - (other[i] ?? 0)));
}

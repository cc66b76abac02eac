/** Scene 1: a two-layer ReLU network under one's hands. */

import { button, choice, panel, toggle } from "../draw/controls.mjs";
import { html, oncePerFrame, replace } from "../draw/svg.mjs";
import { analyse } from "../network/analysis.mjs";
import { EXAMPLES } from "../network/examples.mjs";
import { toJson } from "../network/net.mjs";
import { download } from "../shell/export.mjs";
import { graphFigure } from "./network/graph.mjs";
import { planeFigure } from "./network/plane.mjs";
import { figureLegend, readings } from "./network/readings.mjs";
import { SIDES, SLICE, check, defaults, netOf, setNet, sideOf } from "./network/state.mjs";
import { nodeTable } from "./network/table.mjs";


export { check, defaults };
export const id = "network";
export const title = "Network";
export const slice = SLICE;
export const tour = [
  {
    title: "A network is a sum of folded planes",
    text: "Drag a dot: the place where a node switches on. Drag a square: how strongly it bends the function. Every number beside is exact: fractions, not rounded decimals.",
  },
  {
    title: "Where the parameters lose their grip",
    text: "Drag one dot onto another until it snaps: the two nodes share a boundary, the rank of the Jacobian falls, and some directions are null although they are no symmetry. There the model is singular: λ is below half the number of parameters.",
  },
];

export function mount(root, store, context) {
  let figure = null;
  let inputs = 0;
  let note = null;
  const left = html("div", { class: "sle-figure" });
  const edit = (net, said, selected) => {
    note = said;
    setNet(store, net, selected === undefined ? {} : { selected: Math.max(0, Math.min(selected, net.nodes.length - 1)) });
  };
  const select = (i) => { if (store.get().selected !== i) store.set({ selected: i }); };
  const table = nodeTable(edit, select, context.warn);
  const told = readings();
  const example = choice("Begin with", [["", "an example …"], ...EXAMPLES.map(({ name }, i) => [String(i), name])], "", (value) => {
    if (value === "") return;
    note = null;
    store.set({ net: EXAMPLES[Number(value)].net, selected: 0, start: null, side: "3" });
    example.value("");
    context.announce(`example: ${EXAMPLES[Number(value)].name}`);
  }, "example");
  const side = choice("Inputs shown", SIDES.map((s) => [s, `−${s} to ${s}`]), store.get().side, (value) => store.set({ side: value }), "side");
  const everywhere = toggle("Count on all inputs, not only on those shown", store.get().everywhere, (value) => store.set({ everywhere: value }), "everywhere");
  const save = button("Save network (JSON)", () => {
    download("network.json", `${JSON.stringify(toJson(netOf(store.get().net)), null, 1)}\n`, "application/json");
    context.announce("network.json was saved; singlearn symmetry describe network.json reads it");
  }, { name: "json", title: "A file that singlearn symmetry describe reads" });
  root.append(html("div", { class: "sle-columns" }, [
    left,
    html("div", { class: "sle-side" }, [
      panel(null, [example.node, side.node, everywhere.node, html("div", { class: "sle-row" }, [save, button("Walk its fibre →", () => context.show("fibre"), { name: "to-fibre" })])]),
      panel("Nodes", [table.node]),
      told.node,
    ]),
  ]));

  function draw() {
    const state = store.get();
    const net = netOf(state.net);
    if (net.inputs !== inputs) {
      inputs = net.inputs;
      const caption = "Parts snap, within the circle, to shared boundaries, amounts that cancel and weights that annihilate. Shift: finer steps. Arrow keys work too.";
      figure = net.inputs === 1 ? graphFigure(edit, { onSelect: select, caption }) : planeFigure(edit, { onSelect: select, caption, onYaw: (yaw) => store.set({ yaw }) });
      replace(left, [figure.node, figureLegend(net.inputs)]);
      figure.size(left.clientWidth);
    }
    const half = sideOf(state);
    const found = analyse(net, half, state.everywhere);
    table.draw(net, found.roles, state.selected);
    told.draw(net, found, state.everywhere);
    side.value(state.side);
    everywhere.value(state.everywhere);
    figure.draw({ net, side: half.toNumber(), form: found.form, roles: found.roles, selected: state.selected, snapped: note !== null, note, yaw: state.yaw, start: null });
  }
  const ask = oncePerFrame(draw);
  const stop = store.subscribe(ask);
  draw();
  return {
    resize: () => figure.size(left.clientWidth),
    svg: () => figure.plots.map((plot) => plot.node),
    destroy() {
      stop();
      ask.cancel();
    },
  };
}

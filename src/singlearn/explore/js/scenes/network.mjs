/** Scene 1: a two-layer ReLU network under one's hands. */

import { html } from "../draw/svg.mjs";
import { Plot } from "../draw/plot.mjs";

export const id = "network";
export const title = "Network";
export const defaults = { w: [["1"]], b: ["0"], q: ["1"], c: "0", inputs: 1 };

export function mount(root) {
  const plot = new Plot({ label: "Function", xLabel: "x", yLabel: "f(x)" });
  root.append(html("div", { class: "sle-columns" }, [html("div", { class: "sle-figure" }, [plot.node])]));
  plot.look(-2, 2, -2, 2);
  plot.body.append(plot.line([[-2, 0], [0, 0], [2, 2]]));
  return { resize: () => plot.size(plot.node.parentElement.clientWidth, 300), svg: () => plot.node, destroy() {} };
}

/** The nodes as a table whose numbers can be edited: every gesture has its keyboard way here. */

import { button } from "../../draw/controls.mjs";
import { html, replace } from "../../draw/svg.mjs";
import { ONE, rational, short } from "../../math/rational.mjs";
import { MOST_NODES, withNode, withinDoubles } from "../../network/net.mjs";
import { MEANING, colourOf } from "./state.mjs";

/** {node, draw(net, roles, selected)}; edit(net, note) changes the network, `warn(text)` says what was not understood. */
export function nodeTable(edit, onSelect, warn) {
  const body = html("tbody");
  const head = html("tr");
  const bias = html("input", { type: "text", class: "sle-cell", name: "c", "aria-label": "output bias c", "data-value": "c" });
  const add = button("Add a node", () => addNode(), { name: "add-node" });
  const node = html("div", {}, [
    html("div", { class: "sle-scroll" }, [html("table", { class: "sle-table sle-nodes" }, [html("caption", {}, ["f(x) = c + Σ q ReLU(w · x + b)"]), html("thead", {}, [head]), body])]),
    html("div", { class: "sle-row" }, [html("label", {}, ["c = ", bias]), add]),
  ]);
  let net = null;
  let rows = [];
  let shape = "";
  onCommit(bias, (value) => edit({ ...net, c: value }, null));

  function onCommit(input, use) {
    const commit = () => {
      if (input.value === input.dataset.shown) return;
      try {
        use(withinDoubles(rational(input.value)));
        warn("");
      } catch (error) {
        warn(`${input.getAttribute("aria-label")}: ${error.message}.`);
        input.value = input.dataset.shown;
      }
    };
    input.addEventListener("change", commit);
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") commit(); });
  }

  function addNode() {
    const w = Array.from({ length: net.inputs }, (_, i) => (i === 0 ? ONE : rational(0)));
    edit({ ...net, nodes: [...net.nodes, { w, b: rational(0), q: rational("1/2") }] }, null, net.nodes.length);
  }

  function build() {
    const names = net.inputs === 1 ? ["w"] : ["w₁", "w₂"];
    replace(head, ["", "Role", ...names, "b", "q", ""].map((name) => html("th", { scope: "col" }, [name])));
    rows = net.nodes.map((_, i) => {
      const field = (name, read, write) => {
        const input = html("input", { type: "text", class: "sle-cell", "aria-label": `${name} of node ${i + 1}`, "data-value": `${name}-${i}` });
        onCommit(input, (value) => edit(withNode(net, i, write(value)), null, i));
        input.addEventListener("focus", () => onSelect(i));
        return { input, read };
      };
      const fields = [
        ...names.map((name, axis) => field(name, (one) => one.w[axis], (value) => ({ w: net.nodes[i].w.map((v, k) => (k === axis ? value : v)) }))),
        field("b", (one) => one.b, (b) => ({ b })), field("q", (one) => one.q, (q) => ({ q })),
      ];
      const role = html("span", { class: "sle-role", "data-value": `role-${i}` });
      const buttons = html("div", { class: "sle-row" }, [
        button("⇄", () => turnRound(i), { title: `Turn node ${i + 1} round: w and b change sign`, className: "sle-small" }),
        button("×", () => edit({ ...net, nodes: net.nodes.filter((_, k) => k !== i) }, null, 0), { title: `Remove node ${i + 1}`, className: "sle-small" }),
      ]);
      const row = html("tr", {}, [
        html("th", { scope: "row", class: `sle-text ${colourOf(i)}` }, [html("span", { class: `sle-key sle-key-dot ${colourOf(i)}`, "aria-hidden": "true" }), ` ${i + 1}`]),
        html("td", {}, [role]), ...fields.map(({ input }) => html("td", {}, [input])), html("td", {}, [buttons]),
      ]);
      return { row, role, fields };
    });
    replace(body, rows.map(({ row }) => row));
  }

  function turnRound(i) {
    const { w, b } = net.nodes[i];
    edit(withNode(net, i, { w: w.map((v) => v.neg()), b: b.neg() }), null, i);
  }

  const put = (input, value) => {
    const text = short(value, 4);
    if (input.dataset.shown === text) return;
    input.dataset.shown = text;
    input.value = text;
    input.title = value.toString();
  };

  return {
    node,
    draw(next, roles, selected) {
      net = next;
      if (shape !== `${net.inputs} ${net.nodes.length}`) {
        shape = `${net.inputs} ${net.nodes.length}`;
        build();
      }
      rows.forEach(({ row, role, fields }, i) => {
        if (role.textContent !== roles[i]) {
          role.textContent = roles[i];
          role.title = MEANING[roles[i]];
        }
        row.classList.toggle("sle-selected", i === selected);
        for (const { input, read } of fields) put(input, read(net.nodes[i]));
      });
      put(bias, net.c);
      add.disabled = net.nodes.length >= MOST_NODES;
    },
  };
}

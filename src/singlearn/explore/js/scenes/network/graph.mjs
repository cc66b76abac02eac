/** One input: the graph with its kinks, and the total gradients q w below it. Both are dragged. */

import { handle } from "../../draw/handle.mjs";
import { Plot } from "../../draw/plot.mjs";
import { html, replace, set, svg } from "../../draw/svg.mjs";
import { ZERO } from "../../math/rational.mjs";
import { drawable, isConstant, withNode } from "../../network/net.mjs";
import { FINE, GRID, moveBoundary, moveTotal } from "../../network/snap.mjs";
import { colourOf } from "./state.mjs";

/** Pixels within which a dragged part snaps. */
export const TOLERANCE = 9;

/**
 * The figure for one input. `edit(net, note, i)` is called with the changed network. Returns {node, plots, draw(net, side, start), size}.
 */
export function graphFigure(edit, options = {}) {
  const graph = new Plot({ label: "Graph of the function; the kinks can be dragged", xLabel: "input x", yLabel: "output f(x)" });
  const totals = new Plot({ label: "Total gradients of the nodes; they can be dragged", xLabel: "input x: where the node switches", yLabel: "total gradient q w" });
  const caption = html("p", { class: "sle-help", "aria-live": "polite", "data-value": "caption" }, [options.caption ?? ""]);
  const node = html("div", { class: "sle-figure" }, [graph.node, totals.node, caption]);
  let now = null;
  let dragging = false;
  const kinks = [];
  const weights = [];

  function grow(count) {
    while (kinks.length < count) {
      const i = kinks.length;
      const common = {
        className: colourOf(i), onStart: () => { dragging = true; select(i); },
        onEnd: () => { dragging = false; redraw(); },
      };
      const per = ({ fine }) => (fine ? FINE : GRID);
      const tolerance = (plot, axis, how) => (how.keyboard ? 1e-9 : axis ? TOLERANCE * Math.abs(plot.y.invert(0) - plot.y.invert(1)) : TOLERANCE * Math.abs(plot.x.invert(1) - plot.x.invert(0)));
      kinks.push(handle(graph, {
        ...common, label: `Kink of node ${i + 1}`, step: now ? now.side / 20 : undefined, text: ([x]) => `boundary at x = ${x.toFixed(3)}`,
        onMove: ([x], how) => {
          const { node: patch, note } = moveBoundary(now.net, i, inside(x), tolerance(graph, 0, how), per(how));
          edit(withNode(now.net, i, patch), note, i);
        },
      }));
      weights.push(handle(totals, {
        ...common, shape: "square", label: `Total gradient of node ${i + 1}`, text: ([x, y]) => `q w = ${y.toFixed(3)} at x = ${x.toFixed(3)}`,
        onMove: ([x, y], how) => {
          if (how.keyboard ? how.direction[1] === 0 : Math.abs(x - place(now.net.nodes[i])) > TOLERANCE * (totals.x.invert(1) - totals.x.invert(0))) {
            const { node: patch, note } = moveBoundary(now.net, i, inside(x), tolerance(totals, 0, how), per(how));
            const moved = withNode(now.net, i, patch);
            if (how.keyboard) return edit(moved, note, i);
            const total = moveTotal(moved, i, y, tolerance(totals, 1, how), per(how));
            return edit(withNode(moved, i, total.node), note ?? total.note, i);
          }
          const step = how.keyboard ? how.direction[1] * (how.fine ? 0.1 : 1) * 0.5 + now.net.nodes[i].q.mul(now.net.nodes[i].w[0]).toNumber() : y;
          const { node: patch, note } = moveTotal(now.net, i, step, tolerance(totals, 1, how), per(how));
          return edit(withNode(now.net, i, patch), note, i);
        },
      }));
    }
  }
  const inside = (x) => Math.max(-now.side, Math.min(now.side, x));
  const select = (i) => options.onSelect?.(i);
  const place = (one) => -one.b.toNumber() / one.w[0].toNumber();

  function look() {
    const { net, side, start } = now;
    const f = drawable(net);
    const xs = [-side, side, ...net.nodes.filter((one) => !isConstant(one)).map(place)].filter((x) => Math.abs(x) <= side);
    const values = xs.map((x) => f([x]));
    if (start) values.push(...[-side, side].map((x) => drawable(start)([x])));
    const sums = net.nodes.map((one) => one.q.mul(one.w[0] ?? ZERO).toNumber());
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const pad = Math.max(0.12 * (high - low), 0.25);
    const most = Math.max(1, ...sums.map(Math.abs)) * 1.25;
    // While a part is dragged the axes only grow, so that it stays under the finger.
    const old = graph.view;
    graph.look(-side, side, dragging ? Math.min(old[2], low - pad / 2) : low - pad, dragging ? Math.max(old[3], high + pad / 2) : high + pad);
    totals.look(-side, side, dragging ? Math.min(totals.view[2], -most) : -most, dragging ? Math.max(totals.view[3], most) : most);
  }

  function redraw() {
    const { net, side, start, form, roles, note, selected, snapped } = now;
    grow(net.nodes.length);
    look();
    const f = drawable(net);
    const xs = [-side, ...net.nodes.filter((one) => !isConstant(one)).map(place).filter((x) => Math.abs(x) < side).sort((a, b) => a - b), side];
    const parts = [];
    const real = form.kinks.map(({ normal, offset }) => -Number(offset) / Number(normal[0]));
    const edges = [-side, ...real.filter((x) => Math.abs(x) < side).sort((a, b) => a - b), side];
    edges.slice(0, -1).forEach((x, k) => {
      if (k % 2) parts.push(svg("rect", { class: "sle-band", x: graph.x(x), width: Math.max(0, graph.x(edges[k + 1]) - graph.x(x)), y: graph.margins.top, height: graph.height - graph.margins.top - graph.margins.bottom }));
    });
    net.nodes.forEach((one, i) => {
      if (isConstant(one) || one.q.isZero) return;
      const [a, b, q] = [one.w[0].toNumber(), one.b.toNumber(), one.q.toNumber()];
      const base = net.c.toNumber();
      const ends = [-side, place(one), side].filter((x) => Math.abs(x) <= side);
      parts.push(graph.line(ends.map((x) => [x, base + q * Math.max(0, a * x + b)]), `sle-dash sle-thin ${colourOf(i)}`));
    });
    if (start) parts.push(graph.line(linePoints(start, side), "sle-wide sle-muted"));
    parts.push(graph.line(xs.map((x) => [x, f([x])]), "sle-thick sle-ink"));
    replace(graph.body, parts);

    const stems = [];
    net.nodes.forEach((one, i) => {
      if (isConstant(one)) return;
      const [x, total] = [place(one), one.q.mul(one.w[0]).toNumber()];
      const side_ = one.w[0].sign > 0 ? 1 : -1;
      stems.push(svg("path", { class: `sle-line ${one.q.isZero ? "sle-dash" : ""} ${colourOf(i)}`, d: totals.path([[x, 0], [x, total]]) }));
      const [px, py] = [totals.x(x), totals.y(0)];
      stems.push(svg("path", { class: `sle-dot ${colourOf(i)}`, d: `M${px} ${py - 6}l${side_ * 10} 6l${-side_ * 10} 6Z` }));
    });
    replace(totals.body, stems);
    const marks = [];
    net.nodes.forEach((one, i) => {
      for (const part of [kinks[i], weights[i]]) part.node.style.display = isConstant(one) || Math.abs(place(one)) > side ? "none" : "";
      if (isConstant(one) || Math.abs(place(one)) > side) return;
      const x = place(one);
      kinks[i].place(x, f([x]));
      weights[i].place(x, one.q.mul(one.w[0]).toNumber());
      if (dragging && i === selected) marks.push(svg("circle", { class: snapped ? "sle-snap sle-snapped" : "sle-snap", cx: graph.x(x), cy: graph.y(f([x])), r: TOLERANCE + 7 }));
      set(kinks[i].node, { "data-role": roles[i] });
      marks.push(svg("text", { class: `sle-text sle-strong ${colourOf(i)}`, x: totals.x(x) + 10, y: totals.y(one.q.mul(one.w[0]).toNumber()) - 8 }, [String(i + 1)]));
    });
    const nodes = (list) => list.slice(0, net.nodes.length).map((part) => part.node);
    // Handles stay in the document while they are dragged: only the marks are replaced.
    keep(graph.over, nodes(kinks), marks.filter((mark) => mark.tagName === "circle"), kinks[selected]?.node);
    keep(totals.over, nodes(weights), marks.filter((mark) => mark.tagName === "text"), weights[selected]?.node);
    caption.textContent = note ? `Snapped: ${note}.` : options.caption ?? "";
    caption.className = note ? "sle-snap-note" : "sle-help";
  }

  return {
    node,
    plots: [graph, totals],
    draw(state) {
      now = state;
      redraw();
    },
    size(width) {
      graph.size(width, Math.max(220, Math.min(380, width * 0.5)));
      totals.size(width, Math.max(150, Math.min(220, width * 0.28)));
      if (now) redraw();
    },
    dragging: () => dragging,
  };
}

/** The graph of a network as [x, f(x)] points. */
export function linePoints(net, side) {
  const f = drawable(net);
  const places = net.nodes.filter((one) => !isConstant(one)).map((one) => -one.b.toNumber() / one.w[0].toNumber());
  return [-side, ...places.filter((x) => Math.abs(x) < side).sort((a, b) => a - b), side].map((x) => [x, f([x])]);
}

/** Put handles and marks into a group; handles that are there already are not taken out, so that a drag goes on. */
export function keep(group, handles, marks, top = null) {
  for (const child of [...group.children]) if (!handles.includes(child)) child.remove();
  for (const node of handles) if (node.parentNode !== group) group.append(node);
  // The node in hand lies on top of others in its place. Moving a focused element would take the focus from it.
  if (top && handles.includes(top) && group.lastElementChild !== top && !group.contains(document.activeElement)) group.append(top);
  group.prepend(...marks);
}

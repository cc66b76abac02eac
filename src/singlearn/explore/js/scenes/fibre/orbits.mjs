/** The orbits of scaling: every node moves on its hyperbola q · |(w, b)| = constant; gradient flow would keep |w|² + b² − q² instead. */

import { handle } from "../../draw/handle.mjs";
import { Plot } from "../../draw/plot.mjs";
import { replace, svg } from "../../draw/svg.mjs";
import { ZERO, rounded } from "../../math/rational.mjs";
import { keep } from "../network/graph.mjs";
import { colourOf } from "../network/state.mjs";

/** The figure {plot, draw(net, start), size(width)}; onScale(i, factor) asks for a rescaling. */
export function orbitFigure(onScale) {
  const plot = new Plot({ label: "Orbits of scaling; each node can be dragged along its hyperbola", xLabel: "incoming size |(w, b)|", yLabel: "outgoing weight q" });
  let now = null;
  let dragging = false;
  const handles = [];

  function grow(count) {
    while (handles.length < count) {
      const i = handles.length;
      handles.push(handle(plot, {
        className: colourOf(i), label: `Scale of node ${i + 1}`, text: ([x, y]) => `incoming ${x.toFixed(3)}, outgoing ${y.toFixed(3)}`,
        onStart: () => { dragging = true; }, onEnd: () => { dragging = false; redraw(); },
        onMove: ([x, y], how) => {
          const node = now.net.nodes[i];
          const [size, q] = [incoming(node), node.q.toNumber()];
          if (!size) return;
          // On the flat part of the hyperbola the pointer's x decides, on the steep part its y.
          let wanted = Math.abs(q) <= size || q === 0 ? x : y * q > 0 ? (size * q) / y : size;
          if (how.keyboard) wanted = size * (how.direction[0] + how.direction[1] > 0 ? 1 : -1) > 0 ? size * (how.fine ? 1.01 : 1.1) : size / (how.fine ? 1.01 : 1.1);
          const factor = factorTo(node, Math.max(0.02, Math.min(50, wanted)) / size);
          if (factor && factor.sign > 0) onScale(i, factor);
        },
      }));
    }
  }

  function redraw() {
    const { net, start } = now;
    grow(net.nodes.length);
    const sizes = [...net.nodes, ...start.nodes].map(incoming);
    const outs = [...net.nodes, ...start.nodes].map((node) => Math.abs(node.q.toNumber()));
    const [wide, high] = [1.25 * Math.max(1, ...sizes), 1.25 * Math.max(1, ...outs)];
    if (dragging) plot.look(0, Math.max(plot.view[1], wide), Math.min(plot.view[2], -high), Math.max(plot.view[3], high));
    else plot.look(0, wide, -high, high);
    const [right, top] = [plot.view[1], plot.view[3]];
    const parts = [
      plot.line([[0, 0], [Math.min(right, top), Math.min(right, top)]], "sle-dash sle-thin sle-muted"),
      plot.line([[0, 0], [Math.min(right, top), -Math.min(right, top)]], "sle-dash sle-thin sle-muted"),
    ];
    net.nodes.forEach((node, i) => {
      const product = incoming(node) * node.q.toNumber();
      if (!product) return;
      const points = [];
      for (let k = 0; k <= 80; k += 1) {
        const x = right * 0.01 * 100 ** (k / 80);
        points.push([x, product / x]);
      }
      parts.push(plot.line(points, `sle-thin ${colourOf(i)}`));
    });
    start.nodes.forEach((node, i) => {
      parts.push(svg("circle", { class: `sle-ghost ${colourOf(i)}`, cx: plot.x(incoming(node)), cy: plot.y(node.q.toNumber()), r: 6 }));
    });
    replace(plot.body, parts);
    net.nodes.forEach((node, i) => handles[i].place(incoming(node), node.q.toNumber()));
    const marks = net.nodes.map((node, i) => svg("text", {
      class: `sle-text sle-strong sle-halo ${colourOf(i)}`, x: plot.x(incoming(node)) + 10, y: plot.y(node.q.toNumber()) - 9 - (i % 2) * 3,
    }, [String(i + 1)]));
    keep(plot.over, handles.slice(0, net.nodes.length).map((one) => one.node), marks);
  }

  return {
    plot,
    draw(net, start) {
      now = { net, start };
      redraw();
    },
    size(width) {
      plot.size(width, Math.max(200, Math.min(300, width * 0.42)));
      if (now) redraw();
    },
  };
}

/** |(w, b)|. */
export function incoming(node) {
  return Math.hypot(...node.w.map((v) => v.toNumber()), node.b.toNumber());
}

/** A factor near the wanted one after which the largest of |w|, |b| is a multiple of 1/40: fractions stay short however often one drags. */
function factorTo(node, wanted) {
  const largest = [...node.w, node.b].reduce((most, v) => (v.abs().compare(most) > 0 ? v.abs() : most), ZERO);
  const target = rounded(largest.toNumber() * wanted, 40);
  return target.isZero ? null : target.div(largest);
}

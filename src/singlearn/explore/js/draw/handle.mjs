/** A point that the mouse, a finger or the arrow keys can move. */

import { set, svg } from "./svg.mjs";

/**
 * A drag handle on a plot.
 *
 * options: label (ARIA name), className, shape ("circle" or "square"), step (data units per arrow key, default a fiftieth of the
 * view), radius, onMove([x, y], {fine, keyboard}), onStart(), onEnd(), text([x, y]) for screen readers.
 * Returns {node, place(x, y)}: `place` puts it where the data say.
 */
export function handle(plot, options) {
  const radius = options.radius ?? 7;
  const dot = options.shape === "square"
    ? svg("rect", { class: "sle-handle-dot", x: -radius, y: -radius, width: 2 * radius, height: 2 * radius, rx: 2 })
    : svg("circle", { class: "sle-handle-dot", r: radius });
  // The invisible circle makes the target 44 pixels wide, as touch needs.
  const node = svg("g", { class: `sle-handle ${options.className ?? "sle-c1"}`, tabindex: 0, role: "slider", "aria-label": options.label, "aria-valuenow": 0 }, [
    svg("circle", { class: "sle-handle-target", r: 22 }), dot,
  ]);
  let here = [0, 0];
  let offset = null;
  node.addEventListener("pointerdown", (event) => {
    event.preventDefault();
    node.focus({ preventScroll: true });
    node.setPointerCapture(event.pointerId);
    const [x, y] = plot.at(event);
    offset = [here[0] - x, here[1] - y];
    options.onStart?.();
  });
  node.addEventListener("pointermove", (event) => {
    if (!offset) return;
    const [x, y] = plot.at(event);
    options.onMove([x + offset[0], y + offset[1]], { fine: event.shiftKey, keyboard: false });
  });
  const end = () => {
    if (offset) options.onEnd?.();
    offset = null;
  };
  node.addEventListener("pointerup", end);
  node.addEventListener("pointercancel", end);
  node.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
    if (!direction) return;
    event.preventDefault();
    const size = (event.shiftKey ? 0.1 : 1) * (options.step ?? (plot.x.high - plot.x.low) / 50);
    options.onMove([here[0] + direction[0] * size, here[1] + direction[1] * size], { fine: event.shiftKey, keyboard: true, direction });
  });
  return {
    node,
    place(x, y) {
      here = [x, y];
      const text = options.text?.(here) ?? `${x.toPrecision(3)}, ${y.toPrecision(3)}`;
      set(node, { transform: `translate(${plot.x(x)} ${plot.y(y)})`, "aria-valuenow": Number(x.toPrecision(6)), "aria-valuetext": text });
    },
  };
}

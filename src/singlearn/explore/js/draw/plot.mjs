/** A plane with two axes, into which curves, areas and handles are drawn. */

import { linear, logarithmic, logTicks, shown, shownPower, ticks } from "./scale.mjs";
import { replace, set, svg, uniqueId } from "./svg.mjs";

/**
 * An SVG plot. `x` and `y` are maps from data to pixels that change with `view` and `size`.
 *
 * options: label (ARIA name), xLabel, yLabel (with their units), xLog, yLog, square (the same scale on both axes),
 * margins {left, right, top, bottom}.
 */
export class Plot {
  constructor(options = {}) {
    this.options = options;
    this.margins = { left: 48, right: 12, top: 10, bottom: 38, ...options.margins };
    this.clip = uniqueId("clip");
    this.rectangle = svg("rect");
    this.frame = svg("rect", { class: "sle-frame" });
    this.axes = svg("g", { class: "sle-axes", "aria-hidden": "true" });
    this.under = svg("g", { "clip-path": `url(#${this.clip})` });
    this.body = svg("g", { "clip-path": `url(#${this.clip})` });
    this.over = svg("g");
    this.node = svg("svg", { class: "sle-plot", role: "group", "aria-label": options.label }, [
      svg("defs", {}, [svg("clipPath", { id: this.clip }, [this.rectangle])]),
      this.frame, this.under, this.axes, this.body, this.over,
    ]);
    this.view = [-1, 1, -1, 1];
    this.size(400, 300);
  }

  /** Width and height in pixels. */
  size(width, height) {
    this.width = Math.max(120, Math.round(width));
    this.height = Math.max(90, Math.round(height));
    set(this.node, { viewBox: `0 0 ${this.width} ${this.height}`, width: this.width, height: this.height });
    return this.look(...this.view);
  }

  /** The part of the plane that is shown. With `square`, the shorter side is extended. */
  look(xLow, xHigh, yLow, yHigh) {
    this.view = [xLow, xHigh, yLow, yHigh];
    const { left, right, top, bottom } = this.margins;
    const [x0, x1, y0, y1] = [left, this.width - right, this.height - bottom, top];
    if (this.options.square) {
      const unit = Math.min((x1 - x0) / (xHigh - xLow), (y0 - y1) / (yHigh - yLow));
      const [dx, dy] = [((x1 - x0) / unit - (xHigh - xLow)) / 2, ((y0 - y1) / unit - (yHigh - yLow)) / 2];
      [xLow, xHigh, yLow, yHigh] = [xLow - dx, xHigh + dx, yLow - dy, yHigh + dy];
    }
    this.x = (this.options.xLog ? logarithmic : linear)(xLow, xHigh, x0, x1);
    this.y = (this.options.yLog ? logarithmic : linear)(yLow, yHigh, y0, y1);
    const box = { x: x0, y: y1, width: x1 - x0, height: y0 - y1 };
    set(this.rectangle, box);
    set(this.frame, box);
    this.#drawAxes(x0, x1, y0, y1);
    return this;
  }

  #drawAxes(x0, x1, y0, y1) {
    const { xLabel, yLabel, xLog, yLog } = this.options;
    const parts = [];
    const atX = xLog ? logTicks(this.x.low, this.x.high, (x1 - x0) / 46) : ticks(this.x.low, this.x.high, (x1 - x0) / 70);
    const atY = yLog ? logTicks(this.y.low, this.y.high, (y0 - y1) / 26) : ticks(this.y.low, this.y.high, (y0 - y1) / 34);
    for (const t of atX) {
      const p = this.x(t);
      parts.push(svg("line", { class: t === 0 && !xLog ? "sle-zero" : "sle-grid", x1: p, x2: p, y1: y0, y2: y1 }));
      parts.push(svg("text", { class: "sle-tick", x: p, y: y0 + 14, "text-anchor": "middle" }, [xLog ? shownPower(t) : shown(t)]));
    }
    for (const t of atY) {
      const p = this.y(t);
      parts.push(svg("line", { class: t === 0 && !yLog ? "sle-zero" : "sle-grid", x1: x0, x2: x1, y1: p, y2: p }));
      parts.push(svg("text", { class: "sle-tick", x: x0 - 5, y: p + 4, "text-anchor": "end" }, [yLog ? shownPower(t) : shown(t)]));
    }
    if (xLabel) parts.push(svg("text", { class: "sle-label", x: (x0 + x1) / 2, y: this.height - 5, "text-anchor": "middle" }, [xLabel]));
    if (yLabel) {
      const [x, y] = [12, (y0 + y1) / 2];
      parts.push(svg("text", { class: "sle-label", x, y, transform: `rotate(-90 ${x} ${y})`, "text-anchor": "middle" }, [yLabel]));
    }
    replace(this.axes, parts);
  }

  /** A polyline through `[x, y]` points as the `d` of a path; values that are not finite interrupt it. */
  path(points) {
    let text = "";
    let pen = false;
    for (const [a, b] of points) {
      const [x, y] = [this.x(a), this.y(b)];
      if (!Number.isFinite(x) || !Number.isFinite(y)) {
        pen = false;
        continue;
      }
      text += `${pen ? "L" : "M"}${Math.round(x * 100) / 100} ${Math.round(Math.max(-1e5, Math.min(1e5, y)) * 100) / 100}`;
      pen = true;
    }
    return text;
  }

  /** A curve through `[x, y]` points. `className` such as "sle-c1" gives its colour. */
  line(points, className = "sle-c1", attributes = {}) {
    return svg("path", { class: `sle-line ${className}`, d: this.path(points), ...attributes });
  }

  /** The data coordinates of a pointer event. */
  at(event) {
    const box = this.node.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) * this.width) / box.width, ((event.clientY - box.top) * this.height) / box.height];
    return [this.x.invert(px), this.y.invert(py)];
  }
}

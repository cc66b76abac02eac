/** Labelled controls and numbers. */

import { html, replace, set, uniqueId } from "./svg.mjs";

/**
 * A slider. options: label, min, max, step, value, show(value) for the text beside it, name (for tests), onInput(value).
 * Returns {node, value(v)}.
 */
export function slider(options) {
  const id = uniqueId("control");
  const output = html("output", { for: id, class: "sle-number", "data-value": options.name });
  const input = html("input", {
    id, type: "range", min: options.min, max: options.max, step: options.step ?? "any", name: options.name,
    oninput: () => {
      show(Number(input.value));
      options.onInput(Number(input.value));
    },
  });
  const show = (value) => {
    const text = options.show?.(value) ?? String(value);
    output.textContent = text;
    input.setAttribute("aria-valuetext", text);
  };
  const place = (value) => {
    input.value = String(value);
    show(value);
  };
  place(options.value ?? options.min);
  return { node: html("div", { class: "sle-control" }, [html("label", { for: id }, [options.label]), output, input]), value: place, input };
}

/** A button. options: className, title, disabled, name. */
export function button(label, onClick, options = {}) {
  return html("button", { type: "button", class: `sle-button ${options.className ?? ""}`, title: options.title, disabled: options.disabled, name: options.name, onclick: onClick }, [label]);
}

/** A choice among `[value, text]` pairs. Returns {node, value(v)}. */
export function choice(label, pairs, value, onChange, name) {
  const id = uniqueId("control");
  const select = html("select", { id, name, onchange: () => onChange(select.value) }, pairs.map(([v, text]) => html("option", { value: v }, [text])));
  select.value = value;
  return { node: html("div", { class: "sle-control" }, [html("label", { for: id }, [label]), select]), value: (v) => { select.value = v; } };
}

/** A check box. Returns {node, value(v)}. */
export function toggle(label, value, onChange, name) {
  const input = html("input", { type: "checkbox", name, onchange: () => onChange(input.checked) });
  input.checked = value;
  return { node: html("label", { class: "sle-toggle" }, [input, label]), value: (v) => { input.checked = v; } };
}

/** A number that tests and screen readers find: `{node, show(text, value)}`; `value` (default the text) goes to data-number. */
export function number(name, label, unit = "") {
  const output = html("output", { class: "sle-number", "data-value": name });
  const node = html("div", { class: "sle-reading" }, [html("span", {}, [label]), output, unit ? html("span", { class: "sle-unit" }, [unit]) : null]);
  return {
    node,
    show(text, value = text) {
      if (output.textContent !== String(text)) output.textContent = String(text);
      set(output, { "data-number": value });
    },
  };
}

/** A legend of `[className, text]` or `[className, text, shape]` entries, shape "line", "dash", "dot" or "area". */
export function legend(entries) {
  return html("ul", { class: "sle-legend" }, entries.map(([className, text, shape = "line"]) =>
    html("li", {}, [html("span", { class: `sle-key sle-key-${shape} ${className}`, "aria-hidden": "true" }), text])));
}

/** A titled group of things. */
export function panel(title, children) {
  return html("section", { class: "sle-panel" }, [title ? html("h3", {}, [title]) : null, ...children]);
}

/** Text with paragraphs put into an element. */
export function say(element, text) {
  return replace(element, text.split("\n").map((part) => html("p", {}, [part])));
}

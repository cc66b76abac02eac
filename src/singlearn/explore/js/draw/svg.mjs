/** SVG and HTML elements without a library. */

// Several widgets of one notebook share a document: each copy of this module names its elements with letters of its own.
const RUN = Math.random().toString(36).slice(2, 8);
let names = 0;

/** A name for an element's id that no other element of the document has. */
export function uniqueId(kind) {
  names += 1;
  return `sle-${kind}-${RUN}-${names}`;
}

const SVG = "http://www.w3.org/2000/svg";

/** An SVG element with attributes and children; `undefined` and `null` attributes are left out. */
export function svg(name, attributes = {}, children = []) {
  return fill(document.createElementNS(SVG, name), attributes, children);
}

/** An HTML element with attributes and children. */
export function html(name, attributes = {}, children = []) {
  return fill(document.createElement(name), attributes, children);
}

/** Set attributes of an element; `undefined` and `null` remove one. */
export function set(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) element.removeAttribute(name);
    else element.setAttribute(name, String(value));
  }
  return element;
}

/** Put new children in the place of the old ones. */
export function replace(element, children) {
  element.replaceChildren(...(Array.isArray(children) ? children : [children]));
  return element;
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null) continue;
    if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const child of Array.isArray(children) ? children : [children]) {
    if (child !== null && child !== undefined) element.append(child);
  }
  return element;
}

/** Call `draw` once in the next frame, however often it is asked for before. Returns the function that asks. */
export function oncePerFrame(draw) {
  let waiting = 0;
  const ask = () => {
    if (!waiting) {
      waiting = requestAnimationFrame(() => {
        waiting = 0;
        draw();
      });
    }
  };
  ask.cancel = () => cancelAnimationFrame(waiting);
  return ask;
}

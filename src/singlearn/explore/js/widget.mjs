/** The explorer as an anywidget: the same scenes, their state kept in the notebook's model instead of the address. */

import { start } from "./main.mjs";

/** What anywidget calls: draws into `el`, writes every state back to the trait `states`, and returns what ends it. */
export function render({ model, el }) {
  const root = document.createElement("div");
  // Jupyter's own shortcuts take the arrow keys of a cell's output otherwise; it asks the element that has the focus.
  root.addEventListener("focusin", (event) => {
    event.target.dataset.lmSuppressShortcuts = "true";
  });
  el.append(root);
  const explorer = start(root, { states: model.get("states"), scene: model.get("scene") || undefined, heading: model.get("heading") || undefined, address: false });
  let timer = 0;
  const stops = Object.values(explorer.stores).map((store) => store.subscribe(() => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      model.set("states", Object.fromEntries(Object.entries(explorer.stores).map(([slice, one]) => [slice, one.get()])));
      model.save_changes();
    }, 200);
  }));
  return () => {
    clearTimeout(timer);
    stops.forEach((stop) => stop());
    explorer.destroy();
  };
}

/** A tour: a box with text that goes from scene to scene. */

import { button } from "../draw/controls.mjs";
import { html, replace, uniqueId } from "../draw/svg.mjs";

/** Walk through the steps of the scenes: each scene's `tour` is a list of {title, text}. */
export function tour(root, scenes, context) {
  root.querySelector(".sle-tour")?.remove();
  const steps = scenes.flatMap((scene) => (scene.tour ?? []).map((step) => ({ scene: scene.id, ...step })));
  if (!steps.length) return;
  const before = document.activeElement;
  let at = 0;
  const name = uniqueId("tour");
  const title = html("h2", { id: `${name}-title` });
  const text = html("p", { id: `${name}-text` });
  const count = html("span", { class: "sle-unit", "data-value": "tour-step" });
  const back = button("Back", () => go(at - 1), { name: "tour-back" });
  const next = button("Next", () => (at + 1 < steps.length ? go(at + 1) : end()), { name: "tour-next", className: "sle-primary" });
  const box = html("div", {
    class: "sle-tour", role: "dialog", "aria-labelledby": title.id, "aria-describedby": text.id, onkeydown: (event) => {
      if (event.key === "Escape") end();
    },
  }, [title, text, html("div", { class: "sle-row" }, [back, next, button("Close", () => end(), { name: "tour-close" }), count])]);
  root.append(box);
  function go(step) {
    at = step;
    context.show(steps[at].scene);
    title.textContent = steps[at].title;
    text.textContent = steps[at].text;
    replace(count, [`${at + 1} of ${steps.length}`]);
    back.disabled = at === 0;
    next.textContent = at + 1 < steps.length ? "Next" : "Done";
    next.focus();
  }
  function end() {
    box.remove();
    before?.focus?.();
  }
  go(0);
}

/** One line for a first visit, above the scene and in the flow of the page, so that it covers nothing. `begin()` starts the tour. */
export function invitation(begin) {
  const end = () => node.remove();
  const node = html("p", { class: "sle-invitation", "data-value": "invitation" }, [
    html("span", {}, ["New here? Six short steps show what to touch and what it means."]),
    button("Take the tour", () => {
      end();
      begin();
    }, { name: "invitation-tour", className: "sle-primary" }),
    button("No, thanks", end, { name: "invitation-close" }),
  ]);
  return node;
}

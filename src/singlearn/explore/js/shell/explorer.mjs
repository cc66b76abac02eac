/** The explorer: tabs, the scene in front, its address, exports and the tour. */

import { button } from "../draw/controls.mjs";
import { html, oncePerFrame, replace, uniqueId } from "../draw/svg.mjs";
import { download, png, svgText } from "./export.mjs";
import { fromHash, makeStore, toHash } from "./store.mjs";
import { invitation, tour } from "./tour.mjs";

/**
 * Start the explorer in an element.
 *
 * scenes: modules {id, title, defaults, mount, slice?, check?, tour?}. A scene with `slice` shares the state of that scene.
 * `check(state)` throws an Error where a state that came from outside is none of its states.
 * options: states (by slice, laid over the defaults), scene (the first one), address (write the state to the URL; default true).
 * Returns {stores, show(id), destroy()}.
 */
export function startExplorer(root, scenes, options = {}) {
  const useAddress = options.address ?? true;
  const byId = Object.fromEntries(scenes.map((scene) => [scene.id, scene]));
  const sliceOf = (scene) => scene.slice ?? scene.id;
  const defaults = {};
  for (const scene of scenes) defaults[sliceOf(scene)] = { ...scene.defaults, ...defaults[sliceOf(scene)] };
  for (const [slice, state] of Object.entries(options.states ?? {})) defaults[slice] = { ...defaults[slice], ...state };
  const stores = Object.fromEntries(Object.keys(defaults).map((slice) => [slice, makeStore({ ...defaults[slice] })]));

  const panelId = uniqueId("panel");
  let current = null;
  let view = null;
  const live = html("p", { class: "sle-live", role: "status", "aria-live": "polite" });
  const note = html("p", { class: "sle-note", role: "alert", hidden: true });
  const panelElement = html("div", { class: "sle-scene", role: "tabpanel", id: panelId, tabindex: -1 });
  const tabs = scenes.map((scene) => html("button", {
    type: "button", role: "tab", class: "sle-tab", id: `${panelId}-${scene.id}`, "aria-controls": panelId, "data-scene": scene.id, onclick: () => show(scene.id),
  }, [scene.title]));
  const tablist = html("div", { class: "sle-tabs", role: "tablist", "aria-label": "Scenes", onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const target = { Home: 0, End: scenes.length - 1 }[event.key] ?? (step === undefined ? null : (scenes.indexOf(current) + step + scenes.length) % scenes.length);
    if (target === null) return;
    event.preventDefault();
    show(scenes[target].id);
    tabs[target].focus();
  } }, tabs);

  const announce = (text) => { live.textContent = text; };
  const warn = (text) => {
    note.textContent = text;
    note.hidden = !text;
  };
  const context = {
    announce, warn,
    show: (id) => show(id),
    reducedMotion: () => matchMedia("(prefers-reduced-motion: reduce)").matches,
  };

  const savePicture = async (kind) => {
    const element = view?.svg();
    if (!element || element.length === 0) return announce("this scene has no picture to save");
    const name = `singlearn-${current.id}.${kind}`;
    try {
      if (kind === "svg") download(name, svgText(element), "image/svg+xml");
      else download(name, await png(element), "image/png");
      announce(`${name} was saved`);
    } catch (error) {
      warn(`the picture was not saved: ${error.message}`);
    }
  };
  const copyAddress = async () => {
    writeAddress();
    try {
      await navigator.clipboard.writeText(location.href);
      announce("the address of this view was copied");
    } catch {
      announce("the address of this view stands in the address bar");
    }
  };
  const reset = () => {
    const slice = sliceOf(current);
    stores[slice].set({ ...defaults[slice] });
    show(current.id, true);
    announce("this scene starts afresh");
  };
  // Only on a page that nobody has set: an address or a network of one's own is what its reader came for.
  const invited = useAddress && !location.hash && !Object.keys(options.states ?? {}).length ? invitation(() => beginTour()) : null;
  const beginTour = () => {
    invited?.remove();
    root.querySelector("button[name=tour]").focus(); // where the tour gives the focus back
    tour(root, scenes, context);
  };
  const tools = html("div", { class: "sle-tools", role: "toolbar", "aria-label": "Tools" }, [
    button("Tour", () => beginTour(), { name: "tour", title: "Six steps for a first visit" }),
    button("Reset", reset, { name: "reset", title: "Put this scene back as it was at first" }),
    useAddress ? button("Link", copyAddress, { name: "link", title: "Copy an address that opens exactly this" }) : null,
    button("SVG", () => savePicture("svg"), { name: "svg", title: "Save the picture as SVG" }),
    button("PNG", () => savePicture("png"), { name: "png", title: "Save the picture as PNG" }),
  ]);
  root.classList.add("sle");
  replace(root, [html("header", { class: "sle-header" }, [html("h1", {}, [options.heading ?? "Why is a model singular?"]), tools]), invited, tablist, note, panelElement, live].filter(Boolean));

  let timer = 0;
  let known = useAddress ? location.hash : "";
  function writeAddress() {
    clearTimeout(timer);
    // An address that somebody has just put there is read first: its event is on the way.
    if (!useAddress || location.hash !== known) return;
    const hash = toHash(current.id, Object.fromEntries(Object.entries(stores).map(([slice, store]) => [slice, store.get()])), defaults);
    try {
      if (hash !== location.hash) history.replaceState(null, "", hash);
      known = location.hash;
    } catch {
      // Inside some frames the address cannot be written; the page works without.
    }
  }
  // Browsers allow about three changes of the address a second.
  const addressSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(writeAddress, 300);
  };
  for (const store of Object.values(stores)) store.subscribe(addressSoon);

  function readAddress() {
    known = location.hash;
    try {
      const { scene, states } = fromHash(location.hash, Object.keys(byId), defaults);
      const whole = Object.fromEntries(Object.keys(defaults).map((slice) => [slice, { ...defaults[slice], ...states[slice] }]));
      for (const one of scenes) if (states[sliceOf(one)]) one.check?.(whole[sliceOf(one)]);
      for (const [slice, store] of Object.entries(stores)) if (JSON.stringify(store.get()) !== JSON.stringify(whole[slice])) store.set(whole[slice]);
      warn("");
      return scene;
    } catch (error) {
      warn(`This address was not understood, so the scene starts afresh: ${error.message}.`);
      return null;
    }
  }

  function show(id, again = false) {
    if (current?.id === id && !again) return;
    view?.destroy();
    current = byId[id];
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(scenes[i] === current));
      tab.tabIndex = scenes[i] === current ? 0 : -1;
    });
    panelElement.setAttribute("aria-labelledby", `${panelId}-${id}`);
    replace(panelElement, []);
    view = current.mount(panelElement, stores[sliceOf(current)], context);
    view.resize();
    addressSoon();
  }

  const resize = oncePerFrame(() => view?.resize());
  const observer = new ResizeObserver(resize);
  observer.observe(panelElement);
  const onHash = () => {
    const scene = readAddress();
    show(scene ?? current.id, true);
  };
  if (useAddress) window.addEventListener("hashchange", onHash);
  const wanted = useAddress ? readAddress() : null;
  show(wanted ?? options.scene ?? scenes[0].id);
  return {
    stores,
    show,
    destroy() {
      view?.destroy();
      observer.disconnect();
      window.removeEventListener("hashchange", onHash);
      clearTimeout(timer);
    },
  };
}

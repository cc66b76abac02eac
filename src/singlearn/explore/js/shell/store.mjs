/** The state of the page: one plain JSON object for every scene. */

/** A store of one object: get(), set(patch), subscribe(f), which returns the function that ends it. */
export function makeStore(initial) {
  let state = initial;
  const listeners = new Set();
  return {
    get: () => state,
    set(patch) {
      state = { ...state, ...patch };
      for (const listener of [...listeners]) listener(state, patch);
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** Scene and states as the text after # in an address; what equals the defaults is left out. */
export function toHash(scene, states, defaults) {
  const told = {};
  for (const [slice, state] of Object.entries(states)) {
    const changed = Object.fromEntries(Object.entries(state).filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(defaults[slice][key])));
    if (Object.keys(changed).length) told[slice] = changed;
  }
  return `#${scene}${Object.keys(told).length ? `/${encodeURIComponent(JSON.stringify(told))}` : ""}`;
}

/** What `toHash` wrote: {scene, states}. Throws an Error whose message says what is wrong. */
export function fromHash(hash, scenes, defaults) {
  const text = hash.replace(/^#/, "");
  if (!text) return { scene: null, states: {} };
  const [scene, rest] = [text.split("/")[0], text.slice(text.split("/")[0].length + 1)];
  if (!scenes.includes(scene)) throw new Error(`the address names the scene “${scene}”; there are ${scenes.join(", ")}`);
  if (!rest) return { scene, states: {} };
  let states;
  try {
    states = JSON.parse(decodeURIComponent(rest));
  } catch {
    throw new Error("the address is cut off or damaged: what stands after the scene is no JSON");
  }
  if (typeof states !== "object" || states === null || Array.isArray(states)) throw new Error("the address holds no states of scenes");
  for (const [slice, state] of Object.entries(states)) {
    if (!Object.hasOwn(defaults, slice)) throw new Error(`the address holds a state of “${slice}”, which no scene has`);
    if (typeof state !== "object" || state === null || Array.isArray(state)) throw new Error(`the address holds no state of “${slice}”`);
    for (const key of Object.keys(state)) if (!Object.hasOwn(defaults[slice], key)) throw new Error(`the address sets “${key}” of ${slice}, which is none of its settings`);
  }
  return { scene, states };
}

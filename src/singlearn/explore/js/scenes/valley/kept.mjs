/** What is drawn or computed again only where something that it depends on has changed. */

/** A function (name, key, make) that calls make() where the key under this name has changed, and returns what it made last; forget(name) makes it anew. */
export function keeper() {
  const kept = new Map();
  const keep = (name, key, make) => {
    const text = JSON.stringify(key);
    const last = kept.get(name);
    if (last?.text === text) return last.value;
    const value = make();
    kept.set(name, { text, value });
    return value;
  };
  keep.forget = (name) => kept.delete(name);
  return keep;
}

/** Convex polygons filled in a picture of pixels: many small ones cost less here than as paths of a canvas. Pure but for the pixels. */

/** A colour of 0 … 255 as one number of a Uint32Array over ImageData (every browser runs on little-endian processors). */
export const packed = (r, g, b) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;

/**
 * Fill the pixels whose centres lie in a convex polygon of corners [x, y, …], in units of pixels. Two polygons with a common edge share
 * no pixel along it and leave none out.
 */
export function fillConvex(pixels, width, height, corners, colour) {
  let [low, high] = [Infinity, -Infinity];
  for (const [, y] of corners) {
    low = Math.min(low, y);
    high = Math.max(high, y);
  }
  const last = Math.min(height, Math.ceil(high - 0.5));
  for (let row = Math.max(0, Math.ceil(low - 0.5)); row < last; row += 1) {
    const y = row + 0.5;
    let [left, right] = [Infinity, -Infinity];
    for (let k = 0; k < corners.length; k += 1) {
      let a = corners[k], b = corners[k + 1 === corners.length ? 0 : k + 1];
      if (a[1] > b[1]) [a, b] = [b, a]; // the same sum for both polygons of an edge
      if (a[1] > y || b[1] <= y) continue;
      const x = a[0] + ((y - a[1]) / (b[1] - a[1])) * (b[0] - a[0]);
      left = Math.min(left, x);
      right = Math.max(right, x);
    }
    const from = Math.max(0, Math.ceil(left - 0.5)), to = Math.min(width, Math.ceil(right - 0.5));
    if (from < to) pixels.fill(colour, row * width + from, row * width + to);
  }
}

/** Colour scales that colour-blind people can read: pure functions to [r, g, b]. */

// Points of cividis (Nuñez, Anderton and Renslow 2018), which looks the same with and without red-green blindness.
const CIVIDIS = [[0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115], [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56]];
const DIVERGING = [[0, 84, 148], [86, 160, 211], [240, 240, 240], [236, 150, 80], [178, 74, 0]];

/** From dark blue (0) to yellow (1). */
export function sequential(t) {
  return between(CIVIDIS, t);
}

/** From blue (-1) over white (0) to orange (1). */
export function diverging(t) {
  return between(DIVERGING, (t + 1) / 2);
}

function between(points, t) {
  const place = Math.min(1, Math.max(0, Number.isFinite(t) ? t : 0)) * (points.length - 1);
  const low = Math.min(points.length - 2, Math.floor(place));
  return points[low].map((value, i) => Math.round(value + (points[low + 1][i] - value) * (place - low)));
}

/** `rgb(r, g, b)`. */
export function css([r, g, b]) {
  return `rgb(${r}, ${g}, ${b})`;
}

/** Values on a grid as an image, and their contour lines. */

/** Paint `values` (rows of `columns` numbers, the first row at the bottom) into a canvas of that many pixels. */
export function paint(canvas, values, columns, rows, colour) {
  canvas.width = columns;
  canvas.height = rows;
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, rows);
  for (let j = 0; j < rows; j += 1) {
    for (let i = 0; i < columns; i += 1) {
      const [r, g, b, a = 255] = colour(values[j * columns + i]);
      const place = 4 * ((rows - 1 - j) * columns + i);
      image.data[place] = r;
      image.data[place + 1] = g;
      image.data[place + 2] = b;
      image.data[place + 3] = a;
    }
  }
  context.putImageData(image, 0, 0);
}

/**
 * Line segments `[[x0, y0], [x1, y1]]` on which a grid of values takes a level (marching squares).
 *
 * values[j * columns + i] stands at x(i), y(j), two functions from index to coordinate.
 */
export function contour(values, columns, rows, level, x, y) {
  const found = [];
  for (let j = 0; j + 1 < rows; j += 1) {
    for (let i = 0; i + 1 < columns; i += 1) {
      const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
      const heights = corners.map(([a, b]) => values[b * columns + a] - level);
      const crossings = [];
      for (let k = 0; k < 4; k += 1) {
        const [h, g] = [heights[k], heights[(k + 1) % 4]];
        if ((h < 0) === (g < 0) || !Number.isFinite(h) || !Number.isFinite(g)) continue;
        const t = h / (h - g);
        const [[a, b], [c, d]] = [corners[k], corners[(k + 1) % 4]];
        crossings.push([x(a) + (x(c) - x(a)) * t, y(b) + (y(d) - y(b)) * t]);
      }
      for (let k = 0; k + 1 < crossings.length; k += 2) found.push([crossings[k], crossings[k + 1]]);
    }
  }
  return found;
}

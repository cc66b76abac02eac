/** Views as SVG and PNG files. */

import { set, svg } from "../draw/svg.mjs";

const STYLES = ["fill", "stop-color", "fill-opacity", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "stroke-linejoin", "stroke-linecap", "opacity",
  "font-family", "font-size", "font-weight", "font-style", "text-anchor", "visibility", "display"];

/** A copy of an SVG element that looks the same outside this page: computed styles become attributes. */
function styled(element) {
  const copy = element.cloneNode(true);
  const [from, to] = [[element, ...element.querySelectorAll("*")], [copy, ...copy.querySelectorAll("*")]];
  from.forEach((original, i) => {
    const style = getComputedStyle(original);
    to[i].setAttribute("style", STYLES.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
    to[i].removeAttribute("class");
    to[i].removeAttribute("tabindex");
  });
  return copy;
}

/** One or several SVG elements of the page, below each other on the page's background, as one that stands alone. */
export function standalone(elements) {
  const list = Array.isArray(elements) ? elements : [elements];
  const boxes = list.map((element) => element.viewBox.baseVal);
  const [width, height] = [Math.max(...boxes.map((box) => box.width)), boxes.reduce((sum, box) => sum + box.height, 0)];
  const paper = getComputedStyle(list[0].closest(".sle") ?? document.body).getPropertyValue("--sle-paper").trim() || "white";
  let top = 0;
  const parts = list.map((element, k) => {
    const copy = set(styled(element), { x: 0, y: top, width: boxes[k].width, height: boxes[k].height });
    top += boxes[k].height;
    return copy;
  });
  return svg("svg", { xmlns: "http://www.w3.org/2000/svg", viewBox: `0 0 ${width} ${height}`, width, height }, [svg("rect", { width, height, fill: paper }), ...parts]);
}

/** The text of a standalone SVG file. */
export function svgText(elements) {
  return `<?xml version="1.0" encoding="UTF-8"?>\n${new XMLSerializer().serializeToString(standalone(elements))}\n`;
}

/** Give the visitor a file. */
export function download(name, content, type) {
  const url = URL.createObjectURL(content instanceof Blob ? content : new Blob([content], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

/** A PNG of twice the size on the screen, as a promise of a Blob. */
export async function png(elements) {
  const whole = standalone(elements);
  const [width, height] = [Number(whole.getAttribute("width")), Number(whole.getAttribute("height"))];
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(whole))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * width;
  canvas.height = 2 * height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error("the browser made no PNG"))), "image/png");
  });
}

/** Scales and ticks: pure functions. */

/** A linear map from `[low, high]` to `[from, to]`, with its inverse. */
export function linear(low, high, from, to) {
  const slope = (to - from) / (high - low);
  const map = (value) => from + (value - low) * slope;
  map.invert = (place) => low + (place - from) / slope;
  map.low = low;
  map.high = high;
  return map;
}

/** A map that is linear in log10, for positive ends. */
export function logarithmic(low, high, from, to) {
  const inner = linear(Math.log10(low), Math.log10(high), from, to);
  const map = (value) => inner(Math.log10(value));
  map.invert = (place) => 10 ** inner.invert(place);
  map.low = low;
  map.high = high;
  map.log = true;
  return map;
}

/** Round values between `low` and `high`: about `count` of them, steps of 1, 2 or 5 times a power of ten. */
export function ticks(low, high, count = 5) {
  if (!(high > low)) return [low];
  const raw = (high - low) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find((f) => f * power >= raw * 0.999) ?? 10);
  const found = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k += 1) found.push(k === 0 ? 0 : Number((k * step).toPrecision(12)));
  return found;
}

/** Powers of ten between `low` and `high`: every one, or every second, third … so that there are at most `most`. */
export function logTicks(low, high, most = 12) {
  const [first, last] = [Math.ceil(Math.log10(low) - 1e-9), Math.floor(Math.log10(high) + 1e-9)];
  const step = Math.max(1, Math.ceil((last - first + 1) / Math.max(1, Math.floor(most))));
  const found = [];
  for (let k = Math.ceil(first / step) * step; k <= last; k += step) found.push(10 ** k);
  return found;
}

/** A power of ten for people: 0.01 … 1000 as they are, others as 10⁻⁵. */
export function shownPower(value) {
  const k = Math.round(Math.log10(value));
  if (k >= -2 && k <= 3) return shown(value);
  return `10${String(k).replace("-", "⁻").replace(/\d/g, (digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[digit])}`;
}

/** A number for people: four digits, a real minus sign. */
export function shown(value, digits = 4) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : "undefined";
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e5 || size < 1e-4 ? Number(value.toPrecision(digits)).toExponential().replace("e+", "e") : String(Number(value.toPrecision(digits)));
  return text.replace(/-/g, "−");
}

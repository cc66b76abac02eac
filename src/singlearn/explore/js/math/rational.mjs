/** Exact fractions on BigInt. Values are immutable: numerator n, denominator d > 0, in lowest terms. */

const SMALL = 2n ** 53n;

/** The greatest common divisor of two BigInts; small ones as doubles, which is quicker. */
export function gcd(a, b) {
  let x = a < 0n ? -a : a;
  let y = b < 0n ? -b : b;
  while (y && (x >= SMALL || y >= SMALL)) {
    const rest = x % y;
    x = y;
    y = rest;
  }
  if (!y) return x;
  let s = Number(x);
  let t = Number(y);
  while (t) {
    const rest = s % t;
    s = t;
    t = rest;
  }
  return BigInt(s);
}

export class Rational {
  constructor(n, d = 1n) {
    if (d === 0n) throw new Error("a fraction with denominator 0");
    if (d === 1n || n === 0n) {
      this.n = n;
      this.d = 1n;
      return;
    }
    const common = d < 0n ? -gcd(n, d) : gcd(n, d);
    this.n = common === 1n ? n : n / common;
    this.d = common === 1n ? d : d / common;
  }

  get sign() {
    return this.n > 0n ? 1 : this.n < 0n ? -1 : 0;
  }

  get isZero() {
    return this.n === 0n;
  }

  add(other) {
    if (this.d === other.d) return new Rational(this.n + other.n, this.d);
    return new Rational(this.n * other.d + other.n * this.d, this.d * other.d);
  }

  sub(other) {
    return this.add(other.neg());
  }

  mul(other) {
    if (this.n === 0n || other.n === 0n) return ZERO;
    return new Rational(this.n * other.n, this.d * other.d);
  }

  div(other) {
    return new Rational(this.n * other.d, this.d * other.n);
  }

  neg() {
    return new Rational(-this.n, this.d);
  }

  abs() {
    return this.n < 0n ? this.neg() : this;
  }

  /** -1, 0 or 1. */
  compare(other) {
    const left = this.n * other.d;
    const right = other.n * this.d;
    return left < right ? -1 : left > right ? 1 : 0;
  }

  equals(other) {
    return this.n === other.n && this.d === other.d;
  }

  /** The nearest double, up to the last digit; fractions of huge integers keep their size. */
  toNumber() {
    const top = Number(this.n);
    const bottom = Number(this.d);
    if (Number.isFinite(top) && Number.isFinite(bottom)) return top / bottom;
    const shift = BigInt(this.d.toString(2).length - this.n.toString(2).replace("-", "").length + 64);
    const scaled = shift >= 0n ? (this.n << shift) / this.d : this.n / (this.d << -shift);
    return Number(scaled) * 2 ** Number(-shift);
  }

  toString() {
    return this.d === 1n ? `${this.n}` : `${this.n}/${this.d}`;
  }

  toJSON() {
    return this.toString();
  }
}

export const ZERO = new Rational(0n);
export const ONE = new Rational(1n);
export const HALF = new Rational(1n, 2n);

const LONGEST = 1200;

/**
 * The exact fraction that a text, number, BigInt or Rational stands for: "1/3", "-0.25", "2e-3"; a number is the binary fraction it
 * is stored as. Throws an Error that names what it got.
 */
export function rational(value) {
  if (value instanceof Rational) return value;
  if (typeof value === "bigint") return new Rational(value);
  if (typeof value === "number") return fromNumber(value);
  if (typeof value === "string") {
    const text = value.trim().replace(/−/g, "-");
    if (text.length > LONGEST) throw new Error(`a number of ${text.length} characters; at most ${LONGEST} are read`);
    const fraction = /^([+-]?\d+)\s*\/\s*(\d+)$/.exec(text);
    if (fraction) {
      if (BigInt(fraction[2]) === 0n) throw new Error(`“${value}” has the denominator 0`);
      return new Rational(BigInt(fraction[1].replace("+", "")), BigInt(fraction[2]));
    }
    const decimal = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(text);
    if (decimal && (decimal[2] || decimal[3])) {
      const digits = decimal[3] ?? "";
      const exponent = Number(decimal[4] ?? 0) - digits.length;
      const whole = BigInt(`${decimal[2]}${digits}`) * (decimal[1] === "-" ? -1n : 1n);
      return exponent >= 0 ? new Rational(whole * 10n ** BigInt(exponent)) : new Rational(whole, 10n ** BigInt(-exponent));
    }
  }
  throw new Error(`“${String(value)}” is no number; write 3, -0.5 or 2/3`);
}

function fromNumber(value) {
  if (!Number.isFinite(value)) throw new Error(`${value} is not finite`);
  if (Number.isInteger(value)) return new Rational(BigInt(value));
  let shift = 0;
  let scaled = value;
  while (!Number.isInteger(scaled)) {
    // Multiplying by a power of two is exact, and 2^1074 clears every double.
    const step = Math.min(52, 1074 - shift);
    scaled *= 2 ** step;
    shift += step;
  }
  return new Rational(BigInt(scaled), 2n ** BigInt(shift));
}

/** The multiple of `1/per` that is nearest to a number. */
export function rounded(value, per) {
  return new Rational(BigInt(Math.round(value * per)), BigInt(per));
}

/** Σ a_i b_i. */
export function dot(a, b) {
  return a.reduce((total, value, i) => (value.isZero || b[i].isZero ? total : total.add(value.mul(b[i]))), ZERO);
}

/** The primitive integer vector on the same ray, and the positive factor that gives the vector back: {integers, factor}. */
export function primitive(values) {
  let denominator = 1n;
  for (const { d } of values) denominator = (denominator / gcd(denominator, d)) * d;
  const integers = values.map(({ n, d }) => n * (denominator / d));
  const divisor = integers.reduce(gcd, 0n);
  if (!divisor) throw new Error("a ray needs a direction: all entries are zero");
  return { integers: integers.map((value) => value / divisor), factor: new Rational(divisor, denominator) };
}

/** A fraction for people: itself where it is short, else some digits of it. */
export function short(value, digits = 6) {
  const text = value.toString();
  return (text.length <= 12 ? text : String(Number(value.toNumber().toPrecision(digits)))).replace(/-/g, "−");
}

/**
 * Rows of fractions as integers on a common scale for each row. Where no sum of entries of a row, with any signs, can leave the doubles
 * that are exact, they are doubles, else BigInts.
 */
export function scaledRows(rows) {
  return rows.map((row) => {
    const whole = row.reduce((multiple, { d }) => (multiple / gcd(multiple, d)) * d, 1n);
    const integers = row.map(({ n, d }) => n * (whole / d));
    const most = integers.reduce((sum, v) => sum + (v < 0n ? -v : v), 0n);
    return most < SMALL ? integers.map(Number) : integers;
  });
}

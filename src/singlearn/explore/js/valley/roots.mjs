// Real roots of a polynomial of one variable in an interval: between the roots of its derivative it is monotone.

export function horner(p, x) {
  let value = 0;
  for (let i = p.length - 1; i >= 0; i--) value = value * x + p[i];
  return value;
}

export function derivativeOf(p) {
  const made = new Array(Math.max(0, p.length - 1));
  for (let i = 1; i < p.length; i++) made[i - 1] = i * p[i];
  return made;
}

function trimmed(p) {
  let size = p.length;
  while (size > 0 && p[size - 1] === 0) size--;
  return size === p.length ? p : p.slice(0, size);
}

// The one root in [a, b] of a function that changes its sign there, by Newton's steps that stay inside the bracket.
function bracketed(p, slope, a, b, atA) {
  let x = 0.5 * (a + b);
  for (let step = 0; step < 100; step++) {
    const value = horner(p, x);
    if (value === 0) return x;
    if (value > 0 === atA > 0) a = x;
    else b = x;
    const steep = horner(slope, x);
    let next = x - value / steep;
    if (!(next > a && next < b)) next = 0.5 * (a + b);
    if (Math.abs(next - x) <= 4e-16 * Math.max(1, Math.abs(x)) || b - a <= 4e-16 * Math.max(1, Math.abs(x))) return next;
    x = next;
  }
  return x;
}

// All roots where p changes its sign, and ends of the interval that are roots, from left to right. Double roots are not reported
// unless rounding makes them two.
export function rootsIn(coefficients, low, high) {
  const p = trimmed(coefficients);
  if (p.length < 2) return [];
  if (p.length === 2) {
    const x = -p[0] / p[1];
    return x >= low && x <= high ? [x] : [];
  }
  if (p.length === 3) return quadratic(p).filter((x) => x >= low && x <= high);
  const slope = derivativeOf(p);
  const cuts = [low, ...rootsIn(slope, low, high), high];
  const found = [];
  for (let i = 0; i + 1 < cuts.length; i++) {
    const [a, b] = [cuts[i], cuts[i + 1]];
    if (!(b > a)) continue;
    const [atA, atB] = [horner(p, a), horner(p, b)];
    if (atA === 0) {
      if (found.at(-1) !== a) found.push(a);
      continue;
    }
    if (atB === 0) {
      if (i + 2 === cuts.length) found.push(b);
      continue;
    }
    if (atA > 0 !== atB > 0) found.push(bracketed(p, slope, a, b, atA));
  }
  return found;
}

function quadratic([c, b, a]) {
  const under = b * b - 4 * a * c;
  if (under < 0) return [];
  const q = -0.5 * (b + (b < 0 ? -1 : 1) * Math.sqrt(under));
  if (q === 0) return [0];
  const [x, y] = [q / a, c / q];
  return x === y ? [x] : x < y ? [x, y] : [y, x];
}

// Where p is monotone: the ends and the places between at which it turns.
export function monotonePieces(p, low, high) {
  const cuts = [low];
  for (const x of rootsIn(derivativeOf(p), low, high)) if (x > cuts.at(-1) && x < high) cuts.push(x);
  cuts.push(high);
  return cuts;
}

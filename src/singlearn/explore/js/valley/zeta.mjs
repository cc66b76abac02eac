// ζ(z) = ∫ K^z φ for real z between the first pole -λ and 2, from the posterior's moments on a ladder of nβ:
//
//   Γ(2 - z) ζ(z) = ∫ (nβ)^(2-z) M(nβ) d log nβ,   M(nβ) = ∫ K² exp(-nβ K) φ,
//
// which is Euler's integral for K^(z-2), times K². In log nβ the integrand is analytic, so that equal steps converge exponentially.

const LANCZOS = [0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7];

export function gamma(x) {
  if (x < 0.5) return Math.PI / (Math.sin(Math.PI * x) * gamma(1 - x));
  const y = x - 1;
  const sum = LANCZOS.reduce((total, c, i) => total + (i ? c / (y + i) : c), 0);
  const t = y + 7.5;
  return Math.sqrt(2 * Math.PI) * t ** (y + 0.5) * Math.exp(-t) * sum;
}

// `rungs` is a ladder with equal steps in log nβ. λ and m ≤ 2 say how the integrand falls behind its end. Divergent: Infinity.
export function zeta(rungs, z, { lambda, m = 1 } = {}) {
  if (z <= -lambda) return Infinity;
  if (!(z < 2)) throw new RangeError(`z: got ${z}; it should be below 2`);
  const step = Math.log(rungs[1].nBeta / rungs[0].nBeta);
  const term = (r) => r.nBeta ** (2 - z) * r.second;
  let total = rungs.reduce((sum, r) => sum + term(r), 0);
  // Hotter than the ladder M is (nearly) constant: a + b nβ + c nβ².
  const [a, b, c] = parabola(rungs.slice(0, 3));
  for (let k = 1; k < 400; k++) {
    const x = rungs[0].nBeta * Math.exp(-k * step);
    total += x ** (2 - z) * (a + b * x + c * x * x);
  }
  return ((total + tail(rungs.slice(-m - 2).map(term), Math.exp(-(z + lambda) * step), m)) * step) / gamma(2 - z);
}

// What follows the last of the values f_k = (polynomial in k of degree m - 1) r^k + C s^k, the second term from the next pole of ζ.
// (E - r)^m, E the shift, leaves C (s - r)^m s^k, whose ratio is s.
function tail(values, r, m) {
  let left = values;
  for (let k = 0; k < m; k++) left = left.slice(1).map((v, i) => v - r * left[i]);
  const s = left[1] / left[0];
  const last = values.length - 1;
  let pure = values, sum = 0;
  if (s > 0 && s < 0.98 * r && Math.abs(left[1]) > 1e-7 * values[last]) {
    const C = left[0] / (s - r) ** m;
    pure = values.map((v, k) => v - C * s ** k);
    sum += (C * s ** (last + 1)) / (1 - s);
  }
  if (m === 1) return sum + (pure[last] * r) / (1 - r);
  // Degree 1: f_k = (a + b k) r^k counted from the last.
  const a = pure[last], b = pure[last] - pure[last - 1] * r;
  return sum + (a * r) / (1 - r) + (b * r) / (1 - r) ** 2;
}

function parabola(points) {
  const [p, q, r] = points.map(({ nBeta, second }) => ({ x: nBeta, y: second }));
  const pq = (q.y - p.y) / (q.x - p.x), qr = (r.y - q.y) / (r.x - q.x);
  const c = (qr - pq) / (r.x - p.x);
  const b = pq - c * (p.x + q.x);
  return [p.y - b * p.x - c * p.x * p.x, b, c];
}

// What each decade of K adds to ∫ K^z φ, from V on levels that fall: ∫ t^z dV between neighbours, with V a power of t there.
export function shells(points, z) {
  return points.slice(1).map((inner, i) => {
    const outer = points[i];
    const power = Math.log(outer.V / inner.V) / Math.log(outer.t / inner.t);
    const s = power + z;
    const part = Math.abs(s) < 1e-9 ? Math.log(outer.t / inner.t) : (outer.t ** s - inner.t ** s) / s;
    return { low: inner.t, high: outer.t, weight: power > 0 ? power * outer.V * outer.t ** -power * part : 0 };
  });
}

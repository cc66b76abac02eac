// Free energies of phases against nβ: shares, crossings, accuracy and complexity. Energies in nats.

// The shares of phases whose free energies are F_k: exp(-F_k) / Σ exp(-F_j); null stands for a phase that was not seen.
export function shares(free) {
  const seen = free.filter((f) => f !== null && Number.isFinite(f));
  if (!seen.length) return free.map(() => null);
  const low = Math.min(...seen);
  const total = seen.reduce((sum, f) => sum + Math.exp(low - f), 0);
  return free.map((f) => (f === null || !Number.isFinite(f) ? null : Math.exp(low - f) / total));
}

// -log Σ exp(-F_k): the free energy of all phases together.
export function together(free) {
  const seen = free.filter((f) => f !== null && Number.isFinite(f));
  const low = Math.min(...seen);
  return low - Math.log(seen.reduce((sum, f) => sum + Math.exp(low - f), 0));
}

// F at any nβ, linear in log nβ between the values of a curve; null outside and beside what was not seen.
export function interpolate(n, F, at) {
  if (at < n[0] || at > n.at(-1)) return null;
  let i = n.findIndex((x) => x >= at);
  if (n[i] === at) return F[i];
  i -= 1;
  if (F[i] === null || F[i + 1] === null) return null;
  const s = (Math.log(at) - Math.log(n[i])) / (Math.log(n[i + 1]) - Math.log(n[i]));
  return F[i] + s * (F[i + 1] - F[i]);
}

// Where two curves cross: [{ n, before, after }], 0 where the first was lower before.
export function crossings(n, first, second) {
  const found = [];
  for (let i = 0; i + 1 < n.length; i++) {
    if ([first[i], first[i + 1], second[i], second[i + 1]].some((v) => v === null)) continue;
    const [a, b] = [first[i] - second[i], first[i + 1] - second[i + 1]];
    if (a === 0 || a < 0 === b < 0) continue;
    const s = a / (a - b);
    found.push({ n: Math.exp(Math.log(n[i]) + s * Math.log(n[i + 1] / n[i])), before: a < 0 ? 0 : 1, after: a < 0 ? 1 : 0 });
  }
  return found;
}

// dF/d log nβ between neighbours: λ of the phase plus nβ times the K that it cannot get below.
export function slopes(n, F) {
  return n.slice(1).map((x, i) => ({
    n: Math.sqrt(x * n[i]),
    slope: F[i] === null || F[i + 1] === null ? null : (F[i + 1] - F[i]) / Math.log(x / n[i]),
  }));
}

// The all-dead phase of Table 2 in closed form: K = K₀ + (c - c̄)²/2, c ~ N(0, scale²), and each of H nodes dead with its prior probability.
export const DEAD = Math.acos(-1 / 3) / Math.PI - 0.5;
export function deadFreeEnergy(nBeta, { mean, K, hidden, scale }) {
  const width = 1 + nBeta * scale * scale;
  return -hidden * Math.log(DEAD) + nBeta * K + 0.5 * Math.log(width) + (0.5 * nBeta * mean * mean) / width;
}

// The ledger of a phase at nβ: accuracy nβ K and complexity, what is left of F.
export const ledger = (F, nBeta, K) => ({ accuracy: nBeta * K, complexity: F - nBeta * K });

// F of a phase at any nβ between the ends of its set: in closed form for the all-dead phase; for the phase at W_0 Laplace's straight line
// in log nβ, corrected by what was measured, linear in log nβ between the runs; otherwise the values of the run, interpolated.
export function freeEnergyAt(set, phase, nBeta) {
  if (nBeta < set.n[0] || nBeta > set.n.at(-1)) return null;
  if (phase.hidden !== undefined) return deadFreeEnergy(nBeta, phase);
  if (phase.laplace_at_one === undefined) return interpolate(set.n, phase.F.value, nBeta);
  const [top, below = "1"] = phase.lambda.split("/");
  const line = (x) => phase.laplace_at_one + (Number(top) / Number(below)) * Math.log(x);
  const runs = phase.measured;
  const excess = runs.map((r) => r.F - line(r.n));
  if (nBeta <= runs[0].n) return line(nBeta) + excess[0];
  if (nBeta >= runs.at(-1).n) return line(nBeta) + excess.at(-1);
  return line(nBeta) + interpolate(runs.map((r) => r.n), excess, nBeta);
}

// Curves of a set on a finer ladder of nβ, `perDecade` of them, where closed forms allow it: { n, F: [one list for each phase] }.
export function curves(set, perDecade = 40) {
  const fine = set.phases.every((p) => p.hidden !== undefined || p.laplace_at_one !== undefined);
  const [low, high] = [set.n[0], set.n.at(-1)];
  const count = Math.round(Math.log10(high / low) * perDecade);
  const n = fine ? Array.from({ length: count + 1 }, (_, i) => Math.min(high, low * 10 ** (i / perDecade))) : set.n;
  return { n, F: set.phases.map((p) => (fine ? n.map((x) => freeEnergyAt(set, p, x)) : p.F.value)) };
}

// Where two phases of a set cross, to rounding where closed forms allow it: [{ n, before, after }], the numbers of the phases.
export function crossingsIn(set, i, j) {
  const { n, F } = curves(set);
  const gap = (x) => freeEnergyAt(set, set.phases[i], x) - freeEnergyAt(set, set.phases[j], x);
  return crossings(n, F[i], F[j]).map((c) => {
    const k = n.findIndex((x) => x >= c.n);
    let [low, high] = [n[k - 1], n[k]];
    const sign = gap(low) < 0;
    for (let step = 0; step < 60; step += 1) {
      const middle = Math.sqrt(low * high);
      if (gap(middle) < 0 === sign) low = middle;
      else high = middle;
    }
    return { n: low, before: c.before ? j : i, after: c.before ? i : j };
  });
}

// Adaptive Gauss-Kronrod quadrature (7 and 15 nodes) of functions with several values; panels can be handed on to the next integral.

const NODES = [
  0.991455371120812639206854697526329, 0.949107912342758524526189684047851, 0.864864423359769072789712788640926,
  0.741531185599394439863864773280788, 0.586087235467691130294144691693013, 0.405845151377397166906606412076961,
  0.207784955007898467600689403773245, 0,
];
const KRONROD = [
  0.022935322010529224963732008058970, 0.063092092629978553290700663189204, 0.104790010322250183839876322541518,
  0.140653259715525918745189590510238, 0.169004726639267902826583426598550, 0.190350578064785409913256402421014,
  0.204432940075298892414161999234649, 0.209482141084727828012999174891714,
];
const GAUSS = [0.129484966168869693270611432679082, 0.279705391489276667901467771423780, 0.381830050505118944950369775488975, 0.417959183673469387755102040816327];

// The same as three lists of fifteen, from left to right; the Gauss weights are 0 where its rule has no node.
const mirrored = (list, sign) => [...list.slice(0, 7).map((v) => sign * v), list[7], ...list.slice(0, 7).reverse()];
export const LINE_NODES = mirrored(NODES, -1);
export const KRONROD_LINE = mirrored(KRONROD, 1);
export const GAUSS_LINE = mirrored([0, GAUSS[0], 0, GAUSS[1], 0, GAUSS[2], 0, GAUSS[3]], 1);

// The error of the finer rule: QUADPACK's power 3/2 of how far the two rules differ.
export function estimate(fine, coarse) {
  const size = Math.abs(fine), apart = Math.abs(fine - coarse);
  return size > 0 ? Math.min(apart, size * (200 * (apart / size)) ** 1.5) : apart;
}

// One panel: values and errors, both of `size` numbers. `f(x, out)` writes its values into `out`.
export function panel(f, a, b, size, out, cautious = false) {
  const half = 0.5 * (b - a), middle = 0.5 * (a + b);
  const values = new Float64Array(size), coarse = new Float64Array(size);
  for (let k = 0; k < 8; k++) {
    const gauss = k % 2 ? GAUSS[(k - 1) / 2] : 0;
    for (const side of k === 7 ? [0] : [-1, 1]) {
      f(middle + side * half * NODES[k], out);
      for (let i = 0; i < size; i++) {
        values[i] += KRONROD[k] * out[i];
        coarse[i] += gauss * out[i];
      }
    }
  }
  const errors = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    values[i] *= half;
    errors[i] = cautious ? Math.abs(values[i] - coarse[i] * half) : estimate(values[i], coarse[i] * half);
  }
  return { a, b, values, errors };
}

// The integral over the panels between the cuts, refined where the error is largest: { values, errors, cuts, panels }.
// The error of value i is to be below tolerance × |its integral|; `cautious` takes the difference of the two rules for it, for functions
// with square roots at unknown places, of which the power 3/2 says too little.
export function adaptive(f, cuts, size, { tolerance = 1e-9, most = 4000, cautious = false } = {}) {
  const out = new Float64Array(size);
  let live = [];
  const total = new Float64Array(size), wrong = new Float64Array(size);
  const weight = (p) => {
    let worst = 0;
    for (let i = 0; i < size; i++) worst = Math.max(worst, p.errors[i] / (Math.abs(total[i]) || 1e-300));
    return worst;
  };
  const push = (p) => {
    for (let i = 0; i < size; i++) {
      total[i] += p.values[i];
      wrong[i] += p.errors[i];
    }
    live.push(p);
  };
  for (let i = 0; i + 1 < cuts.length; i++) if (cuts[i + 1] > cuts[i]) push(panel(f, cuts[i], cuts[i + 1], size, out, cautious));
  const smallest = 1e-15 * Math.max(1e-300, cuts.at(-1) - cuts[0]);
  let count = live.length;
  const settled = () => total.every((v, i) => wrong[i] <= tolerance * Math.abs(v));
  const graded = () => !cautious || live.every((p, i) => !live[i + 1] || Math.max(p.b - p.a, live[i + 1].b - live[i + 1].a) < 3 * Math.min(p.b - p.a, live[i + 1].b - live[i + 1].a));
  while (!(settled() && graded()) && count < most && live.length) {
    // All panels whose share of the error is more than their part are halved in one sweep.
    const worst = live.map(weight);
    const limit = settled() ? Infinity : Math.max(...worst) * 0.1;
    const next = [];
    live.forEach((p, index) => {
      // A panel whose nodes all miss a small piece at its end has no error to show: it is halved because its neighbour was.
      const beside = cautious ? Math.min(...[live[index - 1], live[index + 1]].map((q) => (q ? q.b - q.a : Infinity))) : Infinity;
      if ((worst[index] < limit && p.b - p.a < 3 * beside) || p.b - p.a < smallest) {
        next.push(p);
        return;
      }
      const middle = 0.5 * (p.a + p.b);
      const halves = [panel(f, p.a, middle, size, out, cautious), panel(f, middle, p.b, size, out, cautious)];
      // The two rules can agree by chance: what halving changed is held against the halves as well.
      if (cautious) for (let i = 0; i < size; i++) for (const h of halves) h.errors[i] = Math.max(h.errors[i], Math.abs(p.values[i] - halves[0].values[i] - halves[1].values[i]) / 4);
      next.push(...halves);
      count++;
    });
    live = next;
    if (live.every((p) => p.b - p.a < smallest)) break;
    total.fill(0);
    wrong.fill(0);
    for (const p of live)
      for (let i = 0; i < size; i++) {
        total[i] += p.values[i];
        wrong[i] += p.errors[i];
      }
  }
  const panels = live.sort((p, q) => p.a - q.a);
  return { values: total, errors: wrong, panels, settled: settled(), cuts: panels.length ? [panels[0].a, ...panels.map((p) => p.b)] : cuts };
}

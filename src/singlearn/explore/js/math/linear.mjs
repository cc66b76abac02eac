/** Exact linear algebra for matrices of a few dozen rows. */

import { ONE, ZERO, gcd, primitive } from "./rational.mjs";

/** Reduced row echelon form without zero rows, and the columns of its pivots: {rows, pivots}. */
export function echelon(matrix) {
  const work = matrix.map((row) => [...row]);
  const pivots = [];
  const columns = work.length ? work[0].length : 0;
  let height = 0;
  for (let column = 0; column < columns && height < work.length; column += 1) {
    const pivot = work.findIndex((row, i) => i >= height && !row[column].isZero);
    if (pivot < 0) continue;
    [work[height], work[pivot]] = [work[pivot], work[height]];
    const lead = work[height][column];
    work[height] = work[height].map((value) => (value.isZero ? value : value.div(lead)));
    work.forEach((row, i) => {
      if (i === height || row[column].isZero) return;
      const factor = row[column];
      work[i] = row.map((value, j) => (work[height][j].isZero ? value : value.sub(factor.mul(work[height][j]))));
    });
    pivots.push(column);
    height += 1;
  }
  return { rows: work.slice(0, height), pivots };
}

/** Rank over the rationals. Rows become integers, and elimination leaves no fractions (Bareiss 1968). */
export function rank(matrix) {
  const work = matrix.filter((row) => row.some((v) => !v.isZero)).map((row) => primitive(row).integers);
  if (!work.length) return 0;
  const columns = work[0].length;
  let height = 0;
  for (let column = 0; column < columns && height < work.length; column += 1) {
    const pivot = work.findIndex((row, i) => i >= height && row[column] !== 0n);
    if (pivot < 0) continue;
    [work[height], work[pivot]] = [work[pivot], work[height]];
    const top = work[height];
    for (let i = height + 1; i < work.length; i += 1) {
      const row = work[i];
      if (row[column] === 0n) continue;
      let divisor = 0n;
      for (let j = columns - 1; j >= column; j -= 1) {
        row[j] = row[j] * top[column] - row[column] * top[j];
        if (divisor !== 1n) divisor = gcd(divisor, row[j]);
      }
      // Rows stay primitive, so the integers stay as short as they can be.
      if (divisor > 1n) for (let j = column; j < columns; j += 1) row[j] /= divisor;
    }
    height += 1;
  }
  return height;
}

/** A basis of the vectors of length `size` that are orthogonal to all rows. */
export function kernel(matrix, size) {
  const { rows, pivots } = echelon(matrix);
  const basis = [];
  for (let free = 0; free < size; free += 1) {
    if (pivots.includes(free)) continue;
    const vector = Array(size).fill(ZERO);
    vector[free] = ONE;
    pivots.forEach((pivot, i) => { vector[pivot] = rows[i][free].neg(); });
    basis.push(vector);
  }
  return basis;
}

/** The rows of a matrix as its columns; `size` is their number where there are no rows. */
export function transpose(matrix, size) {
  return Array.from({ length: size }, (_, i) => matrix.map((row) => row[i]));
}

// The largest prime below 2^26: products of two residues stay below 2^53, where doubles are exact.
const PRIME = 67108859;

/** Rank modulo a prime: never above the rank over the rationals, and quick. 0 where a denominator is a multiple of the prime. */
export function rankModulo(matrix) {
  const prime = BigInt(PRIME);
  const work = [];
  for (const row of matrix) {
    const residues = new Float64Array(row.length);
    let any = false;
    for (let j = 0; j < row.length; j += 1) {
      const { n, d } = row[j];
      if (n === 0n) continue;
      const bottom = Number(d % prime);
      if (!bottom) return 0;
      residues[j] = (Number(((n % prime) + prime) % prime) * (bottom === 1 ? 1 : inverse(bottom))) % PRIME;
      any = true;
    }
    if (any) work.push(residues);
  }
  const columns = work.length ? work[0].length : 0;
  let height = 0;
  for (let column = 0; column < columns && height < work.length; column += 1) {
    let pivot = height;
    while (pivot < work.length && !work[pivot][column]) pivot += 1;
    if (pivot === work.length) continue;
    [work[height], work[pivot]] = [work[pivot], work[height]];
    const top = work[height];
    const lead = inverse(top[column]);
    for (let i = height + 1; i < work.length; i += 1) {
      const row = work[i];
      if (!row[column]) continue;
      const factor = PRIME - ((row[column] * lead) % PRIME);
      for (let j = column; j < columns; j += 1) if (top[j]) row[j] = (row[j] + factor * top[j]) % PRIME;
    }
    height += 1;
  }
  return height;
}

/** The inverse modulo the prime, by Euclid's algorithm. */
function inverse(value) {
  let [a, b, x, y] = [PRIME, value, 0, 1];
  while (b) {
    const quotient = Math.floor(a / b);
    [a, b] = [b, a - quotient * b];
    [x, y] = [y, x - quotient * y];
  }
  return x < 0 ? x + PRIME : x;
}

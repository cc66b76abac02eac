/** The least number of hidden nodes that compute the same function of one output. */

import { slopeBalance } from "./balance.mjs";

/**
 * p + the cheapest way to pay for the slope: nothing where G is a signed sum of the A_k n_k/2; on a box else one node that is always
 * active; on R^N one more node where two opposite nodes on a kink can carry what is left, else two.
 */
export function minimalWidth(form, onBox) {
  const balance = slopeBalance(form);
  const p = form.kinks.length;
  if (balance.solutions([]).length) return p;
  if (onBox) return p + 1;
  return form.kinks.some((_, k) => balance.solutions([k]).length) ? p + 1 : p + 2;
}

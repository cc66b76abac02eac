/** Everything the scene says about a network on a domain, computed once for each change. */

import { kinkForm } from "./kink_form.mjs";
import { linearDomains } from "./difference.mjs";
import { minimalWidth } from "./width.mjs";
import { explainedRank } from "./rank.mjs";
import { annihilating, cancelling, nodeRoles } from "./roles.mjs";
import { cube } from "./net.mjs";

/** side: the box is |x_i| ≤ side; everywhere: roles, kinks, width and rank on all of R^N instead of on the box. */
export function analyse(net, side, everywhere) {
  const box = cube(side, side, net.inputs);
  box.low = box.high.map((value) => value.neg());
  const domain = everywhere ? null : box;
  const form = kinkForm(net, domain);
  return {
    box,
    form,
    domains: linearDomains(form, box),
    roles: nodeRoles(net, domain),
    width: minimalWidth(form, !everywhere),
    rank: explainedRank(net, domain),
    cancelling: cancelling(net, domain),
    annihilating: annihilating(net),
  };
}

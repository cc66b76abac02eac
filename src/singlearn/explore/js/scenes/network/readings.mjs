/** What is said about the network: kink form, width, rank and what explains the null space. */

import { legend, number, panel } from "../../draw/controls.mjs";
import { html, replace } from "../../draw/svg.mjs";
import { short } from "../../math/rational.mjs";
import { planeText } from "../../network/kink_form.mjs";

/** {node, draw(net, analysis, everywhere)}. */
export function readings() {
  const domains = number("linear-domains", "Linear domains in the box");
  const width = number("minimal-width", "Nodes that are enough");
  const rank = number("rank", "Rank of the Jacobian");
  const explained = number("explained", "Null directions that are symmetries");
  const firstOrder = number("first-order", "Null to first order only");
  const fields = html("p", { class: "sle-help", "data-value": "fields" });
  const relations = html("p", { "data-value": "relations" });
  const form = html("table", { class: "sle-table", "data-value": "kink-form" });
  const heading = html("h3");
  const node = html("div", { class: "sle-side" }, [
    panel(null, [heading, width.node, domains.node, rank.node, explained.node, firstOrder.node, fields, relations]),
    panel("Kink form: all that the network computes", [html("div", { class: "sle-scroll" }, [form])]),
  ]);
  return {
    node,
    draw(net, { domains: count, width: least, rank: own, form: kinks, cancelling, annihilating }, everywhere) {
      heading.textContent = `Degeneracy, on ${everywhere ? "all inputs" : "the inputs shown"}`;
      domains.show(String(count));
      width.show(`${least} of ${net.nodes.length}`, least);
      rank.show(`${own.rank} of ${own.parameters}`, own.rank);
      explained.show(`${own.explained} of ${own.null}`, own.explained);
      firstOrder.show(String(own.firstOrder));
      const counted = Object.entries(own.fields).map(([name, times]) => `${name}: ${times}`).join(" · ");
      fields.textContent = counted ? `Directions, some of them counted twice: ${counted}.` : "No direction leaves the function as it is.";
      const told = [
        ...cancelling.map((nodes) => `Nodes ${names(nodes)} leave no kink on their boundary.`),
        ...annihilating.slice(0, 4).map((nodes) => `The weights of nodes ${names(nodes)} annihilate: they can be reversed together.`),
      ];
      if (annihilating.length > 4) told.push(`So do ${annihilating.length - 4} other sets.`);
      relations.textContent = told.join(" ");
      relations.hidden = !told.length;
      replace(form, [
        html("thead", {}, [html("tr", {}, [html("th", { scope: "col" }, ["Fold"]), html("th", { scope: "col" }, ["Total kink"])])]),
        html("tbody", {}, [
          ...kinks.kinks.map((kink) => html("tr", {}, [html("td", {}, [planeText(kink)]), html("td", {}, [short(kink.total)])])),
          html("tr", {}, [html("td", {}, ["linear part"]), html("td", {}, [kinks.linear.map(short).join(", ")])]),
          html("tr", {}, [html("td", {}, ["constant"]), html("td", {}, [short(kinks.constant)])]),
        ]),
      ]);
    },
  };
}

function names(nodes) {
  return nodes.map((i) => i + 1).join(", ");
}

/** The legend below the figures. */
export function figureLegend(inputs) {
  return inputs === 1
    ? legend([["sle-ink", "the function"], ["sle-c1", "c + what one node adds", "dash"], ["sle-c1", "kinks: drag left and right", "dot"], ["sle-c1", "squares: drag the total gradient; triangles point to the active side", "area"]])
    : legend([["sle-ink", "folds"], ["sle-c1", "dot: drag the boundary", "dot"], ["sle-c1", "square: drag the weight vector w", "area"], ["sle-c1", "total gradient q w", "dash"]]);
}

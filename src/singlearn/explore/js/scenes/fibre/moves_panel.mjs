/** The moves that are possible now, and only those: buttons for jumps, sliders for what moves continuously. */

import { button, slider } from "../../draw/controls.mjs";
import { html, replace } from "../../draw/svg.mjs";
import { rational, rounded } from "../../math/rational.mjs";
import { isConstant } from "../../network/net.mjs";
import * as moves from "../../network/moves.mjs";

const PER = 40;

/** {node, draw(net, side)}; go(net, what) makes a move, what is a sentence for the log or null while a slider moves. */
export function movesPanel(go) {
  const node = html("div", { class: "sle-moves" });
  let net = null;
  let built = "";
  let sliders = [];

  /** A slider that sets an absolute value: `read(net)` is the value, `write(net, value)` the moved network. */
  function sliding(name, label, [low, high], read, write) {
    const made = slider({
      label, name, min: low, max: high, step: 1 / PER, value: read(net).toNumber(), show: (value) => String(Number(value.toFixed(3))).replace("-", "−"),
      onInput: (value) => go(write(net, rounded(value, PER)), null),
    });
    sliders.push({ made, read });
    return made.node;
  }

  function list(side) {
    const found = [];
    const put = (title, why, children) => { if (children.length) found.push(html("section", {}, [html("h4", {}, [title]), html("p", { class: "sle-help" }, [why]), html("div", { class: "sle-row" }, children)])); };
    const say = (nodes) => nodes.map((i) => i + 1).join(", ");
    const reach = (i) => side * Math.max(0.5, ...net.nodes[i].w.map((v) => Math.abs(v.toNumber())));

    put("Reverse", "These weights annihilate, Σ q w = 0: the nodes turn round together and c takes the constant.",
      moves.canReverse(net).slice(0, 8).map((set) => button(`Reverse ${say(set)}`, () => go(moves.reverse(net, set), `nodes ${say(set)} reversed`), { name: `reverse-${set.join("-")}` })));
    put("Merge", "Nodes on one boundary with one orientation: the first takes the whole amount, the other is free.",
      moves.canMerge(net).slice(0, 8).map((pair) => button(`Merge ${pair.j + 1} into ${pair.i + 1}`, () => go(moves.merge(net, pair), `node ${pair.j + 1} merged into node ${pair.i + 1}`), { name: `merge-${pair.i}-${pair.j}` })));
    put("Split", "A free node stands beside another and takes half of its weight.",
      moves.canSplit(net).map((pair) => button(`Split ${pair.i + 1}`, () => go(moves.split(net, pair), `node ${pair.i + 1} split with node ${pair.j + 1}`), { name: `split-${pair.i}` })));
    put("Hand over", "Outgoing weight passes between nodes that share a boundary.",
      moves.sharing(net).slice(0, 3).filter(({ i, j }) => !net.nodes[i].q.isZero || !net.nodes[j].q.isZero).map((pair) => sliding(
        `transfer-${pair.i}-${pair.j}`, `q of node ${pair.j + 1}; node ${pair.i + 1} gives`, [-3, 3], (one) => one.nodes[pair.j].q, (one, value) => moves.transfer(one, pair, value))));
    put("Slide", "What leaves no kink can stand anywhere.",
      moves.sliding(net).map((set) => sliding(
        `slide-${set.nodes.join("-")}`, `b of node${set.nodes.length > 1 ? "s" : ""} ${say(set.nodes)} (${set.kind})`, [-reach(set.nodes[0]), reach(set.nodes[0])],
        (one) => one.nodes[set.nodes[0]].b, (one, value) => moves.slide(one, set, value.sub(one.nodes[set.nodes[0]].b)))));
    put("Turn together", "Opposite nodes on several boundaries hand their amounts round; the slopes cancel and c takes the constant.",
      moves.canTurn(net).slice(0, 3).map((how) => {
        const { up, change } = how[0];
        return sliding(
          `turn-${how.map((one) => one.up.index).join("-")}`, `q of node ${up.index + 1}, with nodes ${say(how.flatMap((one) => [one.up.index, one.down.index]).filter((i) => i !== up.index))}`, [-3, 3],
          (one) => one.nodes[up.index].q, (one, value) => moves.turn(one, how, value.sub(one.nodes[up.index].q).mul(up.size).div(change)));
      }));
    const uneven = net.nodes.map((_, i) => i).filter((i) => moves.balancing(net.nodes[i]) && !isBalanced(net.nodes[i]));
    put("Scale and renumber", "(w, b) times ρ, q divided by ρ: always possible, also by dragging a node along its hyperbola.", [
      ...(uneven.length ? [button("Balance |w|² + b² = q²", () => go(uneven.reduce((one, i) => moves.scale(one, i, moves.balancing(one.nodes[i])), net), "all nodes balanced"), { name: "balance" })] : []),
      ...net.nodes.map((_, i) => i).filter((i) => !isConstant(net.nodes[i]) || !net.nodes[i].b.isZero || !net.nodes[i].q.isZero)
        .map((i) => button(`Node ${i + 1} × 2`, () => go(moves.scale(net, i, rational(2)), `node ${i + 1} scaled by 2`), { name: `scale-${i}` })),
      ...(net.nodes.length > 1 ? [button("Swap 1 and 2", () => go(moves.swap(net, 0, 1), "nodes 1 and 2 swapped"), { name: "swap" })] : []),
    ]);
    return found;
  }

  /** What decides which moves there are; the list is made anew only when it changes, so that a slider stays in hand. */
  function signature(side) {
    const text = (sets) => JSON.stringify(sets, (key, value) => (typeof value === "bigint" ? String(value) : value));
    return text([
      side, net.nodes.length, net.inputs, moves.canReverse(net), moves.canMerge(net).map(({ i, j }) => [i, j]), moves.canSplit(net), moves.sliding(net),
      moves.sharing(net).map(({ i, j }) => [i, j, net.nodes[i].q.isZero && net.nodes[j].q.isZero]), moves.canTurn(net).map((how) => how.map(({ up, down }) => [up.index, down.index])),
      net.nodes.map((one) => Boolean(moves.balancing(one)) && !isBalanced(one)),
    ]);
  }

  return {
    node,
    draw(next, side) {
      net = next;
      const sign = signature(side);
      const held = node.contains(document.activeElement) ? document.activeElement : null;
      if (sign !== built) {
        // A slider in hand stays: the list is made anew when it is let go.
        if (held?.type === "range" && node.matches(":active, :has(:active)")) {
          held.addEventListener("change", () => { built = ""; this.draw(net, side); }, { once: true });
        } else {
          built = sign;
          sliders = [];
          replace(node, list(side));
          if (held?.name) node.querySelector(`[name="${held.name}"]`)?.focus();
        }
      }
      for (const { made, read } of sliders) if (made.input !== document.activeElement) made.value(read(net).toNumber());
    },
  };
}

function isBalanced({ w, b, q }) {
  const [incoming, outgoing] = [w.reduce((sum, v) => sum.add(v.mul(v)), b.mul(b)), q.mul(q)];
  const gap = incoming.sub(outgoing).abs().toNumber();
  return gap <= 1e-7 * outgoing.toNumber();
}


/** Networks to begin with: [{name, net, what}]. */

export const EXAMPLES = [
  { name: "Three live nodes", net: { w: [["1"], ["1"], ["-1"]], b: ["1", "-1", "1/2"], q: ["1", "-3/2", "3/4"], c: "-1", inputs: 1 } },
  { name: "One node too many", net: { w: [["1"], ["2"], ["-1"]], b: ["1", "2", "1"], q: ["1", "-1/4", "1"], c: "-1", inputs: 1 } },
  { name: "A pair that annihilates", net: { w: [["1"], ["-1"]], b: ["1", "1"], q: ["1", "1"], c: "-1", inputs: 1 } },
  { name: "Two nodes that cancel", net: { w: [["1"], ["2"], ["-1"]], b: ["0", "0", "1"], q: ["2", "-1", "1"], c: "0", inputs: 1 } },
  { name: "A linear pair", net: { w: [["1"], ["-1"], ["1"]], b: ["1", "-1", "-1"], q: ["1", "-1", "1"], c: "0", inputs: 1 } },
  { name: "Opposite nodes on two boundaries", net: { w: [["1"], ["-1"], ["1"], ["-1"]], b: ["1", "-1", "-1", "1"], q: ["1", "1/2", "1/2", "1"], c: "-1", inputs: 1 } },
  { name: "Dead and always active on the box", net: { w: [["1"], ["1"], ["1"]], b: ["-5", "5", "0"], q: ["1", "1/4", "1"], c: "-1", inputs: 1 } },
  { name: "Two inputs: three that annihilate", net: { w: [["1", "0"], ["-1/2", "1"], ["-1/2", "-1"]], b: ["1/2", "1/2", "1/2"], q: ["1", "1", "1"], c: "-1", inputs: 2 } },
  { name: "Two inputs: a shared boundary", net: { w: [["1", "1/2"], ["2", "1"], ["-1", "1"]], b: ["1/2", "1", "1"], q: ["1", "-1/4", "1"], c: "-1", inputs: 2 } },
  {
    name: "Two inputs: eight nodes",
    net: {
      w: [["1", "0"], ["1/2", "1"], ["-1/2", "1"], ["-1", "1/4"], ["-3/4", "-3/4"], ["1/4", "-1"], ["3/4", "-1/2"], ["1", "1/2"]],
      b: ["1", "3/2", "1", "3/2", "1", "5/4", "1", "-1"], q: ["1", "-3/4", "1", "-1", "3/4", "-1/2", "1", "1/2"], c: "0", inputs: 2,
    },
  },
];

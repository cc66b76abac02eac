#!/usr/bin/env node
// node check.mjs certificate.json …: a line per file. Exit status 0: all are valid; 1: one is refuted; 2: a file cannot be read;
// 3: a proof asks for more algebra than this checker has (never taken for valid).

import { readFileSync } from "node:fs";
import { NOT_COVERED, REFUTED, verify } from "./verify.mjs";

const paths = process.argv.slice(2);
if (!paths.length) {
  console.error("usage: node check.mjs certificate.json …");
  process.exit(2);
}
const seen = new Set();
for (const path of paths) {
  let data;
  try {
    data = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    console.error(`${path}: ${error.message}`);
    process.exit(2);
  }
  const { verdict, reason } = verify(data);
  seen.add(verdict);
  console.log(`${verdict}\t${path}\t${reason}`);
}
process.exit(seen.has(REFUTED) ? 1 : seen.has(NOT_COVERED) ? 3 : 0);

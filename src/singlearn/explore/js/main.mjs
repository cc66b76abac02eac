/** What the page and the widget start. */

import { startExplorer } from "./shell/explorer.mjs";
import * as descent from "./scenes/descent.mjs";
import * as fibre from "./scenes/fibre.mjs";
import * as network from "./scenes/network.mjs";
import * as phases from "./scenes/phases.mjs";
import * as valley from "./scenes/valley.mjs";

/** All scenes, in the order of their tabs. */
export const SCENES = [network, fibre, valley, descent, phases];

/** Start the explorer in an element; options as in `startExplorer`. */
export function start(root, options = {}) {
  return startExplorer(root, SCENES, options);
}

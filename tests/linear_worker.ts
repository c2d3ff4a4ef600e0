/** Runs the functions of `linear_parsers.ts` in a thread of its own, which can be ended. */

import { PARSERS, PUMPS } from "./linear_parsers.ts";

const LENGTH = 1_000_000;

for (const [name, parse] of Object.entries(PARSERS)) {
  for (const pump of PUMPS) {
    self.postMessage({ started: `${name} of ${JSON.stringify(pump)}` });
    try {
      // What comes last makes a match fail after everything before it.
      parse(pump.repeat(Math.ceil(LENGTH / pump.length)) + "\0");
    } catch {
      // A refusal is a result, too.
    }
  }
}
self.postMessage({ done: true });

/** NDJSON: one event per line. */

import type { Reporter, RunEvent } from "../core/event.ts";
import type { Output } from "../core/host.ts";
import { escapeControlInJson } from "../core/text.ts";
import { EVENT_KEYS } from "./event_schema.ts";

/**
 * Writes each event immediately as one line of JSON, with the keys of the published schema in its
 * order. Stops writing when the output is closed.
 */
export function ndjsonReporter(output: Output): Reporter {
  let open = true;
  return {
    report: (event) => {
      if (open) open = output.write(ndjsonLine(event));
    },
    ready: () => output.ready(),
    close: () => Promise.resolve(),
  };
}

function ndjsonLine(event: RunEvent): string {
  // The list of keys fixes their order and omits fields that the schema does not have.
  return escapeControlInJson(JSON.stringify(event, [...EVENT_KEYS])) + "\n";
}

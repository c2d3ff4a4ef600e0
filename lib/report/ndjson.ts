/** Events for programs: NDJSON, one line an event. */

import type { Reporter, RunEvent } from "../core/event.ts";
import type { Output } from "../core/host.ts";
import { EVENT_KEYS } from "./event_schema.ts";
import { escapeControlInJson } from "./format.ts";

/**
 * Writes each event at once as one line of JSON, its keys in the order of the
 * published schema and none beside them. Silent once nobody reads any more.
 *
 * @param output Where the lines go.
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
  // A list of keys makes the order independent of who made the event, and lets
  // nothing out that the schema does not name.
  return escapeControlInJson(JSON.stringify(event, [...EVENT_KEYS])) + "\n";
}

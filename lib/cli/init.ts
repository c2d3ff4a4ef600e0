/** `init`: a config to begin with. */

import { resolve } from "@std/path";
import { errorMessage } from "../core/text.ts";
import type { Flags } from "./flags.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";

/** Writes a commented config that loads as it is, and never over a file unless forced to. */
export async function init(
  [file = "cronfetch.jsonc"]: readonly string[],
  { force }: Flags,
  host: Host,
): Promise<number> {
  const path = resolve(host.cwd(), file);
  try {
    await Deno.writeTextFile(path, initialConfig(), { createNew: !force });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CronfetchError("usage", `${file} is there already; --force replaces it`);
    }
    throw new CronfetchError("usage", `${file} cannot be written: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  host.stderr.write(`Wrote ${file}. Put your URLs in it, then: cronfetch plan\n`);
  return EXIT.good;
}

/** Text of a `cronfetch.jsonc` that works as it stands and shows what else there is. */
export function initialConfig(): string {
  return INITIAL;
}

const INITIAL = `{
  // For editors; "cronfetch schema > cronfetch.schema.json" writes it.
  "$schema": "./cronfetch.schema.json",

  // Where files go.
  "store": "./downloads",

  // When: a cron expression of 5 fields, "every 30m", or "manual".
  "schedule": "0 6 * * *",
  "timezone": "UTC",

  "tasks": [
    // A URL is enough.
    "https://www.irs.gov/pub/irs-pdf/f1040.pdf"

    // A task with more to say. Put a comma after the one above.
    // {
    //   "id": "rates",
    //   "url": "https://example.org/rates/{date:YYYY-MM-DD}.csv",
    //   "mirrors": ["https://mirror.example.org/rates/{date:YYYY-MM-DD}.csv"],
    //   "to": "rates/{date:YYYY-MM-DD}.csv",
    //   "schedule": "15 16 * * MON-FRI",
    //   "timezone": "Europe/Berlin",
    //   "headers": { "authorization": "Bearer $\{env:RATES_TOKEN}" },
    //   "timeout": { "response": "10s", "idle": "30s" },
    //   "retry": { "attempts": 4, "budget": "2m" },
    //   "expect": { "type": "text/csv", "minSize": "1KB", "minRatio": 0.5, "matches": "^date," },
    //   "keep": 7
    // }
  ]
}
`;

/** Prints a JSON Schema on standard output. */
export async function schema(
  _operands: readonly string[],
  { event }: Flags,
  host: Host,
): Promise<number> {
  const made = event
    ? (await import("../report/event_schema.ts")).eventJsonSchema()
    : (await import("../config/json_schema.ts")).configJsonSchema();
  host.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
  return EXIT.good;
}

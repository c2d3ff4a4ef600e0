/** `init` writes a first config; `schema` prints the JSON Schemas. */

import { resolve } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";
import { errorMessage } from "../core/text.ts";
import type { Flags } from "./flags.ts";

/** Writes a commented, valid config. Replaces an existing file only with `--force`. */
export async function init(
  [file = "cronfetch.jsonc"]: readonly string[],
  { force }: Flags,
  host: Host,
): Promise<number> {
  const path = resolve(host.cwd(), file);
  try {
    await Deno.writeTextFile(path, INITIAL_CONFIG, { createNew: !force });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new CronfetchError("usage", `${file} already exists; --force replaces it`);
    }
    throw new CronfetchError("usage", `${file} cannot be written: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  host.stderr.write(`Wrote ${file}. Add your URLs, then run: cronfetch plan\n`);
  return EXIT.good;
}

/** A valid `cronfetch.jsonc` that shows the most useful options. */
export const INITIAL_CONFIG = `{
  // For editors; "cronfetch schema > cronfetch.schema.json" writes it.
  "$schema": "./cronfetch.schema.json",

  // Where files are stored.
  "store": "./downloads",

  // A cron expression of 5 fields, "every 30m", or "manual".
  "schedule": "0 6 * * *",
  "timezone": "UTC",

  "tasks": [
    // A URL is enough.
    "https://www.irs.gov/pub/irs-pdf/f1040.pdf"

    // A task with more options. Add a comma after the one above.
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

/** Prints a JSON Schema to standard output. */
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

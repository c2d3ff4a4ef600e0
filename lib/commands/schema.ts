/** `schema`: what a config, or a line of `--json`, looks like. */

import type { Flags } from "../cli.ts";
import type { Host } from "../core/host.ts";
import { EXIT } from "../core/result.ts";

/** Prints a JSON Schema on standard output. */
export async function schema(
  _operands: readonly string[],
  { event }: Flags,
  host: Host,
): Promise<number> {
  const made = event
    ? (await import("../report/event_schema.ts")).eventJsonSchema()
    : (await import("../config/describe.ts")).configJsonSchema();
  host.stdout.write(`${JSON.stringify(made, null, 2)}\n`);
  return EXIT.good;
}

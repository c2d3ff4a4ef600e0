/**
 * Measures writing records to a state and reading them:
 *
 *     deno run -A bench/state_records.ts CHECKOUT STATE RECORDS FIGURES
 *
 * CHECKOUT is the checkout whose `lib/` is measured, STATE a location such as `kv:/tmp/state.db`,
 * FIGURES the JSON file for the durations in milliseconds.
 */

import { assertEquals } from "@std/assert";
import { join, toFileUrl } from "@std/path";
import type { Host } from "../lib/core/host.ts";
import type { State, TaskRecord } from "../lib/state/state.ts";

type Open = { readonly openState: (location: unknown, host: Host) => Promise<State> };
type RealHost = typeof import("../lib/host.ts");

const [checkout = ".", location = "memory:", count = "0", figuresFile = ""] = Deno.args;
const { openState }: Open = await imported("lib/state/open.ts");
const { realHost }: RealHost = await imported("lib/host.ts");
// A checkout without this module takes the text.
const at = await imported<typeof import("../lib/core/location.ts")>("lib/core/location.ts")
  .then(({ parseStateLocation }) => parseStateLocation(location, "/").value, () => location);

const records = Array.from({ length: Number(count) }, (_, index) => recordOf(index));
const figures: Record<string, number> = {};

{
  await using state = await timed("open", () => openState(at, realHost()));
  await timed("write", async () => {
    for (const record of records) state.save(record);
    await state.flush();
  });
}
{
  await using state = await openState(at, realHost());
  const read = await timed("read", () => state.allRecords());
  assertEquals(read.size, records.length);
  for (const record of records) assertEquals(read.get(record.task), record);
}
await Deno.writeTextFile(figuresFile, JSON.stringify(figures));

/** Records the duration of `work`. */
async function timed<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const startedMs = performance.now();
  const result = await work();
  figures[name] = performance.now() - startedMs;
  return result;
}

function imported<Module>(path: string): Promise<Module> {
  return import(toFileUrl(join(checkout, path)).href);
}

/** The record of a file that was downloaded once. */
function recordOf(index: number): TaskRecord {
  const at = "2026-01-15T12:00:00Z";
  return {
    task: `${index}.bin`,
    published: {
      key: `${index}.bin`,
      source: `https://example.org/files/${index}.bin`,
      etag: `"${index.toString(16)}-4000"`,
      lastModified: "Thu, 15 Jan 2026 11:00:00 GMT",
      sha256: index.toString(16).padStart(64, "0"),
      sizeBytes: 16_384,
      revision: `${index}`,
    },
    publishedAt: at,
    changedAt: at,
    lastRunAt: at,
    lastSuccessAt: at,
    failures: 0,
    notBefore: null,
    retryAt: null,
    failingSince: null,
    older: null,
    health: "healthy",
    part: null,
    outcomes: "",
    results: [{
      run: "01JHMS0000000000000000000",
      at,
      since: at,
      times: 1,
      status: "created",
      code: null,
      message: null,
      httpStatus: 200,
      bytes: 16_384,
      durationMs: 12,
      attempts: 1,
    }],
  };
}

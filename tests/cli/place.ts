/** A folder with a config in it, and what was remembered there. */

import { openState } from "../helpers/open.ts";
import type { RunRecord, TaskRecord } from "../../lib/state/state.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";

/** Where a command is tried. */
export interface Place extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /** Makes a host that stands in the folder. */
  host(options?: TestHostOptions): TestHost;
  /** Puts records and runs into the state, which is `file:state/state.json`. */
  remember(records: readonly TaskRecord[], runs?: readonly RunRecord[]): Promise<void>;
  /** What is remembered. */
  records(): Promise<Map<string, TaskRecord>>;
}

/** Makes a folder with `cronfetch.json` in it; its state is a file unless `config` says otherwise. */
export async function place(config: object): Promise<Place> {
  const folder = await temporaryFolder();
  const path = folder.file("cronfetch.json");
  await Deno.writeTextFile(path, JSON.stringify({ state: "file:state/state.json", ...config }));
  const host = (options: TestHostOptions = {}) => testHost({ cwd: folder.path, ...options });
  const open = () => openState(`file:${folder.file("state/state.json")}`, host());
  return {
    folder,
    host,
    async remember(records, runs = []) {
      await using state = await open();
      for (const record of records) state.save(record);
      for (const run of runs) state.addRun(run);
    },
    async records() {
      await using state = await open();
      return await state.allRecords();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The objects of NDJSON. */
export function rowsOf(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

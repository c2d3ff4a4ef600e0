/** A folder with a config and a state. */

import type { RunTaskResult } from "../../lib/state/run_record.ts";
import type { Delivery, FamilyMember, RunRecord, TaskRecord } from "../../lib/state/state.ts";
import { type TemporaryFolder, temporaryFolder } from "../helpers/folder.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";

/** The folder that a command runs in. */
export interface Workspace extends AsyncDisposable {
  readonly folder: TemporaryFolder;
  /** Creates a host whose current folder it is. */
  host(options?: TestHostOptions): TestHost;
  /** Saves records and runs to `file:state/state.json`. */
  save(records: readonly TaskRecord[], runs?: readonly RunRecord[]): Promise<void>;
  /** Saves a run with its results. */
  saveRun(run: RunRecord, results: readonly RunTaskResult[]): Promise<void>;
  /** Leases tasks to a run, until the result is disposed. */
  lease(run: string, tasks: readonly string[]): Promise<AsyncDisposable>;
  /** Saves members of a task's family. */
  saveMembers(task: string, members: readonly FamilyMember[]): Promise<void>;
  /** Saves changes that the hooks of a task have not received. */
  saveDeliveries(task: string, deliveries: readonly Delivery[]): Promise<void>;
  /** The records in the state. */
  records(): Promise<Map<string, TaskRecord>>;
}

/** Creates a folder with `cronfetch.json`. The state is a file unless `config` has another one. */
export async function workspace(config: object): Promise<Workspace> {
  const folder = await temporaryFolder();
  const path = folder.file("cronfetch.json");
  await Deno.writeTextFile(path, JSON.stringify({ state: "file:state/state.json", ...config }));
  const host = (options: TestHostOptions = {}) => testHost({ cwd: folder.path, ...options });
  const open = () => openState(`file:${folder.file("state/state.json")}`, host());
  return {
    folder,
    host,
    async save(records, runs = []) {
      await using state = await open();
      for (const record of records) state.save(record);
      for (const run of runs) state.addRun(run);
    },
    async saveRun(run, results) {
      await using state = await open();
      state.addRun(run, results);
    },
    async lease(run, tasks) {
      const state = await open();
      await state.acquire(tasks, run, 60 * 60_000);
      return state;
    },
    async saveMembers(task, members) {
      await using state = await open();
      for (const member of members) state.saveMember(task, member);
    },
    async saveDeliveries(task, deliveries) {
      await using state = await open();
      for (const delivery of deliveries) state.saveDelivery(task, delivery);
    },
    async records() {
      await using state = await open();
      return await state.allRecords();
    },
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
}

/** The objects of NDJSON text. */
export function rowsOf(text: string): Record<string, unknown>[] {
  return text.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
}

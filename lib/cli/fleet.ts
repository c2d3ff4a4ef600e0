/** `workers`: the workers that share a state in Postgres. */

import { CronfetchError } from "../core/errors.ts";
import { EXIT } from "../core/result.ts";
import { escapeControl } from "../core/text.ts";
import { FleetRegistry, type FleetWorker } from "../fleet/registry.ts";
import { formatCount, formatDuration, plural, type Style } from "../report/format.ts";
import { openFleetState } from "../state/open.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { printLines, tableFormat, writeLines, writeRows } from "./output.ts";
import { PASSIVE, prepare } from "./prepare.ts";
import { type TableColumn, tableLines } from "./table.ts";
import { sharedState } from "./work.ts";

/**
 * Lists the workers, or drains those of a name.
 *
 * @throws {CronfetchError} `usage`: no worker has the name of `--drain`; `config.`, `state.` and
 * `store.` codes.
 */
export async function workers(
  _operands: readonly string[],
  flags: Flags,
  host: CommandHost,
): Promise<number> {
  const { config } = await prepare([], flags, host, PASSIVE);
  const { state, fleet } = await openFleetState(sharedState(config), host, config.historyMs);
  try {
    const found = await FleetRegistry.list(fleet) ?? [];
    if (flags.drain !== undefined) {
      const count = found.length === 0 ? 0 : await FleetRegistry.drain(fleet, flags.drain);
      if (count === 0) throw unknownWorker(flags.drain, found);
      writeLines([`draining ${plural(count, "worker")} named ${escapeControl(flags.drain)}`], host);
      return EXIT.good;
    }
    if (flags.json) await writeRows(found, host);
    else if (found.length === 0) writeLines(["no worker; start one with cronfetch work"], host);
    else await printLines(workerLines(found, config.fleet.leaseMs, host), host);
    return EXIT.good;
  } finally {
    await state[Symbol.asyncDispose]();
  }
}

const COLUMNS: readonly TableColumn[] = [
  { name: "worker", narrow: "cut" },
  { name: "state", narrow: "keep" },
  { name: "started", narrow: 2 },
  { name: "slices", narrow: 1 },
  { name: "tasks", narrow: 3 },
  { name: "tasks/s", narrow: "keep" },
  { name: "seen", narrow: "keep" },
];

function workerLines(
  found: readonly FleetWorker[],
  leaseMs: number,
  host: CommandHost,
): Iterable<string> {
  const rows = found.map((worker) => {
    const isLost = worker.seenSeconds * 1000 > leaseMs;
    const style: Style = isLost ? "bad" : worker.isDraining ? "faint" : "good";
    const cells = [
      ...[worker.name, isLost ? "lost" : worker.isDraining ? "draining" : "working"],
      ...[worker.startedAt, formatCount(worker.slices), formatCount(worker.tasks)],
      worker.tasksPerSecond.toFixed(1),
      `${formatDuration(Math.max(0, worker.seenSeconds) * 1000)} ago`,
    ];
    return { style, cells };
  });
  return tableLines(COLUMNS, rows, tableFormat(host));
}

function unknownWorker(name: string, found: readonly FleetWorker[]): CronfetchError {
  const names = [...new Set(found.map((worker) => worker.name))].slice(0, 10).join(", ");
  return new CronfetchError("usage", `--drain: no worker is named ${JSON.stringify(name)}`, {
    hint: names === "" ? "there is none" : `there are: ${names}`,
  });
}

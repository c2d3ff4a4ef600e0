/** `work`: one of the workers that share a state in Postgres. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress } from "../core/event.ts";
import { locationText, type PostgresLocation } from "../core/location.ts";
import { escapeControl } from "../core/text.ts";
import { type FleetEvent, workForFleet } from "../fleet/work.ts";
import { formatDuration, plural } from "../report/format.ts";
import { tickReporter } from "../report/tick.ts";
import { openFleetState } from "../state/open.ts";
import { openStore } from "../store/open.ts";
import { abortOnSignals } from "../worker/signals.ts";
import { storeOptions } from "../worker/storage.ts";
import { requireStore } from "../worker/store_fault.ts";
import { graceOf, loggingHost } from "./daemon.ts";
import type { CommandHost, Flags } from "./flags.ts";
import { writeLines } from "./output.ts";
import { prepareRun } from "./prepare.ts";
import { consoleOptions, createReporters } from "./reporters.ts";

/** More lanes than this need another machine. */
const MOST_LANES = 1_000;

/**
 * Executes what is due at the hosts that this worker claims, until a signal arrives, it is drained, or
 * with `--once` nothing is due.
 *
 * @returns With `--once` the exit code of the results; 0 once it is drained; else 130 or 143.
 * @throws {CronfetchError} `usage`, `config.`, `state.` and `store.` codes, before the first request.
 */
export async function work(
  operands: readonly string[],
  flags: Flags,
  terminal: CommandHost,
): Promise<number> {
  if (operands.length > 0) {
    throw new CronfetchError("usage", "work takes no tasks: it executes all of the config", {
      hint: "--hosts GLOB restricts a worker to some hosts",
    });
  }
  const graceMs = graceOf(flags);
  const lanes = lanesOf(flags);
  const host = loggingHost(flags, terminal);
  const { config } = await prepareRun([], flags, host);
  const location = sharedState(config);
  requireSharedStore(config);
  using signals = abortOnSignals(host);
  await requireStore(config.store, host.random);
  const storage = await openFleetState(location, host, config.historyMs);
  try {
    const store = await openStore(config.store, storeOptions(config), host);
    try {
      const progress: Progress = { bytes: 0, running: new Map() };
      return await workForFleet({
        ...{ config, host, storage, store, graceMs, progress },
        name: flags.name ?? host.random.name().slice(0, 6),
        concurrency: lanes ?? config.limits.concurrency,
        hosts: flags.hosts ?? null,
        once: flags.once,
        plans: flags.plan,
        openReporters: async () => {
          const context = { flags, config, host, progress, ids: [] };
          const options = await consoleOptions(context, false);
          const console = tickReporter({ ...options, clock: host.clock, timeOf: null });
          return await createReporters(context, console);
        },
        emit: (event) => {
          const text = describeEvent(event, { ...flags, graceMs });
          if (text !== null) writeLines([escapeControl(text)], host);
        },
        stop: signals.signal,
        interruptedExitCode: signals.exitCode,
      });
    } finally {
      await store[Symbol.asyncDispose]();
    }
  } finally {
    await storage.state[Symbol.asyncDispose]();
  }
}

/**
 * The state that the workers share.
 *
 * @throws {CronfetchError} `config.invalid` if it is none in Postgres.
 */
export function sharedState({ state }: Pick<Config, "state">): PostgresLocation {
  if (state.kind === "postgres") return state;
  const message = `workers share a state in Postgres, and this one is ${locationText(state)}`;
  throw new CronfetchError("config.invalid", message, {
    hint: 'set "state": "postgres://user@host/database", or use cronfetch watch on one machine',
  });
}

/** Rejects a store that other workers cannot read. */
function requireSharedStore({ store, fleet }: Pick<Config, "store" | "fleet">): void {
  if (store.kind === "s3" || (store.kind === "folder" && fleet.sharedStore)) return;
  const message = `workers share a store, and ${locationText(store)} may be on one machine only`;
  throw new CronfetchError("config.invalid", message, {
    hint: store.kind === "folder"
      ? 'use "store": "s3://bucket/prefix"; or set "fleet": { "sharedStore": true } if all ' +
        "machines mount this folder, or there is only one"
      : 'use "store": "s3://bucket/prefix"',
  });
}

function lanesOf({ concurrency }: Pick<Flags, "concurrency">): number | null {
  if (concurrency === undefined) return null;
  const lanes = /^[1-9][0-9]{0,3}$/.test(concurrency) ? Number(concurrency) : Infinity;
  if (lanes <= MOST_LANES) return lanes;
  const range = `a number from 1 to ${MOST_LANES}`;
  const message = `--concurrency: must be ${range}, not ${JSON.stringify(concurrency)}`;
  throw new CronfetchError("usage", message);
}

/** Describes an event of a worker; null for one that the flags hide. */
function describeEvent(
  event: FleetEvent,
  { quiet, graceMs }: Pick<Flags, "quiet"> & { readonly graceMs: number },
): string | null {
  switch (event.kind) {
    case "started":
      return quiet ? null : `working on ${plural(event.tasks, "task")} with the other workers`;
    case "lost":
      return `warning: the lease of ${event.host} ended; another worker continues`;
    case "failing":
      return `error: ${event.error.message}; trying again`;
    case "recovered":
      return quiet ? null : "the state can be used again";
    case "outdated":
      return "warning: the fleet has another config; no host is claimed until it is this one, " +
        "or this worker is started with the other one";
    case "current":
      return quiet ? null : "the config of the fleet is this one again";
    case "stopping": {
      if (quiet) return null;
      const why = event.reason === "drained" ? "drained" : "stopping";
      const slices = event.slices === 0 ? "" : ` after ${plural(event.slices, "slice")}`;
      return `${why}: ending${slices}, in ${formatDuration(graceMs)} at most`;
    }
    case "warning":
      return `warning: ${event.message}`;
    default:
      return event satisfies never;
  }
}

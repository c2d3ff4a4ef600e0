/** A worker of a fleet on Postgres: claims hosts, executes their due tasks, and plans for all workers. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter, RunEvent, RunOccurrence } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { createRunCounter, type RunSummary } from "../core/result.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import type { FleetStorage } from "../state/open.ts";
import type { Store } from "../store/store.ts";
import { openRunTransport } from "../worker/execute.ts";
import { createRunHistory } from "../worker/history.ts";
import { startGrace } from "../worker/signals.ts";
import type { Dispatch } from "./dispatch.ts";
import { FleetPlan } from "./fleet_plan.ts";
import { openPgBoss } from "./pg_boss.ts";
import { announceDue, type PlannerContext, planRepeatedly, setHints } from "./planner.ts";
import { FleetRegistry, fleetSchemas } from "./registry.ts";
import { SlicePool } from "./slice_pool.ts";
import { executeSlice, type Period } from "./slices.ts";
import { work } from "./worker.ts";

/** What a worker reports besides the events of its tasks. */
export type FleetEvent =
  | { readonly kind: "started"; readonly tasks: number }
  /** Its lease of a host ended, and another worker continues. */
  | { readonly kind: "lost"; readonly host: string }
  /** The state cannot be read or written. Emitted once until `recovered`. */
  | { readonly kind: "failing"; readonly error: CronfetchError }
  | { readonly kind: "recovered" }
  /** The config of the fleet is another one: no host is claimed until it is the own one. */
  | { readonly kind: "outdated" }
  | { readonly kind: "current" }
  /** It claims no more hosts: the fleet drains it, or a signal arrived. */
  | { readonly kind: "stopping"; readonly reason: "drained" | "signal"; readonly slices: number }
  /** A hook failed. */
  | { readonly kind: "warning"; readonly message: string };

/** How a worker works. */
export interface FleetWorkOptions {
  readonly config: Config;
  readonly host: Host;
  readonly storage: FleetStorage;
  readonly store: Store;
  /** Name of the worker, for people. */
  readonly name: string;
  /** Tasks in progress at a time. */
  readonly concurrency: number;
  /** Claims only hosts that match this glob; null for all. */
  readonly hosts: string | null;
  /** End when nothing is due. */
  readonly once: boolean;
  /** Whether it may plan. */
  readonly plans: boolean;
  readonly progress: Progress;
  /** Creates the reporters of a part of its life, which closes them. */
  readonly openReporters: () => Promise<readonly Reporter[]>;
  readonly emit: (event: FleetEvent) => void;
  /** No host is claimed after this is aborted. */
  readonly stop: AbortSignal;
  /** How long the slices may continue then, in milliseconds. */
  readonly graceMs: number;
  readonly interruptedExitCode: () => number;
}

/** Time between two reports to the registry, in milliseconds. */
const REPORT_MS = 5_000;

/** After this time, the results of a worker are recorded like a run, in milliseconds. */
const PERIOD_MS = 5 * 60_000;

/**
 * Works until it is stopped or drained, or nothing is due.
 *
 * @returns The exit code: that of all results if it ends by itself.
 * @throws {CronfetchError} `config.`, `state.` and `store.` codes: before it claims a host, or because
 * of a state that no waiting mends.
 */
export async function workForFleet(options: FleetWorkOptions): Promise<number> {
  const plan = new FleetPlan(options.config);
  const { storage: { fleet } } = options;
  const { jobs } = fleetSchemas(fleet);
  const controller = new AbortController();
  const onError = () => {};
  const dispatch = await openPgBoss({
    ...{ pool: fleet, leaseMs: options.config.fleet.leaseMs, schema: jobs, onError },
    ...(options.hosts !== null && { hosts: options.hosts }),
  });
  try {
    const registry = await FleetRegistry.open(fleet);
    return await new Work(options, plan, dispatch, registry, controller).perform();
  } finally {
    controller.abort();
    // Report the original error, not that of a database that is unavailable.
    await Promise.resolve(dispatch[Symbol.asyncDispose]()).catch(() => {});
  }
}

class Work {
  readonly #options: FleetWorkOptions;
  readonly #plan: FleetPlan;
  readonly #dispatch: Dispatch;
  readonly #registry: FleetRegistry;
  /** Ends the planning and the reports. */
  readonly #ending: AbortController;
  /** No host is claimed after this. */
  readonly #stop = new AbortController();
  readonly #id: string;
  #period: WorkPeriod | null = null;
  #slices = 0;
  #tasks = 0;
  #tasksPerSecond = 0;
  #isOutdated = false;
  #isFailing = false;
  /** What no waiting mends: tables that are damaged, or may not be used. */
  #fatal: CronfetchError | null = null;
  /** Of the first period with failures. */
  #exitCode = 0;

  constructor(
    options: FleetWorkOptions,
    plan: FleetPlan,
    dispatch: Dispatch,
    registry: FleetRegistry,
    ending: AbortController,
  ) {
    this.#options = options;
    this.#plan = plan;
    this.#dispatch = dispatch;
    this.#registry = registry;
    this.#ending = ending;
    this.#id = options.host.random.name();
  }

  async perform(): Promise<number> {
    const { config, host, storage: { state, fleet }, store, emit, once, plans } = this.#options;
    const { timers, clock } = host;
    const { signal: ending } = this.#ending;
    const revision = await this.#plan.revision();
    const { config: _, ...planner }: PlannerContext = {
      ...{ config, plan: this.#plan, host, state, fleet, store },
      ...{ dispatch: this.#dispatch, registry: this.#registry, signal: ending },
    };
    if (plans) {
      const isNew = await this.#registry.setRevision(revision);
      if (isNew || once) await setHints(planner);
      if (once) await announceDue(planner);
    }
    const stop = () => this.#stopClaiming("signal");
    this.#options.stop.addEventListener("abort", stop);
    if (this.#options.stop.aborted) stop();
    using grace = startGrace(this.#stop.signal, this.#options.graceMs, timers, () => {});
    await this.#report(revision);
    emit({ kind: "started", tasks: config.tasks.length });
    const opened = await openRunTransport(config, host, grace.signal);
    const { concurrency } = this.#options;
    const limits = { ...config.limits, concurrency };
    const pool = new SlicePool({ host, limits, config, opened, signal: grace.signal });
    const { claims } = fleetSchemas(fleet);
    const context = {
      ...{ config, plan: this.#plan, host, state, fleet, store, pool },
      claims: `${claims}.claims`,
      begin: () => this.#begin(),
      onFailure: (error: CronfetchError) => this.#fail(error),
      warn: (message: string) => emit({ kind: "warning", message }),
    };
    const side = [this.#reportRepeatedly(revision)];
    if (plans && !once) side.push(planRepeatedly({ ...planner, config }));
    const executing = pool.run();
    try {
      await work({
        dispatch: {
          ...this.#dispatch,
          claim: (name, limit) =>
            this.#isOutdated ? Promise.resolve([]) : this.#dispatch.claim(name, limit),
        },
        ...{ name: this.#options.name, hosts: concurrency, once, clock, timers },
        execute: async (held) => {
          this.#slices++;
          try {
            return await executeSlice(held, context);
          } finally {
            this.#slices--;
          }
        },
        emit: (event) => {
          if (event.kind === "lost") emit({ kind: "lost", host: event.claim.host });
          else if (event.kind === "failing") this.#fail(event.error);
          else if (event.kind === "recovered") this.#recover();
        },
        ...{ stop: this.#stop.signal, signal: grace.signal },
      });
    } finally {
      this.#options.stop.removeEventListener("abort", stop);
      this.#ending.abort();
      pool.close();
      await executing;
      await Promise.all(side);
      await opened[Symbol.asyncDispose]();
    }
    if (this.#fatal !== null) throw this.#fatal;
    await this.#period?.close();
    await state.flush();
    await this.#registry.remove(this.#id);
    return this.#options.stop.aborted ? this.#options.interruptedExitCode() : this.#exitCode;
  }

  #stopClaiming(reason: "drained" | "signal"): void {
    if (this.#stop.signal.aborted) return;
    this.#options.emit({ kind: "stopping", reason, slices: this.#slices });
    const by = reason === "signal" ? this.#options.stop.reason : null;
    this.#stop.abort(by ?? new CronfetchError("cancelled", "the worker was drained"));
  }

  #fail(error: CronfetchError): void {
    if (error.retry === "never") {
      this.#fatal ??= error;
      this.#stop.abort(error);
      return;
    }
    if (!this.#isFailing) this.#options.emit({ kind: "failing", error });
    this.#isFailing = true;
  }

  #recover(): void {
    if (this.#isFailing) this.#options.emit({ kind: "recovered" });
    this.#isFailing = false;
  }

  /** The period for a slice. Its results are recorded when the last slice of it has ended. */
  #begin(): Period {
    const { host: { clock } } = this.#options;
    let period = this.#period;
    if (period === null || period.ageMs() >= PERIOD_MS) {
      period?.retire();
      period = this.#period = new WorkPeriod(this.#options, clock.now(), {
        onResult: () => this.#tasks++,
        onEnd: ({ exitCode }) => this.#exitCode ||= exitCode,
      });
    }
    return period.join();
  }

  async #report(revision: string): Promise<void> {
    const { name, emit } = this.#options;
    const report = {
      ...{ id: this.#id, name, slices: this.#slices, tasks: this.#tasks },
      tasksPerSecond: this.#tasksPerSecond,
    };
    const orders = await this.#registry.report(report);
    if (orders.isDraining) this.#stopClaiming("drained");
    const isOutdated = orders.revision !== revision;
    if (isOutdated !== this.#isOutdated) emit({ kind: isOutdated ? "outdated" : "current" });
    this.#isOutdated = isOutdated;
  }

  async #reportRepeatedly(revision: string): Promise<void> {
    const { host: { clock, timers } } = this.#options;
    const { signal } = this.#ending;
    let lastTasks = 0;
    let lastMs = clock.monotonicMs();
    for (;;) {
      await timers.sleep(REPORT_MS, signal).catch(() => {});
      if (signal.aborted) return;
      const nowMs = clock.monotonicMs();
      const rate = (this.#tasks - lastTasks) / (nowMs - lastMs) * 1000;
      // Smoothed over half a minute.
      this.#tasksPerSecond += (rate - this.#tasksPerSecond) / 4;
      [lastTasks, lastMs] = [this.#tasks, nowMs];
      // A state that is unavailable has been reported; the next report follows.
      await this.#report(revision).catch((error) => {
        if (!(error instanceof CronfetchError)) throw error;
      });
    }
  }
}

/** What a period reports to its worker. */
interface PeriodListener {
  readonly onResult: () => void;
  readonly onEnd: (summary: RunSummary) => void;
}

/** A part of the life of a worker, recorded like a run. */
class WorkPeriod {
  readonly #options: FleetWorkOptions;
  readonly #startedAt: Temporal.Instant;
  readonly #startedMs: number;
  readonly #listener: PeriodListener;
  readonly #shared: Omit<Period, "end">;
  readonly #reporters: Promise<readonly Reporter[]>;
  readonly #events: RunEvent[] = [];
  readonly #history = createRunHistory();
  readonly #counter = createRunCounter();
  #opened: readonly Reporter[] | null = null;
  #slices = 0;
  #tasks = 0;
  #isRetired = false;
  #closing: Promise<void> | null = null;

  constructor(options: FleetWorkOptions, startedAt: Temporal.Instant, listener: PeriodListener) {
    const { host: { clock, random }, config, progress, openReporters } = options;
    this.#options = options;
    this.#startedAt = startedAt;
    this.#startedMs = clock.monotonicMs();
    this.#listener = listener;
    const run = `${startedAt.toString({ smallestUnit: "second" })}-${random.name().slice(0, 6)}`;
    const elapsedMs = () => Math.round(this.ageMs());
    const emit = (occurrence: RunOccurrence, time = clock.now().toString()) => {
      if (occurrence.type === "task.finished") {
        this.#tasks++;
        listener.onResult();
      }
      this.#send(Object.assign({ type: occurrence.type, time, run }, occurrence));
    };
    this.#reporters = openReporters().then((reporters) => {
      this.#opened = reporters;
      for (const event of this.#events.splice(0)) this.#send(event);
      return reporters;
    });
    this.#shared = {
      ...{ run, limits: config.limits, progress, counter: this.#counter, history: this.#history },
      ...{ storeErrors: [], elapsedMs, remainingMs: () => Infinity, tracing: NO_TELEMETRY },
      ...{ isReported: () => true, emit },
      room: () => this.#room(),
    };
    emit({ type: "run.started", tasks: 0 });
  }

  ageMs(): number {
    return this.#options.host.clock.monotonicMs() - this.#startedMs;
  }

  join(): Period {
    this.#slices++;
    let isEnded = false;
    return {
      ...this.#shared,
      end: () => {
        if (!isEnded) this.#slices--;
        isEnded = true;
        if (this.#isRetired) void this.close();
      },
    };
  }

  /** No slice joins any more. */
  retire(): void {
    this.#isRetired = true;
    void this.close();
  }

  /** Records the results, unless slices are executing. */
  async close(): Promise<void> {
    if (this.#slices === 0) await (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { host: { clock }, storage: { state }, stop, interruptedExitCode, once } = this.#options;
    const summary = this.#counter.summary({
      durationMs: Math.round(this.ageMs()),
      deadlinePassed: false,
      interrupted: stop.aborted ? interruptedExitCode() : null,
      unsaved: null,
    });
    this.#history.save(state, {
      run: this.#shared.run,
      startedAt: this.#startedAt.toString(),
      finishedAt: clock.now().toString(),
      ...{ summary, trigger: once ? "schedule" : "watch", tasks: this.#tasks },
    });
    this.#listener.onEnd(summary);
    this.#shared.emit({ type: "run.finished", summary });
    for (const reporter of await this.#reporters) await reporter.close();
  }

  #send(event: RunEvent): void {
    if (this.#opened === null) this.#events.push(event);
    else for (const reporter of this.#opened) reporter.report(event);
  }

  #room(): Promise<void> | null {
    for (const { ready } of this.#opened ?? []) {
      const room = ready?.() ?? null;
      if (room !== null) return room;
    }
    return null;
  }
}

/** The pool of a worker: the tasks of its slices share one limit, and join as hosts are claimed. */

import type { RunLimits, Task } from "../core/task.ts";
import type { Host } from "../core/host.ts";
import type { Config } from "../config/config.ts";
import { serverSettings } from "../core/host_rules.ts";
import { gather } from "../schedule/pool.ts";
import { createThrottle } from "../schedule/rate.ts";
import { executeTask, type ExecutionContext } from "../worker/execute.ts";
import type { RunTransport } from "../worker/authorized_transport.ts";
import { hostOf } from "../worker/parking.ts";
import { createTaskRunner, type TaskRunner } from "../worker/task.ts";
import type { HeldHost } from "./worker.ts";

/** What a pool uses. */
export interface SlicePoolOptions {
  readonly host: Host;
  readonly limits: RunLimits;
  readonly config: Pick<Config, "hosts">;
  /** Sends the requests of all slices. Stays open. */
  readonly opened: Pick<RunTransport, "transport" | "redact">;
  /** Ends all slices. */
  readonly signal: AbortSignal;
}

/** A slice whose tasks are in the pool. */
interface Slice {
  readonly context: ExecutionContext;
  readonly held: HeldHost;
  readonly runner: TaskRunner;
  readonly done: PromiseWithResolvers<void>;
  /** Tasks that are not settled. */
  left: number;
}

/** A task in the pool. */
interface Item {
  readonly task: Task;
  readonly slice: Slice;
}

/** Executes the tasks of slices, until it is closed. */
export class SlicePool {
  readonly #options: SlicePoolOptions;
  readonly #throttle: ReturnType<typeof createThrottle> | null;
  #arrived: Item[] = [];
  #wake: (() => void) | null = null;
  #isClosed = false;

  /** Creates an empty pool. */
  constructor(options: SlicePoolOptions) {
    const { limits: { rateBytesPerSecond }, host } = options;
    this.#options = options;
    this.#throttle = rateBytesPerSecond === null ? null : createThrottle(rateBytesPerSecond, host);
  }

  /** Executes what arrives. Resolves after {@linkcode close}, once every task is settled. */
  async run(): Promise<void> {
    const { host: { timers, clock }, limits, config, signal } = this.#options;
    const wake = () => this.#wake?.();
    signal.addEventListener("abort", wake);
    const pending = await gather<Item>([], {
      ...{ limits, signal, timers, clock },
      groupOf: ({ task }) => hostOf(task),
      limitsOf: ({ task: { url } }) => ({ ...limits, ...serverSettings(config.hosts, url) }),
      work: (item, slot) =>
        this.#settle(item, (context, runner) => executeTask(item.task, slot, runner, context)),
      more: () => this.#next(),
    });
    signal.removeEventListener("abort", wake);
    this.#isClosed = true;
    for (const item of [...pending, ...this.#arrived]) await this.#cancel(item);
  }

  /** Ends {@linkcode run} once every task is settled. */
  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }

  /**
   * Executes the tasks of a slice.
   *
   * @throws What settling a task throws.
   */
  async execute(context: ExecutionContext, held: HeldHost): Promise<void> {
    const { tasks } = context;
    if (tasks.length === 0) return;
    const { transport, redact } = this.#options.opened;
    const runner = createTaskRunner({
      ...context,
      ...(this.#throttle !== null && { throttle: this.#throttle }),
      redact,
      // A process that was suspended may run this before the timer that aborts its signal.
      transport: (request) => {
        if (!held.mayStart()) held.signal.throwIfAborted();
        return transport(request);
      },
    });
    const done = Promise.withResolvers<void>();
    const slice: Slice = { context, held, runner, done, left: tasks.length };
    const items = tasks.map((task): Item => ({ task, slice }));
    if (this.#isClosed || this.#options.signal.aborted) {
      for (const item of items) await this.#cancel(item);
    } else {
      this.#arrived.push(...items);
      this.#wake?.();
    }
    await done.promise;
  }

  #cancel({ task, slice }: Item): Promise<void> {
    return this.#settle({ task, slice }, async ({ elapsedMs, settle }, runner) => {
      await settle(task, runner.cancelTask(task, elapsedMs()));
    });
  }

  /** An error ends the slice, and not the pool. */
  async #settle(
    { slice }: Item,
    work: (context: ExecutionContext, runner: TaskRunner) => Promise<void>,
  ): Promise<void> {
    slice.held.mayStart();
    try {
      await work(slice.context, slice.runner);
    } catch (error) {
      slice.done.reject(error);
    }
    if (--slice.left === 0) slice.done.resolve();
  }

  async #next(): Promise<Item[] | null> {
    while (this.#arrived.length === 0) {
      if (this.#isClosed || this.#options.signal.aborted) return null;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    const items = this.#arrived;
    this.#arrived = [];
    return items;
  }
}

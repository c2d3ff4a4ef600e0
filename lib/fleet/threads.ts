/**
 * Executes the tasks of a run in several threads: a fleet on one machine. This thread has the state,
 * the leases and the reports; the others send requests and write files.
 *
 * A host is dispatched to one thread at a time, in slices, so that its limits and pauses hold.
 */

import { abortable } from "@std/async";
import { createUrlRedactor } from "../config/secrets.ts";
import type { OpenThread, Thread } from "../core/host.ts";
import type { RunLimits, Task } from "../core/task.ts";
import { abortReason } from "../http/network_error.ts";
import type { Execute, ExecutionContext } from "../worker/execute.ts";
import { executeTasks } from "../worker/execute.ts";
import { hostOf } from "../worker/parking.ts";
import { cancelledOutcome } from "../worker/task.ts";
import type { Claim } from "./dispatch.ts";
import { MemoryDispatch } from "./memory_dispatch.ts";
import {
  errorOf,
  factsOf,
  type FromThread,
  type Slice,
  type ThreadCall,
  type ThreadConfig,
  type ToThread,
} from "./messages.ts";

/** Tasks of a slice, at most. */
const SLICE_TASKS = 200;

/** Fewer tasks than this for each thread are no reason to start it. */
const MIN_TASKS = 25;

/** How tasks are executed in threads. */
export interface ThreadOptions {
  /** Number of threads; at least 1. */
  readonly threads: number;
  readonly config: ThreadConfig;
  readonly openThread: OpenThread;
}

/** Makes an {@linkcode Execute} of threads. A run that has too few hosts or tasks uses none. */
export function executeInThreads(options: ThreadOptions): Execute {
  return async (context) => {
    const queues = Map.groupBy(context.tasks, hostOf);
    const count = Math.min(
      ...[options.threads, queues.size, context.limits.concurrency],
      Math.floor(context.tasks.length / MIN_TASKS),
    );
    if (count <= 1) return await executeTasks(context);
    const run = new ThreadedRun(context, options, queues);
    await run.execute(count);
  };
}

/** The share of a thread in the limits of a run. */
export function shareOf(limits: RunLimits, index: number, count: number): RunLimits {
  const { concurrency, rateBytesPerSecond } = limits;
  return {
    ...limits,
    concurrency: Math.floor(concurrency / count) + (index < concurrency % count ? 1 : 0),
    rateBytesPerSecond: rateBytesPerSecond && rateBytesPerSecond / count,
  };
}

/** A thread and what it has. */
interface OpenedThread {
  readonly thread: Thread;
  readonly name: string;
  /** Ids of its running tasks, as last reported. */
  running: readonly string[];
  readonly ended: PromiseWithResolvers<void>;
}

/** A host that a thread holds. */
interface Held {
  readonly claim: Claim;
  /** Tasks of the slice without an outcome. */
  left: number;
}

class ThreadedRun {
  readonly #context: ExecutionContext;
  readonly #options: ThreadOptions;
  /** Tasks by host that were not sent. */
  readonly #queues: Map<string, Task[]>;
  readonly #dispatch: MemoryDispatch;
  readonly #tasks: ReadonlyMap<string, Task>;
  readonly #held = new Map<string, Held>();
  /** Threads that wait for a slice. */
  readonly #idle: OpenedThread[] = [];
  readonly #settling = new Set<Promise<void>>();
  readonly #failed = Promise.withResolvers<never>();
  #serving = Promise.resolve();
  #unsent: number;

  constructor(context: ExecutionContext, options: ThreadOptions, queues: Map<string, Task[]>) {
    this.#context = context;
    this.#options = options;
    this.#queues = queues;
    this.#tasks = new Map(context.tasks.map((task) => [task.id, task]));
    this.#unsent = context.tasks.length;
    // The threads end with this process, so no lease does.
    this.#dispatch = new MemoryDispatch(Infinity, context.host.clock);
    this.#failed.promise.catch(() => {});
  }

  async execute(count: number): Promise<void> {
    const { signal } = this.#context;
    await this.#dispatch.announce(this.#queues.keys());
    const threads: OpenedThread[] = [];
    const abort = () => {
      const error = factsOf(abortReason(signal));
      for (const { thread } of threads) thread.send({ kind: "abort", error } satisfies ToThread);
      this.#serve();
    };
    try {
      for (let index = 0; index < count; index++) threads.push(await this.#open(index, count));
      signal.addEventListener("abort", abort);
      if (signal.aborted) abort();
      const ended = Promise.all(threads.map((opened) => opened.ended.promise));
      await Promise.race([ended, this.#failed.promise]);
      await this.#serving;
      await Promise.all(this.#settling);
      await Promise.race([this.#cancelUnsent(), this.#failed.promise]);
    } finally {
      signal.removeEventListener("abort", abort);
      for (const { thread } of threads) thread.close();
    }
  }

  async #open(index: number, count: number): Promise<OpenedThread> {
    const { context, config } = { context: this.#context, config: this.#options.config };
    const { host: { clock }, leases, plan, state } = context;
    const thread = await this.#options.openThread(
      (messages) => {
        for (const message of messages as FromThread[]) this.#receive(message, opened);
      },
      (error) => this.#failed.reject(error),
    );
    const opened: OpenedThread = {
      ...{ thread, name: `thread ${index + 1}`, running: [] },
      ended: Promise.withResolvers(),
    };
    const { store, sync, auth, hosts, secrets, manifest, files, hostFiles, secretFiles } = config;
    const start: ToThread = {
      kind: "start",
      facts: {
        run: context.run,
        config: { store, sync, auth, hosts, secrets, manifest, files, hostFiles, secretFiles },
        limits: shareOf(context.limits, index, count),
        state: { location: state.location, durable: state.durable },
        keys: plan.entries.map(({ task: { id, key }, included }) => ({ id, key, included })),
        serverKeys: new Map(plan.entries.flatMap(({ task: { id } }) => {
          const key = leases.serverKeyOf(id);
          return key === undefined ? [] : [[id, key]];
        })),
        otherRuns: leases.otherRuns,
        hasHooks: context.claimChange !== null,
        reported: (["task.started", "task.retrying"] as const).filter(context.isReported),
        elapsedMs: context.elapsedMs(),
        remainingMs: context.remainingMs(),
        originMs: clock.now().epochMilliseconds - clock.monotonicMs(),
      },
    };
    thread.send(start);
    return opened;
  }

  #receive(message: FromThread, from: OpenedThread): void {
    const { state, progress, parked } = this.#context;
    switch (message.kind) {
      case "more":
        this.#idle.push(from);
        return this.#serve();
      case "settled":
        return this.#settle(message);
      case "occurred":
        return this.#context.emit(message.occurrence, message.time);
      case "saveMember":
        return state.saveMember(message.task, message.member);
      case "removeMember":
        return state.removeMember(message.task, message.key);
      case "park": {
        const until = Temporal.Instant.fromEpochMilliseconds(message.untilMs);
        parked.set(message.host, until);
        return state.park(message.host, until);
      }
      case "call":
        this.#perform(message.request).then(
          (value) => this.#answer(from, { kind: "returned", call: message.call, value }),
          (error) =>
            this.#answer(from, { kind: "threw", call: message.call, error: factsOf(error) }),
        );
        return;
      case "progress":
        progress.bytes += message.bytes;
        for (const task of from.running) progress.running.delete(task);
        for (const [task, running] of message.running) progress.running.set(task, running);
        from.running = [...message.running.keys()];
        return;
      case "ended":
        return from.ended.resolve();
      case "failed":
        return this.#failed.reject(errorOf(message.error));
      default:
        return message satisfies never;
    }
  }

  #answer({ thread }: OpenedThread, message: ToThread): void {
    thread.send(message);
  }

  async #perform(request: ThreadCall): Promise<unknown> {
    const { state, claimChange } = this.#context;
    switch (request.method) {
      case "members":
        return await state.members(request.tasks);
      case "flush":
        return await state.flush();
      case "claimChange":
        return await claimChange?.(request.task, request.change);
      default:
        return request satisfies never;
    }
  }

  #settle({ task: id, outcome }: FromThread & { readonly kind: "settled" }): void {
    const { progress, settle } = this.#context;
    const task = this.#tasks.get(id);
    if (task === undefined) throw new TypeError("the outcome of an unknown task");
    progress.running.delete(id);
    const settled = settle(task, outcome);
    if (settled) this.#track(settled);
    const host = hostOf(task);
    const held = this.#held.get(host);
    if (held && --held.left === 0) this.#track(this.#release(host, held));
  }

  #track(promise: Promise<void>): void {
    const tracked = promise.catch((error) => this.#failed.reject(error))
      .finally(() => this.#settling.delete(tracked));
    this.#settling.add(tracked);
  }

  /** Ends a claim whose slice has ended; its host waits behind the others, if tasks are left. */
  async #release(host: string, { claim }: Held): Promise<void> {
    this.#held.delete(host);
    await this.#dispatch.finish(claim);
    if (!this.#queues.has(host)) return;
    await this.#dispatch.announce([host]);
    this.#serve();
  }

  /** Sends slices to idle threads. */
  #serve(): void {
    this.#serving = this.#serving.then(() => this.#serveIdle())
      .catch((error) => this.#failed.reject(error));
  }

  async #serveIdle(): Promise<void> {
    const { room, signal } = this.#context;
    while (this.#idle.length > 0) {
      for (let wait = room(); wait && !signal.aborted; wait = room()) {
        await abortable(wait, signal).catch(() => {});
      }
      const isOver = this.#unsent === 0 || signal.aborted;
      const [claim] = isOver ? [] : await this.#dispatch.claim(this.#idle[0]?.name ?? "", 1);
      if (claim === undefined && !isOver) return;
      const slice = claim === undefined ? null : await this.#sliceOf(claim);
      const opened = this.#idle.shift();
      opened?.thread.send({ kind: "slice", slice } satisfies ToThread);
    }
  }

  async #sliceOf(claim: Claim): Promise<Slice> {
    const { leases, parked } = this.#context;
    const { host } = claim;
    const queue = this.#queues.get(host) ?? [];
    const tasks = queue.slice(0, SLICE_TASKS);
    if (queue.length > SLICE_TASKS) this.#queues.set(host, queue.slice(SLICE_TASKS));
    else this.#queues.delete(host);
    this.#unsent -= tasks.length;
    this.#held.set(host, { claim, left: tasks.length });
    const items: Slice["items"][number][] = [];
    for (const task of tasks) {
      const record = leases.recordOf(task);
      items.push({
        task,
        isLeased: leases.has(task.id),
        record: record instanceof Promise ? await record : record,
      });
    }
    const until = parked.get(host)?.epochMilliseconds;
    return { items, parked: until === undefined ? null : [host, until] };
  }

  async #cancelUnsent(): Promise<void> {
    const { signal, elapsedMs, settle } = this.#context;
    const redact = createUrlRedactor(this.#options.config.secrets);
    for (const task of [...this.#queues.values()].flat()) {
      await settle(task, cancelledOutcome(task, elapsedMs(), signal, redact));
    }
  }
}

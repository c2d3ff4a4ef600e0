/** The program of a thread that executes slices of a run. The thread of the run has its state. */

import type { Host, Timers } from "../core/host.ts";
import type { Progress } from "../core/event.ts";
import type { Task } from "../core/task.ts";
import { NO_TELEMETRY } from "../core/telemetry.ts";
import type { TaskRecord } from "../state/state.ts";
import { openStore } from "../store/open.ts";
import { executeTasks } from "../worker/execute.ts";
import { storeOptions } from "../worker/storage.ts";
import type { RunnerState } from "../worker/task.ts";
import {
  errorOf,
  factsOf,
  type FromThread,
  type RunFacts,
  type Slice,
  type ThreadCall,
  type ToThread,
} from "./messages.ts";

/** Interval of messages about progress, in milliseconds; a display shows no more. */
const PROGRESS_MS = 250;

/**
 * Executes the slices of one run.
 *
 * @param post Sends messages to the thread of the run.
 * @returns Receives its messages.
 */
export function serveSlices(
  post: (messages: readonly FromThread[]) => void,
  host: Host,
): (message: ToThread) => void {
  const outbox = new Outbox(post, host.timers);
  const thread = new SliceThread(outbox, host);
  return (message) => {
    switch (message.kind) {
      case "start":
        thread.run(message.facts).then(
          () => outbox.send({ kind: "ended" }),
          (error) => outbox.send({ kind: "failed", error: factsOf(error) }),
        );
        return;
      case "slice":
        return thread.receive(message.slice);
      case "returned":
        return outbox.settle(message.call, (call) => call.resolve(message.value));
      case "threw":
        return outbox.settle(message.call, (call) => call.reject(errorOf(message.error)));
      case "abort":
        return thread.abort(errorOf(message.error));
      default:
        return message satisfies never;
    }
  };
}

/**
 * How long an outcome or an event waits for others, in milliseconds. Each message wakes the thread of
 * the run, which would take more time than the outcome itself.
 */
const BATCH_MS = 20;

/** Sends messages in order, several together. */
class Outbox {
  readonly #post: (messages: readonly FromThread[]) => void;
  readonly #timers: Timers;
  readonly #calls = new Map<number, PromiseWithResolvers<unknown>>();
  #messages: FromThread[] = [];
  #cancelTimer: (() => void) | null = null;
  #lastCall = 0;

  constructor(post: (messages: readonly FromThread[]) => void, timers: Timers) {
    this.#post = post;
    this.#timers = timers;
  }

  /** Sends a message, and those that wait. */
  send(message: FromThread): void {
    this.#messages.push(message);
    this.#flush();
  }

  /** Sends a message with the next one, or soon. */
  sendSoon(message: FromThread): void {
    this.#messages.push(message);
    this.#cancelTimer ??= this.#timers.after(BATCH_MS, () => this.#flush());
  }

  #flush(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const messages = this.#messages;
    this.#messages = [];
    this.#post(messages);
  }

  /**
   * Calls the thread of the run.
   *
   * @throws What that throws.
   */
  call(request: ThreadCall): Promise<unknown> {
    const call = ++this.#lastCall;
    const returned = Promise.withResolvers<unknown>();
    this.#calls.set(call, returned);
    this.send({ kind: "call", call, request });
    return returned.promise;
  }

  settle(call: number, settle: (returned: PromiseWithResolvers<unknown>) => void): void {
    const returned = this.#calls.get(call);
    this.#calls.delete(call);
    if (returned) settle(returned);
  }
}

/** The tasks of the slices that were received and have no outcome yet. */
class SliceThread {
  readonly #outbox: Outbox;
  readonly #host: Host;
  readonly #stop = new AbortController();
  readonly #leased = new Map<string, TaskRecord | null>();
  readonly #parked = new Map<string, Temporal.Instant>();
  #next: PromiseWithResolvers<readonly Task[] | null> | null = null;

  constructor(outbox: Outbox, host: Host) {
    this.#outbox = outbox;
    this.#host = host;
  }

  /** Executes slices until there are no more. */
  async run(facts: RunFacts): Promise<void> {
    const { config, limits, keys, serverKeys, otherRuns, reported } = facts;
    const { clock } = this.#host;
    const { signal } = this.#stop;
    const startedMs = clock.monotonicMs();
    const sinceMs = () => clock.monotonicMs() - startedMs;
    const progress: Progress = { bytes: 0, running: new Map() };
    await using store = await openStore(config.store, storeOptions(config), this.#host);
    using _abortable = store.abortOn(signal);
    const stopProgress = this.#reportProgress(progress, facts);
    try {
      await executeTasks({
        run: facts.run,
        plan: {
          entries: keys.map(({ id, key, included }) => ({ task: { id, key }, included })),
        },
        tasks: [],
        ...{ host: this.#host, store, config, limits, progress, signal },
        state: this.#state(facts),
        leases: {
          otherRuns,
          has: (task) => this.#leased.has(task),
          recordOf: ({ id }) => this.#leased.get(id) ?? null,
          serverKeyOf: (task) => serverKeys.get(task),
        },
        claimChange: facts.hasHooks
          ? async (task, change) => {
            await this.#outbox.call({ method: "claimChange", task, change });
          }
          : null,
        parked: this.#parked,
        more: () => this.#more(),
        elapsedMs: () => Math.round(facts.elapsedMs + sinceMs()),
        remainingMs: () => facts.remainingMs - sinceMs(),
        // Spans are those of the run's thread.
        tracing: NO_TELEMETRY,
        isReported: (type) => reported.includes(type),
        emit: (occurrence) => {
          const time = clock.now().toString();
          this.#outbox.sendSoon({ kind: "occurred", occurrence, time });
        },
        // The thread of the run waits before it sends a slice.
        room: () => null,
        settle: (task, outcome) => {
          this.#leased.delete(task.id);
          // Only lists need the response, which cannot be copied; the thread of the run refreshes them.
          const { response: _response, ...copied } = outcome;
          this.#outbox.sendSoon({ kind: "settled", task: task.id, outcome: copied });
        },
      });
    } finally {
      stopProgress();
    }
  }

  receive(slice: Slice | null): void {
    const next = this.#next;
    this.#next = null;
    if (slice === null) return next?.resolve(null);
    for (const { task, isLeased, record } of slice.items) {
      if (isLeased) this.#leased.set(task.id, record);
    }
    if (slice.parked) {
      const [host, untilMs] = slice.parked;
      this.#parked.set(host, Temporal.Instant.fromEpochMilliseconds(untilMs));
    }
    next?.resolve(slice.items.map(({ task }) => task));
  }

  abort(reason: Error): void {
    this.#stop.abort(reason);
  }

  #more(): Promise<readonly Task[] | null> {
    this.#next = Promise.withResolvers();
    this.#outbox.send({ kind: "more" });
    return this.#next.promise;
  }

  #state({ state }: RunFacts): RunnerState {
    const outbox = this.#outbox;
    return {
      ...state,
      members: async (tasks) => {
        const found = await outbox.call({ method: "members", tasks: [...tasks] });
        return found as Awaited<ReturnType<RunnerState["members"]>>;
      },
      saveMember: (task, member) => outbox.sendSoon({ kind: "saveMember", task, member }),
      removeMember: (task, key) => outbox.sendSoon({ kind: "removeMember", task, key }),
      flush: async () => {
        await outbox.call({ method: "flush" });
      },
      park: (host, until) =>
        outbox.sendSoon({ kind: "park", host, untilMs: until.epochMilliseconds }),
    };
  }

  /** Sends the progress while tasks run. Returns a function that ends it. */
  #reportProgress(progress: Progress, { originMs }: RunFacts): () => void {
    const { clock, timers } = this.#host;
    let sentBytes = 0;
    let cancel = () => {};
    // The monotonic clocks of threads have different origins.
    const aheadMs = originMs - (clock.now().epochMilliseconds - clock.monotonicMs());
    const schedule = () => {
      cancel = timers.after(PROGRESS_MS, () => {
        const running = new Map([...progress.running].map(([task, { retry, ...others }]) => {
          const shifted = retry && { ...retry, atMs: retry.atMs - aheadMs };
          return [task, { ...others, retry: shifted }];
        }));
        this.#outbox.send({ kind: "progress", bytes: progress.bytes - sentBytes, running });
        sentBytes = progress.bytes;
        schedule();
      });
    };
    schedule();
    return () => {
      cancel();
      this.#outbox.send({
        kind: "progress",
        bytes: progress.bytes - sentBytes,
        running: new Map(),
      });
    };
  }
}

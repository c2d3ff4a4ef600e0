/** Live updates: the current run, and the event streams of open pages. */

import type { RunEvent } from "../core/event.ts";
import type { Clock, Timers } from "../core/host.ts";
import type { PageSource } from "./source.ts";

/** The current run. */
export interface LiveRun {
  /** Id of the run. */
  readonly run: string;
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  /** Number of tasks. */
  readonly tasks: number;
  /** Number of tasks that have a result. */
  readonly finished: number;
  /** Number of failed tasks. */
  readonly failed: number;
}

/** The current run after an event; null between runs. Pure. */
function afterEvent(run: LiveRun | null, event: RunEvent): LiveRun | null {
  switch (event.type) {
    case "run.started":
      return {
        run: event.run,
        startedAt: event.time,
        tasks: event.tasks,
        finished: 0,
        failed: 0,
      };
    case "run.finished":
      return null;
    case "task.finished": {
      if (run === null) return null;
      const failed = run.failed + (event.result.status === "failed" ? 1 : 0);
      return { ...run, finished: run.finished + 1, failed };
    }
    case "task.started":
    case "task.retrying":
    case "task.health":
    case "hook.finished":
    case "task.gone":
      return run;
    default:
      return event satisfies never;
  }
}

/** The open event streams. The server cannot shut down before they are closed. */
export interface Streams {
  /** Number of open streams. */
  readonly size: number;
  /**
   * Opens a stream.
   *
   * @param mayRead Called before each event; the stream is closed once it returns false.
   * @returns Null if {@linkcode MAX_STREAMS} are open.
   */
  open(mayRead: () => boolean): ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Sends an event on every stream. */
  send(event: string, data: string): void;
  /** Closes every stream and refuses new ones. */
  close(): void;
}

/** Limits the memory and connections of one server. */
const MAX_STREAMS = 200;

/** Below the idle timeout of common proxies, one minute. */
const HEARTBEAT_MS = 20_000;

/** Unread events before a stream is closed; the browser then reconnects. */
const MAX_QUEUED_EVENTS = 64;

/** Missed heartbeats before a stalled client is disconnected. */
const MAX_MISSED_HEARTBEATS = 2;

/**
 * Creates an empty set of streams.
 *
 * @param onSizeChange Called after a stream was opened or closed.
 */
function createStreams(timers: Pick<Timers, "after">, onSizeChange: () => void): Streams {
  type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** Open streams; `missed` are the missed heartbeats in a row. */
  const open = new Map<Controller, { missed: number; readonly mayRead: () => boolean }>();
  const encoder = new TextEncoder();
  let closed = false;
  let cancelHeartbeat: (() => void) | null = null;

  const beat = () => {
    cancelHeartbeat = timers.after(HEARTBEAT_MS, () => {
      for (const [controller, stream] of [...open]) {
        // A negative size means that more than one event is queued.
        stream.missed = (controller.desiredSize ?? 0) >= 0 ? 0 : stream.missed + 1;
        if (stream.missed >= MAX_MISSED_HEARTBEATS) end(controller);
      }
      write(": heartbeat\n\n");
      if (open.size > 0) beat();
    });
  };

  const remove = (controller: Controller) => {
    if (!open.delete(controller)) return;
    if (open.size === 0) {
      cancelHeartbeat?.();
      cancelHeartbeat = null;
    }
    onSizeChange();
  };

  const end = (controller: Controller) => {
    remove(controller);
    controller.close();
  };

  const write = (text: string) => {
    const bytes = encoder.encode(text);
    for (const [controller, { mayRead }] of [...open]) {
      if ((controller.desiredSize ?? 0) <= -MAX_QUEUED_EVENTS || !mayRead()) end(controller);
      else controller.enqueue(bytes.slice());
    }
  };

  return {
    get size() {
      return open.size;
    },
    open: (mayRead) => {
      if (closed || open.size >= MAX_STREAMS) return null;
      let own: Controller | null = null;
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => {
          own = controller;
          open.set(controller, { missed: 0, mayRead });
          controller.enqueue(encoder.encode("retry: 3000\n\n"));
          if (cancelHeartbeat === null) beat();
          onSizeChange();
        },
        cancel: () => {
          if (own !== null) remove(own);
        },
      });
    },
    send: (event, data) => write(formatEvent(event, data)),
    close: () => {
      closed = true;
      for (const controller of [...open.keys()]) end(controller);
    },
  };
}

/** An event in the format of `text/event-stream` (WHATWG HTML, section 9.2.5). */
function formatEvent(event: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `event: ${event}\n${lines.join("")}\n`;
}

/** Updates the times at which attempts began. */
function trackAttempts(startMs: Map<string, number>, event: RunEvent, nowMs: number): void {
  if (event.type === "task.started") startMs.set(event.task, nowMs);
  else if (event.type === "task.retrying") startMs.set(event.task, nowMs + event.delayMs);
  else if (event.type === "task.finished") startMs.delete(event.result.task);
  else if (event.type === "run.finished") startMs.clear();
}

/** Interval of progress events during a run. */
const PROGRESS_MS = 1_000;
/** Shortest interval of `changed` events; each makes every browser fetch its page. */
const CHANGED_MS = 2_000;
/** Interval of checks for runs of other processes. */
const POLL_MS = 5_000;

/** Forwards changes of a source to the event streams. */
export interface Broadcast {
  readonly streams: Streams;
  /** The current run, or null. */
  readonly live: () => LiveRun | null;
  /** Average bytes per second of a running task since its attempt began; null while unknown. */
  readonly rateOf: (task: string) => number | null;
  /** Makes open pages refresh; calls within {@linkcode CHANGED_MS} are combined. */
  changed(): void;
  /** Closes the streams and unsubscribes from the source. */
  close(): void;
}

/**
 * Subscribes to a source.
 *
 * @param render Renders the current run as HTML.
 * @param listener Receives every event of the source.
 */
export function createBroadcast(
  source: PageSource,
  { clock, timers, render, listener }: {
    readonly clock: Pick<Clock, "monotonicMs">;
    readonly timers: Pick<Timers, "after">;
    readonly render: (run: LiveRun | null) => string;
    readonly listener: (event: RunEvent) => void;
  },
): Broadcast {
  let live: LiveRun | null = null;
  /** When the current attempt of each running task began. */
  const attemptStartMs = new Map<string, number>();
  let newest: string | null = null;
  let cancelChanged: (() => void) | null = null;
  let isPending = false;
  const streams = createStreams(timers, () => {
    progress.schedule();
    polling.schedule();
  });

  /** Repeats `work` as long as `isNeeded`; `schedule` re-evaluates that. */
  const repeat = (periodMs: number, isNeeded: () => boolean, work: () => Promise<void>) => {
    let cancel: (() => void) | null = null;
    const schedule = () => {
      if (!isNeeded()) {
        cancel?.();
        cancel = null;
      } else {
        cancel ??= timers.after(periodMs, () => {
          cancel = null;
          // The page itself reports an unreadable state.
          work().catch(() => {}).finally(schedule);
        });
      }
    };
    return { schedule };
  };

  const progress = repeat(
    PROGRESS_MS,
    () => streams.size > 0 && live !== null,
    () => Promise.resolve(streams.send("progress", render(live))),
  );

  const polling = repeat(POLL_MS, () => streams.size > 0, async () => {
    const [last] = await source.runs(1);
    const before = newest;
    newest = last?.run ?? "";
    if (before === null || before === newest) return;
    changed();
    // Runs of other processes emit no event here, so the next request may still get the old
    // snapshot; a second `changed` event follows.
    isPending = true;
  });

  /** Sends the first change immediately; further ones within the interval as one at its end. */
  const changed = () => {
    if (cancelChanged !== null) {
      isPending = true;
      return;
    }
    isPending = false;
    cancelChanged = timers.after(CHANGED_MS, () => {
      cancelChanged = null;
      if (isPending) changed();
    });
    streams.send("changed", "");
  };

  const unsubscribe = source.subscribe((event) => {
    live = afterEvent(live, event);
    trackAttempts(attemptStartMs, event, clock.monotonicMs());
    listener(event);
    progress.schedule();
    if (event.type === "run.started" || event.type === "run.finished") {
      streams.send("progress", render(live));
    }
    if (event.type !== "task.retrying") changed();
  });

  const unsubscribeChanges = source.onChange(changed);

  return {
    streams,
    live: () => live,
    rateOf: (task) => {
      const startMs = attemptStartMs.get(task);
      const received = source.progress.running.get(task)?.receivedBytes;
      const elapsedMs = startMs === undefined ? 0 : clock.monotonicMs() - startMs;
      return received === undefined || elapsedMs <= 0 ? null : received / elapsedMs * 1000;
    },
    changed,
    close: () => {
      unsubscribe();
      unsubscribeChanges();
      cancelChanged?.();
      streams.close();
    },
  };
}

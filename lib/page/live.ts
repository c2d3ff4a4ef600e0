/** What goes on at this moment: the running run, followed by its events. */

import type { RunEvent } from "../core/event.ts";
import type { Timers } from "../core/host.ts";
import type { PageSource } from "./source.ts";

/** A run that goes on. */
export interface LiveRun {
  /** Its id. */
  readonly run: string;
  /** RFC 3339 in UTC. */
  readonly startedAt: string;
  /** Tasks in it. */
  readonly tasks: number;
  /** Those that have a result. */
  readonly finished: number;
  /** Those of them that failed. */
  readonly failed: number;
}

/** The run after an event; null when none goes on. Pure. */
export function afterEvent(run: LiveRun | null, event: RunEvent): LiveRun | null {
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
      return run;
    default:
      return event satisfies never;
  }
}

/** The streams that are open. A server does not shut down before they are closed. */
export interface Streams {
  /** How many there are. */
  readonly size: number;
  /** Opens one more; null where there are too many already. */
  open(): ReadableStream<Uint8Array<ArrayBuffer>> | null;
  /** Sends an event to all. */
  send(event: string, data: string): void;
  /** Closes all; none can be opened from then on. */
  close(): void;
}

/** What a server and its visitors can bear. */
const MAX_STREAMS = 200;

/** Shorter than the patience of the usual proxies, which is a minute. */
const HEARTBEAT_MS = 20_000;

/** Pieces a visitor may be behind before the stream ends; the browser then comes back. */
const MAX_QUEUED_EVENTS = 64;

/** Heartbeats nothing may be read for, so that who never reads takes no place from others. */
const MAX_MISSED_HEARTBEATS = 2;

/**
 * Makes an empty set of streams.
 *
 * @param change Told whenever the number of streams has changed.
 */
export function createStreams(timers: Pick<Timers, "after">, change: () => void): Streams {
  type Controller = ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  /** With the heartbeats that each has been behind at, in a row. */
  const open = new Map<Controller, number>();
  const encoder = new TextEncoder();
  let closed = false;
  let cancelHeartbeat: (() => void) | null = null;

  const beat = () => {
    cancelHeartbeat = timers.after(HEARTBEAT_MS, () => {
      for (const [controller, unread] of [...open]) {
        // More than one piece waits: whatever reads takes them as they come.
        if ((controller.desiredSize ?? 0) >= 0) open.set(controller, 0);
        else if (unread + 1 < MAX_MISSED_HEARTBEATS) open.set(controller, unread + 1);
        else end(controller);
      }
      write(": still here\n\n");
      if (open.size > 0) beat();
    });
  };

  const remove = (controller: Controller) => {
    if (!open.delete(controller)) return;
    if (open.size === 0) {
      cancelHeartbeat?.();
      cancelHeartbeat = null;
    }
    change();
  };

  const end = (controller: Controller) => {
    remove(controller);
    controller.close();
  };

  const write = (text: string) => {
    const bytes = encoder.encode(text);
    for (const controller of [...open.keys()]) {
      if ((controller.desiredSize ?? 0) <= -MAX_QUEUED_EVENTS) end(controller);
      else controller.enqueue(bytes.slice());
    }
  };

  return {
    get size() {
      return open.size;
    },
    open: () => {
      if (closed || open.size >= MAX_STREAMS) return null;
      let own: Controller | null = null;
      return new ReadableStream<Uint8Array<ArrayBuffer>>({
        start: (controller) => {
          own = controller;
          open.set(controller, 0);
          controller.enqueue(encoder.encode("retry: 3000\n\n"));
          if (cancelHeartbeat === null) beat();
          change();
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

/** An event as it stands in the stream (WHATWG HTML, section 9.2.5). */
function formatEvent(event: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `event: ${event}\n${lines.join("")}\n`;
}

/** Between two pictures of a run that goes on. */
const PROGRESS_MS = 1_000;
/** Between two hints that a page has changed; each makes a browser ask for it anew. */
const CHANGED_MS = 2_000;
/** Between two looks for what another process has done. */
const POLL_MS = 5_000;

/** Follows the source, and tells the streams. */
export interface Broadcast {
  readonly streams: Streams;
  /** The run that goes on, or null. */
  readonly live: () => LiveRun | null;
  /** Makes browsers ask anew, soon. */
  changed(): void;
  /** Ends everything. */
  close(): void;
}

/**
 * Starts to follow a source.
 *
 * @param picture Draws the run that goes on, or the place where it would be.
 * @param listener Hears of each event besides.
 */
export function createBroadcast(
  source: PageSource,
  { timers, picture, listener }: {
    readonly timers: Pick<Timers, "after">;
    readonly picture: (run: LiveRun | null) => string;
    readonly listener: (event: RunEvent) => void;
  },
): Broadcast {
  let live: LiveRun | null = null;
  let newest: string | null = null;
  let cancelChanged: (() => void) | null = null;
  let isOwed = false;
  const streams = createStreams(timers, () => {
    progressing.arrange();
    looking.arrange();
  });

  /** Repeats a piece of work as long as it is wanted. */
  const repeating = (periodMs: number, isWanted: () => boolean, work: () => Promise<void>) => {
    let cancel: (() => void) | null = null;
    const arrange = () => {
      if (!isWanted()) {
        cancel?.();
        cancel = null;
      } else {
        cancel ??= timers.after(periodMs, () => {
          cancel = null;
          // A state that cannot be read says so on the page itself.
          work().catch(() => {}).finally(arrange);
        });
      }
    };
    return { arrange };
  };

  const progressing = repeating(
    PROGRESS_MS,
    () => streams.size > 0 && live !== null,
    () => Promise.resolve(streams.send("progress", picture(live))),
  );

  const looking = repeating(POLL_MS, () => streams.size > 0, async () => {
    const [last] = await source.runs(1);
    const before = newest;
    newest = last?.run ?? "";
    if (before === null || before === newest) return;
    changed();
    // Nobody heard of it, so that what is asked for now may come from a look of a moment ago.
    isOwed = true;
  });

  /** At once after a while of silence; what comes in that while makes one more at its end. */
  const changed = () => {
    if (cancelChanged !== null) {
      isOwed = true;
      return;
    }
    isOwed = false;
    cancelChanged = timers.after(CHANGED_MS, () => {
      cancelChanged = null;
      if (isOwed) changed();
    });
    streams.send("changed", "");
  };

  const unsubscribe = source.subscribe((event) => {
    live = afterEvent(live, event);
    listener(event);
    progressing.arrange();
    if (event.type === "run.started" || event.type === "run.finished") {
      streams.send("progress", picture(live));
    }
    if (event.type !== "task.retrying") changed();
  });

  const unsubscribeChanges = source.onChange(changed);

  return {
    streams,
    live: () => live,
    changed,
    close: () => {
      unsubscribe();
      unsubscribeChanges();
      cancelChanged?.();
      streams.close();
    },
  };
}

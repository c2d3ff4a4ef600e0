/** Server-sent events: the open streams, and what is sent to all of them. */

import type { Timers } from "../core/host.ts";

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
const MOST_STREAMS = 200;

/** Shorter than the patience of the usual proxies, which is a minute. */
const HEARTBEAT_MS = 20_000;

/** Pieces a visitor may be behind before the stream ends; the browser then comes back. */
const MOST_WAITING = 64;

/** Heartbeats nothing may be read for, so that who never reads takes no place from others. */
const MOST_UNREAD_BEATS = 2;

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
        else if (unread + 1 < MOST_UNREAD_BEATS) open.set(controller, unread + 1);
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
      if ((controller.desiredSize ?? 0) <= -MOST_WAITING) end(controller);
      else controller.enqueue(bytes.slice());
    }
  };

  return {
    get size() {
      return open.size;
    },
    open: () => {
      if (closed || open.size >= MOST_STREAMS) return null;
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
    send: (event, data) => write(message(event, data)),
    close: () => {
      closed = true;
      for (const controller of [...open.keys()]) end(controller);
    },
  };
}

/** An event as it stands in the stream (WHATWG HTML, section 9.2.5). */
function message(event: string, data: string): string {
  const lines = data.split(/\r\n|\r|\n/).map((line) => `data: ${line}\n`);
  return `event: ${event}\n${lines.join("")}\n`;
}

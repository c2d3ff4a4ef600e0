/** An output whose writes never block: text waits in a bounded queue while the reader is slow. */

import type { Output, Timers } from "./host.ts";

/** The stream below a {@linkcode queuedOutput}. `Deno.stdout` is one. */
export interface ByteSink {
  /** Writes bytes, or the first of them, and resolves with how many; rejects once it is closed. */
  write(bytes: Uint8Array): Promise<number>;
  isTerminal(): boolean;
}

/** Queued bytes from which on `ready()` makes producers wait: the events of 10,000 tasks. */
export const FULL_BYTES = 16 * 2 ** 20;
/** Queued bytes from which on text is dropped; only producers that do not wait get there. */
export const MOST_BYTES = 4 * FULL_BYTES;
/**
 * Bytes of one write. A blocking pipe accepts all of a write or nothing that is visible here, so
 * small writes distinguish a slow reader, which accepts some of them, from one that has stopped.
 */
const WRITE_BYTES = 16 * 1024;
/** How long a full queue waits for any progress before the reader counts as gone. */
export const STALL_MS = 60_000;

/**
 * Makes an output over a stream. One write is under way at a time, and the texts that arrive
 * meanwhile are joined into the next one: a slow reader does not block the event loop, signals or
 * deadlines.
 *
 * A closed stream discards everything silently, as `head` expects. A reader that has stopped loses
 * the rest: after {@linkcode STALL_MS} without progress while the queue is full, or when the
 * patience of `end()` is over.
 *
 * @param columns Width in characters.
 * @param onLost Called once when text is discarded because the reader has stopped.
 */
export function queuedOutput(
  sink: ByteSink,
  { timers, columns, onLost = () => {} }: {
    readonly timers: Pick<Timers, "after">;
    readonly columns: () => number;
    readonly onLost?: () => void;
  },
): Output {
  const encoder = new TextEncoder();
  const queue: string[] = [];
  /** At least the size of the queue; exact for ASCII, and exact for what is being written. */
  let queuedBytes = 0;
  let state: "open" | "closed" | "lost" = "open";
  let isWriting = false;
  /** Resolves once there is room again, or the queue is discarded. */
  let room: PromiseWithResolvers<void> | null = null;
  let drained: PromiseWithResolvers<void> | null = null;
  let endPatienceMs: number | null = null;
  let cancelStall: (() => void) | null = null;

  const finish = (next: "closed" | "lost") => {
    if (state !== "open") return;
    state = next;
    queue.length = 0;
    queuedBytes = 0;
    settle();
    if (next === "lost") onLost();
  };

  /** Restarts the stall timer, and resolves the promises whose condition holds. */
  const settle = () => {
    cancelStall?.();
    cancelStall = null;
    if (queuedBytes < FULL_BYTES) {
      room?.resolve();
      room = null;
    }
    if (queuedBytes === 0) {
      drained?.resolve();
      drained = null;
      return;
    }
    const patienceMs = endPatienceMs ?? (queuedBytes >= FULL_BYTES ? STALL_MS : null);
    if (patienceMs !== null) cancelStall = timers.after(patienceMs, () => finish("lost"));
  };

  const writeQueue = async () => {
    isWriting = true;
    // Texts of one turn of the event loop are joined into one write.
    await null;
    try {
      while (queue.length > 0 && state === "open") {
        let bytes = encoder.encode(queue.splice(0).join(""));
        queuedBytes = bytes.length;
        while (bytes.length > 0 && state === "open") {
          const written = await sink.write(bytes.subarray(0, WRITE_BYTES));
          if (state !== "open") break;
          bytes = bytes.subarray(written);
          queuedBytes -= written;
          settle();
        }
      }
    } catch {
      finish("closed");
    }
    isWriting = false;
  };

  return {
    write: (text) => {
      if (state !== "open") return false;
      if (queuedBytes >= MOST_BYTES) {
        finish("lost");
        return false;
      }
      const wasFull = queuedBytes >= FULL_BYTES;
      queue.push(text);
      queuedBytes += text.length;
      if (!wasFull && queuedBytes >= FULL_BYTES) settle();
      if (!isWriting) void writeQueue();
      return true;
    },
    ready: () => {
      if (queuedBytes < FULL_BYTES) return null;
      room ??= Promise.withResolvers();
      return room.promise;
    },
    end: async (patienceMs, signal) => {
      if (queuedBytes > 0) {
        endPatienceMs = patienceMs;
        drained ??= Promise.withResolvers();
        const { promise } = drained;
        const giveUp = () => finish("lost");
        signal.addEventListener("abort", giveUp);
        if (signal.aborted) giveUp();
        else settle();
        await promise;
        signal.removeEventListener("abort", giveUp);
      }
      endPatienceMs = null;
      return state !== "lost";
    },
    isTerminal: () => sink.isTerminal(),
    columns,
  };
}

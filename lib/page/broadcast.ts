/** Tells the open streams what is new: seldom enough to bear, soon enough to be live. */

import type { RunEvent } from "../core/event.ts";
import type { Timers } from "../core/host.ts";
import { afterEvent, type LiveRun } from "./live.ts";
import type { PageSource } from "./source.ts";
import { createStreams, type Streams } from "./streams.ts";

/** Between two pictures of a run that goes on. */
const PROGRESS_MS = 1_000;
/** Between two hints that a page has changed; each makes a browser ask for it anew. */
const CHANGED_MS = 2_000;
/** Between two looks for what another process has done. */
const LOOK_MS = 5_000;

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

  const looking = repeating(LOOK_MS, () => streams.size > 0, async () => {
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

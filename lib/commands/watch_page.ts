/** What the status page shows of a watch in the same process, and how it asks it for something. */

import type { Config } from "../config/config.ts";
import { CronfetchError } from "../core/errors.ts";
import type { RunEvent } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import type { PageActions, PageNotice } from "../page/source.ts";
import type { PageSubject } from "../page_source.ts";
import { escapeControl, formatDuration } from "../report/format.ts";
import type { WatchNews } from "../worker/watch.ts";
import { createPlaceHolder } from "./place_holder.ts";
import { onlyAsked } from "./prepare.ts";
import type { Listener, Stay } from "./stay.ts";

/** A watch as the page sees it. */
export interface WatchPage {
  readonly subject: PageSubject;
  /** To be told what the watch does. */
  readonly listener: Listener;
  /** To be called when the watch has ended. Whoever waits for its state waits no longer. */
  end(): void;
}

/**
 * Makes what a page of a watch needs.
 *
 * @param stop Once it is aborted, nothing new is begun.
 * @param secrets Values that must not be shown, besides the config's.
 */
export function pageOfWatch(
  { first, control, progress }: Pick<Stay, "first" | "control" | "progress">,
  stop: AbortSignal,
  secrets: readonly string[],
  { clock }: Pick<Host, "clock">,
): WatchPage {
  const eventListeners = new Set<(event: RunEvent) => void>();
  const changeListeners = new Set<() => void>();
  const places = createPlaceHolder();
  let config: Config = onlyAsked(first);
  let changedAt: string | null = null;
  /** By the kind of news that they come from. */
  const notices = new Map<WatchNews["kind"], PageNotice>();

  const hear = (news: WatchNews) => {
    switch (news.kind) {
      case "opened":
        places.opened(news);
        config = onlyAsked(news.watched);
        break;
      case "closed":
        places.closed();
        break;
      case "started":
      case "reloaded":
        config = onlyAsked(news.watched);
        if (news.kind === "reloaded") changedAt = clock.now().toString();
        notices.delete("refused");
        break;
      case "refused":
      case "troubled":
        places.failed(news.error);
        notices.set(news.kind, warning(TITLES[news.kind], news.error));
        break;
      case "recovered":
        notices.delete("troubled");
        break;
      case "stopping":
        notices.set(news.kind, {
          tone: "plain",
          title: "cronfetch was told to end.",
          lines: [
            "It finishes the run that is under way, " +
            `in ${formatDuration(news.graceMs)} at most, and begins nothing new.`,
          ],
        });
        break;
      case "waiting":
      case "overran":
        return;
      default:
        news satisfies never;
    }
    for (const listener of changeListeners) listener();
  };

  const ask = (work: () => void): Promise<void> =>
    Promise.try(() => {
      if (stop.aborted) throw ending();
      work();
    });
  const actions: PageActions = {
    runNow: (tasks) => ask(() => control.runNow(tasks ?? config.tasks.map(({ task }) => task.id))),
    pause: (task) => ask(() => control.pause(task)),
    resume: (task) => ask(() => control.resume(task)),
  };

  return {
    subject: {
      config: () => config,
      state: () => Promise.resolve(places.state),
      store: places.store,
      secrets,
      work: {
        progress,
        subscribe: (listener) => subscription(eventListeners, listener),
        onChange: (listener) => subscription(changeListeners, listener),
        notices: () => [...notices.values()],
        configChangedAt: () => changedAt,
        paused: control.isAllPaused,
        isPaused: control.isPaused,
        actions,
      },
    },
    listener: {
      report: (event) => {
        for (const listener of eventListeners) listener(event);
      },
      hear,
    },
    end: () => places.failed(ending()),
  };
}

const TITLES = {
  refused: "The config was changed, and what stands there now cannot be used; " +
    "the last one stays in force.",
  troubled: "The last pass went wrong, and is tried again.",
};

function warning(title: string, { message }: CronfetchError): PageNotice {
  return { tone: "warning", title, lines: message.split("\n").map((line) => escapeControl(line)) };
}

function ending(): CronfetchError {
  return new CronfetchError("cancelled", "cronfetch was told to end, and begins nothing new");
}

function subscription<Value>(all: Set<(value: Value) => void>, one: (value: Value) => void) {
  const listener = (value: Value) => one(value);
  all.add(listener);
  return () => void all.delete(listener);
}

/** The watch: one pass after another, and sleep in between, until it is told to stop. */

import type { Config } from "../config/config.ts";
import type { ConfigSource } from "../config/load.ts";
import { CronfetchError } from "../core/errors.ts";
import type { Progress, Reporter } from "../core/event.ts";
import type { Host } from "../core/host.ts";
import { earlier, isBefore } from "../core/time.ts";
import { sliceMs, type Wake } from "../schedule/trigger.ts";
import type { State } from "../state/state.ts";
import type { Store } from "../store/store.ts";
import { graceAfter, type WatchControl } from "./control.ts";
import { type Look, type Overrun, runPass } from "./tick.ts";
import { isSamePlace, openPlaces, type Places } from "./storage.ts";

/** What is watched. */
export interface Watched {
  readonly config: Config;
  /** Ids of the only tasks that count, or null for all. */
  readonly asked: ReadonlySet<string> | null;
}

/** What a watch has to say besides the events of its runs. */
export type WatchNews =
  /** The state of a config is open, and its store can be opened: until `closed` is told. */
  | {
    readonly kind: "opened";
    readonly watched: Watched;
    readonly state: State;
    readonly openStore: () => Promise<Store>;
  }
  /** The state is not to be used any more: another one is to be opened, or the watch ends. */
  | { readonly kind: "closed" }
  /** A config is in force: the first one, or one that was changed since. */
  | {
    readonly kind: "started" | "reloaded";
    readonly watched: Watched;
    readonly look: Look;
  }
  /** A changed config is not sound, or its state cannot be opened: the last one stays in force. */
  | { readonly kind: "refused"; readonly error: CronfetchError }
  /** There is nothing to do until then; null is for ever. Told once for each time. */
  | { readonly kind: "waiting"; readonly wake: Wake | null; readonly at: Temporal.Instant }
  /** A pass could not be made, or not be remembered. Told once for as long as it stays so. */
  | { readonly kind: "troubled"; readonly error: CronfetchError }
  /** Passes can be made and remembered again. */
  | { readonly kind: "recovered" }
  /** Tasks were at work when their next ticks came, which are not made up for. */
  | { readonly kind: "overran"; readonly tasks: readonly Overrun[] }
  /** It was told to stop while a run is under way. */
  | { readonly kind: "stopping"; readonly graceMs: number };

/** What a watch works with. */
export interface WatchContext {
  readonly host: Host;
  readonly configs: ConfigSource<Watched>;
  readonly control: WatchControl;
  /** Kept up to date while a run goes. */
  readonly progress: Progress;
  /** Makes those who are told about one run; they are closed after it. */
  readonly openReporters: (watched: Watched) => readonly Reporter[] | Promise<readonly Reporter[]>;
  readonly tell: (news: WatchNews) => void;
  /** Ends the watch. */
  readonly stop: AbortSignal;
  /** The exit code of a run that `stop` has broken off. */
  readonly interruptedExitCode: () => number;
  /** How long a run that is under way may go on after `stop`, in milliseconds. */
  readonly graceMs: number;
}

/** After trouble, the next pass is made this much later, in milliseconds. */
const TROUBLE_MS = 60_000;

/** Records are read again after this long: another program may have made a task due. */
const TRUST_MS = 10 * 60_000;

/**
 * Runs what is due, sleeps until more comes due, and follows the changes of the
 * config, until `stop` is aborted. There is never more than one run at a time.
 *
 * @throws {CronfetchError} The state of the first config cannot be opened. Later trouble is told,
 * and the watch goes on.
 */
export async function watchTasks(context: WatchContext): Promise<void> {
  const { host: { clock }, control, stop } = context;
  await using watch = await openWatch(context);
  while (!stop.aborted) {
    const until = await watch.pass();
    for (let last = clock.now(); !stop.aborted && !control.hasWish();) {
      const now = clock.now();
      if (isBefore(now, last)) {
        watch.clockWasPutBack();
        break;
      }
      if (await watch.reload() || !isBefore(now, until)) break;
      last = now;
      await sleep(sliceMs(until, now), context);
    }
  }
}

/** A watch between its passes. */
interface Watch extends AsyncDisposable {
  /** Runs what is due, and gives when to look again at the latest. */
  pass(): Promise<Temporal.Instant>;
  /** Follows a change of the config, and says whether there is something to look at. */
  reload(): Promise<boolean>;
  /** What was worked out by a later clock counts no more. */
  clockWasPutBack(): void;
}

async function openWatch(context: WatchContext): Promise<Watch> {
  const { host, configs, control, stop, tell } = context;
  const { clock } = host;
  let watched = configs.first;
  let news: "started" | "reloaded" | null = "started";
  const leftUntil = new Map<string, Temporal.Instant>();
  let lastWake: string | null = null;
  let lastTrouble: string | null = null;
  let running = false;
  let places: Places | null = null;

  const open = async (wanted: Watched): Promise<Places> => {
    const opened = await openPlaces(wanted.config, host);
    places = opened;
    const { state, openStore } = opened;
    tell({ kind: "opened", watched: wanted, state, openStore });
    return opened;
  };
  const close = async () => {
    const closing = places;
    places = null;
    if (closing) tell({ kind: "closed" });
    await closing?.[Symbol.asyncDispose]();
  };
  await open(watched);
  const tellStopping = () => {
    if (running) tell({ kind: "stopping", graceMs: context.graceMs });
  };
  const grace = graceAfter(stop, context.graceMs, host.timers, tellStopping);

  const tellTrouble = (error: CronfetchError | null) => {
    if (!error && lastTrouble !== null) tell({ kind: "recovered" });
    if (error && error.message !== lastTrouble) tell({ kind: "troubled", error });
    lastTrouble = error?.message ?? null;
  };

  const tellWaiting = (look: Look) => {
    const said = wakeText(look);
    if (said !== lastWake) tell({ kind: "waiting", wake: look.wake, at: look.at });
    lastWake = said;
  };

  const looked = (look: Look) => {
    if (news) {
      tell({ kind: news, watched, look });
      // Where nothing is due, that has said what is waited for.
      if (look.due === 0) lastWake = wakeText(look);
    }
    news = null;
    running = look.due > 0;
    if (stop.aborted) tellStopping();
  };

  const follow = async (next: Watched) => {
    if (!isSamePlace(next.config, watched.config)) {
      // Two configs may name one place by two names: the old one is closed first.
      await close();
      await open(next);
    }
    watched = next;
    news = "reloaded";
  };

  const makePass = async (): Promise<Temporal.Instant> => {
    const now = clock.now();
    for (const [task, until] of leftUntil) if (!isBefore(now, until)) leftUntil.delete(task);
    const { state, openStore } = places ?? await open(watched);
    const made = await runPass(
      { ...watched, wanted: control.take(), isPaused: control.isPaused, leftUntil },
      {
        host,
        state,
        progress: context.progress,
        signal: grace.signal,
        interruptedExitCode: context.interruptedExitCode,
        openStore,
        openReporters: () => context.openReporters(watched),
        looked,
      },
    );
    running = false;
    switch (made.kind) {
      case "failed":
        throw made.error;
      case "idle":
        tellTrouble(null);
        tellWaiting(made.look);
        return earlier(made.look.wake?.at ?? null, now.add({ milliseconds: TRUST_MS }));
      case "ran":
        tellTrouble(made.outcome.unsaved);
        if (made.overran.length > 0) tell({ kind: "overran", tasks: made.overran });
        for (const [task, until] of made.leftUntil) leftUntil.set(task, until);
        // More may have come due meanwhile.
        return clock.now();
      default:
        return made satisfies never;
    }
  };

  return {
    pass: async () => {
      try {
        return await makePass();
      } catch (error) {
        if (!(error instanceof CronfetchError)) throw error;
        tellTrouble(error);
        return clock.now().add({ milliseconds: TROUBLE_MS });
      }
    },
    reload: async () => {
      try {
        const next = await configs.changed(stop);
        if (next) await follow(next);
        return next !== null;
      } catch (error) {
        if (stop.aborted) return false;
        if (!(error instanceof CronfetchError)) throw error;
        tell({ kind: "refused", error });
        // What was closed for it is opened again by a pass.
        return places === null;
      }
    },
    clockWasPutBack: () => leftUntil.clear(),
    [Symbol.asyncDispose]: async () => {
      grace[Symbol.dispose]();
      await close();
    },
  };
}

/** Sleeps, unless a wish or the end comes first. */
async function sleep(
  durationMs: number,
  { host: { timers }, control, stop }: WatchContext,
): Promise<void> {
  // Either may have come during the look at the config.
  if (stop.aborted || control.hasWish()) return;
  const woken = new AbortController();
  const wake = () => woken.abort();
  const forget = control.onWish(wake);
  stop.addEventListener("abort", wake);
  try {
    await timers.sleep(durationMs, woken.signal);
  } catch (error) {
    if (!woken.signal.aborted) throw error;
  } finally {
    forget();
    stop.removeEventListener("abort", wake);
  }
}

function wakeText({ wake }: Look): string {
  return wake ? `${wake.at} ${wake.task}` : "";
}

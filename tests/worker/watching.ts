/** A watch on a manual clock, against servers that are functions. */

import type { ConfigInput } from "../../lib/config/input.ts";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Progress, RunEvent } from "../../lib/core/event.ts";
import { createControl, type WatchControl } from "../../lib/worker/control.ts";
import { openStorage, SharedStorage } from "../../lib/worker/storage.ts";
import { type WatchEvent, type WatchTarget, watchTasks } from "../../lib/worker/watch.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";

/** Answers a request. */
export type Answer = (
  path: string,
  signal: AbortSignal,
  host: TestHost,
) => Response | Promise<Response>;

/** Options of {@linkcode play}. */
export interface Play {
  /** When it starts, RFC 3339. */
  readonly from: string;
  /** When it is stopped; without it, the test stops it. */
  readonly until?: string;
  /** Actions during its sleep, by their times; once each. */
  readonly meanwhile?: Readonly<Record<string, (watch: Playing) => void>>;
  /** Default: every file is `x`. */
  readonly answer?: Answer;
  readonly graceMs?: number;
  readonly host?: TestHostOptions;
  /** Ids of the only tasks to consider. */
  readonly selected?: readonly string[];
}

/** A running watch. */
export interface Playing {
  readonly host: TestHost;
  readonly control: WatchControl;
  /** Each request, as `time path`, the time without its date's year and its seconds' fraction. */
  readonly requests: string[];
  readonly watchEvents: WatchEvent[];
  readonly events: RunEvent[];
  readonly progress: Progress;
  /** Number of checks whether the config has changed. */
  polls: number;
  /** Number of times its storage was opened. */
  openings: number;
  /** Replaces the config. A mistake in it is reported at the next check. */
  edit(config: ConfigInput): void;
  stop(): void;
  /** Fulfilled when it has ended. */
  readonly ended: Promise<void>;
}

/** The host name of all URLs. */
export const ORIGIN = "https://files.test";

/** A response with a file, streamed like that of a server. */
export function file(): Response {
  const body = new ReadableStream({
    type: "bytes",
    start(controller) {
      controller.enqueue(new TextEncoder().encode("x"));
      controller.close();
    },
  });
  return new Response(body, { headers: { "content-length": "1" } });
}

/** Starts a watch. By default, its sleeps take no real time. */
export async function play(config: ConfigInput, options: Play): Promise<Playing> {
  const host = testHost({
    now: options.from,
    timers: "manual",
    addresses: { "files.test": ["93.184.215.14"] },
    ...options.host,
  });
  const answer = options.answer ?? (() => file());
  const stopping = new AbortController();
  const until = options.until === undefined ? null : Temporal.Instant.from(options.until);
  const meanwhile = Object.entries(options.meanwhile ?? {})
    .map(([time, act]) => ({ at: Temporal.Instant.from(time), act }));
  const edits: ConfigInput[] = [];

  const load = async (input: ConfigInput): Promise<WatchTarget> => {
    const request = { at: host.clock.now() };
    const selected = options.selected === undefined ? null : new Set(options.selected);
    return { config: await loadValue({ store: "memory:", ...input }, request, host), selected };
  };

  const playing: Playing = {
    host,
    control: createControl(),
    requests: [],
    watchEvents: [],
    events: [],
    progress: { bytes: 0, running: new Map() },
    polls: 0,
    openings: 0,
    edit: (input) => void edits.push(input),
    stop: () => stopping.abort(new CronfetchError("cancelled", "interrupted by SIGTERM")),
    ended: Promise.resolve(),
  };

  const isReached = (instant: Temporal.Instant) =>
    Temporal.Instant.compare(instant, host.clock.now()) <= 0;
  const happen = () => {
    while (meanwhile[0] && isReached(meanwhile[0].at)) meanwhile.shift()?.act(playing);
    if (until && isReached(until)) playing.stop();
  };

  // All requests use the fetch below.
  const { connect: _connect, openHttp1: _openHttp1, ...hostWithout } = host;
  const world = {
    ...hostWithout,
    fetch: async (url: string, { signal }: RequestInit) => {
      const path = url.slice(ORIGIN.length);
      playing.requests.push(`${time(host.clock.now())} ${path}`);
      return await answer(path, signal ?? new AbortController().signal, host);
    },
    timers: {
      ...host.timers,
      sleep: async (durationMs: number, signal: AbortSignal) => {
        await host.timers.sleep(durationMs, signal);
        happen();
      },
    },
  };
  const first = await load(config);
  const storage = new SharedStorage(first.config, async (locations) => {
    const opened = await openStorage(locations, world);
    playing.openings++;
    return opened;
  });
  const watching = watchTasks({
    host: world,
    storage,
    configs: {
      first,
      changed: () => {
        playing.polls++;
        const edit = edits.shift();
        return Promise.try(() => edit ? load(edit) : null);
      },
    },
    control: playing.control,
    progress: playing.progress,
    openReporters: () => [{
      report: (event) => {
        // A busy loop should fail the test, not hang it.
        if (playing.events.push(event) > 10_000) playing.stop();
      },
      close: () => Promise.resolve(),
    }],
    emit: (event) => void playing.watchEvents.push(event),
    stop: stopping.signal,
    interruptedExitCode: () => 143,
    graceMs: options.graceMs ?? 30_000,
  });
  const ended = watching.finally(() => storage[Symbol.asyncDispose]());
  return Object.assign(playing, { ended });
}

/** Plays a watch to its end. */
export async function played(config: ConfigInput, options: Play): Promise<Playing> {
  const playing = await play(config, options);
  await playing.ended;
  return playing;
}

/** `03-29T01:00:00` of an instant. */
function time(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: "second" }).slice("2026-".length, -1);
}

/** The results, in order. */
export function results({ events }: Playing): string[] {
  return events.flatMap((event) =>
    event.type === "task.finished"
      ? [`${time(Temporal.Instant.from(event.time))} ${event.result.task} ${event.result.status}`]
      : []
  );
}

/** The events of a kind. */
export function watchEventsOf<Kind extends WatchEvent["kind"]>(
  { watchEvents }: Playing,
  kind: Kind,
): (WatchEvent & { readonly kind: Kind })[] {
  return watchEvents.filter((item): item is WatchEvent & { readonly kind: Kind } =>
    item.kind === kind
  );
}

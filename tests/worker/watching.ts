/** A watch on a clock of its own, against servers that are functions. */

import type { ConfigInput } from "../../lib/config/input.ts";
import { loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Progress, RunEvent } from "../../lib/core/event.ts";
import { createControl, type WatchControl } from "../../lib/worker/control.ts";
import { type Watched, type WatchNews, watchTasks } from "../../lib/worker/watch.ts";
import { type TestHost, testHost, type TestHostOptions } from "../helpers/host.ts";

/** What becomes of a request. */
export type Answer = (
  path: string,
  signal: AbortSignal,
  host: TestHost,
) => Response | Promise<Response>;

/** How a watch is played. */
export interface Play {
  /** When it starts, RFC 3339. */
  readonly from: string;
  /** When it is told to stop; without one, the test tells it. */
  readonly until?: string;
  /** Things that happen while it sleeps, by their times; once each. */
  readonly meanwhile?: Readonly<Record<string, (watch: Playing) => void>>;
  /** Default: every file is `x`. */
  readonly answer?: Answer;
  readonly graceMs?: number;
  readonly host?: TestHostOptions;
  /** Ids of the only tasks that count. */
  readonly asked?: readonly string[];
}

/** A watch that goes on. */
export interface Playing {
  readonly host: TestHost;
  readonly control: WatchControl;
  /** Each request, as `time path`, the time without its date's year and its seconds' fraction. */
  readonly requests: string[];
  readonly news: WatchNews[];
  readonly events: RunEvent[];
  readonly progress: Progress;
  /** Times it looked whether the config has changed. */
  polls: number;
  /** Puts another config there; wrong ones are told when they are looked at. */
  edit(config: ConfigInput): void;
  /** Tells it to stop. */
  stop(): void;
  /** Fulfilled when it has ended. */
  readonly ended: Promise<void>;
}

/** The host name of all URLs. */
export const ORIGIN = "https://files.test";

/** An answer with the file that each task is about, as a real server's comes. */
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

/** Starts a watch. Unless the host's options say otherwise, its sleeps take no real time. */
export function play(config: ConfigInput, options: Play): Playing {
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

  const load = (input: ConfigInput): Watched => {
    const request = { at: host.clock.now() };
    const asked = options.asked === undefined ? null : new Set(options.asked);
    return { config: loadValue({ store: "memory:", ...input }, request, host), asked };
  };

  const playing: Playing = {
    host,
    control: createControl(),
    requests: [],
    news: [],
    events: [],
    progress: { bytes: 0, running: new Map() },
    polls: 0,
    edit: (input) => void edits.push(input),
    stop: () => stopping.abort(new CronfetchError("cancelled", "interrupted by SIGTERM")),
    ended: Promise.resolve(),
  };

  const passes = (instant: Temporal.Instant) =>
    Temporal.Instant.compare(instant, host.clock.now()) <= 0;
  const happen = () => {
    while (meanwhile[0] && passes(meanwhile[0].at)) meanwhile.shift()?.act(playing);
    if (until && passes(until)) playing.stop();
  };

  // Everything is to come by the fetch below.
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
  const ended = watchTasks({
    host: world,
    configs: {
      first: load(config),
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
        // One that spins is to fail a test, not to stop it.
        if (playing.events.push(event) > 10_000) playing.stop();
      },
      close: () => Promise.resolve(),
    }],
    tell: (news) => void playing.news.push(news),
    stop: stopping.signal,
    interruptedExitCode: () => 143,
    graceMs: options.graceMs ?? 30_000,
  });
  return Object.assign(playing, { ended });
}

/** Plays a watch to its end. */
export async function played(config: ConfigInput, options: Play): Promise<Playing> {
  const playing = play(config, options);
  await playing.ended;
  return playing;
}

/** `03-29T01:00:00` of an instant. */
function time(instant: Temporal.Instant): string {
  return instant.toString({ smallestUnit: "second" }).slice("2026-".length, -1);
}

/** What became of each task, in order. */
export function results({ events }: Playing): string[] {
  return events.flatMap((event) =>
    event.type === "task.finished"
      ? [`${time(Temporal.Instant.from(event.time))} ${event.result.task} ${event.result.status}`]
      : []
  );
}

/** The news of a kind. */
export function newsOf<Kind extends WatchNews["kind"]>(
  { news }: Playing,
  kind: Kind,
): (WatchNews & { readonly kind: Kind })[] {
  return news.filter((item): item is WatchNews & { readonly kind: Kind } => item.kind === kind);
}

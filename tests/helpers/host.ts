/** A {@linkcode Host} for tests: the world is an argument, and so is its time. */

import type { Connect, Fetch, FetchClient, Host, Output, StopSignal } from "../../lib/core/host.ts";
import { listen } from "../../lib/host.ts";
import { NO_TELEMETRY, type Telemetry } from "../../lib/core/telemetry.ts";
import { testOutput } from "./output.ts";
import type { TestOutput } from "./output.ts";
import { testTime } from "./time.ts";
import type { TestTime } from "./time.ts";

/** What a {@linkcode TestHost} is made of; every part has a harmless default. */
export interface TestHostOptions {
  /** Default: the real one. */
  readonly fetch?: Fetch;
  /**
   * Default: the real one; but none where `fetch` is given, or where `CRONFETCH_TEST_TRANSPORT` is
   * `fetch` in the environment of the tests.
   */
  readonly connect?: Connect;
  /** Wall time at the start, RFC 3339. Default `2026-01-15T12:00:00Z`, a Thursday. */
  readonly now?: string;
  /**
   * `instant` (the default): a sleep is recorded, moves the clock and ends at
   * once. `manual`: it ends when the clock is advanced so far.
   */
  readonly sleep?: "instant" | "manual";
  /**
   * `real` (the default): `timers.after` waits in real time, for the timeouts of
   * real connections, and the monotonic clock runs on. `manual`: it calls back
   * when the clock is advanced so far, and nothing else moves the clock.
   */
  readonly timers?: "real" | "manual";
  /** Seed of the generator (default 1), or the fractions to give, over and over. */
  readonly random?: number | readonly number[];
  /** Environment variables. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `/`. */
  readonly cwd?: string;
  /** What standard input holds. Default: nothing. */
  readonly stdin?: string;
  /** Exit code of every program that is run. Default: 0. */
  readonly exitCode?: number;
  /** Files that cannot be written. Default: none. */
  readonly unwritable?: readonly string[];
  /** Default: nobody traces or measures. */
  readonly telemetry?: Telemetry;
  /** Addresses by host name, besides `localhost` and addresses themselves. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

/** A host whose time moves on demand and whose output is kept. */
export interface TestHost extends Host, TestTime {
  readonly stdout: Output & TestOutput;
  readonly stderr: Output & TestOutput;
  /** Every program that was run, with its input. None is really run; all end with `exitCode`. */
  readonly executed: { readonly command: readonly string[]; readonly input: string }[];
  /** What `appendFile` and `replaceFile` have written, by path. No disk is touched. */
  readonly files: Map<string, string>;
  /** Delivers a signal to whoever listens now, and gives how many did. */
  raise(signal: StopSignal): number;
}

/** Thrown by `host.exit`, where the real one would end the process. */
export class ExitCalled extends Error {
  override readonly name = "ExitCalled";
  /** The exit code. */
  readonly code: number;

  /** Records an exit with `code`. */
  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/**
 * Makes a host. Names from `random.name()` count up and differ between all
 * hosts of the process, so that two hosts may share a folder.
 */
export function testHost(options: TestHostOptions = {}): TestHost {
  const time = testTime({
    now: options.now ?? "2026-01-15T12:00:00Z",
    sleep: options.sleep ?? "instant",
    timers: options.timers ?? "real",
  });
  const env = options.env ?? {};
  const listeners: Record<StopSignal, Set<() => void>> = { SIGINT: new Set(), SIGTERM: new Set() };
  const executed: TestHost["executed"] = [];
  const files: TestHost["files"] = new Map();
  const put = (path: string, text: string): Promise<void> => {
    if (options.unwritable?.includes(path)) {
      return Promise.reject(new Deno.errors.PermissionDenied(`${path} is unwritable in this test`));
    }
    files.set(path, text);
    return Promise.resolve();
  };
  const connect = options.connect ?? (options.fetch || BY_FETCH ? undefined : connectReally);
  return {
    ...time,
    ...(connect ? { connect } : {}),
    ...(options.fetch || BY_FETCH ? {} : { openHttp1 }),
    executed,
    files,
    appendFile: (path, text) => put(path, (files.get(path) ?? "") + text),
    fileSize: (path) => Promise.resolve(new TextEncoder().encode(files.get(path) ?? "").length),
    replaceFile: put,
    execute: (command, input) => {
      executed.push({ command, input });
      return Promise.resolve(options.exitCode ?? 0);
    },
    listen,
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    random: { fraction: fractions(options.random ?? 1), name: names() },
    stdout: testOutput(),
    stderr: testOutput(),
    env: (name) => Object.hasOwn(env, name) ? env[name] : undefined,
    cwd: () => options.cwd ?? "/",
    readStdin: (maxBytes) => {
      const { stdin = "" } = options;
      return Promise.resolve(stdin.length > maxBytes ? null : stdin);
    },
    resolve: (hostname) => resolve(hostname, options.addresses ?? {}),
    onSignal(signal, callback) {
      // A wrapper of its own lets one callback listen twice, as with real signals.
      const listener = (): void => callback();
      listeners[signal].add(listener);
      return () => void listeners[signal].delete(listener);
    },
    raise(signal) {
      const called = [...listeners[signal]];
      for (const listener of called) listener();
      return called.length;
    },
    telemetry: () => Promise.resolve(options.telemetry ?? NO_TELEMETRY),
    exit(code) {
      throw new ExitCalled(code);
    },
  };
}

/** Whether everything is requested by `fetch`. */
export const BY_FETCH: boolean = Deno.env.get("CRONFETCH_TEST_TRANSPORT") === "fetch";

/** As `lib/host.ts` has it. */
function openHttp1(): FetchClient {
  const client = Deno.createHttpClient({ http2: false });
  return {
    fetch: (url, init) => fetch(url, { ...init, client }),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Deno's own, as `lib/host.ts` has it. */
export function connectReally(
  ...[hostname, port, signal]: Parameters<Connect>
): ReturnType<Connect> {
  return Deno.connect({ hostname, port, signal });
}

function fractions(source: number | readonly number[]): () => number {
  if (typeof source === "number") return mulberry32(source);
  let next = 0;
  return () => {
    const fraction = source[next++ % source.length];
    if (fraction === undefined) throw new Error("the list of random fractions is empty");
    return fraction;
  };
}

/** A small generator (mulberry32): even enough for jitter, the same on every machine. */
function mulberry32(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

let hosts = 0;

function names(): () => string {
  const prefix = (++hosts).toString(16).padStart(8, "0");
  let count = 0;
  return () => prefix + (++count).toString(16).padStart(24, "0");
}

const ADDRESS = /^(?:[0-9.]+|\[?[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\]?)$/;

function resolve(
  hostname: string,
  addresses: Readonly<Record<string, readonly string[]>>,
): Promise<readonly string[]> {
  const known = addresses[hostname];
  if (known !== undefined) return Promise.resolve(known);
  if (hostname === "localhost") return Promise.resolve(["127.0.0.1"]);
  if (ADDRESS.test(hostname)) return Promise.resolve([hostname.replace(/^\[|\]$/g, "")]);
  return Promise.reject(new Deno.errors.NotFound(`no address for ${hostname} in this test`));
}

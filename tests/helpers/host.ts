/** A {@linkcode Host} for tests, with a controlled clock. */

import type {
  ClientConnection,
  Connect,
  ConnectTls,
  Fetch,
  FetchClient,
  FetchOptions,
  Host,
  Output,
  StopSignal,
  TcpConnection,
  TlsOptions,
} from "../../lib/core/host.ts";
import {
  connect as connectTcp,
  connectTls as connectByTls,
  listen,
  openHttp1 as openHttp1Client,
} from "../../lib/host.ts";
import { NO_TELEMETRY, type Telemetry } from "../../lib/core/telemetry.ts";
import { testOutput } from "./output.ts";
import type { TestOutput } from "./output.ts";
import { testTime } from "./time.ts";
import type { TestTime } from "./time.ts";
import { AUTHORITY, BY_FETCH } from "./transport.ts";

/** Options of {@linkcode testHost}. */
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
   * `instant` (the default): a sleep is recorded, advances the clock and ends immediately. `manual`:
   * it ends when the clock is advanced to its end.
   */
  readonly sleep?: "instant" | "manual";
  /**
   * `real` (the default): `timers.after` waits in real time, for timeouts of real connections, and
   * the monotonic clock advances. `manual`: it calls back when the clock is advanced to its time.
   */
  readonly timers?: "real" | "manual";
  /** Seed of the generator (default 1), or the fractions to return cyclically. */
  readonly random?: number | readonly number[];
  /** Environment variables. Default: none. */
  readonly env?: Readonly<Record<string, string>>;
  /** Default `/`. */
  readonly cwd?: string;
  /** Content of standard input. Default: empty. */
  readonly stdin?: string;
  /** Exit code of every program that is run. Default: 0. */
  readonly exitCode?: number | ((execution: number) => number);
  /** Files that cannot be written. Default: none. */
  readonly unwritable?: readonly string[];
  /** Default: no telemetry. */
  readonly telemetry?: Telemetry;
  /** Addresses by host name, besides `localhost` and addresses themselves. */
  readonly addresses?: Readonly<Record<string, readonly string[]>>;
}

/** A host with a controlled clock and recorded output. */
export interface TestHost extends Host, TestTime {
  readonly stdout: Output & TestOutput;
  readonly stderr: Output & TestOutput;
  /** Executed programs with their input. None is started; all have the exit code `exitCode`. */
  readonly executed: {
    readonly command: readonly string[];
    readonly input: string;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string>>;
  }[];
  /** Texts of `appendFile` and `replaceFile` by path; nothing is written to disk. */
  readonly files: Map<string, string>;
  /** Delivers a signal to its listeners and returns their number. */
  raise(signal: StopSignal): number;
}

/** Thrown by `host.exit` instead of ending the process. */
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
 * Creates a host. Names from `random.name()` are unique in the process, so that hosts can share a
 * folder.
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
    ...(connect ? { connect, connectTls } : {}),
    ...(options.fetch ? {} : { openHttp1 }),
    executed,
    files,
    appendFile: (path, text) => put(path, (files.get(path) ?? "") + text),
    fileSize: (path) => Promise.resolve(new TextEncoder().encode(files.get(path) ?? "").length),
    replaceFile: put,
    execute: async (command, input, _signal, { cwd, env } = {}) => {
      const pieces = typeof input === "string" ? input : ReadableStream.from(input);
      executed.push({
        command,
        input: await new Response(pieces).text(),
        ...(cwd !== undefined && { cwd }),
        ...(env && { env }),
      });
      const { exitCode = 0 } = options;
      return typeof exitCode === "number" ? exitCode : exitCode(executed.length);
    },
    listen,
    fetch: options.fetch ?? fetchReally,
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
      // A wrapper allows to add a callback twice, as with real signals.
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

/** Like `lib/host.ts`, and trusts the authority of the tests. */
function openHttp1(options: FetchOptions): FetchClient {
  return openHttp1Client({ ...options, caCerts: [...options.caCerts, AUTHORITY] });
}

// Outside of tests, which may not leave a client open.
const client = Deno.createHttpClient({ caCerts: [AUTHORITY] });

/** The real fetch, which trusts the authority of the tests. */
export function fetchReally(url: string, init: RequestInit): Promise<Response> {
  return fetch(url, { ...init, client });
}

/** Like `lib/host.ts`, and trusts the authority of the tests. */
export async function connectReally(
  ...target: Parameters<Connect>
): Promise<ClientConnection> {
  const tcp = await connectTcp(...target);
  const { startTls } = tcp;
  return Object.assign(tcp, {
    startTls: (options: TlsOptions, signal: AbortSignal) =>
      startTls({ ...options, caCerts: [...options.caCerts, AUTHORITY] }, signal),
  });
}

/** Like `lib/host.ts`, and trusts the authority of the tests. */
function connectTls(...[port, options, signal]: Parameters<ConnectTls>): ReturnType<ConnectTls> {
  return connectByTls(port, { ...options, caCerts: [...options.caCerts, AUTHORITY] }, signal);
}

/** A simulated connection, on which TLS cannot be started. */
export function withoutTls(tcp: TcpConnection): ClientConnection {
  return { ...tcp, startTls: () => Promise.reject(new Error("no TLS in this test")) };
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

/** A small deterministic generator (mulberry32), sufficient for jitter. */
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

/** Host: the outside world as arguments. The real one is made in `lib/host.ts`. */

import type { Telemetry } from "./telemetry.ts";

/** The signals a run listens to. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** Time, in its two kinds. */
export interface Clock {
  /** The wall clock, for people and for schedules. It may jump. */
  now(): Temporal.Instant;
  /** Milliseconds that only ever grow, for timeouts and durations. */
  monotonicMs(): number;
}

/** Waiting. */
export interface Timers {
  /** Resolves after `durationMs`; rejects with the signal's reason once that is aborted. */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
  /** Calls back once after `durationMs`, unless the returned function was called before. */
  after(durationMs: number, callback: () => void): () => void;
}

/** Chance. */
export interface Random {
  /** Uniform in [0, 1). */
  fraction(): number;
  /** A name nobody can guess: 128 bits, lower-case hexadecimal. */
  name(): string;
}

/** A stream of text for people or programs. */
export interface Output {
  /**
   * Queues text, which is written in order without blocking. Returns false once the text is
   * discarded because the reader has closed the stream or has stopped reading.
   */
  write(text: string): boolean;
  /** Null while there is room in the queue, else a promise of room; it never rejects. */
  ready(): Promise<void> | null;
  /**
   * Waits until the queued text is written, or the reader has closed the stream.
   *
   * @param patienceMs How long to wait without any progress before the rest is discarded.
   * @param signal Discards the rest at once when aborted.
   * @returns False if text was discarded because the reader has stopped reading.
   */
  end(patienceMs: number, signal: AbortSignal): Promise<boolean>;
  /** Whether a person looks at it. */
  isTerminal(): boolean;
  /** Width in characters; 80 where unknown. */
  columns(): number;
}

/** `fetch`, as far as it is used here. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** A `fetch` with connections of its own. Disposing of it closes them. */
export interface FetchClient extends Disposable {
  /** Asks servers until then. */
  readonly fetch: Fetch;
}

/** A TCP connection, as far as it is used here. `Deno.TcpConn` is one. */
export interface TcpConnection {
  /** The other end; its host name is an address. */
  readonly remoteAddr: { readonly hostname: string };
  /** Puts what comes next into a buffer, and gives how many bytes; null at the end. */
  read(into: Uint8Array): Promise<number | null>;
  /** Sends bytes, or the first of them, and gives how many. */
  write(bytes: Uint8Array): Promise<number>;
  /** Ends the connection; what is under way is rejected. */
  close(): void;
}

/** A connection that a client has opened. `Deno.TcpConn` is one. */
export interface ServerConnection extends TcpConnection {
  /** Ends the direction to the client; what it still sends can be read. */
  closeWrite(): Promise<void>;
}

/** A port that clients connect to. */
export interface Listener {
  /** The address, with the port that was chosen. */
  readonly addr: { readonly hostname: string; readonly port: number };
  /** The next connection. A rejection, e.g. for want of file handles, concerns this call alone. */
  accept(): Promise<ServerConnection>;
  /** Stops listening; a pending `accept` is rejected. */
  close(): void;
}

/**
 * Connects to a port of a host name or an address, whichever address of the name is alive.
 * Rejects with the signal's reason once that is aborted.
 */
export type Connect = (
  hostname: string,
  port: number,
  signal: AbortSignal,
) => Promise<TcpConnection>;

/** Everything that reaches out of the program, but for the stores and states. */
export interface Host {
  /** Asks servers. */
  readonly fetch: Fetch;
  /**
   * Opens a `fetch` that speaks HTTP/1.1 alone, so that each request under way has a connection
   * of its own. Without it, `fetch` is asked.
   */
  readonly openHttp1?: () => FetchClient;
  /** Connects to servers. Without it, `fetch` is asked for everything. */
  readonly connect?: Connect;
  /** Listens on a port, 0 for any that is free. */
  readonly listen: (hostname: string, port: number) => Listener;
  /** Tells the time. */
  readonly clock: Clock;
  /** Waits. */
  readonly timers: Timers;
  /** Rolls the dice. */
  readonly random: Random;
  /** Text for programs. */
  readonly stdout: Output;
  /** Text for people. */
  readonly stderr: Output;
  /** Value of an environment variable. */
  env(name: string): string | undefined;
  /** The folder the program was started in, absolute. */
  cwd(): string;
  /** All of standard input, as text; null if it has more bytes than that. */
  readStdin(maxBytes: number): Promise<string | null>;
  /** Adds text to the end of a file, which is made where it is missing. */
  appendFile(path: string, text: string): Promise<void>;
  /** Size of a file in bytes; 0 where there is none. */
  fileSize(path: string): Promise<number>;
  /** Puts a text in the place of a file, or where none is, in one step. */
  replaceFile(path: string, text: string): Promise<void>;
  /**
   * Addresses of a host name, for the egress rule where a connection cannot be judged.
   *
   * @throws `Deno.errors.NotFound`, or an error with a code such as `ENOTFOUND`, for a name without.
   */
  resolve(hostname: string): Promise<readonly string[]>;
  /**
   * Runs a program with text on its standard input; what it prints is thrown away.
   *
   * @returns Its exit code.
   * @throws Where it cannot be started. Once the signal is aborted, it is ended.
   */
  execute(
    command: readonly [string, ...string[]],
    input: string,
    signal: AbortSignal,
  ): Promise<number>;
  /** Calls back at each arrival of a signal, until the returned function is called. */
  onSignal(signal: StopSignal, callback: () => void): () => void;
  /** Where runs are traced and measured. What it needs is loaded only where somebody listens. */
  telemetry(): Promise<Telemetry>;
  /** Ends the process at once. */
  exit(code: number): never;
}

/** What a platform offers that keeps no program running, but calls it when there is something. */
export interface Platform {
  /**
   * Asks to be called on a schedule. There is no second try of a call that fails.
   *
   * @param schedule Five fields, in UTC, as Deno reads them.
   * @param handler Never rejects.
   * @throws Where the platform does not take it.
   */
  cron(name: string, schedule: string, handler: () => Promise<void>): void;
  /**
   * Answers requests from now on, at an address that the platform chooses.
   *
   * @param listening Told the URL, where it is one of a network.
   */
  serve(
    handler: (request: Request) => Promise<Response>,
    listening: (url: string) => void,
  ): void;
}

/** Host: the outside world as arguments. The real one is made in `lib/host.ts`. */

import type { Telemetry } from "./telemetry.ts";

/** Signals that stop a run. */
export type StopSignal = "SIGINT" | "SIGTERM";

/** The wall clock and the monotonic clock. */
export interface Clock {
  /**
   * Reads the wall clock, for schedules and output.
   *
   * @returns The time; it may jump.
   */
  now(): Temporal.Instant;
  /**
   * Reads the monotonic clock, for timeouts and durations.
   *
   * @returns Milliseconds since any instant; they never decrease.
   */
  monotonicMs(): number;
}

/** Timers. */
export interface Timers {
  /**
   * Waits.
   *
   * @param durationMs Milliseconds.
   * @param signal Ends the wait.
   * @throws The signal's reason, once it is aborted.
   */
  sleep(durationMs: number, signal: AbortSignal): Promise<void>;
  /**
   * Calls back once.
   *
   * @param durationMs Milliseconds until the call.
   * @param callback Must not throw.
   * @returns Cancels the call.
   */
  after(durationMs: number, callback: () => void): () => void;
}

/** Random numbers and names. */
export interface Random {
  /**
   * Draws a number.
   *
   * @returns Uniform in [0, 1).
   */
  fraction(): number;
  /**
   * Draws an unguessable name.
   *
   * @returns 128 random bits in lower-case hexadecimal.
   */
  name(): string;
}

/** A text stream: standard output or standard error. */
export interface Output {
  /**
   * Queues text, which is written in order without blocking.
   *
   * @param text Any text; no line break is added.
   * @returns False if the text is discarded, as the reader has closed the stream or stopped reading.
   */
  write(text: string): boolean;
  /**
   * Reports whether the queue is full.
   *
   * @returns Null while there is room, else a promise of room; it never rejects.
   */
  ready(): Promise<void> | null;
  /**
   * Waits until the queued text is written, or the reader has closed the stream.
   *
   * @param patienceMs How long to wait without any progress before the rest is discarded.
   * @param signal Discards the rest at once when aborted.
   * @returns False if text was discarded because the reader has stopped reading.
   */
  end(patienceMs: number, signal: AbortSignal): Promise<boolean>;
  /** Whether the stream is a terminal. */
  isTerminal(): boolean;
  /**
   * Reads the width of the terminal.
   *
   * @returns Characters; 80 if it is unknown.
   */
  columns(): number;
}

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How the connections of a {@linkcode FetchClient} are opened. */
export interface FetchOptions {
  /** URL of a proxy, perhaps with userinfo; null to use that of the environment. */
  readonly proxy: string | null;
  /** PEM texts of authorities that are trusted in addition to those of Deno. */
  readonly caCerts: readonly string[];
  /** The certificate of the client, or null. */
  readonly identity: ClientIdentity | null;
}

/** A `fetch` with its own connections. Disposal closes them. */
export interface FetchClient extends Disposable {
  /** Usable until disposal. */
  readonly fetch: Fetch;
}

/** A TCP connection. `Deno.TcpConn` implements it. */
export interface TcpConnection {
  /** The peer; its host name is an IP address. */
  readonly remoteAddr: { readonly hostname: string };
  /**
   * Reads into a buffer.
   *
   * @param into At least one byte long.
   * @returns The number of bytes read, or null at the end.
   */
  read(into: Uint8Array): Promise<number | null>;
  /**
   * Writes at least one byte.
   *
   * @param bytes At least one.
   * @returns The number of bytes written.
   */
  write(bytes: Uint8Array): Promise<number>;
  /** Closes the connection; pending calls are rejected. */
  close(): void;
}

/** How TLS is started on a connection. */
export interface TlsOptions {
  /** The name that the certificate must be valid for; a DNS name is sent to the server (SNI). */
  readonly hostname: string;
  /** PEM texts of authorities that are trusted in addition to those of Deno. */
  readonly caCerts: readonly string[];
}

/** A connection to a server, in clear text. */
export interface ClientConnection extends TcpConnection {
  /**
   * Starts TLS, and offers only HTTP/1.1 (ALPN, RFC 7301). The connection is used up: it is closed
   * by the returned one, or after a failure.
   *
   * @param signal Aborts the handshake.
   * @returns The encrypted connection after its handshake.
   * @throws The signal's reason once it is aborted, or the error of Deno's TLS library.
   */
  startTls(options: TlsOptions, signal: AbortSignal): Promise<TcpConnection>;
}

/** A certificate and its private key, as PEM texts. */
export interface ClientIdentity {
  /** The certificate, perhaps with a chain. */
  readonly cert: string;
  /** Its private key. */
  readonly key: string;
}

/**
 * Connects with TLS and a client certificate, and offers only HTTP/1.1.
 *
 * @param port From 1 to 65535.
 * @param options The name is also the one that is resolved.
 * @param signal Aborts connecting.
 * @returns The connection after its handshake, for the caller to close.
 * @throws The signal's reason once it is aborted, or the error of Deno.
 */
export type ConnectTls = (
  port: number,
  options: TlsOptions & ClientIdentity,
  signal: AbortSignal,
) => Promise<TcpConnection>;

/** A connection that a client opened. `Deno.TcpConn` implements it. */
export interface ServerConnection extends TcpConnection {
  /** Shuts down the sending direction; the client's bytes can still be read. */
  closeWrite(): Promise<void>;
}

/** A listening socket. */
export interface Listener {
  /** The address, with the actual port. */
  readonly addr: { readonly hostname: string; readonly port: number };
  /**
   * Waits for the next connection.
   *
   * @returns The connection, for the caller to close.
   * @throws An error of the operating system, e.g. too many open files. It can be called again.
   */
  accept(): Promise<ServerConnection>;
  /** Stops listening; a pending `accept` is rejected. */
  close(): void;
}

/**
 * Connects to a port of a host name, at any of its addresses, or of an address.
 *
 * @param hostname Name or IP address.
 * @param port From 1 to 65535.
 * @param signal Aborts connecting.
 * @returns The connection, for the caller to close.
 * @throws The signal's reason once it is aborted, or the error of the operating system.
 */
export type Connect = (
  hostname: string,
  port: number,
  signal: AbortSignal,
) => Promise<ClientConnection>;

/** All effects of the program, except those of stores and states. */
export interface Host {
  /** Sends requests. */
  readonly fetch: Fetch;
  /**
   * Opens a `fetch` limited to HTTP/1.1, so that each pending request has its own connection. If
   * absent, `fetch` is used, with the proxy and the certificates of the environment only.
   */
  readonly openHttp1?: (options: FetchOptions) => FetchClient;
  /** Opens TCP connections. If absent, all requests use `fetch`. */
  readonly connect?: Connect;
  /** Opens TLS connections with a client certificate. If absent, those requests use `fetch`. */
  readonly connectTls?: ConnectTls;
  /** Listens on a port; 0 chooses a free one. */
  readonly listen: (hostname: string, port: number) => Listener;
  /** Opens threads. If absent, a run has only one. */
  readonly openThread?: OpenThread;
  /** The time. */
  readonly clock: Clock;
  /** The timers. */
  readonly timers: Timers;
  /** The random source. */
  readonly random: Random;
  /** Requested output and events. */
  readonly stdout: Output;
  /** Progress, logs and errors. */
  readonly stderr: Output;
  /**
   * Reads an environment variable.
   *
   * @param name Of the variable.
   * @returns Its value; undefined if it is not set.
   */
  env(name: string): string | undefined;
  /**
   * Returns the working directory.
   *
   * @returns An absolute path.
   */
  cwd(): string;
  /**
   * Reads standard input to its end.
   *
   * @param maxBytes Maximum size in bytes.
   * @returns The text; null if it is larger.
   */
  readStdin(maxBytes: number): Promise<string | null>;
  /**
   * Appends text to a file, which is created if it is missing.
   *
   * @param path Absolute, or relative to the working directory.
   * @param text Appended as UTF-8.
   * @throws The error of the operating system.
   */
  appendFile(path: string, text: string): Promise<void>;
  /**
   * Reads the size of a file.
   *
   * @param path Absolute, or relative to the working directory.
   * @returns Bytes; 0 if the file is missing.
   * @throws The error of the operating system.
   */
  fileSize(path: string): Promise<number>;
  /**
   * Creates or replaces a file atomically.
   *
   * @param path Absolute, or relative to the working directory.
   * @param text The whole content, written as UTF-8.
   * @throws The error of the operating system.
   */
  replaceFile(path: string, text: string): Promise<void>;
  /**
   * Resolves a host name, for the egress policy if the connected address is unknown.
   *
   * @param hostname Name to resolve.
   * @returns Its IP addresses.
   * @throws `Deno.errors.NotFound` or an error with a code such as `ENOTFOUND`: no address.
   */
  resolve(hostname: string): Promise<readonly string[]>;
  /**
   * Runs a program. A program need not read its standard input.
   *
   * @param command The program and its arguments.
   * @param input Its standard input.
   * @param signal Kills the program.
   * @param options Its surroundings, and its output. Default: those of this process, and discarded.
   * @returns Its exit code.
   * @throws If it cannot be started; what `input` or `options.stdout` throws, once it is killed.
   */
  execute(
    command: readonly [string, ...string[]],
    input: string | AsyncIterable<Uint8Array<ArrayBuffer>>,
    signal: AbortSignal,
    options?: ExecuteOptions,
  ): Promise<number>;
  /**
   * Calls back for each signal.
   *
   * @param signal The kind of signal.
   * @param callback Must not throw.
   * @returns Stops the calls.
   */
  onSignal(signal: StopSignal, callback: () => void): () => void;
  /**
   * Opens spans and metrics. OpenTelemetry is loaded only if a provider is registered.
   *
   * @returns `NO_TELEMETRY` without a provider.
   */
  telemetry(): Promise<Telemetry>;
  /**
   * Ends the process immediately.
   *
   * @param code Its exit code.
   */
  exit(code: number): never;
}

/** Another thread of this process. Messages are copied by the structured clone algorithm. */
export interface Thread {
  /**
   * Sends a message to the thread.
   *
   * @param message Data without functions and classes.
   */
  send(message: unknown): void;
  /** Ends the thread immediately. */
  close(): void;
}

/**
 * Opens a thread that executes parts of a run.
 *
 * @param receive Receives its messages.
 * @param fail Called with an error that the thread has not caught; it has ended then.
 * @returns The thread, for the caller to close.
 */
export type OpenThread = (
  receive: (message: unknown) => void,
  fail: (error: Error) => void,
) => Promise<Thread>;

/** Options of {@linkcode Host.execute}. */
export interface ExecuteOptions {
  /** Its working directory. Default: that of this process. */
  readonly cwd?: string;
  /** All its environment variables. Default: those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** Receives the pieces of its standard output; each is awaited. Default: it is discarded. */
  readonly stdout?: (piece: Uint8Array<ArrayBuffer>) => Promise<void>;
  /** Receives the pieces of its standard error. Default: it is discarded. */
  readonly stderr?: (piece: Uint8Array<ArrayBuffer>) => void;
}

/** A platform that starts instances on demand and calls them, such as Deno Deploy. */
export interface Platform {
  /**
   * Registers a cron. A failed call is not repeated.
   *
   * @param schedule Five fields, in UTC, in Deno's syntax.
   * @param handler Never rejects.
   * @throws If the platform rejects the schedule.
   */
  cron(name: string, schedule: string, handler: () => Promise<void>): void;
  /**
   * Serves requests at an address that the platform chooses.
   *
   * @param listening Called with the URL of a TCP address.
   */
  serve(
    handler: (request: Request) => Promise<Response>,
    listening: (url: string) => void,
  ): void;
}

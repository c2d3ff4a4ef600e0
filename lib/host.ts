/** The real host: the only file that uses fetch, sockets, clocks, timers, random, env and signals. */

import { abortable, delay } from "@std/async";
import type {
  ClientConnection,
  Connect,
  ConnectTls,
  ExecuteOptions,
  FetchClient,
  FetchOptions,
  Host,
  Listener,
  Platform,
  StopSignal,
  TcpConnection,
  Timers,
  TlsOptions,
} from "./core/host.ts";
import { queuedOutput } from "./core/queued_output.ts";
import { readTextAtMost } from "./core/text.ts";
import { NO_TELEMETRY } from "./core/telemetry.ts";

/**
 * The host of this process. Nothing is opened or read until it is used.
 *
 * @returns A host whose `fetch`, clock and streams are those of this process.
 */
export function realHost(): Host {
  return {
    fetch: (url, init) => fetch(url, init),
    // Deno Deploy has no HTTP clients.
    ...(typeof Deno.createHttpClient === "function" ? { openHttp1 } : {}),
    connect,
    connectTls,
    listen,
    clock: {
      now: () => Temporal.Now.instant(),
      monotonicMs: () => performance.now(),
    },
    timers,
    random: {
      fraction: () => Math.random(),
      name: () => crypto.randomUUID().replaceAll("-", ""),
    },
    ...outputs(timers),
    env: (name) => Deno.env.get(name),
    cwd: () => Deno.cwd(),
    readStdin: (maxBytes) => readTextAtMost(Deno.stdin, maxBytes),
    appendFile: (path, text) => Deno.writeTextFile(path, text, { append: true }),
    fileSize: async (path) => {
      try {
        return (await Deno.stat(path)).size;
      } catch (error) {
        if (error instanceof Deno.errors.NotFound) return 0;
        throw error;
      }
    },
    replaceFile,
    // The system's resolver, which fetch uses too; it reads /etc/hosts.
    resolve: async (hostname) => {
      // Loaded on demand: most runs resolve no name here.
      const { lookup } = await import("node:dns/promises");
      return (await lookup(hostname, { all: true })).map((found) => found.address);
    },
    execute,
    onSignal: (signal, callback) => {
      const name = listenable(signal);
      Deno.addSignalListener(name, callback);
      return () => Deno.removeSignalListener(name, callback);
    },
    telemetry: async () =>
      isObserved() ? (await import("./telemetry.ts")).openTelemetry() : NO_TELEMETRY,
    exit: (code) => Deno.exit(code),
  };
}

/** How long standard error is read after the end of a program. */
const LATE_ERRORS_MS = 200;

async function execute(
  [program, ...args]: readonly [string, ...string[]],
  input: string | AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
  { cwd, env, stdout, stderr }: ExecuteOptions = {},
): Promise<number> {
  const isGroup = mayKillGroups();
  await using child = new Deno.Command(program, {
    args,
    // The leader of a new process group, with the programs that it starts.
    detached: isGroup,
    stdin: "piped",
    stdout: stdout ? "piped" : "null",
    stderr: stderr ? "piped" : "null",
    ...(cwd === undefined ? {} : { cwd }),
    ...(env && { env, clearEnv: true }),
  }).spawn();
  // A program that it has started may keep its streams open: they are not waited for then.
  const streamsEnd = new AbortController();
  // The signal option of Deno.Command sends SIGTERM, which the program may ignore.
  const end = () => {
    try {
      if (isGroup) Deno.kill(-child.pid, "SIGKILL");
      else child.kill("SIGKILL");
    } catch {
      // It has ended.
    }
    streamsEnd.abort();
  };
  signal.addEventListener("abort", end);
  if (signal.aborted) end();
  const pipe = { signal: streamsEnd.signal };
  const streams = [
    feed(child.stdin, input, streamsEnd.signal),
    stdout && child.stdout.pipeTo(new WritableStream({ write: stdout }), pipe),
  ];
  const errors = stderr &&
    child.stderr.pipeTo(new WritableStream({ write: stderr }), pipe).catch(() => {});
  try {
    await Promise.all(streams);
    const { code } = await child.status;
    // A job in the background may keep standard error open; what the program wrote arrives soon.
    await Promise.race([errors, timers.sleep(LATE_ERRORS_MS, pipe.signal)]);
    return code;
  } catch (error) {
    if (signal.aborted) return (await child.status).code;
    end();
    throw error;
  } finally {
    signal.removeEventListener("abort", end);
    streamsEnd.abort();
    await Promise.allSettled([...streams, errors]);
  }
}

/** Whether a program can be killed together with those that it has started. */
function mayKillGroups(): boolean {
  return Deno.build.os !== "windows" &&
    Deno.permissions.querySync({ name: "run" }).state === "granted";
}

/** Writes the input of a program, as far as it reads it. Rejects with what the input throws. */
async function feed(
  stdin: WritableStream<Uint8Array<ArrayBuffer>>,
  input: string | AsyncIterable<Uint8Array<ArrayBuffer>>,
  signal: AbortSignal,
): Promise<void> {
  const writer = stdin.getWriter();
  try {
    const pieces = typeof input === "string" ? [new TextEncoder().encode(input)] : input;
    for await (const piece of pieces) {
      const written = writer.write(piece).then(() => true, () => false);
      if (!await abortable(written, signal).catch(() => false)) return;
    }
  } finally {
    // A write that is in progress delays both; the first would wait for it.
    if (signal.aborted) writer.abort().catch(() => {});
    else await writer.close().catch(() => {});
  }
}

const timers: Timers = {
  sleep: async (durationMs, signal) => {
    signal.throwIfAborted();
    // 24 days instead of longer: the process does not live that long, or the caller checks again.
    await delay(Math.min(durationMs, LONGEST_TIMER_MS), { signal });
  },
  after: (durationMs, callback) => {
    const timer = setTimeout(callback, Math.min(durationMs, LONGEST_TIMER_MS));
    return () => clearTimeout(timer);
  },
};

/** Listens for TCP connections. */
export function listen(hostname: string, port: number): Listener {
  const listener = Deno.listen({ hostname, port });
  return { addr: listener.addr, accept: () => listener.accept(), close: () => listener.close() };
}

/** Only HTTP/1.1 is spoken over our connections. */
const ALPN_PROTOCOLS = ["http/1.1"];

/** Connects over TCP. Deno races the addresses of a name (RFC 8305). */
export async function connect(
  ...[hostname, port, signal]: Parameters<Connect>
): Promise<ClientConnection> {
  const tcp = await Deno.connect({ hostname, port, signal });
  return Object.assign(tcp, {
    startTls: async ({ hostname, caCerts }: TlsOptions, signal: AbortSignal) => {
      const options = { hostname, caCerts: [...caCerts], alpnProtocols: ALPN_PROTOCOLS };
      return await shakeHands(await Deno.startTls(tcp, options).catch(closing(tcp)), signal);
    },
  });
}

/** Rethrows an error of `Deno.startTls`, e.g. an unreadable DENO_CERT, which leaves `tcp` open. */
function closing(tcp: Deno.TcpConn): (error: unknown) => never {
  return (error) => {
    try {
      tcp.close();
    } catch {
      // It is used up already.
    }
    throw error;
  };
}

/** Connects over TLS with a client certificate, which `Deno.startTls` ignores. */
export async function connectTls(
  ...[port, { hostname, caCerts, cert, key }, signal]: Parameters<ConnectTls>
): Promise<TcpConnection> {
  const tls = { caCerts: [...caCerts], cert, key, alpnProtocols: ALPN_PROTOCOLS };
  const connecting = Deno.connectTls({ hostname, port, ...tls });
  try {
    return await shakeHands(await abortable(connecting, signal), signal);
  } catch (error) {
    // Deno.connectTls accepts no signal.
    if (signal.aborted) connecting.then((late) => late.close()).catch(() => {});
    throw error;
  }
}

/**
 * Completes the handshake, so that its errors are not those of a later read or write. A connection
 * that is closed during its handshake keeps its socket until the server ends it (Deno 2.9.6).
 */
async function shakeHands(connection: Deno.TlsConn, signal: AbortSignal): Promise<Deno.TlsConn> {
  try {
    await abortable(connection.handshake(), signal);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** Uses the proxies and certificates of the environment, in addition to those of `options`. */
export function openHttp1({ proxy, caCerts, identity }: FetchOptions): FetchClient {
  const client = Deno.createHttpClient({
    http2: false,
    caCerts: [...caCerts],
    ...(proxy === null ? {} : { proxy: { url: proxy } }),
    ...identity,
  });
  return {
    fetch: (url, init) => fetch(url, { ...init, client }),
    [Symbol.dispose]: () => client.close(),
  };
}

/** Deno Deploy; elsewhere, Deno's implementation of the same functions. */
export function realPlatform(): Platform {
  return {
    cron: (name, schedule, handler) => {
      // Deno repeats a failed call five times, Deno Deploy never does. The promise resolves at the
      // end of the cron, which never comes.
      void Deno.cron(name, schedule, { backoffSchedule: [] }, handler);
    },
    serve: (handler, listening) => {
      const onListen = ({ transport, hostname, port }: Deno.NetAddr) => {
        const name = hostname?.includes(":") ? `[${hostname}]` : hostname;
        if (transport === "tcp") listening(`http://${name}:${port}/`);
      };
      Deno.serve({ onListen }, handler);
    },
  };
}

/**
 * Whether an OpenTelemetry provider is registered: by Deno, with `OTEL_DENO=true`, or by the
 * program that uses this library. Every version 1 of the API registers by this name.
 */
function isObserved(): boolean {
  return Object.hasOwn(globalThis, Symbol.for("opentelemetry.js.api.1"));
}

/** Writes a temporary file, then renames it: readers see the old text or the new one. */
async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${crypto.randomUUID()}.new`;
  try {
    await Deno.writeTextFile(beside, text, { createNew: true });
    await Deno.rename(beside, path);
  } catch (error) {
    await Deno.remove(beside).catch(() => {});
    throw error;
  }
}

/** setTimeout has 31 bits; longer delays fire immediately. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Windows sends SIGBREAK instead of SIGTERM. */
function listenable(signal: StopSignal): Deno.Signal {
  return signal === "SIGTERM" && Deno.build.os === "windows" ? "SIGBREAK" : signal;
}

/** The standard streams. Neither blocks the event loop when its reader stops reading. */
function outputs(timers: Pick<Timers, "after">): Pick<Host, "stdout" | "stderr"> {
  const stderr = queuedOutput(Deno.stderr, { timers, columns });
  const onLost = () => {
    stderr.write("error: the reader of standard output has stopped; the rest of it is lost\n");
  };
  return { stdout: queuedOutput(Deno.stdout, { timers, columns, onLost }), stderr };
}

function columns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return 80;
  }
}

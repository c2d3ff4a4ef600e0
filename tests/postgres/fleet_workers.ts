/** Workers as processes, an origin of many hosts, and a proxy that can be cut. */

import { delay } from "@std/async";
import { fromFileUrl } from "@std/path";
import { MAIN } from "../helpers/program.ts";

/** An origin of many hosts, which are ports. */
export interface FleetOrigin extends AsyncDisposable {
  /** One per task. */
  readonly urls: readonly string[];
  /** Number of requests. */
  requests(): number;
  /** Largest number of requests in progress at one host. */
  mostConnections(): number;
  /** Resolves once there were so many requests. */
  reached(requests: number): Promise<void>;
}

/** Starts an origin. */
export function fleetOrigin(
  { hosts, tasksPerHost, delayMs }: {
    readonly hosts: number;
    readonly tasksPerHost: number;
    readonly delayMs: number;
  },
): FleetOrigin {
  let requests = 0;
  let most = 0;
  const stop = new AbortController();
  const servers = Array.from({ length: hosts }, () => {
    let active = 0;
    return Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, async (request) => {
      requests++;
      most = Math.max(most, ++active);
      await delay(delayMs, { signal: stop.signal }).catch(() => {});
      active--;
      return new Response(new URL(request.url).pathname);
    });
  });
  const urls = servers.flatMap(({ addr: { port } }) =>
    Array.from({ length: tasksPerHost }, (_, index) => `http://127.0.0.1:${port}/${index}.txt`)
  );
  return {
    urls,
    requests: () => requests,
    mostConnections: () => most,
    reached: async (count) => {
      while (requests < count) await delay(20);
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await Promise.all(servers.map((server) => server.shutdown()));
    },
  };
}

/** A worker process. Disposal kills it. */
export interface WorkerProcess extends AsyncDisposable {
  isRunning(): boolean;
  /** Resolves when it ends. */
  readonly exitCode: Promise<number>;
  send(signal: Deno.Signal): void;
  /** Sends SIGKILL, and waits. */
  kill(): Promise<void>;
  /** Resolves once standard error has a text. */
  logged(text: string): Promise<void>;
}

/** Starts `cronfetch work`, and waits until it works. */
export async function startWorker(config: string, name: string): Promise<WorkerProcess> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "-A", MAIN, "work", "-c", config, "--name", name],
    ...{ cwd: fromFileUrl(new URL("../..", import.meta.url)), stdin: "null", stdout: "null" },
    stderr: "piped",
  }).spawn();
  let log = "";
  let isRunning = true;
  const reading = (async () => {
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) log += text;
  })();
  const exitCode = child.status.then(({ code }) => {
    isRunning = false;
    return code;
  });
  const logged = async (text: string) => {
    while (!log.includes(text)) {
      if (!isRunning) await reading;
      if (!isRunning && !log.includes(text)) throw new Error(`the worker ${name} ended: ${log}`);
      await delay(20);
    }
  };
  const kill = async () => {
    if (isRunning) child.kill("SIGKILL");
    await Promise.all([exitCode, reading]);
  };
  const worker: WorkerProcess = {
    isRunning: () => isRunning,
    exitCode,
    send: (signal) => child.kill(signal),
    kill,
    logged,
    [Symbol.asyncDispose]: kill,
  };
  try {
    await logged("working on ");
    return worker;
  } catch (error) {
    await kill();
    throw error;
  }
}

/** A proxy to a local port, which can drop everything without closing. Disposal closes it. */
export function cuttableProxy(port: number): AsyncDisposable & {
  readonly port: number;
  /** From now on, nothing passes; connections stay open. */
  cut(): void;
  /** Passes everything again, what was held included. */
  mend(): void;
} {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open = new Set<Deno.Conn>();
  let whole = Promise.resolve();
  let mend = () => {};
  const pass = async (from: Deno.Conn, to: Deno.Conn) => {
    const buffer = new Uint8Array(65_536);
    try {
      for (let size = await from.read(buffer); size !== null; size = await from.read(buffer)) {
        await whole;
        for (let at = 0; at < size;) at += await to.write(buffer.subarray(at, size));
      }
    } catch {
      // One side has closed.
    }
    for (const side of [from, to]) {
      if (!open.delete(side)) continue;
      side.close();
    }
  };
  const accepting = (async () => {
    for await (const client of listener) {
      const upstream = await Deno.connect({ hostname: "127.0.0.1", port });
      open.add(client).add(upstream);
      void pass(client, upstream);
      void pass(upstream, client);
    }
  })().catch(() => {});
  return {
    port: listener.addr.port,
    cut: () => {
      const { promise, resolve } = Promise.withResolvers<void>();
      [whole, mend] = [promise, resolve];
    },
    mend: () => mend(),
    [Symbol.asyncDispose]: async () => {
      mend();
      listener.close();
      await accepting;
      for (const side of open) side.close();
      open.clear();
      await delay(0);
    },
  };
}

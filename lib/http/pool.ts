/** Connections that wait for their next request. */

import { abortable } from "@std/async";
import type { Connect, Timers } from "../core/host.ts";
import { privateAddress } from "./egress.ts";
import { Connection } from "./connection.ts";
import { CronfetchError } from "../core/errors.ts";

/** Idle connections kept for one server. */
const MAX_IDLE = 64;
/** How long a connection is idle at least before it is closed; at most it is twice as long. */
const IDLE_MS = 10_000;

/** What a pool needs of the world. */
export interface PoolHost {
  readonly connect: Connect;
  readonly timers: Timers;
}

/** All connections of a run. Disposing of it closes them, idle or not. */
export class Pool implements AsyncDisposable {
  readonly #host: PoolHost;
  readonly #open = new Set<Connection>();
  /** By origin, the one used last at the end. */
  readonly #idle = new Map<string, Connection[]>();
  /** Those that were idle already when the timer was set. */
  readonly #old = new Set<Connection>();
  #cancelTimer: (() => void) | null = null;

  /** Connects to nobody yet. */
  constructor(host: PoolHost) {
    this.#host = host;
  }

  /**
   * An idle connection, which is the caller's from now on, or null.
   *
   * @param publicOnly Whether its other end must have a public address.
   */
  takeIdle({ origin }: Server, publicOnly: boolean): Connection | null {
    const idle = this.#idle.get(origin) ?? [];
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      this.#old.delete(connection);
      if (connection.isReusable && !(publicOnly && connection.isPrivate)) return connection;
      // It was closed or received bytes, or was opened by a task that may reach a private address.
      this.#close(connection);
    }
    return null;
  }

  /**
   * Makes a new connection, by name: the system resolves it and tries its addresses, so the address
   * that is judged is the connected one. Nothing has been sent by then.
   *
   * @param publicOnly Whether the other end must have a public address.
   * @throws The signal's reason, `redirect.private`, or the system's error.
   */
  async connect(
    { hostname, port }: Server,
    publicOnly: boolean,
    signal: AbortSignal,
  ): Promise<Connection> {
    const connecting = this.#host.connect(hostname, port, signal);
    try {
      const connection = new Connection(await abortable(connecting, signal));
      if (publicOnly && connection.isPrivate) {
        throw privateAddress(hostname, connection.remoteAddress);
      }
      this.#open.add(connection);
      return connection;
    } catch (error) {
      // A connection that was refused or comes too late is not used.
      connecting.then((unused) => unused.close(), () => {});
      throw error;
    }
  }

  /** Takes a connection back, which is kept if it is good for another exchange. */
  release(server: Server, connection: Connection, isGood: boolean): void {
    const idle = this.#idle.get(server.origin) ?? [];
    if (!isGood || !connection.isReusable || idle.length >= MAX_IDLE) {
      this.#close(connection);
      return;
    }
    idle.push(connection);
    this.#idle.set(server.origin, idle);
    connection.watchIdle(() => {
      const index = idle.indexOf(connection);
      if (index >= 0) idle.splice(index, 1);
      this.#close(connection);
    });
    this.#cancelTimer ??= this.#host.timers.after(IDLE_MS, () => this.#sweep());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelTimer?.();
    await Promise.all([...this.#open].map((connection) => connection.end()));
  }

  #close(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
    this.#old.delete(connection);
  }

  #sweep(): void {
    for (const connection of this.#old) this.#close(connection);
    this.#cancelTimer = null;
    for (const connection of [...this.#idle.values()].flat()) {
      if (connection.isClosed) continue;
      this.#old.add(connection);
      this.#cancelTimer ??= this.#host.timers.after(IDLE_MS, () => this.#sweep());
    }
  }
}

/** A server, as its URLs name it. */
export interface Server {
  /** `http://name`, with the port where it is not 80. */
  readonly origin: string;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the Host field (RFC 9110, section 7.2). */
  readonly hostField: string;
}

/** The origin of a URL, as `URL` writes it; the target of a request follows it. */
export function originOf(url: string): string {
  return url.slice(0, url.indexOf("/", url.indexOf("//") + 2));
}

/**
 * The server of an origin.
 *
 * @throws {CronfetchError} `net.failed`, where the port is one that browsers do not ask.
 */
export function serverAt(origin: string): Server {
  const { hostname, port: portText, host } = new URL(origin);
  const port = Number(portText || 80);
  if (BAD_PORTS.has(port)) {
    throw new CronfetchError("net.failed", `requests to port ${port} are blocked`, {
      retry: "never",
    });
  }
  return { origin, hostname: hostname.replace(/^\[|\]$/g, ""), port, hostField: host };
}

/** Ports of other protocols: the "bad ports" of the Fetch standard, which `fetch` refuses too. */
const BAD_PORTS: ReadonlySet<number> = new Set(
  (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 " +
    "111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 " +
    "540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 " +
    "5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
  ).split(" ").map(Number),
);

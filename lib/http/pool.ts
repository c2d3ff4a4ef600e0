/** The connections of a run, kept open between requests. */

import { abortable } from "@std/async";
import type { Connect, Timers } from "../core/host.ts";
import { privateAddress } from "./egress.ts";
import { Connection } from "./connection.ts";
import { CronfetchError } from "../core/errors.ts";

/** Maximum number of idle connections per server. */
const MAX_IDLE = 64;
/**
 * An idle connection is closed after this time at the earliest, and twice this time at the latest.
 */
const IDLE_MS = 10_000;

/** The host functions that a pool uses. */
export interface PoolHost {
  readonly connect: Connect;
  readonly timers: Timers;
}

/** Opens and reuses connections. Disposing of it closes them, idle or not. */
export class Pool implements AsyncDisposable {
  readonly #host: PoolHost;
  readonly #open = new Set<Connection>();
  /** By origin; the most recently used one is last. */
  readonly #idle = new Map<string, Connection[]>();
  /** Connections that were idle when the timer was set. */
  readonly #old = new Set<Connection>();
  #cancelTimer: (() => void) | null = null;

  /** Opens no connection yet. */
  constructor(host: PoolHost) {
    this.#host = host;
  }

  /**
   * Takes an idle connection out of the pool.
   *
   * @param publicOnly Whether the server must have a public address.
   * @returns Null if there is none.
   */
  takeIdle({ origin }: Server, publicOnly: boolean): Connection | null {
    const idle = this.#idle.get(origin) ?? [];
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      this.#old.delete(connection);
      if (connection.isReusable && !(publicOnly && connection.isPrivate)) return connection;
      // Closed, or has unexpected bytes, or was opened for a task that permits private addresses.
      this.#close(connection);
    }
    return null;
  }

  /**
   * Opens a connection by name: the system resolves it and tries its addresses, so the egress rule
   * is applied to the connected address. No byte has been sent then.
   *
   * @param publicOnly Whether the server must have a public address.
   * @throws {CronfetchError} `redirect.private`. The signal's reason; the system's error.
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
      // Close a connection that was rejected, or that opens after the signal was aborted.
      connecting.then((unused) => unused.close(), () => {});
      throw error;
    }
  }

  /** Returns a connection to the pool, or closes it if it cannot be reused. */
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

/** A server, identified by its origin. */
export interface Server {
  /** `http://name`, with the port if it is not 80. */
  readonly origin: string;
  /** A name, or an address without brackets. */
  readonly hostname: string;
  readonly port: number;
  /** Value of the Host field (RFC 9110, section 7.2). */
  readonly hostField: string;
}

/** The origin of a URL as serialized by `URL`; the rest of the URL is the request target. */
export function originOf(url: string): string {
  return url.slice(0, url.indexOf("/", url.indexOf("//") + 2));
}

/**
 * Parses an origin.
 *
 * @throws {CronfetchError} `net.failed` for a port that `fetch` blocks as well.
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

/** Ports of other protocols: the "bad ports" of the Fetch standard. */
const BAD_PORTS: ReadonlySet<number> = new Set(
  (
    "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 " +
    "111 113 115 117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 " +
    "540 548 554 556 563 587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 " +
    "5061 6000 6566 6665 6666 6667 6668 6669 6679 6697 10080"
  ).split(" ").map(Number),
);

/** The connections of a run, kept open between requests. */

import type { Timers } from "../core/host.ts";
import { type ConnectHost, openConnection } from "./connect.ts";
import { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

/** Maximum number of idle connections to one server. */
const MAX_IDLE_PER_SERVER = 64;
/**
 * Maximum number of idle connections. Each has a socket and a buffer of 64 KiB: the hosts of a long
 * list would use up the file descriptors.
 */
const MAX_IDLE = 256;
/**
 * An idle connection is closed after this time at the earliest, and twice this time at the latest.
 */
const IDLE_MS = 10_000;

/** The host functions that a pool uses. */
export interface PoolHost extends ConnectHost {
  readonly timers: Timers;
}

/** Opens and reuses connections. Disposing of it closes them, idle or not. */
export class Pool implements AsyncDisposable {
  readonly #host: PoolHost;
  readonly #open = new Set<Connection>();
  /** Those without a request; the one that has been idle for the longest time is first. */
  readonly #idle = new Set<Connection>();
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
  takeIdle({ idle, route }: Server, publicOnly: boolean): Connection | null {
    const isJudged = publicOnly && route.proxy === null;
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      this.#idle.delete(connection);
      this.#old.delete(connection);
      if (connection.isReusable && !(isJudged && connection.isPrivate)) return connection;
      // Closed, or has unexpected bytes, or was opened for a task that permits private addresses.
      this.#close(connection);
    }
    return null;
  }

  /**
   * Opens a connection.
   *
   * @param publicOnly Whether the server must have a public address.
   * @throws {CronfetchError} `redirect.private`. The signal's reason; the error of the host.
   */
  async connect(server: Server, publicOnly: boolean, signal: AbortSignal): Promise<Connection> {
    const connection = new Connection(
      await openConnection(this.#host, server, publicOnly, signal),
      () => this.#remove(server, connection),
    );
    this.#open.add(connection);
    return connection;
  }

  /** Returns a connection to the pool, or closes it if it cannot be reused. */
  release({ idle }: Server, connection: Connection, isGood: boolean): void {
    if (!isGood || !connection.isReusable || idle.length >= MAX_IDLE_PER_SERVER) {
      this.#close(connection);
      return;
    }
    idle.push(connection);
    this.#idle.add(connection);
    connection.watchIdle();
    if (this.#idle.size > MAX_IDLE) {
      const [oldest] = this.#idle;
      if (oldest !== undefined) this.#close(oldest);
    }
    this.#cancelTimer ??= this.#host.timers.after(IDLE_MS, () => this.#sweep());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancelTimer?.();
    await Promise.all([...this.#open].map((connection) => connection.end()));
  }

  #close(connection: Connection): void {
    connection.close();
    this.#open.delete(connection);
    this.#idle.delete(connection);
    this.#old.delete(connection);
  }

  /** Closes an idle connection. */
  #remove({ idle }: Server, connection: Connection): void {
    const index = idle.indexOf(connection);
    if (index >= 0) idle.splice(index, 1);
    this.#close(connection);
  }

  #sweep(): void {
    for (const connection of this.#old) this.#close(connection);
    this.#cancelTimer = null;
    for (const connection of this.#idle) {
      this.#old.add(connection);
      this.#cancelTimer ??= this.#host.timers.after(IDLE_MS, () => this.#sweep());
    }
  }
}

/** Connections that wait for their next request. */

import { abortable } from "@std/async";
import type { Connect, Timers } from "../../core/host.ts";
import { privateAddress } from "../egress.ts";
import { Connection } from "./connection.ts";
import type { Server } from "./server.ts";

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
  take({ origin }: Server, publicOnly: boolean): Connection | null {
    const idle = this.#idle.get(origin) ?? [];
    for (let connection = idle.pop(); connection; connection = idle.pop()) {
      this.#old.delete(connection);
      if (connection.isDone && !(publicOnly && connection.isPrivate)) return connection;
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
  putBack(server: Server, connection: Connection, isGood: boolean): void {
    const idle = this.#idle.get(server.origin) ?? [];
    if (!isGood || !connection.isDone || idle.length >= MAX_IDLE) {
      this.#close(connection);
      return;
    }
    idle.push(connection);
    this.#idle.set(server.origin, idle);
    connection.rest(() => {
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

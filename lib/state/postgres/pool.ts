/** Connections to Postgres: transactions, repeated ones, and outages that are waited for. */

import { CronfetchError } from "../../core/errors.ts";
import type { Host } from "../../core/host.ts";
import type { StateHost } from "../driver.ts";
import { describe, postgresError, remedyFor } from "./errors.ts";
import type { PostgresSettings } from "./settings.ts";

/** Concurrent connections of a process. */
const CONNECTIONS = 4;
/** Longest time for a connection, in milliseconds. */
const CONNECT_MS = 10_000;
/** Longest time for a response, in milliseconds: the way to the server may drop everything. */
const RESPONSE_MS = 120_000;
/** Limits of the server for a statement, a lock, and a client that has stopped in a transaction. */
const BEGIN = "BEGIN; SET LOCAL statement_timeout = '60s'; SET LOCAL lock_timeout = '30s'; " +
  "SET LOCAL idle_in_transaction_session_timeout = '30s'";

/** How long an outage is waited for, in milliseconds. */
const OUTAGE_MS = 5 * 60_000;
/** The same for the first connection: an error in its location is not waited for as long. */
const OPENING_MS = 10_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 5_000;
/** Repetitions of a transaction that met a deadlock. */
const MOST_REPEATS = 10;

/** A row of a result; the query determines its type. */
export type Row = Readonly<Record<string, unknown>>;

/** Sends one statement with parameters, and returns the rows of its result. */
export type Query = <R extends object = Row>(
  text: string,
  values?: readonly unknown[],
) => Promise<R[]>;

/** The part of a client of `pg` that is used. */
interface Client {
  query(text: string, values?: readonly unknown[]): Promise<{ readonly rows: object[] }>;
  release(broken?: boolean): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** The part of a pool of `pg` that is used. */
interface ClientPool {
  connect(): Promise<Client>;
  end(): Promise<void>;
  on(event: "error", listener: (error: Error) => void): void;
  on(event: "connect", listener: (client: Client) => void): void;
}

/** The part of the host that a pool needs. */
export type PoolHost = StateHost & Pick<Host, "stderr">;

/**
 * Opens a pool, which connects when it is used.
 *
 * @param settings Where to.
 * @throws {CronfetchError} `store.denied`: Deno was not given the permission.
 */
export async function openPool(settings: PostgresSettings, host: PoolHost): Promise<PostgresPool> {
  await requestPermission(settings);
  const { default: { Pool } } = await import("pg") as unknown as {
    readonly default: { readonly Pool: new (config: object) => ClientPool };
  };
  const { location, schema: _, ...server } = settings;
  const clients = new Pool({
    ...server,
    application_name: "cronfetch",
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_MS,
    query_timeout: RESPONSE_MS,
    keepAlive: true,
  });
  return new PostgresPool(clients, location, host);
}

/** Requests what `pg` needs: without the permission, its pool would wait forever. */
async function requestPermission({ host, port, location }: PostgresSettings): Promise<void> {
  // A socket needs the whole network.
  const server = host.startsWith("/") ? null : `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const descriptor = { name: "net" as const, ...(server !== null && { host: server }) };
  if ((await Deno.permissions.request(descriptor)).state === "granted") return;
  const message = `opening the state ${location}: Deno was not given the permission`;
  const flag = server === null ? "--allow-net" : `--allow-net=${server}`;
  throw new CronfetchError("store.denied", message, { hint: `run again with ${flag}` });
}

/** A pool of connections. */
export class PostgresPool implements AsyncDisposable {
  /** Location of the state, for errors. */
  readonly location: string;
  readonly #clients: ClientPool;
  readonly #host: PoolHost;
  /** When the server became unavailable, by the monotonic clock; or null. */
  #downSinceMs: number | null = null;
  /** Whether a connection was ever made. */
  #wasUp = false;

  /** Takes ownership of `clients`. */
  constructor(clients: ClientPool, location: string, host: PoolHost) {
    this.location = location;
    this.#clients = clients;
    this.#host = host;
    // A restart of the server closes idle connections; without a listener, it would end the process.
    clients.on("error", () => {});
    // The same between two statements of a transaction, which the pool does not observe.
    clients.on("connect", (client) => client.on("error", () => {}));
  }

  /**
   * Sends a statement that can be repeated. Waits for a server that is unavailable.
   *
   * @throws {CronfetchError} `state.` and `store.` codes.
   */
  query<R extends object = Row>(
    doing: string,
    text: string,
    values: readonly unknown[] = [],
  ): Promise<R[]> {
    return this.#persist(doing, () => this.#withClient((query) => query<R>(text, values), true));
  }

  /**
   * Performs a transaction (READ COMMITTED), and repeats it after a deadlock or a closed connection: it
   * may be committed although its connection was closed.
   *
   * @param work Returns the result, or throws {@linkcode Rollback}.
   * @param isOnce Whether to ask the server if it was committed, instead of repeating it then.
   * @throws {CronfetchError} `state.` and `store.` codes, and what `work` throws.
   */
  transaction<T>(
    doing: string,
    work: (query: Query) => Promise<T>,
    isOnce = false,
  ): Promise<T> {
    let uncertain: { readonly id: string; readonly result: T } | null = null;
    return this.#persist(doing, () =>
      this.#withClient(async (query) => {
        if (uncertain !== null && await isCommitted(uncertain.id, query)) return uncertain.result;
        uncertain = null;
        await query(BEGIN);
        try {
          const result = await work(query);
          if (isOnce) {
            const [row] = await query<{ readonly id: string }>("SELECT txid_current()::text AS id");
            if (row !== undefined) uncertain = { ...row, result };
          }
          await query("COMMIT");
          return result;
        } catch (error) {
          // Without a connection, the server rolls back by itself.
          if (remedyFor(error) !== "wait") await query("ROLLBACK").catch(() => {});
          if (error instanceof Rollback) return error.result as T;
          throw error;
        }
      }));
  }

  /** Closes the connections, after pending statements. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#clients.end();
  }

  /**
   * @param isOwnTransaction Whether the text may begin a transaction, as those of pg-boss do: one that
   * failed would remain open in the connection, which is closed then.
   */
  async #withClient<T>(
    work: (query: Query) => Promise<T>,
    isOwnTransaction = false,
  ): Promise<T> {
    const client = await this.#clients.connect();
    let isBroken = false;
    try {
      return await work(async <R>(text: string, values?: readonly unknown[]) => {
        try {
          return (await client.query(text, values)).rows as R[];
        } catch (error) {
          isBroken ||= isOwnTransaction || remedyFor(error) === "wait";
          throw error;
        }
      });
    } finally {
      client.release(isBroken);
    }
  }

  async #persist<T>(what: string, work: () => Promise<T>): Promise<T> {
    const doing = `${what} the state ${this.location}`;
    const { clock } = this.#host;
    const startedMs = clock.monotonicMs();
    let failures = 0;
    let repeats = 0;
    for (;;) {
      try {
        const result = await work();
        this.#reportUp();
        return result;
      } catch (error) {
        switch (remedyFor(error)) {
          case "none":
            throw postgresError(doing, error);
          case "repeat":
            if (repeats >= MOST_REPEATS) throw postgresError(doing, error);
            await this.#pause(20 * 2 ** Math.min(repeats++, 5));
            break;
          case "wait": {
            // The first failure is that of a connection which was closed while it was idle.
            if (failures === 0 && this.#wasUp && this.#downSinceMs === null) {
              failures++;
              break;
            }
            this.#reportDown(error);
            const patienceMs = this.#wasUp ? OUTAGE_MS : OPENING_MS;
            if (clock.monotonicMs() - startedMs >= patienceMs) throw postgresError(doing, error);
            await this.#pause(
              Math.min(FIRST_DELAY_MS * 2 ** Math.min(failures++, 9), LONGEST_DELAY_MS),
            );
            break;
          }
        }
      }
    }
  }

  /** Waits for half of the time to all of it, so that many processes do not come at the same time. */
  #pause(longestMs: number): Promise<void> {
    const { random, timers } = this.#host;
    // Aborting the wait would lose records.
    const { signal } = new AbortController();
    return timers.sleep(Math.ceil(longestMs * (0.5 + random.fraction() / 2)), signal);
  }

  #reportDown(error: unknown): void {
    if (this.#downSinceMs !== null) return;
    const { clock, stderr } = this.#host;
    this.#downSinceMs = clock.monotonicMs();
    const retries = "it is tried again for up to " + (this.#wasUp ? "5 minutes" : "10 seconds");
    stderr.write(
      `warning: the state ${this.location} is unavailable: ${describe(error)}; ${retries}\n`,
    );
  }

  #reportUp(): void {
    this.#wasUp = true;
    if (this.#downSinceMs === null) return;
    const { clock, stderr } = this.#host;
    const seconds = Math.round((clock.monotonicMs() - this.#downSinceMs) / 1000);
    this.#downSinceMs = null;
    stderr.write(`the state ${this.location} is available again, after ${seconds} s\n`);
  }
}

/** Whether a transaction was committed whose connection was closed by its COMMIT. */
async function isCommitted(id: string, query: Query): Promise<boolean> {
  const [row] = await query<{ readonly status: string }>(
    "SELECT txid_status($1::bigint) AS status",
    [id],
  );
  // The server has not noticed yet that the connection is closed: asked again after a pause.
  if (row?.status === "in progress") throw new Error("the connection was terminated");
  return row?.status === "committed";
}

/** Thrown by the work of a transaction to undo it and return a result. */
export class Rollback extends Error {
  /** Distinguishes it from other errors. */
  override readonly name = "Rollback";
  /** What the transaction returns. */
  readonly result: unknown;

  /** Undoes the transaction, which returns `result`. */
  constructor(result: unknown) {
    super("rollback");
    this.result = result;
  }
}

/** A real PostgreSQL: a process on a free port with temporary data. */

import { delay } from "@std/async";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { Client } from "pg";
import type { PostgresLocation } from "../../lib/core/location.ts";
import { temporaryFolder } from "./folder.ts";
import { stateLocation } from "./open.ts";
import { identity } from "./transport.ts";

/**
 * A running server with TLS, whose certificate `good` of `tests/fixtures/tls` is valid for `localhost`.
 * Disposing stops it and removes its data.
 */
export interface Postgres extends AsyncDisposable {
  /** How `pg` connects. */
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly database: string;
  };
  /** Creates an empty database and returns its name. */
  makeDatabase(): Promise<string>;
  /** URL of a database; its user owns everything. */
  url(database: string): string;
  /** Folder of its socket. */
  readonly socketFolder: string;
  /** Runs SQL by psql in a database, and returns its output. */
  sql(database: string, text: string): Promise<string>;
  /** The text of a dump of a database. */
  dump(database: string): Promise<string>;
  /** Stops the server: `fast` ends its sessions, `immediate` is a crash, `kill` a lost machine. */
  stop(mode: "fast" | "immediate" | "kill"): Promise<void>;
  /** Starts the stopped server again, on the same port. */
  start(): Promise<void>;
}

const FOLDERS = ["/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/17/bin", "/usr/local/bin"];

async function find(): Promise<string | null> {
  for (const folder of FOLDERS) if (await exists(join(folder, "initdb"))) return folder;
  return null;
}

/** Folder of the programs of PostgreSQL, or null. */
const BIN = await find();

/** Why PostgreSQL cannot be started here, or null. */
export const POSTGRES_MISSING: string | null = BIN === null ? "PostgreSQL is not installed" : null;

/**
 * Starts a server and waits until it responds.
 *
 * @param settings Further ones, as `name=value`.
 */
export async function startPostgres(settings: readonly string[] = []): Promise<Postgres> {
  if (BIN === null) throw new Error(POSTGRES_MISSING ?? "");
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const data = folder.file("data");
  await Deno.mkdir(data);
  const user = await otherUser();
  if (user !== null) {
    await Deno.chmod(folder.path, 0o755);
    await Deno.chown(data, user.uid, user.gid);
  }
  const perform = async (program: string, ...args: string[]) => {
    const { code, stdout, stderr } = await new Deno.Command(join(BIN, program), {
      args,
      cwd: "/",
      env: { LC_ALL: "C" },
      ...(user ?? {}),
    }).output();
    const [output = "", errors = ""] = [stdout, stderr].map((bytes) =>
      new TextDecoder().decode(bytes)
    );
    if (code === 0) return output;
    throw new Error(`${program}: ${output}${errors}`);
  };
  await perform("initdb", "-D", data, "-U", "cronfetch", "-A", "trust", "-E", "UTF8", "--no-sync");
  const { cert, key } = identity("good");
  await Deno.writeTextFile(join(data, "server.crt"), cert);
  await Deno.writeTextFile(join(data, "server.key"), key, { mode: 0o600 });
  if (user !== null) await Deno.chown(join(data, "server.key"), user.uid, user.gid);
  const port = freePort();
  const options = [
    "-p",
    port,
    "-k",
    data,
    ...[...SETTINGS, ...settings].flatMap((one) => ["-c", one]),
  ]
    .join(" ");
  const control = (...args: string[]) => perform("pg_ctl", "-D", data, "-s", "-w", ...args);
  const start = async () => {
    // The processes of a killed server end a moment later.
    for (let left = 100;; left--) {
      const started = control("start", "-l", join(data, "log"), "-o", options);
      const error = await started.then(() => null, (reason) => reason);
      if (error === null) return;
      if (left === 0 || !await exists(join(data, "postmaster.pid"))) throw error;
      await delay(100);
    }
  };
  const stop = async (mode: "fast" | "immediate" | "kill") => {
    if (mode !== "kill") return void await control("stop", "-m", mode);
    const [pid] = (await Deno.readTextFile(join(data, "postmaster.pid"))).split("\n");
    Deno.kill(Number(pid), "SIGKILL");
  };
  await start();
  stack.defer(() => stop("immediate").catch(() => {}));
  const connection = { host: "127.0.0.1", port, user: "cronfetch", database: "postgres" };
  const owned = stack.move();
  let databases = 0;
  const address = ["-h", connection.host, "-p", `${port}`, "-U", connection.user];
  return {
    connection,
    url: (database) => `postgres://${connection.user}@${connection.host}:${port}/${database}`,
    socketFolder: data,
    sql: (database, text) =>
      perform("psql", ...address, ...PSQL_OPTIONS, "-d", database, "-c", text),
    dump: (database) => perform("pg_dump", ...address, database),
    makeDatabase: async () => {
      const name = `test_${++databases}`;
      const client = new Client(connection);
      await client.connect();
      await client.query(`create database ${name}`);
      await client.end();
      return name;
    },
    stop,
    start,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** No test loses the machine. */
const SETTINGS = [
  ...["listen_addresses=127.0.0.1", "ssl=on", "fsync=off", "full_page_writes=off"],
  "max_connections=60",
];

const PSQL_OPTIONS = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"];

/** Parses a valid location. */
export function postgresLocation(text: string): PostgresLocation {
  const location = stateLocation(text);
  if (location.kind !== "postgres") throw new TypeError(`${text} is not of Postgres`);
  return location;
}

/** PostgreSQL refuses to run as root: the user that it runs as then; null for this one. */
async function otherUser(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (Deno.uid() !== 0) return null;
  const entry = (await Deno.readTextFile("/etc/passwd")).split("\n")
    .find((line) => line.startsWith("postgres:")) ?? "";
  const [, , uid = "", gid = ""] = entry.split(":");
  return { uid: Number(uid), gid: Number(gid) };
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

/** The server of all tests of a file; started before the first, and stopped after the last. */
export function sharedPostgres(): { readonly ignore: boolean; server(): Postgres } {
  let running: Postgres | undefined;
  if (POSTGRES_MISSING === null) {
    Deno.test.beforeAll(async () => {
      running = await startPostgres();
    });
    Deno.test.afterAll(async () => {
      await running?.[Symbol.asyncDispose]();
      // `pg` closes its sockets in a later turn.
      await delay(0);
    });
  }
  return {
    // With `CI` set, the tests fail instead.
    ignore: POSTGRES_MISSING !== null && Deno.env.get("CI") === undefined,
    server: () => {
      if (running === undefined) throw new Error(POSTGRES_MISSING ?? "it runs only during tests");
      return running;
    },
  };
}

/** A real PostgreSQL: a process on a free port with temporary data. */

import { delay } from "@std/async";
import { exists } from "@std/fs";
import { join } from "@std/path";
import { Client } from "pg";
import { temporaryFolder } from "./folder.ts";

/** A running server. Disposing stops it and removes its data. */
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
  /** Stops the server: `fast` ends its sessions, `immediate` is a crash. */
  stop(mode: "fast" | "immediate"): Promise<void>;
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

/** Starts a server and waits until it responds. */
export async function startPostgres(): Promise<Postgres> {
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
    if (code === 0) return;
    const text = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes)).join("");
    throw new Error(`${program}: ${text}`);
  };
  await perform("initdb", "-D", data, "-U", "cronfetch", "-A", "trust", "-E", "UTF8", "--no-sync");
  const port = freePort();
  const options = `-p ${port} -k ${data} -c listen_addresses=127.0.0.1 -c fsync=off`;
  const control = (...args: string[]) => perform("pg_ctl", "-D", data, "-s", "-w", ...args);
  const start = () => control("start", "-l", join(data, "log"), "-o", options);
  const stop = (mode: "fast" | "immediate") => control("stop", "-m", mode);
  await start();
  stack.defer(() => stop("immediate").catch(() => {}));
  const connection = { host: "127.0.0.1", port, user: "cronfetch", database: "postgres" };
  const owned = stack.move();
  let databases = 0;
  return {
    connection,
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

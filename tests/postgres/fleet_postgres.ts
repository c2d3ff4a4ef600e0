// Workers that share a state in PostgreSQL, while they are killed and suspended, and while the server
// restarts or cannot be reached.

import { assertEquals } from "@std/assert";
import { delay } from "@std/async";
import { sharedPostgres } from "../helpers/postgres.ts";
import { cuttableProxy, type FleetOrigin, fleetOrigin, startWorker } from "./fleet_workers.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { writeConfig } from "../heavy/program.ts";

const { ignore, server } = sharedPostgres();

const PER_HOST = 2;
const LEASE_MS = 10_000;

/** A fleet: its origin, and the config of its workers. */
interface Fleet extends AsyncDisposable {
  readonly origin: FleetOrigin;
  /** Starts a worker that works on until it is killed. */
  start(name: string, url?: string): ReturnType<typeof startWorker>;
  readonly url: string;
  readonly database: string;
  /** Waits until each file has been published. */
  finished(): Promise<void>;
}

async function makeFleet(
  options: { readonly hosts: number; readonly tasksPerHost: number; readonly delayMs: number },
): Promise<Fleet> {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  const database = await server().makeDatabase();
  const origin = stack.use(fleetOrigin(options));
  const url = `${server().url(database)}?sslmode=disable`;
  let configs = 0;
  const configFor = async (state: string) => {
    const own = folder.file(`config-${++configs}`);
    await Deno.mkdir(own);
    return await writeConfig(own, {
      ...{ state, store: folder.file("out"), schedule: "0 0 1 1 *" },
      ...{
        limits: { perHost: PER_HOST, concurrency: 16 },
        fleet: { lease: "10s", sharedStore: true },
      },
      tasks: origin.urls.map((url, index) => ({ url, id: `task-${index}`, to: `${index}.txt` })),
    });
  };
  const owned = stack.move();
  return {
    ...{ origin, url, database },
    start: async (name, state = url) => owned.use(await startWorker(await configFor(state), name)),
    finished: async () => {
      const done =
        `SELECT count(*) FROM cronfetch.records WHERE body::jsonb->'published' <> 'null'`;
      for (;;) {
        const count = await server().sql(database, done).catch(() => "");
        if (Number(count) === origin.urls.length) return;
        await delay(250);
      }
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function fleetTest(name: string, body: () => Promise<void>): void {
  Deno.test({ name: `fleet: ${name}`, ignore }, body);
}

fleetTest("four workers execute each task once, within the limit of each host", async () => {
  await using fleet = await makeFleet({ hosts: 200, tasksPerHost: 5, delayMs: 20 });
  for (const name of ["a", "b", "c", "d"]) await fleet.start(name);
  await fleet.finished();
  assertEquals(fleet.origin.requests(), fleet.origin.urls.length);
  assertEquals(fleet.origin.mostConnections() <= PER_HOST, true);
});

fleetTest("a worker is killed every 2 s: all tasks are done, few of them twice", async () => {
  await using fleet = await makeFleet({ hosts: 50, tasksPerHost: 20, delayMs: 200 });
  const workers = [];
  for (const name of ["a", "b", "c", "d"]) workers.push(await fleet.start(name));
  const KILLS = 6;
  for (let kill = 0; kill < KILLS; kill++) {
    await delay(2_000);
    const worker = workers.shift();
    await worker?.kill();
    workers.push(await fleet.start(`again-${kill}`));
  }
  await fleet.finished();
  const twice = fleet.origin.requests() - fleet.origin.urls.length;
  // What a lane has fetched within the last second was not saved yet.
  assertEquals(twice <= 16 * KILLS, true, `${twice} requests too many`);
  assertEquals(fleet.origin.mostConnections() <= PER_HOST, true);
});

fleetTest(
  "a worker suspended beyond its lease loses its hosts, and repeats few tasks",
  async () => {
    await using fleet = await makeFleet({ hosts: 20, tasksPerHost: 20, delayMs: 100 });
    const suspended = await fleet.start("suspended");
    await fleet.origin.reached(20);
    suspended.send("SIGSTOP");
    await fleet.start("other");
    await delay(LEASE_MS + 4_000);
    suspended.send("SIGCONT");
    await fleet.finished();
    await suspended.logged("the lease of 127.0.0.1:");
    assertEquals(suspended.isRunning(), true);
    // Its requests that were in progress, and what it had not saved, at most.
    assertEquals(fleet.origin.requests() - fleet.origin.urls.length <= 2 * 16, true);
  },
);

fleetTest("tables that are not those of cronfetch end a worker", async () => {
  await using fleet = await makeFleet({ hosts: 4, tasksPerHost: 5, delayMs: 300 });
  const worker = await fleet.start("a");
  await fleet.origin.reached(4);
  await server().sql(fleet.database, "ALTER TABLE cronfetch.records RENAME COLUMN body TO other");
  await worker.logged("its tables are not those of cronfetch");
  assertEquals(await worker.exitCode, 2);
});

fleetTest("Postgres restarts three times: all tasks are done, and no worker exits", async () => {
  await using fleet = await makeFleet({ hosts: 40, tasksPerHost: 10, delayMs: 200 });
  const workers = [await fleet.start("a"), await fleet.start("b")];
  await fleet.origin.reached(10);
  for (const [mode, downMs] of [["fast", 0], ["immediate", 0], ["immediate", 3_000]] as const) {
    await server().stop(mode);
    await delay(downMs);
    await server().start();
    await delay(1_000);
  }
  await fleet.finished();
  assertEquals(workers.map((worker) => worker.isRunning()), [true, true]);
});

fleetTest(
  "a worker cut off from Postgres stops requesting within two thirds of its lease",
  async () => {
    await using fleet = await makeFleet({ hosts: 4, tasksPerHost: 200, delayMs: 50 });
    await using proxy = cuttableProxy(server().connection.port);
    const through = fleet.url.replace(`:${server().connection.port}/`, `:${proxy.port}/`);
    const cut = await fleet.start("cut", through);
    await fleet.origin.reached(20);
    proxy.cut();
    await delay(LEASE_MS * 2 / 3 + 1_500);
    const requests = fleet.origin.requests();
    await delay(1_500);
    assertEquals(fleet.origin.requests(), requests);
    await cut.logged("the lease of 127.0.0.1:");
    await fleet.start("other");
    await fleet.origin.reached(requests + 50);
    proxy.mend();
    await fleet.finished();
    assertEquals(cut.isRunning(), true);
  },
);

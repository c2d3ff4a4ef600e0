// Compiles 100,000 tasks, runs them in the pool, and prints their heap size in bytes per task: of
// the tasks, and of the pool beyond that when half of them are done.

import { loadValue } from "../../lib/config/load.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { realHost } from "../../lib/host.ts";
import { makePlan } from "../../lib/schedule/plan.ts";
import { gather } from "../../lib/schedule/pool.ts";

const TASKS = 100_000;
const CONCURRENCY = 32;

const { gc } = globalThis as unknown as { gc: () => void };

/** Reachable bytes on the heap. */
function heapBytes(): number {
  gc();
  return Deno.memoryUsage().heapUsed;
}

const host = { ...realHost(), cwd: () => "/", env: () => undefined };
const at = host.clock.now();
const urls = Array.from({ length: TASKS }, (_, index) => `https://example.org/${index}.bin`);
const config = { store: "/store", state: "memory:", tasks: urls };

const emptyBytes = heapBytes();
const tasks = tasksOf(await loadValue(config, { at }, host), at);
const plan = makePlan({ tasks, asked: null, decide: null });
const plannedBytes = heapBytes();

let worked = 0;
let atOnce = 0;
let mostAtOnce = 0;
let halfwayBytes = 0;
await gather(plan.entries.map((entry) => entry.task), {
  limits: { concurrency: CONCURRENCY, perHost: CONCURRENCY, spacingMs: 0 },
  groupOf: (task) => new URL(task.url).host,
  work: async () => {
    mostAtOnce = Math.max(mostAtOnce, ++atOnce);
    await Promise.resolve();
    atOnce--;
    if (++worked === TASKS / 2) halfwayBytes = heapBytes();
  },
  signal: new AbortController().signal,
  timers: host.timers,
  clock: host.clock,
});

const figures = {
  worked,
  mostAtOnce,
  taskBytes: Math.round((plannedBytes - emptyBytes) / TASKS),
  poolBytes: Math.round((halfwayBytes - plannedBytes) / TASKS),
};
Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(figures)));

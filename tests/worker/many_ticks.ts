/** A program that runs 6,000 ticks on a manual clock, and prints its heap size during them. */

import { file, ORIGIN, play, type Playing } from "./watching.ts";

const collect = (globalThis as unknown as { gc(): void }).gc;

/** Clears what the test itself has recorded. */
function clear({ requests, events, watchEvents, host }: Playing): void {
  for (const list of [requests, events, watchEvents, host.slept as number[]]) list.length = 0;
}

const heldBytes: number[] = [];
let ticks = 0;
const playing: Playing = await play({
  state: "memory:",
  tasks: [{ id: "a", url: `${ORIGIN}/a`, schedule: "every 1m" }],
}, {
  from: "2026-01-15T12:00:00Z",
  answer: () => {
    ticks++;
    clear(playing);
    if (ticks % 1_000 === 0) {
      collect();
      heldBytes.push(Deno.memoryUsage().heapUsed);
    }
    if (ticks === 6_000) playing.stop();
    return file();
  },
});
await playing.ended;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ ticks, heldBytes })));

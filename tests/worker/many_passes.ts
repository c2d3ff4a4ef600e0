/** A program that makes 5,000 passes on a clock of its own, and says what it held on the way. */

import { file, ORIGIN, play, type Playing } from "./watching.ts";

const collect = (globalThis as unknown as { gc(): void }).gc;

/** Forgets what the test's own world has noted. */
function forget({ requests, events, news, host }: Playing): void {
  for (const noted of [requests, events, news, host.slept as number[]]) noted.length = 0;
}

const heldBytes: number[] = [];
let passes = 0;
const playing: Playing = play({
  state: "memory:",
  tasks: [{ id: "a", url: `${ORIGIN}/a`, schedule: "every 1m" }],
}, {
  from: "2026-01-15T12:00:00Z",
  answer: () => {
    passes++;
    forget(playing);
    if (passes % 1_000 === 0) {
      collect();
      heldBytes.push(Deno.memoryUsage().heapUsed);
    }
    if (passes === 6_000) playing.stop();
    return file();
  },
});
await playing.ended;
await Deno.stdout.write(new TextEncoder().encode(JSON.stringify({ passes, heldBytes })));

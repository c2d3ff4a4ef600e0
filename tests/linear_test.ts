import { assertEquals } from "@std/assert";

/** Far more than a linear function takes for a million characters; a quadratic one takes hours. */
const LIMIT_MS = 20_000;

Deno.test("row 134: every function that reads foreign text is linear in it", async () => {
  const worker = new Worker(new URL("./linear_worker.ts", import.meta.url), { type: "module" });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let running = "the start";
  const kill = () => reject(new Error(`not linear: ${running}`));
  let timer = setTimeout(kill, LIMIT_MS);
  let count = 0;
  worker.onmessage = ({ data }) => {
    clearTimeout(timer);
    if (data.done) return resolve();
    count++;
    running = data.started;
    timer = setTimeout(kill, LIMIT_MS);
  };
  worker.onerror = (event) => reject(new Error(event.message));
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    worker.terminate();
  }
  assertEquals(count > 500, true);
});

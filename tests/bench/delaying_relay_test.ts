import { assertEquals } from "@std/assert";
import { startRelay } from "../../bench/delaying_relay.ts";
import { origin } from "../helpers/origin.ts";

/** A clock that records sleeps and moves by them. */
function recordingClock() {
  const sleptMs: number[] = [];
  let nowMs = 0;
  const sleep = (ms: number) => {
    sleptMs.push(ms);
    nowMs += ms;
    return Promise.resolve();
  };
  return { sleptMs, nowMs: () => nowMs, sleep };
}

Deno.test("startRelay: delays both directions, and the first bytes by the handshake", async () => {
  const body = "x".repeat(100_000);
  await using server = origin({ "/a": "a", "/large": body });
  const clock = recordingClock();
  await using relay = startRelay(Number(new URL(server.origin).port), 15, clock);
  using client = Deno.createHttpClient({ poolMaxIdlePerHost: 1 });
  const fetched = async (path: string) =>
    await (await fetch(`http://127.0.0.1:${relay.port}${path}`, { client })).text();
  assertEquals(await fetched("/a"), "a");
  assertEquals(clock.sleptMs.slice(0, 2), [45, 15]);
  const before = clock.sleptMs.length;
  // The same connection.
  assertEquals(await fetched("/large"), body);
  assertEquals(clock.sleptMs[before], 15);
});

Deno.test("startRelay: a client that disconnects ends the connection to the server", async () => {
  using server = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  await using relay = startRelay(server.addr.port, 15, recordingClock());
  const client = await Deno.connect({ hostname: "127.0.0.1", port: relay.port });
  using accepted = await server.accept();
  client.close();
  assertEquals(await accepted.read(new Uint8Array(1)), null);
});

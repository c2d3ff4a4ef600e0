import { assertEquals, assertThrows } from "@std/assert";
import { abortOnSignals } from "../../lib/worker/signals.ts";
import { ExitCalled, testHost } from "../helpers/host.ts";

Deno.test("abortOnSignals: the first signal aborts, the second exits", async () => {
  const host = testHost();
  using signals = abortOnSignals(host);
  host.raise("SIGTERM");
  assertEquals([signals.signal.aborted, signals.exitCode()], [true, 143]);
  await host.advance(250);
  assertThrows(() => host.raise("SIGTERM"), ExitCalled, "exit 143");
});

Deno.test("abortOnSignals: a signal that is forwarded by a wrapper too is one signal", async () => {
  const host = testHost();
  using signals = abortOnSignals(host);
  host.raise("SIGINT");
  host.raise("SIGINT");
  await host.advance(200);
  host.raise("SIGINT");
  assertEquals(signals.exitCode(), 130);
  assertThrows(() => host.raise("SIGTERM"), ExitCalled, "exit 143");
});

import { assertEquals } from "@std/assert";
import { bufferedState } from "../../lib/state/buffered.ts";
import { emptyMemory, memoryDriver } from "../../lib/state/memory.ts";
import { leaseTasks } from "../../lib/worker/leases.ts";
import { testHost } from "../helpers/host.ts";
import { defaultTask } from "../helpers/task.ts";

const RENEW_EVERY_MS = 20_000;

Deno.test("Leases.release: waits for a renewal, which could acquire the leases again", async () => {
  const host = testHost({ timers: "manual" });
  const memory = emptyMemory();
  const driver = memoryDriver(memory, host);
  const calls: string[] = [];
  const renewal = Promise.withResolvers<boolean>();
  const acquire = driver.acquire.bind(driver);
  const release = driver.release.bind(driver);
  driver.acquire = (...given) => {
    calls.push("acquire");
    return acquire(...given);
  };
  driver.renew = () => {
    calls.push("renew");
    return renewal.promise;
  };
  driver.release = (run) => {
    calls.push("release");
    return release(run);
  };
  await using state = bufferedState(driver, host);
  const leases = await leaseTasks([defaultTask("a")], "run-1", { state, timers: host.timers });
  await host.advance(RENEW_EVERY_MS);
  assertEquals(calls, ["acquire", "renew"]);
  const released = leases.release();
  await host.advance(0);
  // The leases are lost, so the renewal acquires them again; then they are released.
  renewal.resolve(false);
  await released;
  assertEquals(calls, ["acquire", "renew", "acquire", "release"]);
  assertEquals(memory.leases.size, 0);
});

Deno.test("Leases.release: stops the renewals", async () => {
  const host = testHost({ timers: "manual" });
  const memory = emptyMemory();
  await using state = bufferedState(memoryDriver(memory, host), host);
  const leases = await leaseTasks([defaultTask("a")], "run-1", { state, timers: host.timers });
  await host.advance(3 * RENEW_EVERY_MS);
  assertEquals([...memory.leases.keys()], ["run-1"]);
  await leases.release();
  await host.advance(10 * RENEW_EVERY_MS);
  assertEquals(memory.leases.size, 0);
});

import {
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { ExitCalled, testHost } from "./host.ts";

const never = new AbortController().signal;

Deno.test("testHost: an instant sleep is recorded and advances both clocks", async () => {
  const host = testHost({ now: "2026-03-01T00:00:00Z", timers: "manual" });
  await host.timers.sleep(1_500, never);
  await host.timers.sleep(500, never);
  assertEquals(host.slept, [1_500, 500]);
  assertEquals(host.clock.monotonicMs(), 2_000);
  assertEquals(host.clock.now().toString(), "2026-03-01T00:00:02Z");
});

Deno.test("testHost: a sleep with an aborted signal rejects and is not recorded", async () => {
  const host = testHost();
  const reason = new TypeError("enough");
  await assertRejects(
    () => host.timers.sleep(1_000, AbortSignal.abort(reason)),
    TypeError,
    "enough",
  );
  assertEquals(host.slept, []);
});

Deno.test("testHost: a manual sleep ends at its time or on abort", async () => {
  const host = testHost({ sleep: "manual" });
  const ended: string[] = [];
  const stop = new AbortController();
  const first = host.timers.sleep(1_000, never).then(() => ended.push("first"));
  const second = host.timers.sleep(2_000, stop.signal).catch(() => ended.push("second"));
  await host.advance(999);
  assertEquals(ended, []);
  await host.advance(1);
  assertEquals(ended, ["first"]);
  stop.abort();
  await Promise.all([first, second]);
  assertEquals(ended, ["first", "second"]);
});

Deno.test("testHost: manual timers fire in order, each at its time", async () => {
  const host = testHost({ timers: "manual" });
  const fired: string[] = [];
  const note = (name: string): void => {
    fired.push(`${name} ${host.clock.monotonicMs()}`);
  };
  host.timers.after(30, () => note("late"));
  host.timers.after(10, () => {
    note("early");
    host.timers.after(5, () => note("nested"));
  });
  const cancel = host.timers.after(20, () => note("cancelled"));
  cancel();
  await host.advance(29);
  assertEquals(fired, ["early 10", "nested 15"]);
  await host.advance(1);
  assertEquals(fired, ["early 10", "nested 15", "late 30"]);
});

Deno.test("testHost: an instant sleep fires the manual timers it passes", async () => {
  const host = testHost({ timers: "manual" });
  const deadline = new AbortController();
  host.timers.after(100, () => deadline.abort(new RangeError("deadline")));
  await assertRejects(() => host.timers.sleep(200, deadline.signal), RangeError, "deadline");
  assertEquals(host.slept, [200]);
});

Deno.test("testHost: with real timers the monotonic clock advances", async () => {
  const host = testHost();
  const sleptMs = 1_000_000;
  await host.timers.sleep(sleptMs, never);
  await new Promise<void>((done) => void host.timers.after(20, done));
  assertGreater(host.clock.monotonicMs(), sleptMs + 15);
  assertEquals(host.clock.now().toString(), "2026-01-15T12:16:40Z");
});

Deno.test("testHost: jump moves only the wall clock", () => {
  const host = testHost({ now: "2026-03-01T00:00:00Z", timers: "manual" });
  host.jump(-86_400_000);
  assertEquals(host.clock.now().toString(), "2026-02-28T00:00:00Z");
  assertEquals(host.clock.monotonicMs(), 0);
});

Deno.test("testHost: random fractions repeat, names do not", () => {
  const one = testHost();
  const other = testHost();
  const fractions = [1, 2, 3].map(() => one.random.fraction());
  assertEquals([1, 2, 3].map(() => other.random.fraction()), fractions);
  assertEquals(fractions.every((fraction) => fraction >= 0 && fraction < 1), true);
  assertEquals(new Set(fractions).size, 3);

  const listed = testHost({ random: [0, 0.5] });
  assertEquals([1, 2, 3].map(() => listed.random.fraction()), [0, 0.5, 0]);

  const names = [one.random.name(), one.random.name(), other.random.name()];
  assertEquals(new Set(names).size, 3);
  assertEquals(names.every((name) => /^[0-9a-f]{32}$/.test(name)), true);
});

Deno.test("testHost: output is recorded until it is closed", () => {
  const { stdout, stderr } = testHost();
  stdout.closeAfter(1);
  assertEquals([stdout.write("a\n"), stdout.write("b\n")], [true, false]);
  assertEquals([stdout.text, stderr.text], ["a\n", ""]);
  stderr.terminal = true;
  stderr.width = 40;
  assertEquals([stderr.isTerminal(), stderr.columns()], [true, 40]);
});

Deno.test("testHost: a signal reaches current listeners only", () => {
  const host = testHost();
  let raised = 0;
  const count = (): void => void raised++;
  const first = host.onSignal("SIGINT", count);
  host.onSignal("SIGINT", count);
  assertEquals([host.raise("SIGINT"), host.raise("SIGTERM"), raised], [2, 0, 2]);
  first();
  assertEquals([host.raise("SIGINT"), raised], [1, 3]);
});

Deno.test("testHost: exit, environment, standard input and addresses are the given ones", async () => {
  const host = testHost({ env: { A: "1" }, stdin: "text", addresses: { "a.test": ["10.0.0.1"] } });
  assertEquals(assertThrows(() => host.exit(3), ExitCalled).code, 3);
  assertEquals([host.env("A"), host.env("HOME"), host.env("toString")], [
    "1",
    undefined,
    undefined,
  ]);
  assertEquals(await host.readStdin(4), "text");
  assertEquals(await host.resolve("a.test"), ["10.0.0.1"]);
  assertEquals(await host.resolve("[::1]"), ["::1"]);
  await assertRejects(() => host.resolve("b.test"), Deno.errors.NotFound);
  assertNotEquals(host.cwd(), "");
});

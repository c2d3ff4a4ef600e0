import { assertEquals, assertGreater, assertLess } from "@std/assert";
import { SLICE_MS } from "../../lib/schedule/due.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { openState } from "../helpers/open.ts";
import { file, ORIGIN, play, played, results, watchEventsOf } from "./watching.ts";

/** A task of one file. */
const task = (id: string, schedule: string, options: object = {}) => ({
  id,
  url: `${ORIGIN}/${id}`,
  schedule,
  retry: { attempts: 1 },
  ...options,
});

const memory = { state: "memory:" };
const HOUR_MS = 3_600_000;

Deno.test("row 105: watchTasks: daylight saving, in both directions", async (t) => {
  const timing = { timezone: "Europe/Berlin", misfire: "skip" };
  const tasks = [task("night", "30 2 * * *", timing), task("hours", "0 */2 * * *", timing)];
  await t.step("forwards: the skipped 02:30 runs at the end of the gap", async () => {
    const { requests } = await played({ ...memory, tasks }, {
      from: "2026-03-28T23:40:00Z",
      until: "2026-03-30T00:31:00Z",
    });
    assertEquals(requests.filter((request) => request.endsWith("night")), [
      "03-29T01:00:00 /night",
      "03-30T00:30:00 /night",
    ]);
    assertEquals(requests.filter((request) => request.endsWith("hours")).slice(0, 3), [
      // 02:00 is left out and comes at 03:00; then 04:00 and 06:00, by the summer clock.
      "03-29T01:00:00 /hours",
      "03-29T02:00:00 /hours",
      "03-29T04:00:00 /hours",
    ]);
  });
  await t.step("backwards: the repeated 02:30 runs once", async () => {
    const { requests } = await played({ ...memory, tasks }, {
      from: "2026-10-24T22:40:00Z",
      until: "2026-10-26T01:31:00Z",
    });
    assertEquals(requests.filter((request) => request.endsWith("night")), [
      "10-25T00:30:00 /night",
      "10-26T01:30:00 /night",
    ]);
    assertEquals(requests.filter((request) => request.endsWith("hours")).slice(0, 2), [
      "10-25T00:00:00 /hours",
      "10-25T03:00:00 /hours",
    ]);
  });
});

Deno.test("row 106: watchTasks: ten hours of sleep, one catch-up run or none", async () => {
  const { requests, host } = await played({
    ...memory,
    limits: { concurrency: 1 },
    tasks: [
      task("once", "0 * * * *"),
      task("skip", "0 * * * *", { misfire: "skip" }),
      task("every", "every 1h"),
    ],
  }, {
    from: "2026-01-15T12:35:00Z",
    until: "2026-01-16T00:04:00Z",
    // The machine sleeps: the wall clock advances, timers do not.
    meanwhile: { "2026-01-15T12:41:00Z": ({ host }) => host.jump(10 * HOUR_MS) },
  });
  assertEquals(requests, [
    "01-15T12:35:00 /once",
    "01-15T12:35:00 /every",
    "01-15T22:41:00 /once",
    "01-15T22:41:00 /every",
    "01-15T23:00:00 /once",
    "01-15T23:00:00 /skip",
    // An interval may be a tenth shorter.
    "01-15T23:40:00 /every",
    "01-16T00:00:00 /once",
    "01-16T00:00:00 /skip",
  ]);
  // Two hours awake in slices of two seconds, without busy waiting.
  assertLess(host.slept.length, 2 * HOUR_MS / SLICE_MS + 10);
});

Deno.test("watchTasks: sleeps until a task is due, in slices of at most two seconds", async () => {
  const { host, requests, polls } = await played({ ...memory, tasks: [task("a", "every 5s")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:00:10Z",
  });
  assertEquals(host.slept.filter((ms) => ms > 0), [2_000, 2_000, 1_000, 2_000, 2_000, 1_000]);
  assertEquals(requests, ["01-15T12:00:00 /a", "01-15T12:00:05 /a"]);
  assertGreater(polls, host.slept.length - 1);
});

Deno.test("watchTasks: a clock set back an hour, no burst and no hour without a run", async () => {
  const { requests, host } = await played({
    ...memory,
    limits: { concurrency: 1 },
    tasks: [task("cron", "*/30 * * * *"), task("every", "every 30m")],
  }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:45:00Z",
    meanwhile: { "2026-01-15T12:40:00Z": ({ host }) => host.jump(-HOUR_MS) },
  });
  assertEquals(requests, [
    "01-15T12:00:00 /cron",
    "01-15T12:00:00 /every",
    "01-15T12:30:00 /cron",
    "01-15T12:30:00 /every",
    // It is 11:40 again. The run at 12:30 is ignored, which causes one catch-up run.
    "01-15T11:40:00 /cron",
    "01-15T11:40:00 /every",
    "01-15T12:00:00 /cron",
    "01-15T12:10:00 /every",
    "01-15T12:30:00 /cron",
    "01-15T12:40:00 /every",
  ]);
  assertLess(host.slept.length, 105 * 60_000 / SLICE_MS + 10);
});

Deno.test("watchTasks: a clock set back during a pause of a host, no request", async () => {
  let requests = 0;
  const busy = { status: 429, headers: { "retry-after": "7200" } };
  const playing = await played({ ...memory, tasks: [task("a", "every 30m")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T13:10:00Z",
    meanwhile: { "2026-01-15T12:40:00Z": ({ host }) => host.jump(-HOUR_MS) },
    answer: () => ++requests === 2 ? new Response("", busy) : file(),
  });
  assertEquals(playing.requests, ["01-15T12:00:00 /a", "01-15T12:30:00 /a"]);
  assertEquals(results(playing), [
    "01-15T12:00:00 a created",
    "01-15T12:30:00 a deferred",
    // At 11:40 the record is ignored, and the host is still parked: deferred again, once.
    "01-15T11:40:00 a deferred",
  ]);
});

Deno.test("watchTasks: deferred and failed tasks run again at their times", async () => {
  let requests = 0;
  const busy = { status: 503, headers: { "retry-after": "90" } };
  const playing = await played({
    ...memory,
    tasks: [
      task("busy", "0 * * * *"),
      task("bad", "every 10s", {
        url: `${ORIGIN}:8443/bad`,
        retry: { attempts: 1 },
      }),
    ],
  }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:05:00Z",
    answer: (path) => {
      if (path === ":8443/bad") return new Response(null, { status: 500 });
      return ++requests === 1 ? new Response("", busy) : file();
    },
  });
  assertEquals(results(playing).filter((result) => result.includes("busy")), [
    "01-15T12:00:00 busy deferred",
    "01-15T12:01:30 busy created",
  ]);
  // Failures: again after 1 and 2 minutes, and not every 10 seconds.
  assertEquals(results(playing).filter((result) => result.includes("bad")), [
    "01-15T12:00:00 bad failed",
    "01-15T12:01:00 bad failed",
    "01-15T12:03:00 bad failed",
  ]);
});

Deno.test("row 107: watchTasks: a task longer than its period is reported and not doubled", async () => {
  const long: string[] = [];
  const playing = await played({
    ...memory,
    limits: { concurrency: 1, deadline: null },
    tasks: [task("quick", "0 * * * *"), task("slow", "0 * * * *")],
  }, {
    from: "2026-01-15T05:50:00Z",
    until: "2026-01-15T09:01:00Z",
    answer: (path, _signal, host) => {
      long.push(path);
      // The fourth request is the slow one of six o'clock.
      if (long.length === 4) host.jump(2 * HOUR_MS + 600_000);
      return file();
    },
  });
  assertEquals(playing.requests, [
    "01-15T05:50:00 /quick",
    "01-15T05:50:00 /slow",
    "01-15T06:00:00 /quick",
    "01-15T06:00:00 /slow",
    // It is 08:10. The missed ticks of the quick one cause one catch-up run.
    "01-15T08:10:00 /quick",
    "01-15T09:00:00 /quick",
    "01-15T09:00:00 /slow",
  ]);
  assertEquals(
    watchEventsOf(playing, "overran").flatMap(({ tasks }) =>
      tasks.map(({ task, tick }) => `${tick} ${task}`)
    ),
    ["2026-01-15T07:00:00Z slow"],
  );
});

Deno.test("watchTasks: an invalid edit of the config is reported once, a valid one applied", async () => {
  const playing = await played({ ...memory, tasks: [task("a", "every 1m")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:04:50Z",
    meanwhile: {
      "2026-01-15T12:01:30Z": (watch) =>
        watch.edit({ ...memory, tasks: [task("a", "every never")] }),
      "2026-01-15T12:02:30Z": (watch) =>
        watch.edit({ ...memory, tasks: [task("b", "every 1m"), task("c", "manual")] }),
    },
  });
  assertEquals(playing.requests, [
    "01-15T12:00:00 /a",
    "01-15T12:01:00 /a",
    "01-15T12:02:00 /a",
    "01-15T12:02:30 /b",
    "01-15T12:03:30 /b",
    "01-15T12:04:30 /b",
  ]);
  const [refused, ...others] = watchEventsOf(playing, "refused");
  assertEquals([refused?.error.code, others], ["config.invalid", []]);
  const [reloaded] = watchEventsOf(playing, "reloaded");
  assertEquals([reloaded?.target.config.tasks.length, reloaded?.snapshot.due], [2, 1]);
  // The state stays open, since its location is the same.
  assertEquals(playing.openings, 1);
});

Deno.test("watchTasks: {date:…} is filled in for each tick", async () => {
  const { requests } = await played({
    ...memory,
    tasks: [{ id: "dated", url: `${ORIGIN}/{date:YYYY-MM-DD}`, schedule: "0 */12 * * *" }],
  }, { from: "2026-01-15T11:59:30Z", until: "2026-01-16T12:01:00Z" });
  assertEquals(requests, [
    "01-15T11:59:30 /2026-01-15",
    "01-15T12:00:00 /2026-01-15",
    "01-16T00:00:00 /2026-01-16",
    "01-16T12:00:00 /2026-01-16",
  ]);
});

Deno.test("watchTasks: a config with another state, the old one is closed and the new one opened", async () => {
  await using folder = await temporaryFolder();
  const config = (name: string) => ({
    state: `file:${folder.file(name)}`,
    tasks: [task("a", "every 1m")],
  });
  const playing = await played(config("one.json"), {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:02:10Z",
    meanwhile: {
      "2026-01-15T12:00:30Z": (watch) => watch.edit(config("two.json")),
      // A folder cannot be opened as a state, so the last one is opened again.
      "2026-01-15T12:01:15Z": (watch) =>
        watch.edit({ ...config(""), state: `file:${folder.path}` }),
    },
  });
  // The second state has no record of the task, so it is due.
  assertEquals(playing.requests, [
    "01-15T12:00:00 /a",
    "01-15T12:00:30 /a",
    "01-15T12:01:30 /a",
  ]);
  for (const [name, at] of [["one.json", "12:00:00"], ["two.json", "12:01:30"]] as const) {
    await using state = await openState(`file:${folder.file(name)}`, testHost());
    const record = (await state.allRecords()).get("a");
    assertEquals(record?.lastRunAt, `2026-01-15T${at}Z`, name);
  }
  assertEquals(watchEventsOf(playing, "refused").length, 1);
  assertEquals(playing.openings, 3);
});

Deno.test("watchTasks: a task leased to another process is tried once a minute, and then run", async () => {
  await using folder = await temporaryFolder();
  const state = `file:${folder.file("state.json")}`;
  await using other = await openState(state, testHost({ now: "2026-01-15T12:00:00Z" }));
  await other.acquire(["a"], "another-run", 150_000);
  const playing = await played({ state, tasks: [task("a", "0 6 * * *"), task("b", "0 6 * * *")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:20:00Z",
  });
  assertEquals(results(playing).toSorted(), [
    "01-15T12:00:00 a skipped",
    "01-15T12:00:00 b created",
    "01-15T12:01:00 a skipped",
    "01-15T12:02:00 a skipped",
    "01-15T12:03:00 a created",
  ]);
});

Deno.test("watchTasks: without a schedule it reports so, and waits for another config", async () => {
  const playing = await played({ ...memory, tasks: [task("a", "manual")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-16T12:00:00Z",
    meanwhile: {
      "2026-01-16T11:00:00Z": (watch) => watch.edit({ ...memory, tasks: [task("b", "0 0 1 1 *")] }),
    },
  });
  const [started] = watchEventsOf(playing, "started");
  assertEquals([started?.snapshot.due, started?.snapshot.wake], [0, null]);
  assertEquals(playing.requests, ["01-16T11:00:00 /b"]);
  assertEquals(playing.watchEvents.map(({ kind }) => kind), [
    "started",
    "reloaded",
    "waiting",
  ]);
  assertLess(playing.host.slept.length, 24 * HOUR_MS / SLICE_MS + 10);
});

Deno.test("watchTasks: only selected tasks run", async () => {
  const tasks = [task("a", "every 1m"), task("b", "every 3m")];
  const { requests, watchEvents } = await played({ ...memory, tasks }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:03:30Z",
    selected: ["b"],
  });
  assertEquals(requests, ["01-15T12:00:00 /b", "01-15T12:03:00 /b"]);
  const waiting = watchEvents.flatMap((item) => item.kind === "waiting" ? [item.wake?.task] : []);
  assertEquals(new Set(waiting), new Set(["b"]));
});

Deno.test("watchTasks: a requested task runs, also while all are paused", async () => {
  const tasks = [task("a", "every 1m"), task("b", "manual")];
  const { requests } = await played({ ...memory, tasks }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:05:20Z",
    meanwhile: {
      "2026-01-15T12:00:16Z": ({ control }) => control.runNow(["b", "unknown"]),
      "2026-01-15T12:01:30Z": ({ control }) => control.pause(null),
      "2026-01-15T12:03:00Z": ({ control }) => control.runNow(["b"]),
      "2026-01-15T12:04:30Z": ({ control }) => control.resume(null),
    },
  });
  assertEquals(requests, [
    "01-15T12:00:00 /a",
    "01-15T12:00:16 /b",
    "01-15T12:01:00 /a",
    "01-15T12:03:00 /b",
    "01-15T12:04:30 /a",
  ]);
});

Deno.test("watchTasks: one paused task, the others run", async () => {
  const tasks = [task("a", "every 1m"), task("b", "every 1m")];
  const { requests } = await played({ ...memory, tasks }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:03:50Z",
    meanwhile: {
      "2026-01-15T12:00:30Z": ({ control }) => control.pause("a"),
      "2026-01-15T12:01:30Z": ({ control }) => control.runNow(["a"]),
      "2026-01-15T12:03:30Z": ({ control }) => control.resume("a"),
    },
  });
  assertEquals(requests, [
    "01-15T12:00:00 /a",
    "01-15T12:00:00 /b",
    "01-15T12:01:00 /b",
    "01-15T12:01:30 /a",
    "01-15T12:02:00 /b",
    "01-15T12:03:00 /b",
    "01-15T12:03:30 /a",
  ]);
});

Deno.test("watchTasks: a request and the stop signal end the sleep", async () => {
  const tasks = [task("a", "manual")];
  const playing = await play({ ...memory, tasks }, {
    from: "2026-01-15T12:00:00Z",
    host: { sleep: "manual" },
  });
  await playing.host.advance(7_000);
  assertEquals(playing.requests, []);
  playing.control.runNow(["a"]);
  await playing.host.advance(0);
  assertEquals(playing.requests, ["01-15T12:00:07 /a"]);
  playing.stop();
  await playing.ended;
});

Deno.test("rows 81 and 84: watchTasks: stopped during a run, waits for its end within the grace period", async (t) => {
  for (
    const [name, graceMs, waitMs, status, exitCode] of [
      ["the run ends in time", 30_000, 29_000, "created", 0],
      ["the run takes longer", 30_000, 30_000, "cancelled", 143],
      ["no grace period", 0, 0, "cancelled", 143],
    ] as const
  ) {
    await t.step(name, async () => {
      const answer = Promise.withResolvers<Response>();
      const timeout = { response: "5m", attempt: "5m" };
      const playing = await play({ ...memory, tasks: [task("a", "every 1m", { timeout })] }, {
        from: "2026-01-15T12:00:00Z",
        graceMs,
        host: { sleep: "manual" },
        answer: (_path, signal) => {
          signal.addEventListener("abort", () => answer.reject(signal.reason));
          return answer.promise;
        },
      });
      await playing.host.advance(1_000);
      playing.stop();
      await playing.host.advance(waitMs);
      if (status === "created") answer.resolve(file());
      await playing.ended;
      assertEquals(results(playing).map((result) => result.split(" ")[2]), [status]);
      const last = playing.events.at(-1);
      assertEquals(last?.type === "run.finished" && last.summary.exitCode, exitCode);
      assertEquals(watchEventsOf(playing, "stopping"), [{ kind: "stopping", graceMs }]);
    });
  }
});

Deno.test("watchTasks: an unreadable state is reported once, and the watch continues", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("state.json");
  let sound = "";
  const playing = await played({ state: `file:${path}`, tasks: [task("a", "every 1m")] }, {
    from: "2026-01-15T12:00:00Z",
    until: "2026-01-15T12:06:30Z",
    meanwhile: {
      "2026-01-15T12:00:30Z": () => {
        sound = Deno.readTextFileSync(path);
        Deno.writeTextFileSync(path, "{");
      },
      "2026-01-15T12:04:30Z": () => Deno.writeTextFileSync(path, sound),
    },
  });
  assertEquals(playing.requests, [
    "01-15T12:00:00 /a",
    // Tried at 12:01, and each minute after that.
    "01-15T12:05:00 /a",
    "01-15T12:06:00 /a",
  ]);
  assertEquals(watchEventsOf(playing, "failing").map(({ error }) => error.code), [
    "state.unreadable",
  ]);
  assertEquals(watchEventsOf(playing, "recovered").length, 1);
});

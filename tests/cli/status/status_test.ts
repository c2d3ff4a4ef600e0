import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../helpers/command_line.ts";
import { relativeTime } from "../../../lib/report/format.ts";
import type { TaskRecord } from "../../../lib/state/state.ts";
import { tree } from "../../helpers/folder.ts";
import { delivery, recentResult, record, runRecord } from "../../state/samples.ts";
import { rowsOf, workspace } from "../workspace.ts";

const HOUR_AGO = "2026-01-15T11:00:00Z";
const LONG_AGO = "2026-01-05T12:00:00Z";

const NOT_FOUND = recentResult({
  status: "failed",
  code: "http.status",
  httpStatus: 404,
  message: "fetching https://x.example/t: the server answered 404 Not Found",
});

/** Records of the task `t`, due every day at six, and how each is shown at noon. */
const TABLE: readonly {
  readonly name: string;
  readonly change: Partial<TaskRecord> | null;
  readonly schedule?: string;
  readonly shown: Readonly<Record<string, unknown>>;
  readonly said: RegExp;
  readonly exitCode: number;
}[] = [
  {
    name: "never run",
    change: null,
    shown: { health: "new", due: true, lastSuccessAt: null, nextDue: "2026-01-16T06:00:00Z" },
    said: /^new +t +never +never +now$/m,
    exitCode: 0,
  },
  {
    name: "fine",
    change: { lastSuccessAt: HOUR_AGO, lastRunAt: HOUR_AGO },
    shown: { health: "healthy", stale: false, due: false, nextDue: "2026-01-16T06:00:00Z" },
    said: /^healthy +t +1 d ago +1 h ago +in 18 h$/m,
    exitCode: 0,
  },
  {
    name: "green but stale",
    change: { lastSuccessAt: LONG_AGO, lastRunAt: LONG_AGO },
    shown: { health: "stale", stale: true, due: true },
    said: /^stale +t +1 d ago +10 d ago +now +overdue since 2026-01-07 06:00 UTC$/m,
    exitCode: 3,
  },
  {
    name: "as old, but manual",
    change: { lastSuccessAt: LONG_AGO, lastRunAt: LONG_AGO },
    schedule: "manual",
    shown: { health: "healthy", stale: false, due: false, nextDue: null },
    said: /^healthy +t +1 d ago +10 d ago +manual$/m,
    exitCode: 0,
  },
  {
    name: "failing since today",
    change: { health: "failing", failures: 1, lastRunAt: HOUR_AGO, lastSuccessAt: HOUR_AGO },
    shown: { health: "failing", stale: false, failures: 1 },
    said: /^failing +t +1 d ago +1 h ago +in 18 h +404 Not Found$/m,
    exitCode: 0,
  },
  {
    name: "failed at the first run",
    change: { health: "failing", failures: 1, lastRunAt: HOUR_AGO, lastSuccessAt: null },
    shown: { health: "failing", stale: false },
    said: /^failing +t +1 d ago +never/m,
    exitCode: 0,
  },
  {
    name: "failing and stale",
    change: { health: "failing", failures: 2, lastRunAt: HOUR_AGO, lastSuccessAt: LONG_AGO },
    shown: { health: "failing", stale: true },
    said: /^failing +t .* 404 Not Found, 2 failures in a row, overdue since 2026-01-07 06:00 UTC$/m,
    exitCode: 3,
  },
  {
    name: "unhealthy",
    change: { health: "unhealthy", failures: 1200, lastRunAt: HOUR_AGO, lastSuccessAt: HOUR_AGO },
    shown: { health: "unhealthy", failures: 1200 },
    said: /^unhealthy +t .* 404 Not Found, 1,200 failures in a row$/m,
    exitCode: 3,
  },
  {
    name: "deferred before it ever ran",
    change: { lastRunAt: null, lastSuccessAt: null, notBefore: "2026-01-15T13:30:00Z" },
    shown: { health: "new", due: false, nextDue: "2026-01-15T13:30:00Z" },
    said: /^new .* in 1 h$/m,
    exitCode: 0,
  },
];

Deno.test("status: health, age, failures and next due time", async (t) => {
  for (const { name, change, schedule = "0 6 * * *", shown, said, exitCode } of TABLE) {
    await t.step(name, async () => {
      await using at = await workspace({
        tasks: [{ id: "t", url: "https://x.example/t", schedule }],
      });
      if (change) await at.save([record("t", { results: [NOT_FOUND], ...change })]);
      const people = at.host();
      assertEquals(await main(["status"], people), exitCode);
      assertMatch(people.stdout.text, said);
      assertEquals(people.stderr.text, "");
      const programs = at.host();
      assertEquals(await main(["status", "--json"], programs), exitCode);
      assertEquals(programs.stderr.text, "");
      const [row] = rowsOf(programs.stdout.text);
      assertEquals({ ...row, ...shown }, row);
    });
  }
});

Deno.test("status TASK: only these tasks, with their results", async () => {
  await using at = await workspace({
    tasks: ["a", "b"].map((id) => ({ id, url: `https://x.example/${id}` })),
  });
  const results = [
    recentResult({
      status: "failed",
      code: "http.status",
      httpStatus: 404,
      message: "go\x1b[2Jne",
    }),
    recentResult({ at: "2026-01-14T12:00:00Z", since: LONG_AGO, times: 9 }),
  ];
  await at.save([
    record("a", { results }),
    record("b", { health: "unhealthy", failures: 3 }),
  ]);
  for (const args of [["a"], ["--only", "a"]]) {
    const people = at.host();
    assertEquals(await main(["status", ...args], people), 0);
    assertStringIncludes(
      people.stdout.text,
      "failed\n      go\\u{1b}[2Jne\n      hint: check the URL\n",
    );
    assertStringIncludes(
      people.stdout.text,
      "2026-01-14 12:00 UTC (1 d ago) unchanged, 9 times since 2026-01-05 12:00 UTC\n",
    );
    assertEquals(/unhealthy/.test(people.stdout.text), false);
  }
  const programs = at.host();
  assertEquals(await main(["status", "a", "--json"], programs), 0);
  assertEquals(rowsOf(programs.stdout.text).map((row) => [row["task"], row["results"]]), [
    ["a", results],
  ]);
  assertEquals(await main(["status", "c"], at.host()), 2);
});

Deno.test("status: the last run, when and with which exit code", async () => {
  await using at = await workspace({ tasks: [] });
  const nothing = at.host();
  assertEquals(await main(["status"], nothing), 0);
  assertMatch(nothing.stdout.text, /No run is recorded\.\n$/);
  const run = runRecord("r2", "2026-01-15T09:00:00Z");
  await at.save([], [
    runRecord("r1", "2026-01-14T09:00:00Z"),
    { ...run, summary: { ...run.summary, exitCode: 4 } },
  ]);
  const people = at.host();
  assertEquals(await main(["status"], people), 0);
  assertMatch(people.stdout.text, /^The last run ended 2 h ago with exit code 4\.\n$/);
  const programs = at.host();
  await main(["status", "--json"], programs);
  assertEquals(rowsOf(programs.stdout.text).map(({ type, run }) => [type, run]), [["run", "r2"]]);
});

Deno.test("status: does not create a missing state", async () => {
  for (const state of ["file:state/state.json", "kv:state/state.db"]) {
    await using at = await workspace({ state, tasks: ["https://x.example/t"] });
    assertEquals(await main(["status"], at.host()), 0);
    assertEquals(Object.keys(await tree(at.folder.path)), ["cronfetch.json"]);
    await Deno.lstat(at.folder.file("state")).then(() => {
      throw new Error("the folder of the state was made");
    }, () => {});
  }
});

Deno.test("status: shows no secret", async () => {
  await using at = await workspace({
    tasks: [{ id: "t", url: "https://x.example/t", headers: { "x-token": "${env:TOKEN}" } }],
  });
  await at.save([record("t", { results: [recentResult({ message: "sent hush-hush" })] })]);
  for (const args of [["status", "t"], ["status", "t", "--json"]]) {
    const host = at.host({ env: { TOKEN: "hush-hush" } });
    await main(args, host);
    const text = host.stdout.text + host.stderr.text;
    assertStringIncludes(text, "sent ***");
    assertEquals(text.includes("hush-hush"), false);
  }
});

Deno.test("relativeTime: the largest whole unit, never rounded up", () => {
  const table: [seconds: number, said: string][] = [
    [0, "now"],
    [0.9, "now"],
    [-1, "1 s ago"],
    [-59.9, "59 s ago"],
    [-60, "1 min ago"],
    [-3599, "59 min ago"],
    [-7200, "2 h ago"],
    [-86_399, "23 h ago"],
    [-864_000, "10 d ago"],
    [1, "in 1 s"],
    [300, "in 5 min"],
    [90_000, "in 1 d"],
  ];
  const now = Temporal.Instant.from("2026-01-15T12:00:00Z");
  for (const [seconds, said] of table) {
    const time = now.add({ milliseconds: seconds * 1000 });
    assertEquals(relativeTime(time, now), said);
  }
});

Deno.test("status: the changes that hooks have not received", async () => {
  await using at = await workspace({
    tasks: [{ id: "t", url: "https://x.example/t", onChange: [{ command: ["load"] }] }],
  });
  await at.save([record("t")]);
  const failed = delivery("1", {
    ...{ failures: 2, message: "exit code 1: no database" },
    retryAt: "2026-01-15T12:02:00Z",
  });
  await at.saveDeliveries("t", [failed, delivery("2", { publishedAt: null })]);
  const host = at.host();
  await main(["status", "t"], host);
  assertStringIncludes(
    host.stdout.text,
    "  hooks      2 changes not delivered; 2 failures in a row: exit code 1: no database\n" +
      "             next attempt 2026-01-15 12:02 UTC (in 2 min)\n",
  );
  for (const operands of [[], ["t"]]) {
    const json = at.host();
    await main(["status", "--json", ...operands], json);
    const [row] = rowsOf(json.stdout.text);
    assertEquals(row?.undelivered, 2);
    const { received: _, ...shown } = failed;
    const changes = row?.changes as unknown[] | undefined;
    assertEquals(changes?.[0], operands.length === 0 ? undefined : shown);
  }
});

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { taskHealth } from "../../lib/report/task_health.ts";
import { assertGolden, showCommand } from "../helpers/golden.ts";
import { defaultTask } from "../helpers/task.ts";
import { record } from "../state/samples.ts";
import { rowsOf, workspace } from "./workspace.ts";

const CONFIG = {
  schedule: "0 6 * * *",
  timezone: "Europe/Berlin",
  tasks: [
    { id: "down", url: "https://x.example/down.csv" },
    { id: "rates", url: "https://x.example/rates/usd.csv?key=${env:KEY}", schedule: "every 30m" },
    { id: "report of the year", url: "https://x.example/annual-report-{date:YYYY}.pdf" },
    { id: "by hand", url: "https://x.example/large.zip", schedule: "manual" },
  ],
};

const RECORDS = [
  record("down", {
    health: "failing",
    failures: 1,
    lastRunAt: "2026-01-15T11:00:42Z",
    retryAt: "2026-01-15T12:15:42Z",
  }),
  record("rates", { lastRunAt: "2026-01-15T11:52:00Z" }),
  record("report of the year", { lastRunAt: "2026-01-13T05:00:01Z" }),
];

Deno.test("plan: golden texts", async () => {
  for (
    const [name, args] of [
      ["plan", ["plan"]],
      ["plan_due", ["plan", "--due"]],
      ["plan_task", ["plan", "--due", "down", "rates"]],
    ] as const
  ) {
    await assertGolden(name, async (width) => {
      await using at = await workspace(CONFIG);
      await at.save(RECORDS);
      return await showCommand(args, at.host({ env: { KEY: "hush-hush" } }), width);
    });
  }
});

Deno.test("plan, status and the page: agree on the next due time, at which the task is due", async () => {
  await using at = await workspace(CONFIG);
  await at.save(RECORDS);
  const env = { KEY: "hush-hush" };
  const planned = at.host({ env });
  await main(["plan", "--due", "--json"], planned);
  const shown = at.host({ env });
  await main(["status", "--json"], shown);
  const healths = rowsOf(shown.stdout.text).filter(({ type }) => type === "task");
  for (const { task, included, nextDue } of rowsOf(planned.stdout.text)) {
    const [next = null] = nextDue as string[];
    const health = healths.find((health) => health["task"] === task);
    assertEquals([health?.["due"], health?.["nextDue"]], [included, next], `${task}`);
    if (included === true || next === null) continue;
    const later = at.host({ env, now: next });
    await main(["plan", "--due", "--json", `${task}`], later);
    const row = rowsOf(later.stdout.text).find((row) => row["task"] === task);
    assertEquals(row?.["included"], true, `${task}`);
  }
  // The page shows what `taskHealth` returns.
  const [record] = RECORDS;
  const down = defaultTask("down", {
    schedule: { kind: "cron", expression: "0 6 * * *" },
    timezone: "Europe/Berlin",
  });
  const now = Temporal.Instant.from("2026-01-15T12:00:00Z");
  assertEquals(taskHealth(down, record, now).nextDue, "2026-01-15T12:15:42Z");
});

Deno.test("plan TASK: the next three due times", async () => {
  await using at = await workspace(CONFIG);
  const host = at.host({ env: { KEY: "hush-hush" } });
  assertEquals(await main(["plan", "rates"], host), 0);
  assertMatch(
    host.stdout.text,
    /rates: every 30m\n {2}due 2026-01-15 13:30 Berlin\n {2}due .* 14:00/,
  );
  assertEquals(/report of the year/.test(host.stdout.text), false);
});

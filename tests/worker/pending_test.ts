// Files that are not published yet: "publishedWithin".

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { workspace } from "../cli/workspace.ts";
import { origin } from "../helpers/origin.ts";

const BODY = "date,rate\n2026-01-15,1\n";

/** A task of the day's file in Berlin, which fails from noon on. */
function daily(origin: string, options: object = {}): object {
  return {
    tasks: [{
      id: "rates",
      url: `${origin}/{date:YYYY-MM-DD}.csv`,
      schedule: "0 6 * * *",
      timezone: "Europe/Berlin",
      publishedWithin: "12h",
      ...options,
    }],
  };
}

Deno.test("publishedWithin: a 404 is pending, retried by backoff, then a failure", async () => {
  await using server = origin({});
  await using at = await workspace(daily(server.origin));
  const runAt = async (time: string) => {
    const host = at.host({ now: `2026-01-15T${time}:00Z` });
    const exitCode = await main(["run", "--due"], host);
    const record = (await at.records()).get("rates");
    const { health, failures, retryAt, lastRunAt, results } = record ?? {};
    return {
      exitCode,
      ...{ health, failures, retryAt, lastRunAt: lastRunAt?.slice(11, 16) },
      last: results?.[0]?.status,
      hits: server.hits(),
      text: host.stderr.text,
    };
  };
  const pending = { exitCode: 0, health: "healthy", failures: 0, last: "pending" };
  const at5 = await runAt("05:00");
  assertEquals({ ...at5, text: "" }, {
    ...pending,
    ...{ retryAt: "2026-01-15T05:15:00Z", lastRunAt: "05:00", hits: 1, text: "" },
  });
  assertMatch(at5.text, /^pending +rates +not published yet; next try at 2026-01-15T05:15:00Z$/m);
  assertMatch(at5.text, /1 pending/);
  assertEquals((await runAt("05:14")).hits, 1);
  assertEquals((await runAt("05:15")).retryAt, "2026-01-15T05:45:00Z");
  assertEquals((await runAt("05:45")).retryAt, "2026-01-15T06:45:00Z");
  // The backoff continues with another status, up to 12 hours after midnight in Berlin.
  server.route("/2026-01-15.csv", 410);
  assertEquals((await runAt("06:45")).retryAt, "2026-01-15T08:45:00Z");
  const last = await runAt("08:45");
  assertEquals([last.last, last.retryAt], ["pending", "2026-01-15T11:00:00Z"]);
  const failed = await runAt("11:00");
  assertEquals([failed.exitCode, failed.last, failed.failures], [3, "failed", 1]);
  server.route("/2026-01-15.csv", BODY);
  const created = await runAt("11:15");
  assertEquals([created.exitCode, created.last, created.failures], [0, "created", 0]);
});

Deno.test("publishedWithin: plan and status name the next try, and the page counts it", async () => {
  await using server = origin({});
  await using at = await workspace(daily(server.origin));
  assertEquals(await main(["run", "--due"], at.host({ now: "2026-01-15T05:00:00Z" })), 0);
  const plan = at.host({ now: "2026-01-15T05:10:00Z" });
  assertEquals(await main(["plan", "--due", "--json"], plan), 0);
  assertMatch(plan.stdout.text, /"reason":"not published yet, next try at 2026-01-15 06:15 /);
  const status = at.host({ now: "2026-01-15T05:10:00Z" });
  await main(["status"], status);
  assertMatch(status.stdout.text, /not published yet/);
  const again = at.host({ now: "2026-01-15T06:15:00Z" });
  assertEquals(await main(["run", "--report", "junit=/report.xml"], again), 0);
  const report = again.files.get("/report.xml") ?? "";
  assertMatch(report, /failures="0" errors="0" skipped="1"/);
  assertMatch(report, /<skipped message="not published yet; next try at 2026-01-15T06:45:00Z"/);
});

Deno.test("publishedWithin: other statuses, and mirrors that respond, are not pending", async () => {
  const table: [route: number, mirror: number | string, status: string, exitCode: number][] = [
    [404, 500, "pending", 0],
    [410, 404, "pending", 0],
    [404, BODY, "created", 0],
    [403, 404, "failed", 3],
    [401, 401, "failed", 3],
  ];
  for (const [route, mirror, status, exitCode] of table) {
    await using server = origin({ "/2026-01-15.csv": route, "/mirror": mirror });
    const options = { mirrors: [`${server.origin}/mirror`], retry: { attempts: 1 } };
    await using at = await workspace(daily(server.origin, options));
    const host = at.host({ now: "2026-01-15T05:00:00Z" });
    assertEquals(await main(["run", "--json"], host), exitCode);
    assertEquals((await at.records()).get("rates")?.results[0]?.status, status, `${route}`);
  }
});

Deno.test("publishedWithin: needs a date in the URL; of defaults, it is ignored without one", async () => {
  const url = "https://x.example/a.csv";
  await using own = await workspace({ tasks: [{ url, publishedWithin: "1d" }] });
  const host = own.host();
  assertEquals(await main(["plan"], host), 2);
  assertMatch(host.stderr.text, /tasks\[0\]\.publishedWithin needs a date in the URL/);
  await using server = origin({});
  await using at = await workspace({
    defaults: { publishedWithin: "1d" },
    tasks: [`${server.origin}/a.csv`],
  });
  assertEquals(await main(["run"], at.host()), 3);
});

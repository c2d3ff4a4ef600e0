// 90 days of a task with "dates", with outages of the origin and of cronfetch, late files and one that
// never comes. The clock is manual, the server is real.

import { assert, assertEquals } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { rowsOf, workspace } from "../cli/workspace.ts";
import { origin } from "../helpers/origin.ts";

const ZONE = "Europe/Berlin";
// With the change to summer time on 29 March.
const FIRST = Temporal.PlainDate.from("2026-01-15");
const DAYS = 90;
/** Days without a run, and days on which the origin answers 503. */
const CRONFETCH_DOWN = [20, 30] as const;
const ORIGIN_DOWN = [44, 48] as const;
const HOLIDAYS = ["2026-04-03", "04-06"];
/** Published two days late, after `publishedWithin`. */
const LATE = new Set(["2026-01-20", "2026-02-24", "2026-03-27"]);
const NEVER = "2026-03-18";
const FINAL_HOURS = 72;

const within = (day: number, [from, until]: readonly [number, number]) =>
  day >= from && day < until;

/** Hours since 00:00 of a date. */
function ageOf(date: string, now: Temporal.Instant): number {
  const start = Temporal.PlainDate.from(date).toZonedDateTime(ZONE).toInstant();
  return now.since(start).total("hours");
}

function isOffered(date: string, now: Temporal.Instant): boolean {
  return date !== NEVER && ageOf(date, now) >= (LATE.has(date) ? 58 : 10);
}

Deno.test("dates: in 90 days with outages, every offered date is on disk once", async () => {
  await using server = origin({});
  await using at = await workspace({
    timezone: ZONE,
    tasks: [{
      id: "rates",
      url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
      to: "rates/{date:YYYY-MM-DD}.csv",
      schedule: "0 6,18 * * *",
      retry: { attempts: 1 },
      dates: { last: "14d", on: "workdays", holidays: HOLIDAYS, final: "3d" },
      publishedWithin: "36h",
    }],
  });
  const days = Array.from({ length: DAYS }, (_, day) => FIRST.add({ days: day }));
  const window = [...Array(13).keys()].map((day) => FIRST.subtract({ days: 13 - day }));
  const workdays = [...window, ...days].filter(({ dayOfWeek }) => dayOfWeek <= 5)
    .map((date) => date.toString()).filter((date) => !["2026-04-03", "2026-04-06"].includes(date));
  const created = new Map<string, Temporal.Instant>();
  const counts: Record<string, number> = {};
  let requests = 0;
  for (const [day, date] of days.entries()) {
    if (within(day, CRONFETCH_DOWN)) continue;
    for (const time of ["06:00", "18:00"]) {
      const now = date.toZonedDateTime({ timeZone: ZONE, plainTime: time }).toInstant();
      const isDown = within(day, ORIGIN_DOWN);
      for (const of of workdays) {
        const file = { body: `date\n${of}\n`, etag: `"${of}"` };
        server.route(`/${of}.csv`, isDown ? 503 : isOffered(of, now) ? file : 404);
      }
      const before = server.hits();
      const host = at.host({ now: now.toString() });
      const exitCode = await main(["run", "--due", "--json"], host);
      const results = rowsOf(host.stdout.text).filter(({ type }) => type === "task.finished")
        .map(({ result }) => result as { task: string; status: string });
      // One request per result: closed dates cost none.
      assertEquals(server.hits() - before, results.length);
      requests += results.length;
      for (const { task, status } of results) {
        const of = task.slice("rates@".length);
        counts[status] = (counts[status] ?? 0) + 1;
        const publishedAt = created.get(of);
        const age = ageOf(of, now);
        assert(workdays.includes(of), `${of} is no workday`);
        assert(age >= 0 && age < 15 * 24, `${of} is requested at ${now}`);
        const isClosed = publishedAt !== undefined && age > FINAL_HOURS;
        assert(!isClosed, `${of} is requested at ${now}, and was published at ${publishedAt}`);
        const expected = isDown
          ? "failed"
          : isOffered(of, now)
          ? publishedAt === undefined ? "created" : "unchanged"
          : age < 36
          ? "pending"
          : "failed";
        assertEquals(status, expected, `${of} at ${now}`);
        if (status === "created") created.set(of, now);
      }
      // Pending dates are no failure; those of an outage are temporary.
      const failed = results.some(({ status }) => status === "failed");
      assertEquals(exitCode, failed ? isDown ? 4 : 3 : 0, `${now}`);
    }
  }
  const offered = workdays.filter((date) => date !== NEVER);
  const stored = new Map<string, string>();
  for await (const { name } of Deno.readDir(at.folder.file("downloads/rates"))) {
    stored.set(name, await Deno.readTextFile(at.folder.file(`downloads/rates/${name}`)));
  }
  assertEquals(
    [...stored].sort(),
    offered.map((date) => [`${date}.csv`, `date\n${date}\n`]).sort() as [string, string][],
  );
  assertEquals([...created.keys()].sort(), offered);
  // 256 of the requests are for files: 70 for new ones, and 186 to see whether they were corrected.
  assertEquals(counts, { created: 70, unchanged: 186, pending: 60, failed: 43 });
  assertEquals(requests, 359);
  // Those of the last three days have records.
  const records = await at.records();
  assertEquals([...records.keys()].sort(), ["13", "14"].map((day) => `rates@2026-04-${day}`));
});

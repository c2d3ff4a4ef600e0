// A task with "dates" in status: one row, a calendar with the gaps, and one object.

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../../lib/cli/main.ts";
import { origin } from "../../helpers/origin.ts";
import { recentResult, record } from "../../state/samples.ts";
import { rowsOf, type Workspace, workspace } from "../workspace.ts";

const NOW = "2026-01-15T07:00:00Z";

function rates(origin: string): object {
  return {
    schedule: "0 6 * * *",
    tasks: [
      {
        id: "rates",
        url: `${origin}/{date:YYYY-MM-DD}.csv`,
        to: "rates/{date:YYYY-MM-DD}.csv",
        dates: { last: "3w", on: "workdays", holidays: ["01-01"], final: "5d" },
        publishedWithin: "36h",
      },
      { id: "plain", url: `${origin}/plain.csv` },
    ],
  };
}

async function status(at: Workspace, ...args: string[]) {
  const host = at.host({ now: NOW });
  const exitCode = await main(["status", ...args], host);
  return { exitCode, text: host.stdout.text };
}

Deno.test("status: a task with dates is one row, and a calendar that names the gaps", async () => {
  await using server = origin({ "/plain.csv": "a\n1\n" });
  await using at = await workspace(rates(server.origin));
  const fresh = await status(at, "rates");
  assertMatch(fresh.text, /^rates: new$/m);
  assertMatch(fresh.text, /^ {2}missing {4}2025-12-26 to 2026-01-15$/m);
  for (const date of ["2025-12-29", "2026-01-05", "2026-01-06", "2026-01-12", "2026-01-13"]) {
    server.route(`/${date}.csv`, `date\n${date}\n`);
  }
  server.route("/2026-01-07.csv", 500);
  assertEquals(await main(["run", "--retries", "0"], at.host({ now: NOW })), 3);
  const overview = await status(at);
  assertMatch(
    overview.text,
    /^failing +rates .* 5 of 14 dates, 7 failed, 2 pending, 404 Not Found$/m,
  );
  assertEquals(overview.text.match(/rates/g)?.length, 1);
  assertMatch(overview.text, /^2 tasks: 1 failing, 1 healthy$/m);
  assertMatch((await status(at, "--failing")).text, /^1 task: 1 failing$/m);
  const { text } = await status(at, "rates");
  assertEquals(text.split("\n").slice(6), [
    "",
    "             1   5    10   15   20   25   30",
    "  2025-12                             x..#xx",
    "  2026-01    .x..##xxx..##??",
    "  # ok, x failed, ? pending, . no file expected",
    "  failed     2025-12-26, 2025-12-30 to 2026-01-02, 2026-01-07 to 2026-01-09",
    "  pending    2026-01-14 to 2026-01-15",
    "  reason     6 dates: 404 Not Found",
    "  reason     1 date: 500 Internal Server Error",
    "  hint: cronfetch status rates@2025-12-26",
    "",
  ]);
  const programs = rowsOf((await status(at, "--json", "rates")).text);
  const [row] = programs.filter(({ type }) => type === "dates");
  assertEquals({ ...row, dates: null }, {
    ...{ type: "dates", task: "rates", health: "failing", timezone: "UTC" },
    ...{ since: "2025-12-26", until: "2026-01-15" },
    counts: { ok: 5, failed: 7, pending: 2, missing: 0 },
    ...{ closedBefore: 0, dates: null },
  });
  assertEquals((row?.dates as unknown[]).slice(0, 2), [
    { date: "2025-12-26", status: "failed" },
    { date: "2025-12-29", status: "ok" },
  ]);
  const single = await status(at, "rates@2026-01-14");
  assertMatch(single.text, /^rates@2026-01-14: healthy/m);
});

Deno.test("status: closed dates count as ok, and those before the window are counted", async () => {
  await using server = origin({});
  await using at = await workspace(rates(server.origin));
  for (const date of ["2025-12-01", "2025-12-02", "2026-01-05"]) {
    server.route(`/${date}.csv`, `date\n${date}\n`);
  }
  for (const span of [["2025-12-01", "2025-12-02"], ["2026-01-05", "2026-01-05"]] as const) {
    const args = ["run", "rates", "--since", span[0], "--until", span[1]];
    assertEquals(await main(args, at.host({ now: NOW })), 0);
  }
  await at.save([
    record("rates@2026-01-14", {
      ...{ published: null, publishedAt: null, changedAt: null, lastSuccessAt: null },
      results: [recentResult({ status: "pending" })],
    }),
  ]);
  const { text, exitCode } = await status(at, "rates");
  assertEquals(exitCode, 0);
  assertMatch(text, /^rates: healthy$/m);
  assertMatch(text, /^ {2}dates {6}1 of 14 dates, 1 pending, 12 missing, from 2025-12-26 to/m);
  assertMatch(text, /^ {2}closed {5}2 dates before that$/m);
  assertMatch(
    text,
    /^ {2}missing {4}2025-12-26 to 2026-01-02, 2026-01-06 to 2026-01-13, 2026-01-15$/m,
  );
});

// Tasks with "dates": one file per date.

import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { rowsOf, type Workspace, workspace } from "../cli/workspace.ts";
import { type Origin, origin } from "../helpers/origin.ts";

/** Daily rates of workdays. */
function rates(server: Origin, dates: object, options: object = {}): object {
  return {
    tasks: [{
      id: "rates",
      url: `${server.origin}/{date:YYYY-MM-DD}.csv`,
      to: "rates/{date:YYYY-MM-DD}.csv",
      schedule: "0 6 * * *",
      dates: { last: "7d", on: "workdays", ...dates },
      ...options,
    }],
  };
}

async function runAt(
  at: Workspace,
  now: string,
  ...args: string[]
): Promise<{ exitCode: number; results: string[]; text: string }> {
  const host = at.host({ now });
  const exitCode = await main(["run", "--json", ...args], host);
  const results = rowsOf(host.stdout.text).flatMap(({ type, result }) => {
    if (type !== "task.finished") return [];
    const { task, status } = result as { task: string; status: string };
    return [`${task.slice("rates@2026-".length)} ${status}`];
  });
  return { exitCode, results: results.sort(), text: host.stderr.text };
}

async function files(at: Workspace): Promise<string[]> {
  const names: string[] = [];
  for await (const { name } of Deno.readDir(at.folder.file("downloads/rates"))) names.push(name);
  return names.sort();
}

Deno.test("dates: one task per date of the window, each with its own record", async () => {
  await using server = origin({ "/2026-01-14.csv": "a\n1\n", "/2026-01-15.csv": 404 });
  await using at = await workspace(rates(server, { last: "3d", holidays: ["01-13"] }));
  const first = await runAt(at, "2026-01-15T07:00:00Z");
  assertEquals(first.exitCode, 3);
  assertEquals(first.results, ["01-14 created", "01-15 failed"]);
  assertEquals(server.log.map(({ path }) => path).sort(), ["/2026-01-14.csv", "/2026-01-15.csv"]);
  const records = await at.records();
  assertEquals([...records.keys()].sort(), ["rates@2026-01-14", "rates@2026-01-15"]);
  assertEquals(records.get("rates@2026-01-15")?.failures, 1);
});

Deno.test("dates: missed dates are fetched later, and final ones are closed and cost no request", async () => {
  await using server = origin({});
  const publish = (date: string) => server.route(`/${date}.csv`, `date\n${date}\n`);
  await using at = await workspace(rates(server, { final: "2d" }));
  for (const day of ["08", "09", "12"]) publish(`2026-01-${day}`);
  // Monday: of Friday's file, only Thursday's is older than two days.
  await runAt(at, "2026-01-12T07:00:00Z", "--due");
  assertEquals(await files(at), ["2026-01-08.csv", "2026-01-09.csv", "2026-01-12.csv"]);
  assertEquals(server.hits("/2026-01-08.csv"), 1);
  for (const day of ["13", "14"]) publish(`2026-01-${day}`);
  // Two days without a run.
  const later = await runAt(at, "2026-01-14T07:00:00Z", "--due");
  assertEquals(later.results.filter((line) => line.endsWith("created")), [
    "01-13 created",
    "01-14 created",
  ]);
  const hits = (day: string) => server.hits(`/2026-01-${day}.csv`);
  assertEquals(["08", "09", "12", "13", "14"].map(hits), [1, 1, 1, 1, 1]);
  const again = await runAt(at, "2026-01-14T08:00:00Z");
  assertEquals(again.results.filter((line) => !line.endsWith("failed")), [
    "01-13 unchanged",
    "01-14 unchanged",
  ]);
  assertEquals(["08", "09", "12", "13", "14"].map(hits), [1, 1, 1, 2, 2]);
  const records = await at.records();
  assertEquals(records.has("rates@2026-01-12"), false);
  const text = await Deno.readTextFile(at.folder.file("state/state.json"));
  const [, entry = ""] = /("2026-01-12":\s*\{[^}]*\})/.exec(text) ?? [];
  assert(entry.length > 60 && entry.replaceAll(/\s+/g, "").length <= 150, entry);
});

Deno.test("dates: publishedWithin counts from 00:00 of the date, and a failed date leaves with the window", async () => {
  await using server = origin({});
  await using at = await workspace(
    rates(server, { last: "2d" }, { publishedWithin: "30h", timezone: "Europe/Berlin" }),
  );
  // 00:00 in Berlin is 23:00 of the day before.
  const first = await runAt(at, "2026-01-15T04:59:00Z", "--due");
  assertEquals([first.exitCode, first.results], [0, ["01-14 pending", "01-15 pending"]]);
  assertEquals((await at.records()).get("rates@2026-01-14")?.retryAt, "2026-01-15T05:00:00Z");
  const second = await runAt(at, "2026-01-15T05:00:00Z", "--due");
  assertEquals([second.exitCode, second.results], [3, ["01-14 failed"]]);
  const third = await runAt(at, "2026-01-16T08:00:00Z", "--due");
  assertEquals(third.results, ["01-15 failed", "01-16 pending"]);
  assertEquals([...(await at.records()).keys()].sort(), ["rates@2026-01-15", "rates@2026-01-16"]);
});

Deno.test("dates: run --since fetches older dates once, and closes them", async () => {
  await using server = origin({ "/2026-01-15.csv": "now\n" });
  for (const day of ["02", "05", "06"]) server.route(`/2026-01-${day}.csv`, `${day}\n`);
  await using at = await workspace(rates(server, { last: "1d" }));
  const span = ["--since", "2026-01-01", "--until", "2026-01-06"];
  const dry = at.host({ now: "2026-01-15T07:00:00Z" });
  assertEquals(await main(["run", ...span, "--dry-run"], dry), 0);
  assertMatch(dry.stdout.text, /4 of 4 tasks would run/);
  assertEquals(server.hits(), 0);
  const filled = await runAt(at, "2026-01-15T07:00:00Z", ...span);
  assertEquals([filled.exitCode, filled.results], [3, [
    "01-01 failed",
    "01-02 created",
    "01-05 created",
    "01-06 created",
  ]]);
  assertEquals([...(await at.records()).keys()], []);
  const hits = server.hits();
  const again = await runAt(at, "2026-01-15T07:30:00Z", "rates", ...span);
  assertEquals([again.results, server.hits() - hits], [["01-01 failed"], 1]);
  const forced = await runAt(at, "2026-01-15T08:00:00Z", ...span, "--force");
  assertEquals(forced.results.slice(1), ["01-02 unchanged", "01-05 unchanged", "01-06 unchanged"]);
  // The window is not part of a backfill, and no date is in the future.
  assertEquals(server.hits("/2026-01-15.csv"), 0);
  const open = await runAt(at, "2026-01-15T08:00:00Z", "--since", "2026-01-14");
  assertEquals(open.results, ["01-14 failed", "01-15 created"]);
});

Deno.test("dates: verify and the manifest know closed dates", async () => {
  await using server = origin({ "/2026-01-14.csv": "a\n1\n", "/2026-01-15.csv": "b\n2\n" });
  await using at = await workspace({
    manifest: true,
    ...rates(server, { last: "2d", final: "1d" }),
  });
  assertEquals((await runAt(at, "2026-01-15T07:00:00Z")).exitCode, 0);
  assertEquals([...(await at.records()).keys()], ["rates@2026-01-15"]);
  const manifest = JSON.parse(
    await Deno.readTextFile(at.folder.file("downloads/cronfetch.manifest.json")),
  );
  const listed = manifest.files.map((file: Record<string, string>) => [file.key, file.url]);
  assertEquals(
    listed,
    ["14", "15"].map((day) => [
      `rates/2026-01-${day}.csv`,
      `${server.origin}/2026-01-${day}.csv`,
    ]),
  );
  const verify = async (...args: string[]) => {
    const host = at.host({ now: "2026-01-15T08:00:00Z" });
    const exitCode = await main(["verify", ...args, "--json"], host);
    return [
      exitCode,
      ...rowsOf(host.stdout.text).map(({ key, verdict }) => `${verdict} ${key}`)
        .filter((line) => line.includes("rates/")),
    ];
  };
  const both = ["good rates/2026-01-14.csv", "good rates/2026-01-15.csv"];
  assertEquals((await verify()).slice(1), both);
  assertEquals(await verify("rates"), [0, ...both]);
  await Deno.remove(at.folder.file("downloads/rates/2026-01-14.csv"));
  assertEquals((await verify("--fix", "rates"))[1], "missing rates/2026-01-14.csv");
  // In the window, it is fetched again.
  assertEquals((await runAt(at, "2026-01-15T08:10:00Z", "--due")).results, ["01-14 created"]);
});

import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../../helpers/command_line.ts";
import { assertGolden, showCommand } from "../../helpers/golden.ts";
import { runRecord, runResult } from "../../state/samples.ts";
import { rowsOf, type Workspace, workspace } from "../workspace.ts";

const CONFIG = {
  timezone: "Europe/Berlin",
  tasks: [{ id: "rates", url: "https://x.example/r", headers: { "x-key": "${env:TOKEN}" } }],
};
const ENV = { TOKEN: "hush-hush" };

const RUN = "2026-01-15T09:00:00Z-3f2a91";

const RESULTS = [
  runResult("missing.pdf", {
    status: "failed",
    code: "http.status",
    httpStatus: 404,
    message: 'fetching https://x.example/a: the server answered 404 Not Found: "no"',
    sizeBytes: null,
  }),
  runResult("odd\x1b[2J", {
    status: "failed",
    code: "net.reset",
    httpStatus: null,
    message: "fetching https://x.example/b: the connection was closed after hush-hush was sent",
    sizeBytes: null,
  }),
  runResult("new.csv", { status: "created", sizeBytes: 1_340_000, previousSizeBytes: null }),
  runResult("rates", { sizeBytes: 900, previousSizeBytes: 1_000 }),
  runResult("same", { sizeBytes: 900, previousSizeBytes: 900 }),
];

/** Saves three runs; the second one has results. */
async function saveRuns(at: Workspace): Promise<void> {
  const run = runRecord(RUN, "2026-01-15T09:00:00Z");
  const counts = { ...run.summary.counts, created: 1, updated: 3, failed: 2, unchanged: 7 };
  const summary = { ...run.summary, counts, exitCode: 3, bytes: 2_000_000 };
  await at.saveRun(runRecord("2026-01-14T09:00:00Z-111111", "2026-01-14T09:00:00Z"), []);
  await at.saveRun({ ...run, summary, trigger: "schedule", tasks: 13 }, RESULTS);
  await at.saveRun(runRecord("2026-01-15T09:00:07Z-222222", "2026-01-15T09:00:07Z"), []);
}

Deno.test("status --run: golden texts", async () => {
  await assertGolden("status_run", async (width) => {
    await using at = await workspace(CONFIG);
    await saveRuns(at);
    return await showCommand(["status", "--run", RUN], at.host({ env: ENV }), width);
  });
});

Deno.test("status --run: an id, the beginning of one, or last; other text exits 2", async () => {
  await using at = await workspace(CONFIG);
  await saveRuns(at);
  const table: [name: string, exitCode: number, text: RegExp][] = [
    [RUN, 0, /^run 2026-01-15T09:00:00Z-3f2a91$/m],
    ["2026-01-15T09:00:00Z", 0, /^run 2026-01-15T09:00:00Z-3f2a91$/m],
    ["last", 0, /^run 2026-01-15T09:00:07Z-222222$/m],
    ["2026-01-14", 0, /^run 2026-01-14T09:00:00Z-111111$/m],
    [
      "2026-01-15",
      2,
      /"2026-01-15" is the beginning of 2 runs\nhint: they are \S+-222222, \S+-3f2a91/,
    ],
    [
      "2025",
      2,
      /there is no run "2025" in the state\nhint: the last runs are \S+-222222, .*-111111/i,
    ],
  ];
  for (const [name, exitCode, text] of table) {
    const host = at.host({ env: ENV });
    assertEquals(await main(["status", "--run", name], host), exitCode, name);
    assertMatch(exitCode === 0 ? host.stdout.text : host.stderr.text, text);
  }
  await using empty = await workspace(CONFIG);
  const host = empty.host({ env: ENV });
  assertEquals(await main(["status", "--run", "last"], host), 2);
  assertMatch(host.stderr.text, /no run is recorded/);
});

Deno.test("status --run --json: the run and its results, without secrets", async () => {
  await using at = await workspace(CONFIG);
  await saveRuns(at);
  const host = at.host({ env: ENV });
  assertEquals(await main(["status", "--run", RUN, "--json"], host), 0);
  assertEquals(host.stdout.text.includes("hush-hush"), false);
  const [run, ...results] = rowsOf(host.stdout.text);
  assertEquals([run?.["type"], run?.["run"], run?.["trigger"]], ["run", RUN, "schedule"]);
  assertEquals(
    results.map(({ type, run, task }) => [type, run, task]),
    RESULTS.map(({ task }) => [
      "result",
      RUN,
      task,
    ]),
  );
  const one = at.host({ env: ENV });
  assertEquals(await main(["status", "rates", "--run", RUN, "--json"], one), 0);
  assertEquals(rowsOf(one.stdout.text).slice(1).map(({ task }) => task), ["rates"]);
});

Deno.test("status: a run in progress, since when, and with how many tasks", async () => {
  await using at = await workspace(CONFIG);
  await using _lease = await at.lease("2026-01-15T11:55:00Z-3f2a91", ["rates", "other"]);
  const host = at.host({ env: ENV });
  assertEquals(await main(["status"], host), 0);
  assertMatch(
    host.stdout.text,
    /^A run is in progress, started 5 min ago: 2 tasks not finished\.$/m,
  );
  const programs = at.host({ env: ENV });
  await main(["status", "--json"], programs);
  assertEquals(rowsOf(programs.stdout.text).find(({ type }) => type === "active"), {
    type: "active",
    run: "2026-01-15T11:55:00Z-3f2a91",
    startedAt: "2026-01-15T11:55:00Z",
    tasks: 2,
  });
});

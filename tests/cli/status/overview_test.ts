import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "../../helpers/command_line.ts";
import { assertGolden, showCommand } from "../../helpers/golden.ts";
import { member, recentResult, record, runRecord } from "../../state/samples.ts";
import { rowsOf, workspace } from "../workspace.ts";

const failure = (message: string, code = "http.status", httpStatus: number | null = 404) =>
  recentResult({
    status: "failed",
    code,
    httpStatus,
    message: `fetching https://x.example/a: ${message}`,
  });

const CONFIG = {
  schedule: "0 6 * * *",
  timezone: "Europe/Berlin",
  tasks: ["plain.csv", "new.csv", "missing.pdf", "login.csv", "old.csv", "busy.csv", "dated"].map(
    (id) => ({ id, url: `https://x.example/${id}?token=\${env:TOKEN}`, to: `data/${id}` }),
  ),
};

const AGES = {
  lastRunAt: "2026-01-15T11:00:00Z",
  lastSuccessAt: "2026-01-12T05:00:10Z",
  publishedAt: "2026-01-12T05:00:10Z",
  changedAt: "2026-01-12T05:00:10Z",
};

const RECORDS = [
  record("plain.csv", {
    publishedAt: "2026-01-10T05:00:00Z",
    changedAt: "2026-01-10T05:00:00Z",
    lastSuccessAt: "2026-01-15T05:00:00Z",
  }),
  record("missing.pdf", {
    ...AGES,
    ...{ published: null, publishedAt: null, changedAt: null, lastSuccessAt: null },
    health: "unhealthy",
    failures: 6,
    retryAt: "2026-01-15T12:30:00Z",
    results: [
      failure('the server answered 404 Not Found: "no such file"'),
      recentResult({ status: "failed", code: "net.dns", message: "no such host" }),
    ],
  }),
  record("login.csv", {
    ...AGES,
    lastSuccessAt: "2026-01-15T05:00:10Z",
    health: "failing",
    failures: 1,
    retryAt: "2026-01-15T12:15:00Z",
    results: [failure("expected the content of a .csv file, found HTML", "expect.type", 200)],
  }),
  record("old.csv", { ...AGES, lastRunAt: AGES.lastSuccessAt }),
  record("busy.csv", {
    publishedAt: "2026-01-15T05:00:00Z",
    changedAt: "2026-01-15T05:00:00Z",
    lastSuccessAt: "2026-01-15T05:00:00Z",
    notBefore: "2026-01-15T14:00:00Z",
    results: [
      recentResult({
        status: "deferred",
        code: "http.status",
        httpStatus: 429,
        message: "fetching https://x.example/a: the server answered 429 Too Many Requests",
      }),
    ],
  }),
  record("dated", {
    publishedAt: "2026-01-15T05:00:00Z",
    changedAt: "2026-01-15T05:00:00Z",
    lastSuccessAt: "2026-01-15T05:00:00Z",
  }),
];

Deno.test("status: golden texts", async () => {
  for (
    const [name, args] of [
      ["status", ["status"]],
      ["status_failing", ["status", "--failing"]],
      ["status_task", ["status", "missing.pdf", "dated"]],
    ] as const
  ) {
    await assertGolden(name, async (width) => {
      await using at = await workspace(CONFIG);
      await at.save(RECORDS, [runRecord("r1", "2026-01-15T11:00:00Z")]);
      await at.saveMembers("dated", [
        member("data/dated"),
        member("data/dated.20260114T050000000Z", {
          kind: "version",
          publishedAt: "2026-01-14T05:00:00Z",
        }),
        member("data/dated.refused", { kind: "refused", publishedAt: "2026-01-13T05:00:00Z" }),
      ]);
      return await showCommand(args, at.host(), width);
    });
  }
});

Deno.test("status: 500 tasks fit a screen, problems first; --all lists them", async () => {
  const ids = Array.from({ length: 500 }, (_, index) => `task ${index}`);
  await using at = await workspace({
    tasks: ids.map((id) => ({ id, url: `https://x.example/${id.slice(5)}` })),
  });
  const message = "the server closed the connection before it had sent the head of a response";
  const records = ids.map((id, index) =>
    record(
      id,
      index % 25 === 24
        ? { health: "failing", failures: 2, results: [failure(message, "net.reset", null)] }
        : {},
    )
  );
  await at.save(records);
  for (const width of [40, 80, 200] as const) {
    const { screen } = await showCommand(["status"], at.host(), width);
    const lines = screen?.split("\n") ?? [];
    assert(lines.length <= 24, `${lines.length} lines at ${width} columns`);
    assert(lines.every((line) => line.length <= width));
    assertMatch(lines[1] ?? "", /^failing +task 24/);
  }
  const short = at.host();
  await main(["status"], short);
  const all = at.host();
  await main(["status", "--all"], all);
  const failing = at.host();
  await main(["status", "--failing"], failing);
  const rowCount = ({ stdout }: { readonly stdout: { readonly text: string } }) =>
    stdout.text.split("\n").filter((line) => /^(?:failing|healthy) +task/.test(line)).length;
  assertEquals([rowCount(short), rowCount(all), rowCount(failing)], [18, 500, 20]);
  assertMatch(
    short.stdout.text,
    /^and 2 failing, 480 healthy more; --failing lists all problems, --all every task$/m,
  );
  assertMatch(short.stdout.text, /^500 tasks: 20 failing, 480 healthy$/m);
  const programs = at.host();
  await main(["status", "--json"], programs);
  assertEquals(rowsOf(programs.stdout.text).length, 500);
});

Deno.test("status --failing: without a problem, says how many tasks there are", async () => {
  await using at = await workspace({ tasks: ["https://x.example/a", "https://x.example/b"] });
  const host = at.host();
  assertEquals(await main(["status", "--failing"], host), 0);
  assertEquals(
    host.stdout.text,
    "No problem: none of 2 tasks is unhealthy, failing or stale.\nNo run is recorded.\n",
  );
});

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { main } from "../../helpers/command_line.ts";
import {
  expectedFiles,
  invalidateFiles,
  knownKeys,
  verifyFiles,
} from "../../../lib/cli/verify/files.ts";
import type { FamilyMember } from "../../../lib/state/state.ts";
import { openMemory } from "../../../lib/store/memory.ts";
import { tree } from "../../helpers/folder.ts";
import { assertGolden, showCommand } from "../../helpers/golden.ts";
import { testHost } from "../../helpers/host.ts";
import { openState } from "../../helpers/open.ts";
import { origin } from "../../helpers/origin.ts";
import { member, record, validators } from "../../state/samples.ts";
import { rowsOf, type Workspace, workspace } from "../workspace.ts";

/** The verdicts of `--json` by key, and the exit code. */
async function verdicts(at: Workspace, args: readonly string[] = []) {
  const host = at.host();
  const exitCode = await main(["verify", "--json", ...args], host);
  assertEquals(host.stderr.text, "");
  const rows = rowsOf(host.stdout.text);
  return { exitCode, files: Object.fromEntries(rows.map(({ key, verdict }) => [key, verdict])) };
}

Deno.test("verify: reports edited, missing and extra files; --fix makes the next run fetch them", async () => {
  await using server = origin({ "/a": "first\n", "/b": "second\n", "/c": "third\n" });
  await using at = await workspace({
    tasks: ["a", "b", "c"].map((path) => `${server.origin}/${path}`),
  });
  assertEquals(await verdicts(at), { exitCode: 0, files: {} });
  assertEquals(await main(["run", "-q"], at.host()), 0);
  assertEquals(await verdicts(at), {
    exitCode: 0,
    files: { a: "good", b: "good", c: "good" },
  });

  // Same size and time, only the bytes differ.
  const { mtime } = await Deno.stat(at.folder.file("downloads/a"));
  await Deno.writeTextFile(at.folder.file("downloads/a"), "FIRST\n");
  await Deno.utime(at.folder.file("downloads/a"), mtime ?? 0, mtime ?? 0);
  await Deno.remove(at.folder.file("downloads/b"));
  await Deno.mkdir(at.folder.file("downloads/deep"));
  await Deno.writeTextFile(at.folder.file("downloads/deep/d\n"), "whose?");
  await Deno.writeTextFile(at.folder.file("downloads/.cronfetch-x.part"), "a draft");
  const differing = { a: "edited", b: "missing", c: "good", "deep/d\n": "extra" };
  assertEquals(await verdicts(at), { exitCode: 3, files: differing });
  const before = await at.records();

  const people = at.host();
  assertEquals(await main(["verify"], people), 3);
  assertMatch(people.stdout.text, /^edited +a +a +--fix makes/m);
  assertMatch(people.stdout.text, /^missing +b/m);
  assertMatch(people.stdout.text, /^extra +deep\/d\\n/m);
  assertMatch(people.stdout.text, /^1 good, 1 edited, 1 missing, 1 extra$/m);
  assertEquals(await at.records(), before);

  const fixing = at.host({ now: "2026-01-15T13:00:00Z" });
  assertEquals(await main(["verify", "--fix", "--json"], fixing), 3);
  const forgotten = rowsOf(fixing.stdout.text).filter((row) => row["forgotten"]);
  assertEquals(forgotten.map(({ key }) => key), ["a", "b"]);
  const after = await at.records();
  for (const id of ["a", "b"]) {
    assertEquals(after.get(id)?.published, null);
    assertEquals(after.get(id)?.results, before.get(id)?.results);
    assertEquals(after.get(id)?.lastSuccessAt, before.get(id)?.lastSuccessAt);
  }
  assertEquals(after.get("c"), before.get("c"));
  assertEquals(await verdicts(at), {
    exitCode: 3,
    files: { a: "unrecorded", c: "good", "deep/d\n": "extra" },
  });

  // Also with --due, long before the next tick.
  const later = at.host({ now: "2026-01-15T13:00:01Z" });
  assertEquals(await main(["run", "--due", "-q"], later), 0);
  assertEquals([server.hits("/a"), server.hits("/b"), server.hits("/c")], [2, 2, 1]);
  const files = await tree(at.folder.file("downloads"));
  assertEquals([files["a"], files["b"]], ["first\n", "second\n"]);
  await Deno.remove(at.folder.file("downloads/deep"), { recursive: true });
  assertEquals((await verdicts(at)).exitCode, 0);
});

Deno.test("verify TASK: only the files of these tasks", async () => {
  await using server = origin({ "/a": "first\n", "/b": "second\n" });
  await using at = await workspace({ tasks: ["a", "b"].map((path) => `${server.origin}/${path}`) });
  await main(["run", "-q"], at.host());
  await Deno.remove(at.folder.file("downloads/b"));
  await Deno.writeTextFile(at.folder.file("downloads/c"), "whose?");
  assertEquals(await verdicts(at, ["a"]), { exitCode: 0, files: { a: "good" } });
  assertEquals(await verdicts(at, ["--only", "b"]), { exitCode: 3, files: { b: "missing" } });
});

Deno.test("verify: cronfetch's own files in the store are not extra", async () => {
  await using at = await workspace({ store: ".", state: "file:state.json", tasks: [] });
  await Deno.writeTextFile(at.folder.file("state.json.lock"), "");
  assertEquals(await verdicts(at), { exitCode: 0, files: {} });
});

Deno.test("verify: an unreadable file differs", async () => {
  await using at = await workspace({ tasks: [] });
  await at.save([record("t", { published: validators({ key: "../t" }) })]);
  assertEquals(await verdicts(at), { exitCode: 3, files: { "../t": "unreadable" } });
});

Deno.test("verify: the message about an unreadable file is redacted", async () => {
  const secret = "hidden-folder";
  await using at = await workspace({
    tasks: [{ id: "t", url: "https://x.example/t", headers: { "x-key": "${env:KEY}" } }],
  });
  await at.save([record("t", { published: validators({ key: `../${secret}/t` }) })]);
  const host = at.host({ env: { KEY: secret } });
  assertEquals(await main(["verify", "--json"], host), 3);
  const [row] = rowsOf(host.stdout.text);
  assertEquals(row?.["verdict"], "unreadable");
  assertStringIncludes(String(row?.["message"]), "../***/t");
  assertEquals(String(row?.["message"]).includes(secret), false);
});

Deno.test("verify --fix: keeps the record of an unreadable file", async () => {
  await using at = await workspace({ tasks: [{ id: "t", url: "https://x.example/t" }] });
  const published = validators({ key: "../t" });
  await at.save([record("t", { published })]);
  assertEquals(await verdicts(at, ["--fix"]), { exitCode: 3, files: { "../t": "unreadable" } });
  assertEquals((await at.records()).get("t")?.published, published);
});

Deno.test("invalidateFiles: keeps a record that has changed since its file was read", async () => {
  await using at = await workspace({ tasks: [] });
  const compared = (task: string) => ({
    ...{ key: task, task, verdict: "edited" as const, message: null, found: null },
    isNewest: true,
    expected: "ab".repeat(32),
  });
  const newer = validators({ key: "a", sha256: "cd".repeat(32) });
  const older = validators({ key: "b", sha256: "ab".repeat(32) });
  await at.save([record("a", { published: newer }), record("b", { published: older })]);
  const host = at.host();
  await using state = await openState(`file:${at.folder.file("state/state.json")}`, host);
  const forgotten = await invalidateFiles([compared("a"), compared("b")], new Set(), state, host);
  assertEquals(forgotten, new Set(["b"]));
  await state.flush();
  const records = await at.records();
  assertEquals([records.get("a")?.published, records.get("b")?.published], [newer, null]);
});

Deno.test("verify --fix: skips a task that is leased to a run", async () => {
  await using at = await workspace({ tasks: [{ id: "t", url: "https://x.example/t" }] });
  await at.save([record("t", { published: validators({ key: "t" }) })]);
  const host = at.host();
  await using state = await openState(`file:${at.folder.file("state/state.json")}`, host);
  assertEquals((await state.acquire(["t"], "another run", 60_000)).size, 1);
  const people = at.host();
  assertEquals(await main(["verify", "--fix"], people), 3);
  assertStringIncludes(people.stdout.text, "not changed: a run is working on it");
  assertEquals((await at.records()).get("t")?.published, validators({ key: "t" }));
});

Deno.test("verify --fix: a state error is reported once, and no bug", async () => {
  await using at = await workspace({ tasks: [{ id: "a", url: "https://x.example/a" }] });
  await at.save([record("a", { published: validators({ key: "a" }) })]);
  const real = at.host();
  let isFixing = false;
  const host = {
    ...real,
    random: {
      ...real.random,
      name: () => {
        isFixing = true;
        return real.random.name();
      },
    },
    clock: {
      ...real.clock,
      monotonicMs: () => {
        if (isFixing) Deno.writeTextFileSync(at.folder.file("state/state.json"), "not a state");
        return real.clock.monotonicMs();
      },
    },
  };
  assertEquals(await main(["verify", "--fix"], host), 2);
  assertEquals(real.stderr.text.split("reading the state").length - 1, 1, real.stderr.text);
  assertEquals(real.stderr.text.includes("bug"), false);
});

Deno.test("verify: a signal ends it without changes", async () => {
  for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
    await using at = await workspace({ tasks: [{ id: "t", url: "https://x.example/t" }] });
    await at.save([record("t", { published: validators({ key: "t" }) })]);
    const host = at.host();
    // The signal arrives as soon as a listener is added.
    const { onSignal } = host;
    const early = {
      ...host,
      onSignal: (name: "SIGINT" | "SIGTERM", callback: () => void) => {
        const remove = onSignal(name, callback);
        if (name === signal) callback();
        return remove;
      },
    };
    assertEquals(await main(["verify", "--fix"], early), exitCode);
    assertMatch(host.stderr.text, /Interrupted/);
    assertEquals((await at.records()).get("t")?.published, validators({ key: "t" }));
  }
});

Deno.test("verifyFiles: reads files concurrently, each once", async () => {
  const entries = Array.from({ length: 20 }, (_, n) => ({
    task: `t${n}`,
    published: validators({ key: `f${n}` }),
    isNewest: true,
  }));
  let reading = 0;
  let most = 0;
  const read: string[] = [];
  const memory = openMemory();
  const store = {
    ...memory,
    async digest(key: string) {
      most = Math.max(most, ++reading);
      await Promise.resolve();
      reading--;
      read.push(key);
      return key === "f3" ? null : validators().sha256;
    },
  };
  const { clock, timers } = testHost();
  const { signal } = new AbortController();
  const comparisons = await verifyFiles(entries, { store, signal, clock, timers });
  assertEquals(most, 8);
  assertEquals(read.toSorted(), entries.map(({ published }) => published.key).toSorted());
  assertEquals(
    comparisons.filter(({ verdict }) => verdict !== "good").map(({ key }) => key),
    ["f3"],
  );
});

Deno.test("expectedFiles: one record per file", () => {
  const of = (task: string, publishedAt: string | null, key = "k") =>
    record(task, { publishedAt, published: validators({ key }) });
  const older = of("older", "2026-01-01T00:00:00Z");
  const newer = of("newer", "2026-01-02T00:00:00Z");
  const table: [
    name: string,
    records: ReturnType<typeof of>[],
    configured: string[],
    task: string,
  ][] = [
    ["the only one", [older], [], "older"],
    ["the newer of two that are gone", [newer, older], [], "newer"],
    ["the one in the config", [older, newer], ["older"], "older"],
    ["one without a time is older", [newer, of("timeless", null)], [], "newer"],
  ];
  for (const [name, records, configured, task] of table) {
    const byId = new Map(records.map((one) => [one.task, one]));
    assertEquals(
      expectedFiles(byId, new Map(), new Set(configured)).map((entry) => entry.task),
      [task],
      name,
    );
  }
  const nothing = new Map([["t", record("t", { published: null })]]);
  assertEquals(expectedFiles(nothing, new Map(), new Set()), []);
});

Deno.test("expectedFiles: members of families, each file once", () => {
  const records = new Map([
    ["a", record("a", { published: validators({ key: "a" }) })],
    ["b", record("b", { published: null })],
  ]);
  const member = (key: string, changes: Partial<FamilyMember> = {}): FamilyMember => ({
    ...{ key, kind: "file", sha256: "12".repeat(32), sizeBytes: 1 },
    publishedAt: "2026-01-01T00:00:00Z",
    ...changes,
  });
  const families = new Map([
    ["a", [member("a1", { kind: "version" }), member("claimed", { publishedAt: null })]],
    ["b", [member("a"), member("a1"), member("b"), member("unknown", { sha256: null })]],
  ]);
  const entries = expectedFiles(records, families, new Set(["a"]));
  assertEquals(entries.map(({ published, task, isNewest }) => [published.key, task, isNewest]), [
    ["a", "a", true],
    ["a1", "a", false],
    ["b", "b", false],
  ]);
});

Deno.test("verify: kept versions, earlier dated files and refused content are checked", async () => {
  await using server = origin({});
  await using at = await workspace({
    tasks: [
      { id: "kept", url: `${server.origin}/x`, to: "kept.csv", keep: 1 },
      { id: "dated", url: `${server.origin}/x`, to: "{date:DD}.csv" },
      { id: "named", url: `${server.origin}/n`, to: "n/{name}" },
      {
        ...{ id: "refused", url: `${server.origin}/x`, to: "r.csv", quarantine: true },
        expect: { matches: "^1" },
      },
    ],
  });
  await Deno.mkdir(at.folder.file("downloads"));
  await Deno.writeTextFile(at.folder.file("downloads/01.csv"), "from before");
  for (const [index, now] of ["2026-01-15T12:00:00Z", "2026-01-16T12:00:00Z"].entries()) {
    server.route("/x", `${index + 1}\n`);
    const headers = { "content-disposition": `attachment; filename="${index}.csv"` };
    server.route("/n", { body: `${index}\n`, headers });
    await main(["run", "-q"], at.host({ now }));
  }
  const good = {
    "kept.csv": "good",
    "kept.20260115T120000000Z.csv": "good",
    "15.csv": "good",
    "16.csv": "good",
    "n/0.csv": "good",
    "n/1.csv": "good",
    "r.csv": "good",
    "r.csv.refused": "good",
    "01.csv": "unrecorded",
  };
  assertEquals(await verdicts(at), { exitCode: 0, files: good });

  const missing = ["15.csv", "kept.20260115T120000000Z.csv"];
  for (const name of missing) await Deno.remove(at.folder.file(`downloads/${name}`));
  for (const name of ["n/0.csv", "n/1.csv"]) {
    await Deno.writeTextFile(at.folder.file(`downloads/${name}`), "edited");
  }
  const differing = {
    ...good,
    ...Object.fromEntries(missing.map((name) => [name, "missing"])),
    "n/0.csv": "edited",
    "n/1.csv": "edited",
  };
  assertEquals(await verdicts(at), { exitCode: 3, files: differing });
  const people = at.host();
  await main(["verify"], people);
  assertMatch(people.stdout.text, /^missing +15\.csv +dated +an older file, which no run fetches/m);
  assertEquals(await verdicts(at, ["--fix"]), { exitCode: 3, files: differing });
  // The task still owns a file named by the server, and fetches it again.
  assertEquals(await main(["run", "-q", "named"], at.host({ now: "2026-01-16T13:00:00Z" })), 0);
  assertEquals(await Deno.readTextFile(at.folder.file("downloads/n/1.csv")), "1\n");
  const rest = Object.entries(good).filter(([name]) => !missing.includes(name));
  assertEquals(await verdicts(at), {
    exitCode: 0,
    files: { ...Object.fromEntries(rest), "n/0.csv": "unrecorded" },
  });
});

Deno.test("verify: files of cronfetch and of git are not extra", async () => {
  await using at = await workspace({ store: ".", state: "file:state.json", tasks: [] });
  for (const name of [".git", "sub"]) await Deno.mkdir(at.folder.file(name));
  for (const name of ["state.json.lock", ".git/config", "sub/a.csv", "state.jsonl"]) {
    await Deno.writeTextFile(at.folder.file(name), "");
  }
  assertEquals(await verdicts(at), {
    exitCode: 3,
    files: { "sub/a.csv": "extra", "state.jsonl": "extra" },
  });
});

Deno.test("knownKeys: keys of other dates, and names chosen by servers", () => {
  const table: [
    task: { key: string; namedByServer: boolean },
    dated: boolean,
    known: string[],
    unknown: string[],
  ][] = [
    [{ key: "a1.csv", namedByServer: false }, false, ["a1.csv"], ["a2.csv", "a1xcsv", "x/a1.csv"]],
    [
      { key: "rates/2026-01-15.csv", namedByServer: false },
      true,
      ["rates/2026-01-15.csv", "rates/2025-12-31.csv"],
      ["rates/2026-01.csv", "rates/2026-01-15xcsv", "rates/new.csv", "2026-01-15.csv"],
    ],
    [
      { key: "in/2026-{name}", namedByServer: true },
      true,
      ["in/2025-report.pdf"],
      ["in/report.pdf", "in/2025-deep/report.pdf"],
    ],
    [{ key: "in/7{name}", namedByServer: true }, false, ["in/7a"], ["in/8a", "in/7"]],
  ];
  for (const [task, dated, known, unknown] of table) {
    const isKnown = knownKeys([{ ...TASK, ...task }], new Set(dated ? ["t"] : []));
    for (const key of known) assertEquals(isKnown(key), true, key);
    for (const key of unknown) assertEquals(isKnown(key), false, key);
  }
});

const TASK = { id: "t" };

/** A store with one file of each verdict but `unreadable`, and older members of a family. */
async function differingStore(): Promise<Workspace> {
  const at = await workspace({
    tasks: [
      ...["good.csv", "edited.csv", "missing of a long name.csv"]
        .map((id) => ({ id, url: `https://x.example/${encodeURIComponent(id)}`, to: id })),
      { id: "dated", url: "https://x.example/d", to: "{date:YYYY-MM-DD}.csv", keep: 3 },
    ],
  });
  const digest = async (text: string) =>
    new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toHex();
  await Deno.mkdir(at.folder.file("downloads"));
  const write = (key: string, text: string) =>
    Deno.writeTextFile(at.folder.file(`downloads/${key}`), text);
  await write("good.csv", "a");
  await write("good.csv.20260114T050000000Z.csv", "old");
  await write("edited.csv", "changed");
  await write("2026-01-15.csv", "a");
  await write("2026-01-14.csv", "a");
  await write("2025-12-01.csv", "before there was a record");
  await write("foreign.txt", "whose?");
  const published = async (key: string) => validators({ key, sha256: await digest("a") });
  await at.save(
    await Promise.all(
      ["good.csv", "edited.csv", "missing of a long name.csv"].map(async (id) =>
        record(id, { published: await published(id) })
      ),
    ),
  );
  await at.save([record("dated", { published: await published("2026-01-15.csv") })]);
  const sha256 = await digest("a");
  await at.saveMembers("dated", [
    { ...member("2026-01-15.csv"), sha256 },
    { ...member("2026-01-14.csv"), sha256 },
    { ...member("2026-01-13.csv"), sha256 },
  ]);
  await at.saveMembers("good.csv", [
    {
      ...member("good.csv.20260114T050000000Z.csv", { kind: "version" }),
      sha256: await digest("old"),
    },
  ]);
  return at;
}

Deno.test("verify: golden texts; kept versions and dated files are checked, others listed", async () => {
  for (
    const [name, args] of [["verify", ["verify"]], ["verify_fix", ["verify", "--fix"]]] as const
  ) {
    await assertGolden(name, async (width) => {
      await using at = await differingStore();
      return await showCommand(args, at.host(), width);
    });
  }
});

Deno.test("verify: lists the first 20 unrecorded files, and how many there are", async () => {
  await using at = await workspace({
    tasks: [{ id: "d", url: "https://x.example/d", to: "{date:YYYYMMDD}.csv" }],
  });
  await Deno.mkdir(at.folder.file("downloads"));
  for (let day = 10; day < 35; day++) {
    await Deno.writeTextFile(at.folder.file(`downloads/202601${day}.csv`), "");
  }
  const host = at.host();
  assertEquals(await main(["verify"], host), 0);
  const lines = host.stdout.text.trimEnd().split("\n");
  assertEquals(
    lines.filter((line) => /^unrecorded +202601\d\d\.csv +the name is/.test(line)).length,
    20,
  );
  assertEquals(lines.slice(-2), ["and 5 more unrecorded; --json lists them", "25 unrecorded"]);
});

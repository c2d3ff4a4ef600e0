import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import type { Config } from "../../lib/config/config.ts";
import type { ConfigInput } from "../../lib/config/input.ts";
import { findConfig, loadValue } from "../../lib/config/load.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { locationText } from "../../lib/core/location.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { CONFIG, MAIN } from "../helpers/program.ts";
import {
  AT,
  errorOf,
  load,
  loadInput,
  type LoadOptions,
  loadText,
  makeFiles,
  problemLinesOf,
} from "./loading.ts";

const FIXTURES = fromFileUrl(new URL("../fixtures/config", import.meta.url));

const urlsOf = (config: Config) => config.tasks.map(({ task }) => task.url);

Deno.test("loadConfig: an empty config has every default", async () => {
  assertEquals(await loadText("{}"), {
    store: { kind: "folder", path: "/start/downloads" },
    state: { kind: "kv", path: "/start/.cronfetch/state.db" },
    limits: {
      concurrency: 32,
      perHost: 6,
      spacingMs: 0,
      rateBytesPerSecond: null,
      deadlineMs: 1_800_000,
    },
    hosts: [],
    auth: [],
    hostFiles: [],
    secretFiles: [],
    manifest: false,
    historyMs: 90 * 86_400_000,
    fleet: { leaseMs: 60_000, slice: 200, sharedStore: false },
    alertAfter: 3,
    page: { downloads: false, publicUrl: null },
    alerts: [],
    sync: false,
    tasks: [],
    secrets: [],
    unsetSecrets: [],
    warnings: [],
    files: [],
  });
});

const URL_A = "https://example.org/a.csv";
const URL_B = "https://example.org/b.csv";

const FORMATS: readonly (readonly [name: string, text: string])[] = [
  ["x.jsonc", `// two\n{ "tasks": ["${URL_A}", { "url": "${URL_B}" },], }`],
  ["x.json", `\ufeff{ "tasks": ["${URL_A}", "${URL_B}"] }`],
  ["x.yaml", `tasks:\n  - ${URL_A}\n  - url: ${URL_B}\n`],
  ["x.YML", `{ tasks: [ "${URL_A}", "${URL_B}" ] }`],
  ["x.txt", `# two\n${URL_A}\n\n  ${URL_B}\r\n`],
  ["x.ts", `export default { tasks: ["${URL_A}", "${URL_B}"] };`],
  ["json-without-a-name", `{ "tasks": ["${URL_A}", "${URL_B}"] }`],
  ["yaml-without-a-name", `# two\ntasks:\n- ${URL_A}\n- ${URL_B}\n`],
  ["list.of.urls", `${URL_A}\n${URL_B}`],
];

Deno.test("loadConfig: reads every format", async (t) => {
  for (const [name, text] of FORMATS) {
    await t.step(name, async () => {
      await using folder = await temporaryFolder();
      await makeFiles(folder, { [name]: text });
      const config = await load({ files: [folder.file(name)] });
      assertEquals(urlsOf(config), [URL_A, URL_B]);
      assertEquals(locationText(config.store), folder.file("downloads"));
      assertEquals(config.files, [folder.file(name)]);
    });
  }
});

Deno.test("loadConfig: standard input is a config or a list of URLs", async () => {
  const texts = [
    ` // two\n { "tasks": ["${URL_A}", "${URL_B}"] }`,
    `/* two */ { "tasks": ["${URL_A}", "${URL_B}"] }`,
    `---\ntasks: ["${URL_A}", "${URL_B}"]`,
    `"tasks": ["${URL_A}", "${URL_B}"]`,
    `# two\n${URL_A}\n${URL_B}\n`,
  ];
  for (const text of texts) assertEquals(urlsOf(await loadText(text)), [URL_A, URL_B], text);
});

Deno.test("loadConfig: paths in a module are relative to its folder", async () => {
  const config = await load({ files: [join(FIXTURES, "good.ts")] });
  assertEquals(urlsOf(config), [URL_A, URL_B]);
  assertEquals(locationText(config.store), join(FIXTURES, "files"));
});

Deno.test("row 89: problems of a module have no lines", async () => {
  const table: [string, string[]][] = [
    ["wrong.ts", [
      "wrong.ts: limits.concurrency must be a whole number from 1 to 1000, not Infinity",
      "wrong.ts: alertAfter must be a whole number from 1 to 1000, not NaN",
      "wrong.ts: tasks[0] is missing",
      "wrong.ts: tasks[1] must be a URL, or an object with a url",
    ]],
    ["broken.ts", ["broken.ts: cannot be run: not today"]],
    ["empty.ts", [
      "empty.ts: has no default export; write export default { … }, or export default " +
      "defineConfig({ … })",
    ]],
  ];
  for (const [name, problems] of table) {
    assertEquals(await problemLinesOf(load({ cwd: FIXTURES, files: [name] })), problems);
  }
});

Deno.test("loadConfig: a module that is missing is reported on one line, without colours", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "a.ts": 'import "./absent.ts";' });
  const [problem = "", ...others] = await problemLinesOf(
    load({ cwd: folder.path, files: ["a.ts"] }),
  );
  assertEquals(others, []);
  assertMatch(problem, /^a\.ts: cannot be run: [ -~]*absent\.ts[ -~]* at file:[ -~]*\/a\.ts:1:8$/);
});

Deno.test("loadConfig: an unreadable file is reported with the other problems", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "bad.json": "{]", "folder.json/x": "" });
  const files = ["absent.json", "folder.json", "bad.json"];
  const error = await errorOf(load({ cwd: folder.path, files }));
  assertEquals(error.code, "config.not-found");
  assertEquals(error.message.split("\n"), [
    "absent.json: cannot be read: there is no such file",
    "folder.json: cannot be read: it is a folder; name the file of the config, such as cronfetch.jsonc",
    "bad.json:1:1: this { is not closed; add a } at its end",
  ]);
});

Deno.test("loadConfig: without files, loads the nearest config and names it relative to the working folder", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{", "below/.git/HEAD": "", "here/x": "" });
  const here = await problemLinesOf(load({ cwd: folder.path }));
  assertEquals(here, ["cronfetch.json:1:1: this { is not closed; add a } at its end"]);
  const above = await problemLinesOf(load({ cwd: folder.file("here") }));
  assertEquals(above, [
    `${folder.file("cronfetch.json")}:1:1: this { is not closed; add a } at its end`,
  ]);
  const error = await assertRejects(() => load({ cwd: folder.file("below") }), CronfetchError);
  assertEquals(error.code, "config.not-found");
});

Deno.test("loadConfig: CRONFETCH_CONFIG selects the config unless files or URLs are given", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "one.txt": URL_A, "two.txt": URL_B });
  const given = { cwd: folder.path, env: { CRONFETCH_CONFIG: "one.txt" } };
  assertEquals(urlsOf(await load(given)), [URL_A]);
  assertEquals(urlsOf(await load({ ...given, files: ["two.txt"] })), [URL_B]);
  assertEquals(urlsOf(await load({ ...given, urls: [URL_B] })), [URL_B]);
});

Deno.test("loadConfig: URLs given as arguments are tasks, and no config is searched for", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.txt": URL_A, "list.txt": URL_A });
  const config = await load({ cwd: folder.path, urls: [URL_B] });
  assertEquals(urlsOf(config), [URL_B]);
  assertEquals(locationText(config.store), folder.file("downloads"));
  const both = await load({ cwd: folder.path, files: ["list.txt"], urls: [URL_B] });
  assertEquals(urlsOf(both), [URL_A, URL_B]);
});

Deno.test("loadConfig: several files add their tasks, keep their defaults, and the last setting takes precedence", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, {
    "a/one.json": JSON.stringify({
      store: "one",
      state: "file:state.json",
      schedule: "every 1h",
      alertAfter: 7,
      history: "30d",
      limits: { concurrency: 2, perHost: 2, rate: "1MB" },
      defaults: { keep: 1, headers: { "X-A": "1" } },
      tasks: ["https://example.org/1"],
    }),
    "b/two.json": JSON.stringify({
      store: "two",
      schedule: "every 2h",
      sync: true,
      limits: { concurrency: 3, rate: null },
      defaults: { keep: 2 },
      tasks: ["https://example.org/2", { url: "https://example.org/3", schedule: "manual" }],
    }),
  });
  const config = await load({ cwd: folder.path, files: ["a/one.json", "b/two.json"] });
  assertEquals(locationText(config.store), folder.file("b/two"));
  assertEquals(locationText(config.state), `file:${folder.file("a/state.json")}`);
  assertEquals(config.alertAfter, 7);
  assertEquals(config.historyMs, 30 * 86_400_000);
  assertEquals(config.sync, true);
  assertEquals(config.limits, {
    concurrency: 3,
    perHost: 2,
    spacingMs: 0,
    rateBytesPerSecond: null,
    deadlineMs: 1_800_000,
  });
  const tasks = config.tasks.map(({ task }) => [task.keep, task.headers, task.schedule]);
  const every2h = { kind: "every", intervalMs: 7_200_000 } as const;
  assertEquals(tasks, [
    [1, { "x-a": "1" }, every2h],
    [2, {}, every2h],
    [2, {}, { kind: "manual" }],
  ]);
});

const LOCATIONS: readonly (readonly [
  setting: "store" | "state",
  written: string,
  location: string,
])[] = [
  ["store", "files", "/start/files"],
  ["store", "../files", "/files"],
  ["store", "/abs", "/abs"],
  ["store", "memory:", "memory:"],
  ["store", "s3://bucket", "s3://bucket"],
  ["store", "s3://bucket/a/b", "s3://bucket/a/b"],
  ["store", "s3://b.c/a?endpoint=http://h:1&region=r", "s3://b.c/a?endpoint=http://h:1&region=r"],
  ["state", "kv:", "kv:"],
  ["state", "kv:a.db", "kv:/start/a.db"],
  ["state", "file:a.json", "file:/start/a.json"],
  ["state", "memory:", "memory:"],
];

Deno.test("loadConfig: store and state are absolute", async () => {
  for (const [setting, written, location] of LOCATIONS) {
    const config = await loadInput({ [setting]: written });
    assertEquals(locationText(config[setting]), location);
  }
});

Deno.test("loadConfig: variables in the state are substituted and secret", async () => {
  const config = await loadInput(
    { state: "file:${env:PLACE}/state.json" },
    { env: { PLACE: "hunter2" } },
  );
  assertEquals(locationText(config.state), "file:/start/hunter2/state.json");
  assertEquals(config.secrets, ["hunter2"]);
});

Deno.test("loadConfig: a password of a variable may have any characters", async () => {
  const password = 'p@ss:w/o%rd?#&="x y';
  const written = "postgres://user:${env:DB_PASSWORD}@db.example:5433/files?schema=s";
  const { state, secrets } = await loadInput({ state: written }, {
    env: { DB_PASSWORD: password },
  });
  assertEquals(locationText(state), "postgres://user@db.example:5433/files?schema=s");
  assertEquals(state.kind === "postgres" && state.password, password);
  assertEquals(secrets, [password]);
});

Deno.test("loadConfig: invalid locations are problems", async () => {
  const table: ["store" | "state", string, string][] = [
    ["store", "az://bucket", 'must be a folder, "s3://bucket/prefix" or "memory:"'],
    ["store", "file:///x", 'must be a folder, "s3://bucket/prefix" or "memory:"'],
    [
      "store",
      "s3://B",
      'must be "s3://bucket/prefix", with a bucket of 3 to 63 lower-case letters, digits, dots and hyphens',
    ],
    ["store", "s3://key:secret@bucket", BUCKET_SECRETS],
    ["store", "s3://bucket?AWS_SECRET_ACCESS_KEY=x", BUCKET_SECRETS],
    ["store", "s3://bucket?speed=1", 'may only have "endpoint" and "region" behind "?"'],
    ["store", "s3://bucket?endpoint=http://u:p@h", BUCKET_ENDPOINT],
    ["store", "s3://bucket?endpoint=minio:9000", BUCKET_ENDPOINT],
    ["store", "s3://bucket?region=a%20b", 'must have the name of a region as "region"'],
    ["store", "s3://bucket/a/../b", BUCKET_PREFIX],
    ["store", "s3://bucket/a//b", BUCKET_PREFIX],
    ["store", "a\0b", "must not hold control characters"],
    [
      "state",
      "state.json",
      'must be "kv:" or "file:" with a path, "postgres://…", or "memory:"; did you mean ' +
      '"file:state.json"?',
    ],
    ["state", "postgres://u:secret@h,i/db", "must have one host"],
    [
      "state",
      "kv:https://h/db",
      'must be "kv:" or "file:" with a path, "postgres://…", or "memory:"',
    ],
    ["state", "mysql://h", 'must be "kv:" or "file:" with a path, "postgres://…", or "memory:"'],
    ["state", "file:", 'must be "kv:" or "file:" with a path, "postgres://…", or "memory:"'],
  ];
  for (const [setting, written, problem] of table) {
    const expected = `1:${setting.length + 5}: ${setting} ${problem}`;
    assertEquals(await problemLinesOf(loadInput({ [setting]: written })), [expected]);
  }
});

Deno.test("row 102: a key that is too long with the bucket's prefix is a problem", async () => {
  const store = `s3://bucket/${"p".repeat(100)}`;
  const name = `${"n".repeat(180)}/`.repeat(5);
  const named = (bytes: number) => ({
    url: "https://example.org/a",
    to: name + "x".repeat(bytes - 101 - name.length),
  });
  const problem =
    "1:134: tasks[0] results in a key of more than 1024 bytes, including the bucket's prefix";
  assertEquals(await problemLinesOf(loadInput({ store, tasks: [named(1025)] })), [problem]);
  await loadInput({ store, tasks: [named(1024)] });
  await loadInput({ tasks: [named(1025)] });
});

const BUCKET_SECRETS =
  "must not hold credentials; they are taken from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
const BUCKET_ENDPOINT = 'must have the URL of a server as "endpoint", and no credentials in it';
const BUCKET_PREFIX = 'must not have ".", ".." or nothing between two slashes of its prefix';

Deno.test("row 94: loadConfig: no task, and 20,000 tasks", async () => {
  assertEquals((await loadText("")).tasks, []);
  const list = Array.from({ length: 20_000 }, (_, index) => `https://example.org/${index}.csv`);
  const config = await loadText(list.join("\n"));
  assertEquals(config.tasks.length, 20_000);
  assertEquals(new Set(config.tasks.map(({ task }) => task.key)).size, 20_000);
  for (const part of ["headers", "timeouts", "retry", "expect", "mirrors", "schedule"] as const) {
    assertEquals(new Set(config.tasks.map(({ task }) => task[part])).size, 1, part);
  }
});

Deno.test("row 94: loadConfig: equal options of many tasks are one frozen object", async () => {
  const config = await loadInput({
    tasks: ["a", "b", "c"].map((name) => ({
      url: `https://example.org/${name}`,
      timeout: { idle: name === "c" ? "2s" : "1s" },
      headers: { accept: "text/csv" },
      expect: { minSize: "1KB" },
    })),
  });
  const [a, b, c] = config.tasks.map(({ task }) => task);
  assertEquals(a?.timeouts === b?.timeouts, true);
  assertEquals(a?.timeouts === c?.timeouts, false);
  assertEquals(a?.headers === c?.headers && a?.expect === c?.expect, true);
  assertEquals(Object.isFrozen(a?.timeouts) && Object.isFrozen(a?.headers), true);
});

Deno.test("loadValue: CRONFETCH_ variables are ignored, ${env:NAME} is substituted", async () => {
  const host = testHost({ env: { CRONFETCH_STORE: "/elsewhere", T: "secret" }, cwd: "/here" });
  const config = await loadValue(
    { store: "files", tasks: [{ url: URL_A, headers: { authorization: "Bearer ${env:T}" } }] },
    { at: AT },
    host,
  );
  assertEquals(locationText(config.store), "/here/files");
  assertEquals(urlsOf(config), [URL_A]);
  assertEquals(config.secrets, ["secret", "Bearer secret"]);
});

Deno.test("loadConfig: defaultState applies if no state is configured", async () => {
  const defaultState = "kv:";
  const stateOf = async (input: ConfigInput, given: LoadOptions) =>
    locationText((await loadInput(input, { defaultState, ...given })).state);
  assertEquals(await stateOf({}, {}), "kv:");
  assertEquals(await stateOf({ state: "memory:" }, {}), "memory:");
  assertEquals(await stateOf({}, { env: { CRONFETCH_STATE: "memory:" } }), "memory:");
});

const FOUND: readonly (readonly [what: string, files: string[], start: string, found: string])[] = [
  ["here", ["cronfetch.jsonc"], ".", "cronfetch.jsonc"],
  ["above", ["cronfetch.yaml", "a/b/x"], "a/b", "cronfetch.yaml"],
  ["the nearest", ["cronfetch.ts", "a/cronfetch.txt"], "a", "a/cronfetch.txt"],
  ["beside .git", ["cronfetch.yml", ".git/HEAD", "a/x"], "a", "cronfetch.yml"],
];

Deno.test("findConfig: returns the nearest config", async (t) => {
  for (const [what, files, start, found] of FOUND) {
    await t.step(what, async () => {
      await using folder = await temporaryFolder();
      await makeFiles(folder, Object.fromEntries(files.map((name) => [name, ""])));
      assertEquals(await findConfig(folder.file(start)), folder.file(found));
    });
  }
});

Deno.test("findConfig: does not search above a folder that contains .git", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{}", "a/.git": "gitdir: x", "a/b/x": "" });
  const error = await assertRejects(() => findConfig(folder.file("a/b")), CronfetchError);
  assertEquals(error.code, "config.not-found");
  assertEquals(
    error.message,
    "There is no cronfetch.jsonc (or .json, .yaml, .yml, .ts, .txt) in " +
      `${folder.file("a/b")} or its parent folders`,
  );
});

Deno.test("findConfig: two configs in one folder are an error that names both", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{}", "cronfetch.txt": "" });
  const error = await assertRejects(() => findConfig(folder.path), CronfetchError);
  assertEquals(error.code, "config.invalid");
  assertEquals(error.message.includes("contains cronfetch.json and cronfetch.txt"), true);
});

Deno.test("findConfig: without permission to read, the message does not deny the config (B6)", async () => {
  await using folder = await temporaryFolder();
  await makeFiles(folder, { "cronfetch.json": "{}" });
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env", `--config=${CONFIG}`, MAIN, "plan"],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals([code, text.includes(`no permission to read ${folder.path}`)], [2, true], text);
});

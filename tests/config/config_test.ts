import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import type { ConfigInput, TaskInput } from "../../lib/config/input.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { knownIds } from "../../lib/config/known_ids.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import { DEFAULT_EXPECTATIONS, defaultTask } from "../helpers/task.ts";
import { AT, loadInput, loadText, onlyTask, problemLinesOf, tasksIn } from "./loading.ts";

Deno.test("compileTask: a URL is a task with every default", async () => {
  const url = "https://example.org/a/f1040.pdf?x=1";
  assertEquals(await onlyTask(url), defaultTask("f1040.pdf", { url }));
});

Deno.test("knownIds: suggests a URL for an ID that looks like a host with a path", () => {
  const table: [asked: string, hint: string][] = [
    ["www.irs.gov/x.pdf", 'did you mean "https://www.irs.gov/x.pdf"?'],
    ["127.0.0.1:18111/a.txt", 'did you mean "https://127.0.0.1:18111/a.txt"?'],
    ["x.pdf", "the config has no tasks"],
    ["a/b.pdf", "the config has no tasks"],
  ];
  for (const [asked, hint] of table) {
    const message = `There is no task "${asked}" in the config`;
    const error = assertThrows(() => knownIds([asked], []), CronfetchError);
    assertEquals([error.message, error.hint], [message, hint]);
  }
});

const DIGEST = "AB".repeat(32);

const FULL: TaskInput = {
  id: "rates",
  url: "https://example.org/rates/{date:YYYY-MM-DD}.csv",
  mirrors: ["https://mirror.example.org/{date-1d:YYYY-MM-DD}.csv"],
  to: "rates/{date:YYYY-MM-DD}-{name}",
  schedule: "15  16 * * MON-FRI",
  timezone: "Europe/Berlin",
  misfire: "skip",
  jitter: "5m",
  headers: { Authorization: "Bearer ${env:TOKEN}", "x-a": "$${b" },
  timeout: { connect: "500ms", response: "1s", idle: "2s", attempt: "3s" },
  retry: { attempts: 2, budget: "1m" },
  expect: {
    type: "Text/CSV",
    minSize: "1KB",
    maxSize: 50_000_000,
    minRatio: 0.5,
    sha256: DIGEST,
    sha512: null,
    sha1: null,
    md5: null,
    matches: "^date,",
    json: true,
    sniff: false,
    knownLength: true,
  },
  segments: 4,
  keep: 7,
  mtime: null,
  quarantine: true,
  allowPrivate: true,
  conditional: false,
  unchangedFor: "7d",
  publishedWithin: "36h",
  decode: "keep",
  same: { zip: true },
  transform: ["jq", "."],
  onChange: [
    { webhook: "https://hooks.example.org/x", headers: { "x-a": "b" } },
    { command: ["./load.sh", "rates"], env: { TOKEN: "${env:TOKEN}" } },
  ],
  unpack: { include: ["*.csv"], strip: 1, to: "rates/", archive: false, maxSize: "1MB" },
};

Deno.test("compileTask: all options, with dates in the time zone of the task", async () => {
  const config = await loadInput({ tasks: [FULL] }, { env: { TOKEN: "hunter2" } });
  assertEquals(tasksOf(config, AT), [{
    id: "rates",
    url: "https://example.org/rates/2026-01-16.csv",
    mirrors: ["https://mirror.example.org/2026-01-15.csv"],
    key: "rates/2026-01-16-{name}",
    request: null,
    namedByServer: true,
    headers: { authorization: "Bearer hunter2", "x-a": "${b" },
    publicHeaders: {},
    schedule: { kind: "cron", expression: "15 16 * * MON-FRI" },
    timezone: "Europe/Berlin",
    misfire: "skip",
    jitterMs: 300_000,
    timeouts: { connectMs: 500, responseMs: 1_000, idleMs: 2_000, attemptMs: 3_000 },
    retry: { attempts: 2, budgetMs: 60_000 },
    expect: {
      type: "text/csv",
      minSizeBytes: 1_000,
      maxSizeBytes: 50_000_000,
      minRatio: 0.5,
      sha256: DIGEST.toLowerCase(),
      sha512: null,
      sha1: null,
      md5: null,
      matches: "^date,",
      json: true,
      sniff: false,
      knownLength: true,
    },
    segments: 4,
    keep: 7,
    mtime: null,
    quarantine: true,
    allowPrivate: true,
    conditional: false,
    unchangedForMs: 7 * 86_400_000,
    pendingUntil: "2026-01-17T11:00:00Z",
    decode: "keep",
    same: { kind: "zip" },
    transform: {
      command: ["jq", "."],
      cwd: "/start",
      env: {},
      timeoutMs: 60_000,
      expect: { ...DEFAULT_EXPECTATIONS, maxSizeBytes: 10_000_000_000 },
    },
    onChange: [
      { kind: "webhook", url: "https://hooks.example.org/x", headers: { "x-a": "b" } },
      {
        kind: "command",
        command: ["./load.sh", "rates"],
        cwd: "/start",
        env: { TOKEN: "hunter2" },
      },
    ],
    unpack: {
      include: ["*.csv"],
      strip: 1,
      to: "rates",
      archive: false,
      maxSizeBytes: 1_000_000,
    },
  }]);
  assertEquals(config.secrets, ["hunter2", "Bearer hunter2", "/x"]);
});

Deno.test("tasksOf: renders the dates of each run; a task without dates is the same object", async () => {
  const config = await loadInput({
    tasks: [
      "https://example.org/plain.csv",
      {
        url: "https://example.org/{date:DD}.csv",
        expect: { sha256: { url: "https://example.org/{date:DD}.sum", name: "{date:DD}.csv" } },
      },
      {
        url: "https://example.org/fixed.csv",
        expect: { sha256: { url: "https://example.org/x.sum", name: "fixed.csv" } },
      },
    ],
  });
  const [plain, dated, fixed] = tasksOf(config, Temporal.Instant.from("2026-02-03T00:00:00Z"));
  assertEquals(dated?.url, "https://example.org/03.csv");
  assertEquals(dated?.key, "03.csv");
  assertEquals(dated?.expect.sha256, { url: "https://example.org/03.sum", name: "03.csv" });
  assertEquals(fixed?.expect.sha256, { url: "https://example.org/x.sum", name: "fixed.csv" });
  const [plainAgain, datedAgain, fixedAgain] = tasksOf(config, AT);
  assertStrictEquals(plain, plainAgain);
  assertStrictEquals(fixed, fixedAgain);
  assertEquals(datedAgain?.key, "15.csv");
  assertEquals(dated?.id, datedAgain?.id);
});

Deno.test("tasksOf: a date that makes a URL invalid is config.invalid", async () => {
  const config = await loadInput({
    tasks: [{ url: "https://1.1.1.{date:D}{date:D}/", to: "x" }],
  }, { at: Temporal.Instant.from("2026-01-01T00:00:00Z") });
  const late = Temporal.Instant.from("2026-01-31T00:00:00Z");
  const error = assertThrows(() => tasksOf(config, late), CronfetchError);
  assertEquals(error.code, "config.invalid");
});

const NAMED: readonly (readonly [task: Omit<TaskInput, "id">, id: string, key: string])[] = [
  [{ url: "https://h/a%20b.csv" }, "a b.csv", "a b.csv"],
  [{ url: "https://h" }, "index.html", "index.html"],
  [{ url: "https://h/x", to: "a/b" }, "a/b", "a/b"],
  [{ url: "https://h/x.csv?y=/z", to: "a/" }, "a/x.csv", "a/x.csv"],
  [{ url: "https://h/{date:YYYY}.csv" }, "{date:YYYY}.csv", "2026.csv"],
  [{ url: "https://h/{date:YYYY/MM}.csv?a=/b" }, "{date:YYYY/MM}.csv", "01.csv"],
  [{ url: "https://h/{date:YYYY}/" }, "index.html", "index.html"],
  [{ url: "https://h/{date:YYYY}/x", to: "a/" }, "a/x", "a/x"],
  [{ url: "https://h/?d={date:YYYY}" }, "index.html", "index.html"],
  [{ url: "https://h?d={date:YYYY}" }, "index.html", "index.html"],
  [{ url: "https://h/x", to: "{date:YYYY}/y" }, "{date:YYYY}/y", "2026/y"],
  [{ url: "https://h/x", to: "{{y}}" }, "{y}", "{y}"],
  [{ url: "https://h/x", to: "a/{name}" }, "a/{name}", "a/{name}"],
];

Deno.test("compileTask: a default ID is the same at every time", async () => {
  for (const [task, id, key] of NAMED) {
    const made = await onlyTask(task);
    assertEquals([made.id, made.key], [id, key], JSON.stringify(task));
    assertEquals(made.namedByServer, key.includes("{name}"));
  }
});

const REFUSED: readonly (readonly [task: Omit<TaskInput, "id">, problem: string])[] = [
  [{ url: "https://h/x", to: "{name}/x" }, "to may contain {name} only in its last part"],
  [{ url: "https://h/x", to: "{name}/" }, "to may contain {name} only in its last part"],
  [{ url: "https://h/x", to: "{{name}}/{name}/x" }, "to may contain {name} only in its last part"],
  [
    { url: "https://h/${env:A}.csv" },
    'url would put a secret into the name of the file; set the name with "to"',
  ],
  [
    { url: "https://h/${env:A}.csv", to: "a/" },
    'url would put a secret into the name of the file; set the name with "to"',
  ],
  [
    { url: "https://h/x", to: "${env:A}" },
    "to contains an environment variable, which only URLs and headers may",
  ],
];

Deno.test("compileTask: invalid names are problems", async () => {
  for (const [task, problem] of REFUSED) {
    const problems = await problemLinesOf(loadInput({ tasks: [task] }, { env: { A: "aaaa" } }));
    assertEquals(problems.map((text) => text.replace(/^\d+:\d+: tasks\[0\]\./, "")), [problem]);
  }
});

Deno.test("compileTask: a variable in a host, a folder and a query", async () => {
  const task = await onlyTask("https://${env:HOST}/${env:DIR}/a.csv?t=${env:T}", {
    env: { HOST: "example.org", DIR: "x/y", T: "#{t}" },
  });
  assertEquals(task.url, "https://example.org/x/y/a.csv?t=%23{t}");
  assertEquals(task.key, "a.csv");
});

Deno.test("compileTask: a variable may end a URL if `to` names the file", async () => {
  const task = await onlyTask({ url: "https://h/${env:A}.csv", to: "x" }, { env: { A: "aaaa" } });
  assertEquals([task.url, task.key], ["https://h/aaaa.csv", "x"]);
});

const LAYERS: readonly (readonly [config: ConfigInput, part: object])[] = [
  [{ timezone: "Asia/Tokyo", schedule: "every 1h" }, {
    timezone: "Asia/Tokyo",
    schedule: { kind: "every", intervalMs: 3_600_000 },
  }],
  [{ timezone: "Asia/Tokyo", defaults: { timezone: "Asia/Seoul" } }, { timezone: "Asia/Seoul" }],
  [{ misfire: "skip", jitter: "1s" }, { misfire: "skip", jitterMs: 1_000 }],
  [{ defaults: { timeout: "7s" } }, {
    timeouts: { connectMs: 10_000, responseMs: 10_000, idleMs: 30_000, attemptMs: 7_000 },
  }],
  [{ defaults: { timeout: { idle: "7s" }, retry: { budget: "0s" } } }, {
    timeouts: { connectMs: 10_000, responseMs: 10_000, idleMs: 7_000, attemptMs: null },
    retry: { attempts: 4, budgetMs: 0 },
  }],
  [{ defaults: { keep: 3, quarantine: true } }, { keep: 3, quarantine: true }],
  [{ defaults: { segments: 4 } }, { segments: 4 }],
];

Deno.test("applyOptions: a task takes precedence over its file's defaults, these over the config", async () => {
  for (const [config, part] of LAYERS) {
    const [task] = await tasksIn({ ...config, tasks: ["https://h/a"] });
    assertEquals({ ...task, ...part }, { ...task });
  }
});

Deno.test("row 131: timeout.attempt has no limit by default, and null removes one", async () => {
  const tasks = await tasksIn({
    defaults: { timeout: { attempt: "5m" } },
    tasks: [
      { url: "https://h/a", timeout: { attempt: null } },
      { url: "https://h/b", timeout: { idle: "1s" } },
      { url: "https://h/c", timeout: "7s" },
    ],
  });
  assertEquals(tasks.map((task) => task.timeouts.attemptMs), [null, 300_000, 7_000]);
});

Deno.test("applyOptions: options of a task override the defaults one by one", async () => {
  const [task] = await tasksIn({
    defaults: {
      headers: { "X-A": "1", "x-b": "2" },
      timeout: { connect: "3s", response: "1s", idle: "2s" },
      expect: { minSize: "1KB", maxSize: "1MB", type: "text/csv", matches: "a" },
    },
    tasks: [{
      url: "https://h/a",
      headers: { "x-a": "3" },
      timeout: { idle: "5s" },
      expect: { maxSize: null, type: null },
    }],
  });
  assertEquals(task?.headers, { "x-a": "3", "x-b": "2" });
  assertEquals(task?.timeouts, {
    connectMs: 3_000,
    responseMs: 1_000,
    idleMs: 5_000,
    attemptMs: null,
  });
  assertEquals(task?.expect.minSizeBytes, 1_000);
  assertEquals(task?.expect.maxSizeBytes, null);
  assertEquals(task?.expect.type, null);
  assertEquals(task?.expect.matches, "a");
});

const SECRETS: readonly (readonly [task: TaskInput, secrets: string[]])[] = [
  [{ url: "https://user:pass1@h/a" }, ["user:pass1", "pass1"]],
  [{ url: "https://h/a", mirrors: ["https://user:pass2@m/a"] }, ["user:pass2", "pass2"]],
  [{ url: "https://h/a?t=${env:A}" }, ["aaaa"]],
  [{ url: "https://u:${env:A}@h/a" }, ["aaaa", "u:aaaa"]],
  [{ url: "https://h/a", headers: { cookie: "k=vvvv" } }, ["k=vvvv", "vvvv"]],
  [{ url: "https://h/a", headers: { "x-note": "plain ${env:A}" } }, ["aaaa"]],
  [{ url: "https://h/a", headers: { "x-note": "plain" } }, []],
  [
    { url: "https://h/a", expect: { sha256: { url: "https://h/${env:A}", name: "a" } } },
    ["aaaa"],
  ],
];

Deno.test("row 90: Config.secrets: the secrets of every part of a config", async () => {
  for (const [task, secrets] of SECRETS) {
    const config = await loadInput({ tasks: [task] }, { env: { A: "aaaa" } });
    assertEquals(config.secrets, secrets, JSON.stringify(task));
  }
});

const WRONG: readonly (readonly [task: Partial<TaskInput>, problem: RegExp])[] = [
  [{ expect: { type: "csv" } }, /expect\.type must be a media type such as "text\/csv"/],
  [{ expect: { type: "text/*" } }, /expect\.type must be a media type/],
  [{ expect: { type: "text/csv; charset=utf-8" } }, /without parameters/],
  [{ expect: { sha512: "a".repeat(64) } }, /sha512 must be 128 .*mean "expect\.sha256"\?$/],
  [{ expect: { sha1: "g".repeat(40) } }, /sha1 must be 40 hexadecimal digits/],
  [{ expect: { md5: "1" } }, /md5 must be 32 hexadecimal digits/],
  [{ expect: { sha256: "abc" } }, /expect\.sha256 must be 64 hexadecimal digits/],
  [
    { expect: { matches: "(" } },
    /expect\.matches must be a regular expression that RE2 supports: /,
  ],
  [
    { expect: { matches: "a(?=b)" } },
    /expect\.matches may not hold a lookahead \(at character 2\)/,
  ],
  [{ expect: { minSize: "2KB", maxSize: "1KB" } }, /expect\.maxSize allows no size/],
  [{ expect: { sha256: { url: "https://h/", name: "{x}" } } }, /sha256\.name contains "\{x\}"/],
  [{ timezone: "+01:00" }, /timezone must be an IANA time zone/],
  [{ timezone: "europe/paris " }, /did you mean "Europe\/Paris"/],
  [{ schedule: "0 6 * *" }, /schedule must have 5 fields: .* has 4; did you mean/],
  [{ schedule: "0 0 6 * * *" }, /schedule must have 5 fields: .* has 6; seconds/],
  [{ schedule: "@dayly" }, /schedule must be a cron expression of 5 fields/],
  [{ schedule: "manuel" }, /did you mean "manual"\?$/],
  [{ schedule: "every day" }, /schedule must have a duration such as 30m after "every"/],
  [{ schedule: "every 0s" }, /from 1s to 365d$/],
  [{ schedule: "61 * * * *" }, /schedule has minute "61", must be within 0-59/],
];

Deno.test("applyOptions: problems beyond the schema", async () => {
  for (const [task, problem] of WRONG) {
    const [message = "", ...others] = await problemLinesOf(
      loadInput({ tasks: [{ url: "https://h/a", ...task }] }),
    );
    assertEquals(others, []);
    assertEquals(problem.test(message), true, `${problem}: ${message}`);
  }
});

Deno.test("applyOptions: a problem of the defaults is reported once, at its place", async () => {
  const config = {
    schedule: "61 * * * *",
    defaults: { timezone: "Nowhere/X", expect: { matches: "(" } },
    tasks: ["https://h/a", "https://h/b", { url: "https://h/c", expect: { json: true } }],
  };
  const problems = await problemLinesOf(loadInput(config));
  assertEquals(problems.map((text) => text.replace(/^\S+ (\S+) .*/, "$1")), [
    "schedule",
    "defaults.timezone",
    "defaults.expect.matches",
  ]);
});

Deno.test("applyOptions: an invalid time zone of a task is one problem for any schedule", async () => {
  const text = JSON.stringify({
    schedule: "1 2 * * *",
    tasks: [
      { url: "https://h/a", timezone: "Asia/Tokyo" },
      { url: "https://h/b", timezone: "Mars/Base" },
      { url: "https://h/c", timezone: "Mars/Base", schedule: "manual" },
    ],
  });
  const problems = await problemLinesOf(loadText(text));
  assertEquals(problems.map((text) => text.replace(/^\S+ (\S+) .*/, "$1")), [
    "tasks[1].timezone",
    "tasks[2].timezone",
  ]);
});

Deno.test("row 174: publicHeaders: literal preferences, as the last layer that sets them says", async () => {
  const publicOf = async (
    headers: Record<string, string>,
    defaults: Record<string, string> = {},
  ) => {
    const config: ConfigInput = {
      defaults: { headers: defaults },
      tasks: [{ url: "https://h/a", headers }],
    };
    const [task] = await tasksIn(config, { env: { TOKEN: "secret" } });
    return task?.publicHeaders;
  };
  assertEquals(
    await publicOf({
      "User-Agent": "a/1",
      "Accept": "text/csv",
      "Authorization": "x",
      "x-own": "1",
    }),
    { "user-agent": "a/1", "accept": "text/csv" },
  );
  assertEquals(await publicOf({}, { "accept-language": "de", "cookie": "a=b" }), {
    "accept-language": "de",
  });
  assertEquals(await publicOf({ "user-agent": "${env:TOKEN}" }, { "user-agent": "a/1" }), {});
  assertEquals(await publicOf({ "user-agent": "a/1" }, { "User-Agent": "${env:TOKEN}" }), {
    "user-agent": "a/1",
  });
  assertEquals(await publicOf({ "referer": "https://u:p@h/" }), {});
  assertEquals(await publicOf({ "referer": "https://h/?access_token=abc" }), {});
  assertEquals(await publicOf({ "referer": "https://h/" }), { "referer": "https://h/" });
  assertEquals(await publicOf({ "sec-fetch-mode": "cors", "sec-own": "1" }), {
    "sec-fetch-mode": "cors",
  });
});

import { assertEquals } from "@std/assert";
import type { Overrides } from "../../lib/config/overrides.ts";
import { tasksOf } from "../../lib/config/config.ts";
import { locationText } from "../../lib/core/location.ts";
import { AT, errorOf, loadInput, type LoadOptions, problemLinesOf } from "./loading.ts";

const FILE = {
  store: "file-store",
  state: "file:file.json",
  limits: { concurrency: 3, perHost: 3, rate: "3KB", deadline: "3m" },
  tasks: [{
    url: "https://example.org/a",
    timeout: "3s",
    retry: { attempts: 3 },
    expect: { maxSize: "3KB" },
  }],
};

/** The values of the overridden options in a loaded config. */
async function outcome(given: LoadOptions) {
  const config = await loadInput(FILE, given);
  const [task] = tasksOf(config, AT);
  return {
    store: locationText(config.store),
    state: locationText(config.state),
    timeout: task?.timeouts.attemptMs,
    maxConcurrency: config.limits.concurrency,
    hostConcurrency: config.limits.perHost,
    retries: task?.retry.attempts,
    limitRate: config.limits.rateBytesPerSecond,
    maxFilesize: task?.expect.maxSizeBytes,
    deadline: config.limits.deadlineMs,
    allowPrivate: task?.allowPrivate,
  };
}

const OF_FILE = await outcome({});

const ROWS: readonly (readonly [
  name: keyof Overrides,
  variable: string,
  flag: string,
  text: string,
  value: string | number | boolean | null,
])[] = [
  ["store", "CRONFETCH_STORE", "--output", "other", "/start/other"],
  ["state", "CRONFETCH_STATE", "--state", "kv:other.db", "kv:/start/other.db"],
  ["timeout", "CRONFETCH_TIMEOUT", "--timeout", "7s", 7_000],
  ["maxConcurrency", "CRONFETCH_MAX_CONCURRENCY", "--max-concurrency", "7", 7],
  ["hostConcurrency", "CRONFETCH_HOST_CONCURRENCY", "--host-concurrency", "7", 7],
  ["retries", "CRONFETCH_RETRIES", "--retries", "0", 1],
  ["retries", "CRONFETCH_RETRIES", "--retries", "7", 8],
  ["limitRate", "CRONFETCH_LIMIT_RATE", "--limit-rate", "7KB", 7_000],
  ["limitRate", "CRONFETCH_LIMIT_RATE", "--limit-rate", "7", 7],
  ["limitRate", "CRONFETCH_LIMIT_RATE", "--limit-rate", "none", null],
  ["maxFilesize", "CRONFETCH_MAX_FILESIZE", "--max-filesize", "7MB", 7_000_000],
  ["maxFilesize", "CRONFETCH_MAX_FILESIZE", "--max-filesize", "none", null],
  ["deadline", "CRONFETCH_DEADLINE", "--deadline", "7m", 420_000],
  ["deadline", "CRONFETCH_DEADLINE", "--deadline", "none", null],
  ["allowPrivate", "CRONFETCH_ALLOW_PRIVATE", "--allow-private", "true", true],
];

Deno.test("readOverrides: flags take precedence over variables, variables over files", async () => {
  for (const [name, variable, , text, value] of ROWS) {
    const expected = { ...OF_FILE, [name]: value };
    const env = { [variable]: text };
    assertEquals(await outcome({ env }), expected, variable);
    const flag = { [name]: text };
    const wrongEnv = { [variable]: "nonsense:" };
    assertEquals(await outcome({ overrides: flag }), expected, name);
    assertEquals(await outcome({ overrides: flag, env: wrongEnv }), expected, name);
  }
});

Deno.test("readOverrides: an empty variable is ignored", async () => {
  const env = Object.fromEntries(ROWS.map(([, variable]) => [variable, ""]));
  assertEquals(await outcome({ env }), OF_FILE);
});

Deno.test("row 95: a problem of a flag or a variable has its name", async () => {
  const wrong: Partial<Record<keyof Overrides, readonly string[]>> = {
    store: ["gs://x", ""],
    state: ["mysql://x", ""],
    timeout: ["5", "5x", "0s", "25d", "-1s", "NaN", ""],
    maxConcurrency: ["0", "-1", "1.5", "1001", "1e2", "many", "NaN", "Infinity", "0x10", ""],
    hostConcurrency: ["0", "1001"],
    retries: ["-1", "100"],
    limitRate: ["0", "0B", "fast", ""],
    maxFilesize: ["0B", "-1B", "1XB"],
    deadline: ["0s", "366d", "soon"],
    allowPrivate: ["yes", "1", ""],
  };
  for (const [name, variable, flag] of ROWS) {
    for (const text of wrong[name] ?? []) {
      const [problem = "", ...others] = await problemLinesOf(
        loadInput(FILE, { overrides: { [name]: text } }),
      );
      assertEquals(others, []);
      assertEquals(problem.startsWith(`${flag}: must be `), true, `${text}: ${problem}`);
      if (text === "") continue;
      const [message = ""] = await problemLinesOf(loadInput(FILE, { env: { [variable]: text } }));
      assertEquals(message, problem.replace(`${flag} `, `${variable}=`).replace(flag, variable));
    }
  }
});

Deno.test("readOverrides: all problems of flags are reported with those of the file", async () => {
  const error = await errorOf(
    loadInput({ alertAfter: 0 }, { overrides: { timeout: "x", retries: "x\u001b[2J" } }),
  );
  assertEquals(error.message.split("\n"), [
    '--timeout: must be a duration such as 30s, 5m or 1h30m, from 1ms to 24d, not "x"',
    '--retries: must be a whole number from 0 to 99, not "x\\u{1b}[2J"; for example: --retries 3',
    "standard input:1:15: alertAfter must be a whole number from 1 to 1000",
  ]);
});

Deno.test("row 90: a password in an invalid variable is redacted", async () => {
  const secret = `postgres://user:hunter2@h/${"x".repeat(1_000)}`;
  const problems = await problemLinesOf(loadInput(FILE, { env: { CRONFETCH_STATE: secret } }));
  assertEquals(problems.join().includes("hunter2"), false);
});

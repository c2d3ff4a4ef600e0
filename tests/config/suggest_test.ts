import { assertEquals } from "@std/assert";
import { optionRows } from "../../lib/config/schema/json_schema.ts";
import { nearest, optionPaths, suggestKey } from "../../lib/config/suggest.ts";

const WORDS: readonly (readonly [word: string, candidates: string[], nearest: string | null])[] = [
  ["onse", ["once", "skip"], "once"],
  ["SKIP", ["once", "skip"], "skip"],
  ["min-size", ["minSize", "maxSize"], "minSize"],
  ["Berlin", ["Europe/Berlin"], null],
  ["Europe/Berln", ["Europe/Bern", "Europe/Berlin"], "Europe/Bern"],
  ["x", [], null],
  ["", ["id"], null],
];

Deno.test("nearest: returns the nearest candidate, or null if none is near", () => {
  for (const [word, candidates, expected] of WORDS) {
    assertEquals(nearest(word, candidates), expected, word);
  }
});

const KEYS: readonly (readonly [key: string, parent: string, meant: string | null])[] = [
  ["taks", "", "tasks"],
  ["time-zone", "", "timezone"],
  ["concurrency", "", "limits.concurrency"],
  ["max-concurrency", "", "limits.concurrency"],
  ["hostConcurrency", "", "limits.perHost"],
  ["limit-rate", "", "limits.rate"],
  ["deadline", "", "limits.deadline"],
  ["cron", "", "schedule"],
  ["outputDir", "", "store"],
  ["urls", "", "tasks"],
  ["retries", "", "defaults.retry.attempts"],
  ["timeout", "", "defaults.timeout"],
  ["sha256", "", "defaults.expect.sha256"],
  ["url", "", "tasks[].url"],
  ["sha256", "tasks[]", "expect.sha256"],
  ["max-filesize", "tasks[]", "expect.maxSize"],
  ["filename", "tasks[]", "to"],
  ["name", "tasks[]", "id"],
  ["maxsize", "tasks[].expect", "maxSize"],
  ["retries", "defaults", "retry.attempts"],
  ["perhost", "defaults", "limits.perHost"],
  ["expct", "defaults", "expect"],
  ["frobnicate", "", null],
  ["constructor", "", null],
];

Deno.test("row 89: suggestKey: suggests a sibling, an option of another object, or a synonym", () => {
  for (const [key, parent, meant] of KEYS) {
    assertEquals(suggestKey(key, parent), meant, `${parent} ${key}`);
  }
});

Deno.test("optionPaths: the paths of the table of options", () => {
  assertEquals(optionPaths(), optionRows().map(({ path }) => path));
});

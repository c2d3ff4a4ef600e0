/** A task with all defaults. */

import type { Expectations, ExpectedDigests, Task } from "../../lib/core/task.ts";

/** Expectations that a config has without `expect`. */
export const DEFAULT_EXPECTATIONS: Expectations & ExpectedDigests = {
  type: null,
  minSizeBytes: 1,
  maxSizeBytes: null,
  minRatio: null,
  sha256: null,
  sha512: null,
  sha1: null,
  md5: null,
  matches: null,
  json: false,
  sniff: true,
  knownLength: false,
};

/**
 * Makes a task with all defaults. They are written out rather than derived from `DEFAULTS`;
 * `config/config_test.ts` compares them with a loaded config.
 *
 * @param id Also the key, and the end of the URL.
 */
export function defaultTask(id: string, change: Partial<Task> = {}): Task {
  return {
    id,
    url: `https://files.test/${id}`,
    mirrors: [],
    request: null,
    key: id,
    namedByServer: false,
    headers: {},
    publicHeaders: {},
    schedule: { kind: "cron", expression: "0 6 * * *" },
    timezone: "UTC",
    misfire: "once",
    jitterMs: 0,
    timeouts: { connectMs: 10_000, responseMs: 10_000, idleMs: 30_000, attemptMs: null },
    retry: { attempts: 4, budgetMs: 120_000 },
    expect: DEFAULT_EXPECTATIONS,
    segments: 1,
    keep: 0,
    mtime: null,
    quarantine: false,
    allowPrivate: false,
    conditional: true,
    unchangedForMs: null,
    pendingUntil: null,
    decode: "auto",
    same: null,
    transform: null,
    onChange: [],
    unpack: null,
    ...change,
  };
}

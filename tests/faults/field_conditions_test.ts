/** Rows 120 to 125: conditional requests to servers as they are. */

import { assertEquals } from "@std/assert";
import type { TaskResult } from "../../lib/core/result.ts";
import type { TaskInput } from "../../lib/mod.ts";
import type { RawRequest } from "../helpers/raw_server.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { storeTest } from "../helpers/place.ts";
import { response } from "./scenario.ts";
import { runsOver } from "./runs.ts";
import type { Runs, RunsOptions } from "./runs.ts";

const TEXT = "the bytes of the file\n";
const OTHER = "THE BYTES OF THE FILE\n";
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

/** The condition of a request, as `name: value`, or null. */
type Condition = string | null;

/** The bytes of an answer to a request, the first of which is number 0. */
type Answer = (condition: Condition, request: RawRequest, index: number) => string;

/** A server with one file, and the runs that keep it. */
interface Scene extends AsyncDisposable {
  readonly runs: Runs;
  readonly url: string;
  /** The condition of each request, in order. */
  readonly conditions: readonly Condition[];
  /** One run with one attempt; the result in a few words. */
  run(task?: Partial<TaskInput>): Promise<unknown[]>;
}

async function scene(answer: Answer, options: RunsOptions = {}): Promise<Scene> {
  const conditions: Condition[] = [];
  const server = await rawServer(async (connection) => {
    const request = await connection.readRequest();
    const found = [...request.headers].filter(([name]) => name.startsWith("if-"));
    const condition = found.length === 0 ? null : found.map((pair) => pair.join(": ")).join(", ");
    await connection.send(answer(condition, request, conditions.push(condition) - 1));
  });
  const runs = await runsOver(options);
  const url = `${server.origin}/a.txt`;
  return {
    runs,
    url,
    conditions,
    run: async (task = {}) => brief(await runs.result({ url, retry: { attempts: 1 }, ...task })),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await runs[Symbol.asyncDispose]();
    },
  };
}

function brief({ status, httpStatus, attempts, warnings }: TaskResult): unknown[] {
  return [status, httpStatus, attempts.length, ...warnings];
}

/** 200 with these lines and this body. */
function file(lines: readonly string[], body = TEXT): string {
  return response([...lines, `Content-Length: ${body.length}`, "Connection: close"], body);
}

const NOT_MODIFIED = response(["HTTP/1.1 304 Not Modified", "Connection: close"]);

const ODD_TAGS = [
  "abc",
  "W/abc",
  'w/"abc"',
  '"a"b"',
  '"abc',
  "'abc'",
  '"abc"-gzip',
  "5f3-60a,1",
  "caf\u00e9",
  '"a", "b"',
];
for (const etag of ODD_TAGS) {
  storeTest(`row 123: the ETag ${etag} is sent back in If-None-Match as it came`, async () => {
    await using stage = await scene((condition) =>
      condition === `if-none-match: ${etag}` ? NOT_MODIFIED : file([`ETag: ${etag}`])
    );
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["unchanged", 304, 1]);
    assertEquals(stage.conditions, [null, `if-none-match: ${etag}`]);
  });
}

const USELESS_TAGS = ["", '""', 'W/""', "*", "abc, *", `"${"a".repeat(1_000)}"`, '"a\tb"'];
for (const etag of USELESS_TAGS) {
  const shown = JSON.stringify(etag.slice(0, 20));
  storeTest(`row 123: the ETag ${shown} is not sent back, the Last-Modified is`, async () => {
    await using stage = await scene((condition) =>
      condition === null
        ? file([`ETag: ${etag}`, `Last-Modified: ${DATE}`])
        : file([`ETag: ${etag}`, `Last-Modified: ${DATE}`], OTHER)
    );
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["updated", 200, 1]);
    assertEquals(stage.conditions, [null, `if-modified-since: ${DATE}`]);
  });
}

const NO_DATES = [
  "12.5",
  "1",
  "2026-01-01",
  "2026-01-01T00:00:00Z",
  "Thu, 1 Jan 2026 00:00:00 GMT",
  "Thu, 01 Jan 2026 00:00:00 +0000",
  "v1 2024",
  "never",
  "",
];
for (const text of NO_DATES) {
  storeTest(`row 124: the Last-Modified ${JSON.stringify(text)} is no date`, async () => {
    await using stage = await scene((_condition, _request, index) =>
      file([`Last-Modified: ${text}`], index === 0 ? TEXT : OTHER)
    );
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["updated", 200, 1]);
    assertEquals(stage.conditions, [null, null]);
  });
}

const OLD_FORMS = ["Thursday, 01-Jan-26 00:00:00 GMT", "Thu Jan  1 00:00:00 2026"];
for (const text of OLD_FORMS) {
  storeTest(`row 124: the Last-Modified ${text} is sent back as it came`, async () => {
    await using stage = await scene((condition) =>
      condition === null ? file([`Last-Modified: ${text}`]) : NOT_MODIFIED
    );
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["unchanged", 304, 1]);
    assertEquals(stage.conditions, [null, `if-modified-since: ${text}`]);
  });
}

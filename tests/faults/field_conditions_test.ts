/** Rows 120 to 125: conditional requests to servers that deviate from RFC 9110. */

import { assertEquals } from "@std/assert";
import type { TaskResult } from "../../lib/core/result.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { type RawRequest, rawServer } from "../helpers/raw_server.ts";
import { storeTest } from "../helpers/place.ts";
import { response } from "./scenario.ts";
import { type Runs, type RunsOptions, runsOver } from "./runs.ts";

const TEXT = "the bytes of the file\n";
const OTHER = "THE BYTES OF THE FILE\n";
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";

/** The condition of a request, as `name: value`, or null. */
type Condition = string | null;

/** Responds to a request by its number, from 0. */
type Answer = (condition: Condition, request: RawRequest, index: number) => string;

/** A server with one file, and runs of its task. */
interface Scene extends AsyncDisposable {
  readonly runs: Runs;
  readonly url: string;
  /** The condition of each request, in order. */
  readonly conditions: readonly Condition[];
  /** Runs once with one attempt. */
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

/** A response without a file. */
function refusal(status: string, ...lines: readonly string[]): string {
  return response([`HTTP/1.1 ${status}`, ...lines, "Content-Length: 0", "Connection: close"]);
}

const NOT_MODIFIED = response(["HTTP/1.1 304 Not Modified", "Connection: close"]);

const TAGGED = ['ETag: "1"'];
const NEWER_TAGGED = ['ETag: "2"'];
const MATCH: Condition = 'if-none-match: "1"';

const REFUSED = [
  "400 Bad Request",
  "401 Unauthorized",
  "403 Forbidden",
  "404 Not Found",
  "405 Method Not Allowed",
  "406 Not Acceptable",
  "407 Proxy Authentication Required",
  "409 Conflict",
  "410 Gone",
  "412 Precondition Failed",
  "416 Range Not Satisfiable",
  "417 Expectation Failed",
  "422 Unprocessable Content",
  "428 Precondition Required",
  "431 Request Header Fields Too Large",
  "451 Unavailable For Legal Reasons",
  "499 Unknown",
  "501 Not Implemented",
];
for (const status of REFUSED) {
  storeTest(`row 120: ${status} to a condition is repeated without it`, async () => {
    await using stage = await scene((condition, _request, index) => {
      if (condition !== null) return refusal(status);
      return index === 0 ? file(TAGGED) : file(NEWER_TAGGED, OTHER);
    });
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["updated", 200, 1]);
    assertEquals(stage.conditions, [null, MATCH, null]);
  });
}

storeTest("row 120: 412 to If-Modified-Since is repeated without it", async () => {
  const lines = [`Last-Modified: ${DATE}`];
  await using stage = await scene((condition) =>
    condition === null ? file(lines) : refusal("412 Precondition Failed")
  );
  assertEquals(await stage.run(), ["created", 200, 1]);
  assertEquals(await stage.run(), ["unchanged", 200, 1]);
  assertEquals(stage.conditions, [null, `if-modified-since: ${DATE}`, null]);
});

storeTest("row 120: 412 after a redirect is repeated from the task's URL", async () => {
  const paths: string[] = [];
  await using stage = await scene((condition, { path }) => {
    paths.push(path);
    if (path === "/a.txt") return refusal("302 Found", "Location: /b.txt");
    return condition === null ? file(TAGGED) : refusal("412 Precondition Failed");
  });
  assertEquals(await stage.run(), ["created", 200, 1]);
  assertEquals(await stage.run(), ["unchanged", 200, 1]);
  assertEquals(stage.conditions, [null, null, MATCH, MATCH, null, null]);
  assertEquals(paths, ["/a.txt", "/b.txt", "/a.txt", "/b.txt", "/a.txt", "/b.txt"]);
});

storeTest("row 120: the second response is final, without a third request", async () => {
  await using stage = await scene((_condition, _request, index) =>
    index === 0 ? file(TAGGED) : refusal(index === 1 ? "412 Precondition Failed" : "404 Not Found")
  );
  assertEquals(await stage.run(), ["created", 200, 1]);
  assertEquals(await stage.run({ retry: { attempts: 4 } }), ["failed", 404, 1]);
  assertEquals(stage.conditions, [null, MATCH, null]);
  assertEquals(Object.keys(await stage.runs.tree()), ["a.txt"]);
});

storeTest("row 120: a temporary second response is retried with the condition", async () => {
  await using stage = await scene((condition, _request, index) => {
    if (index === 0) return file(TAGGED);
    if (index === 2) return refusal("503 Service Unavailable");
    return condition === null ? file(NEWER_TAGGED, OTHER) : refusal("412 Precondition Failed");
  });
  assertEquals(await stage.run(), ["created", 200, 1]);
  assertEquals(await stage.run({ retry: { attempts: 2 } }), ["updated", 200, 2]);
  assertEquals(stage.conditions, [null, MATCH, null, MATCH, null]);
});

storeTest("row 120: the file after a refused condition is checked", async () => {
  await using stage = await scene((condition, _request, index) => {
    if (condition !== null) return refusal("412 Precondition Failed");
    return index === 0 ? file(TAGGED) : file(NEWER_TAGGED, "");
  });
  assertEquals(await stage.run(), ["created", 200, 1]);
  assertEquals(await stage.run(), ["failed", 200, 1]);
  assertEquals(stage.conditions, [null, MATCH, null]);
});

const NOT_REPEATED: readonly (readonly [status: string, lines: readonly string[]])[] = [
  ["408 Request Timeout", []],
  ["425 Too Early", []],
  ["429 Too Many Requests", []],
  ["403 Forbidden", ["Retry-After: 7"]],
  ["412 Precondition Failed", ["Retry-After: Thu, 01 Jan 2099 00:00:00 GMT"]],
  ["500 Internal Server Error", []],
  ["503 Service Unavailable", []],
];
for (const [status, lines] of NOT_REPEATED) {
  const shown = [status, ...lines].join(", ");
  storeTest(`row 120: ${shown} to a condition is not repeated`, async () => {
    await using stage = await scene((_condition, _request, index) =>
      index === 0 ? file(TAGGED) : refusal(status, ...lines)
    );
    await stage.run();
    await stage.run();
    assertEquals(stage.conditions, [null, MATCH]);
  });
}

storeTest("row 120: 404 to a request without a condition is not repeated", async () => {
  await using stage = await scene(() => refusal("404 Not Found"));
  assertEquals(await stage.run({ retry: { attempts: 4 } }), ["failed", 404, 1]);
  assertEquals(stage.conditions, [null]);
});

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
  storeTest(`row 123: the ETag ${etag} is sent back in If-None-Match unchanged`, async () => {
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
  storeTest(`row 124: the Last-Modified ${JSON.stringify(text)} is ignored`, async () => {
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
  storeTest(`row 124: the Last-Modified ${text} is sent back unchanged`, async () => {
    await using stage = await scene((condition) =>
      condition === null ? file([`Last-Modified: ${text}`]) : NOT_MODIFIED
    );
    assertEquals(await stage.run(), ["created", 200, 1]);
    assertEquals(await stage.run(), ["unchanged", 304, 1]);
    assertEquals(stage.conditions, [null, `if-modified-since: ${text}`]);
  });
}

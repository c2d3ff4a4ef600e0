/** Runs a row of the fault table: a faulty task beside a good one, twice. */

import { assertEquals } from "@std/assert";
import type { ErrorCode } from "../../lib/core/errors.ts";
import type { RunSummary, TaskResult, TaskStatus, Warning } from "../../lib/core/result.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { run } from "../helpers/library.ts";
import { shown, type Tree } from "../helpers/folder.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { hostAt, place, storeTest } from "../helpers/place.ts";
import {
  type RawConnection,
  type RawRequest,
  type RawServer,
  rawServer,
} from "../helpers/raw_server.ts";
import { BY_FETCH } from "../helpers/transport.ts";
import { assertOracle } from "./oracle.ts";

/** The complete content of a faulty file, unless a row serves another. */
export const WHOLE = "the complete new bytes\n";

const OLD = "the old bytes\n";
const GOOD = "the bytes of the good task\n";

/** A server with a fault, and a host. */
export interface Stage {
  /** URL of the faulty task. */
  readonly url: string;
  /** Default: a host with real connections. */
  readonly host?: TestHost;
  /** Further assertions after the run. */
  readonly check?: (outcome: Outcome) => void | Promise<void>;
}

/** The report of a run of both tasks. */
export interface Outcome {
  /** Of the faulty task. */
  readonly result: TaskResult;
  readonly summary: RunSummary;
  readonly host: TestHost;
  /** Every file afterwards. */
  readonly files: Tree;
}

/** One row. */
export interface Fault {
  /** Starts the server; resources are added to `stack`. */
  readonly stage: (stack: AsyncDisposableStack) => Promise<Stage>;
  /** Options of the faulty task. Default: two attempts. */
  readonly task?: Partial<TaskInput>;
  /** The file of the faulty task. Default `file.bin`. */
  readonly key?: string;
  /** The complete content. Default {@linkcode WHOLE}. */
  readonly complete?: string | Uint8Array<ArrayBuffer>;
  readonly expected: Expected;
  /** What is expected of requests by `fetch`, where it cannot behave so. */
  readonly byFetch?: ByFetch;
}

/** How `fetch` deviates. */
export interface ByFetch {
  /** A clause for the name of the test. */
  readonly reason: string;
  /** Null if the row is not played. */
  readonly expected: Expected | null;
}

/** Expected result of the faulty task. */
export interface Expected {
  /** `published` is `created`, or `updated` over an older file. */
  readonly status: "published" | Extract<TaskStatus, "failed" | "deferred">;
  /** Codes of all attempts, in order; null for the one that succeeded. */
  readonly attempts: readonly (ErrorCode | null)[];
  readonly httpStatus?: number | null;
  readonly warnings?: readonly Warning[];
}

/** Registers the test of a row: without an existing file, and over an older one. */
export function row(name: string, fault: Fault): void {
  const deviation = BY_FETCH ? fault.byFetch : undefined;
  const expected = deviation === undefined ? fault.expected : deviation.expected;
  const title = deviation === undefined ? name : `${name} (not by fetch: ${deviation.reason})`;
  storeTest(title, async (t) => {
    if (expected === null) return;
    await t.step("without an existing file", () => play({ ...fault, expected }, null));
    await t.step("over an older file", () => play({ ...fault, expected }, OLD));
  }, { ignore: expected === null });
}

async function play(fault: Fault, old: string | null): Promise<void> {
  const key = fault.key ?? "file.bin";
  await using stack = new AsyncDisposableStack();
  const store = stack.use(await place());
  const neighbour = stack.use(origin({ "/good.txt": GOOD }));
  const stage = await fault.stage(stack);
  const host = stage.host ?? testHost();
  if (old !== null) await store.write(key, old);
  const before = await store.tree();

  const { results, summary } = await run({
    store: store.location,
    state: "memory:",
    tasks: [
      { id: "faulty", url: stage.url, retry: { attempts: 2 }, ...fault.task },
      { id: "good", url: `${neighbour.origin}/good.txt` },
    ],
  }, { host: hostAt(store, host) });

  await assertOracle({
    store,
    before,
    complete: { [key]: await shown(fault.complete ?? WHOLE), "good.txt": GOOD },
    tasks: ["faulty", "good"],
    results,
  });
  const good = one(results, "good");
  assertEquals([good.status, good.attempts.length], ["created", 1], "the good task is unharmed");
  const result = one(results, "faulty");
  assertExpected(result, fault.expected, old === null ? "created" : "updated");
  assertEquals(result.key, key);
  assertEquals(summary.exitCode === 0, fault.expected.status === "published", "exit code");
  await stage.check?.({ result, summary, host, files: await store.tree() });
}

function assertExpected(
  result: TaskResult,
  expected: Expected,
  published: "created" | "updated",
): void {
  const status = expected.status === "published" ? published : expected.status;
  const lastCode = expected.attempts.at(-1) ?? undefined;
  assertEquals(
    {
      status: result.status,
      code: result.code,
      attempts: result.attempts.map((attempt) => attempt.code),
      warnings: result.warnings,
    },
    { status, code: lastCode, attempts: expected.attempts, warnings: expected.warnings ?? [] },
    result.message,
  );
  if (expected.httpStatus !== undefined) assertEquals(result.httpStatus, expected.httpStatus);
}

function one(results: readonly TaskResult[], task: string): TaskResult {
  const found = results.find((result) => result.task === task);
  if (found === undefined) throw new Error(`no result for ${task}`);
  return found;
}

/** Responds to one request; the connection is closed afterwards. */
export type Reply = (connection: RawConnection, request: RawRequest) => Promise<void>;

/** Options of {@linkcode replying}. */
export interface ReplyingOptions {
  /** Path of the faulty task. Default `/file.bin`. */
  readonly path?: string;
  /** Further assertions after the run. */
  readonly check?: (outcome: Outcome, server: RawServer) => void | Promise<void>;
}

/**
 * A stage whose server reads one request per connection and sends the text, or calls the function.
 */
export function replying(reply: string | Reply, options: ReplyingOptions = {}): Fault["stage"] {
  const { path = "/file.bin", check } = options;
  return async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        const request = await connection.readRequest();
        await (typeof reply === "string" ? connection.send(reply) : reply(connection, request));
      }),
    );
    return {
      url: server.origin + path,
      ...(check && { check: (outcome: Outcome) => check(outcome, server) }),
    };
  };
}

/** A response with these lines and this body; status 200 unless the first line is a status line. */
export function response(lines: readonly string[], body = ""): string {
  const status = lines[0]?.startsWith("HTTP/") ? [] : ["HTTP/1.1 200 OK"];
  return [...status, ...lines, "", body].join("\r\n");
}

/** A correct response with {@linkcode WHOLE} and more header lines. */
export function wholeResponse(...lines: readonly string[]): string {
  return response([...lines, `Content-Length: ${WHOLE.length}`, "Connection: close"], WHOLE);
}

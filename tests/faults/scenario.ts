/** How a row of the fault table is played: a faulty task beside a good one, twice. */

import { assertEquals } from "@std/assert";
import type { ErrorCode } from "../../lib/core/errors.ts";
import type { RunSummary, TaskResult, TaskStatus, Warning } from "../../lib/core/result.ts";
import { run, type TaskInput } from "../../lib/mod.ts";
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
import { assertOracle } from "./oracle.ts";

/** The complete content of a faulty file, unless a row serves another. */
export const WHOLE = "the complete new bytes\n";

const OLD = "the old bytes\n";
const GOOD = "the bytes of the good task\n";

/** A world in which a fault is ready to happen. */
export interface Stage {
  /** What the faulty task asks for. */
  readonly url: string;
  /** Default: a host with real connections. */
  readonly host?: TestHost;
  /** What else must hold after the run. */
  readonly check?: (outcome: Outcome) => void | Promise<void>;
}

/** What a run of both tasks gave. */
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
  /** Sets the stage; what it opens goes on `stack`. */
  readonly stage: (stack: AsyncDisposableStack) => Promise<Stage>;
  /** Options of the faulty task. It has two attempts unless they say otherwise. */
  readonly task?: Partial<TaskInput>;
  /** The file of the faulty task. Default `file.bin`. */
  readonly key?: string;
  /** The complete content, where there is any. Default {@linkcode WHOLE}. */
  readonly complete?: string | Uint8Array<ArrayBuffer>;
  readonly expected: Expected;
}

/** What becomes of the faulty task. */
export interface Expected {
  /** `published` stands for `created` or `updated`, by what was there. */
  readonly status: "published" | Extract<TaskStatus, "failed" | "deferred">;
  /** Codes of all attempts, in order; null for the one that succeeded. */
  readonly attempts: readonly (ErrorCode | null)[];
  readonly httpStatus?: number | null;
  readonly warnings?: readonly Warning[];
}

/** Registers the test of a row: once with nothing there yet, once over an older file. */
export function row(name: string, fault: Fault): void {
  storeTest(name, async (t) => {
    await t.step("nothing there yet", () => play(fault, null));
    await t.step("an older file there", () => play(fault, OLD));
  });
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

/** What a raw server does about one request; the connection is closed afterwards. */
export type Reply = (connection: RawConnection, request: RawRequest) => Promise<void>;

/** What {@linkcode replying} may be told besides. */
export interface ReplyingOptions {
  /** What the faulty task asks for. Default `/file.bin`. */
  readonly path?: string;
  /** What else must hold after the run. */
  readonly check?: (outcome: Outcome, server: RawServer) => void | Promise<void>;
}

/**
 * A stage whose server reads one request a connection and then sends the text,
 * or does what the function says.
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

/** A response of these lines and this body, byte by byte; status 200 unless the first line says. */
export function response(lines: readonly string[], body = ""): string {
  const status = lines[0]?.startsWith("HTTP/") ? [] : ["HTTP/1.1 200 OK"];
  return [...status, ...lines, "", body].join("\r\n");
}

/** {@linkcode WHOLE}, answered as it should be, with more header lines. */
export function wholeResponse(...lines: readonly string[]): string {
  return response([...lines, `Content-Length: ${WHOLE.length}`, "Connection: close"], WHOLE);
}

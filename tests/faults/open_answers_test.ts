/** Bodies that are not read: their connections are closed while the run continues. */

import { assertEquals } from "@std/assert";
import type { TaskStatus } from "../../lib/core/result.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { storeTest } from "../helpers/place.ts";
import { type RawConnection, rawServer } from "../helpers/raw_server.ts";
import { runsOver } from "./runs.ts";
import { response } from "./scenario.ts";

/** A head that announces a body that is never sent. */
const endless = (...lines: readonly string[]): string =>
  response([...lines, "Content-Length: 1000000"]);

const PLAIN = response(["Content-Length: 1", 'ETag: "1"'], "a");

/** A response whose body is not read. */
interface Case {
  /** Responses to earlier runs. */
  readonly before?: readonly string[];
  readonly answer: string;
  /** Responses to further requests of the same run. */
  readonly after?: readonly string[];
  readonly task?: Partial<TaskInput>;
  readonly status: TaskStatus;
}

const CASES: Record<string, Case> = {
  "404": { answer: endless("HTTP/1.1 404 Not Found"), status: "failed" },
  "503": { answer: endless("HTTP/1.1 503 Service Unavailable"), status: "failed" },
  "an unrequested 206": {
    answer: endless("HTTP/1.1 206 Partial Content"),
    status: "failed",
  },
  "a content coding that is unsupported": {
    answer: endless("Content-Encoding: compress"),
    status: "failed",
  },
  "an announced size that is too large": {
    answer: endless(),
    task: { expect: { maxSize: 10 } },
    status: "failed",
  },
  "a redirect": {
    answer: endless("HTTP/1.1 302 Found", "Location: /other"),
    after: [PLAIN],
    status: "created",
  },
  "a redirect without a Location": { answer: endless("HTTP/1.1 302 Found"), status: "failed" },
  "an older file than the published one": {
    before: [
      response(["Content-Length: 1", "Last-Modified: Thu, 01 Jan 2026 00:00:00 GMT"], "a"),
    ],
    answer: endless("Last-Modified: Mon, 01 Dec 2025 00:00:00 GMT"),
    status: "unchanged",
  },
  "412 to a condition": {
    before: [PLAIN],
    answer: endless("HTTP/1.1 412 Precondition Failed"),
    after: [PLAIN],
    status: "unchanged",
  },
};

for (const [name, { before = [], answer, after = [], task, status }] of Object.entries(CASES)) {
  storeTest(`the connection of ${name} is closed before the run ends`, async () => {
    const gone = Promise.withResolvers<void>();
    const replies = [...before, answer, ...after];
    await using server = await rawServer(async (connection: RawConnection) => {
      for (;;) {
        await connection.readRequest();
        const reply = replies.shift() ?? "";
        await connection.send(reply);
        if (reply !== answer) continue;
        await connection.hold();
        gone.resolve();
      }
    });
    // It responds once that connection is closed; otherwise its timeout fails the test.
    await using witness = await rawServer(async (connection) => {
      await connection.readRequest();
      await gone.promise;
      await connection.send(PLAIN);
    });
    await using runs = await runsOver();
    const retry = { attempts: 1 };
    const faulty: TaskInput = { id: "faulty", url: `${server.origin}/a`, retry, ...task };
    for (const _ of before) await runs.run([faulty]);
    const url = `${witness.origin}/b`;
    const watching: TaskInput = { id: "witness", url, retry, timeout: { response: "5s" } };
    const { results } = await runs.run([faulty, watching]);
    assertEquals(
      Object.fromEntries(results.map((result) => [result.task, result.status])),
      { faulty: status, witness: "created" },
    );
  });
}

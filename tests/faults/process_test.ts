/** Rows 83, 85 and 93: memory, clocks, and text from outside. */

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { CronfetchError } from "../helpers/library.ts";
import { run } from "../helpers/library.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { hostAt, place, STORE, storeTest } from "../helpers/place.ts";
import { replying, response, row, WHOLE } from "./scenario.ts";

const CHUNK_BYTES = 1024 * 1024;
/**
 * Size of the body, and the memory limit, which is far less. An upload to a bucket has several
 * parts in memory, and those that were sent until they are collected.
 */
const [CHUNKS, MEMORY_BYTES] = STORE === "folder"
  ? [256, 96 * CHUNK_BYTES]
  : [512, 288 * CHUNK_BYTES];

storeTest("row 83: memory does not depend on the size of the body", async () => {
  await using store = await place();
  const chunk = new Uint8Array(CHUNK_BYTES);
  let highestBytes = 0;
  const look = (): void => {
    highestBytes = Math.max(highestBytes, Deno.memoryUsage().rss);
  };
  const large = (): Response => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        look();
        controller.enqueue(chunk);
        if (++sent === CHUNKS) controller.close();
      },
    }, { highWaterMark: 0 });
    return new Response(body);
  };
  await using server = origin({ "/small.bin": "small", "/large.bin": large });
  const options = { store: store.location, state: "memory:" };

  await run({ ...options, tasks: [`${server.origin}/small.bin`] }, {
    host: hostAt(store, testHost()),
  });
  const before = Deno.memoryUsage().rss;
  const { results } = await run({ ...options, tasks: [`${server.origin}/large.bin`] }, {
    host: hostAt(store, testHost()),
  });
  assertEquals(results.map(({ status, bytes }) => [status, bytes]), [
    ["created", CHUNKS * CHUNK_BYTES],
  ]);
  assertEquals(await store.sizeBytes("large.bin"), CHUNKS * CHUNK_BYTES);
  assertLess(highestBytes - before, MEMORY_BYTES);
});

const TEN_YEARS_MS = 10 * 365 * 24 * 60 * 60 * 1000;
for (const [name, jumpMs] of [["forwards", TEN_YEARS_MS], ["backwards", -TEN_YEARS_MS]] as const) {
  row(`row 85: a wall clock that jumps ${name} during a body causes no timeout`, {
    stage: async (stack) => {
      const host = testHost();
      const stage = await replying(async (connection) => {
        await connection.send(response([`Content-Length: ${WHOLE.length}`], WHOLE.slice(0, 5)));
        host.jump(jumpMs);
        await connection.send(WHOLE.slice(5));
      })(stack);
      return {
        ...stage,
        host,
        check: ({ result, summary }) => {
          const { queuedMs, responseMs, bodyMs, publishMs } = result.timings;
          for (const ms of [queuedMs, responseMs, bodyMs, publishMs, summary.durationMs]) {
            assert(ms >= 0 && ms < TEN_YEARS_MS / 2, `${ms} ms`);
          }
        },
      };
    },
    expected: { status: "published", attempts: [null], httpStatus: 200 },
  });
}

const UNPRINTABLE = "\x1b[31m\nforged line\x07";

for (
  const [where, task] of [
    ["a URL", { url: `/file.bin?${UNPRINTABLE}` }],
    ["a header", { url: "/file.bin", headers: { "x-note": UNPRINTABLE } }],
  ] as const
) {
  storeTest(`row 93: control characters in ${where} are refused before any request`, async () => {
    await using store = await place();
    await using server = origin({ "/file.bin": WHOLE, "/good.txt": "good" });
    const tasks = [{ ...task, url: server.origin + task.url }, `${server.origin}/good.txt`];
    const error = await assertRejects(
      () =>
        run({ store: store.location, state: "memory:", tasks }, {
          host: hostAt(store, testHost()),
        }),
      CronfetchError,
    );
    assertEquals(error.code, "config.invalid");
    assertEquals(error.message.match(/[^\P{Cc}\n]|\nforged/u), null);
    assertEquals(server.hits(), 0);
    assertEquals(await store.tree(), {});
  });
}

for (
  const [place, location] of [
    ["another scheme", "ftp://127.0.0.1/\x9b31mforged\x85line"],
    ["a path", "/\x9b31mforged\x85line"],
  ] as const
) {
  row(`row 93: control characters in a Location's ${place} do not reach the result`, {
    stage: replying(
      (connection, { path }) =>
        connection.send(
          path === "/file.bin"
            ? response([
              "HTTP/1.1 302 Found",
              `Location: ${location}`,
              "Content-Length: 0",
              "Connection: close",
            ])
            : response(["HTTP/1.1 404 Not Found", "Content-Length: 0"]),
        ),
      { check: ({ result }) => assertEquals(JSON.stringify(result).match(/\p{Cc}/u), null) },
    ),
    expected: {
      status: "failed",
      attempts: [place === "a path" ? "http.status" : "http.protocol"],
    },
  });
}

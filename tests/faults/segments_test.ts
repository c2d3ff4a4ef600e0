/** Rows 47 to 55, and others, on one of several connections for one file. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import type { TaskInput } from "../../lib/mod.ts";
import { shown } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { STORE, storeTest } from "../helpers/place.ts";
import type { AskedFor } from "./broken_bodies.ts";
import {
  closing,
  type Exchange,
  LARGE,
  LARGE_SIZE,
  NEWER_LARGE,
  type Ranged,
  ranged,
  respond,
} from "./ranged.ts";
import { parts, published, runsOver } from "./runs.ts";

const MIB = 1024 * 1024;
const WHOLE = { "large.bin": await shown(LARGE) };

function task(server: Ranged, more: Partial<TaskInput> = {}): TaskInput {
  const retry = { attempts: 2, budget: "10h" };
  return { id: "large", url: server.url, to: "large.bin", segments: 4, retry, ...more };
}

/** Where the pieces of the file begin by four segments, and its end. */
const STARTS = [0, 1.5 * MIB, 3 * MIB, 4 * MIB, 5 * MIB, LARGE_SIZE];

/** Range and If-Range of a piece, numbered from the start of the file. */
const piece = (index: number): AskedFor => [
  `bytes=${STARTS[index]}-${Number(STARTS[index + 1]) - 1}`,
  '"1"',
];

/** Requests sorted by range. */
const sorted = (asked: readonly AskedFor[]): AskedFor[] =>
  asked.toSorted((one, other) => String(one) < String(other) ? -1 : 1);

const isForPiece = (asked: AskedFor): boolean => asked !== null && /-\d+$/.test(asked[0]);

storeTest("a large file is received over several connections, each byte once", async () => {
  await using server = await ranged();
  await using runs = await runsOver();
  const sha256 = (await shown(LARGE)).slice("sha256:".length);
  const result = await runs.result(task(server, { expect: { sha256 } }));
  assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
  assertEquals([result.bytes, result.httpStatus], [LARGE_SIZE, 200]);
  assertEquals(server.asked[0], null);
  assertEquals(sorted(server.asked.slice(1)), [1, 2, 3, 4].map(piece));
  // The server may notice the close of the first response after the next request.
  assert(server.mostActive <= 5, `${server.mostActive} requests at once`);
  assertEquals(await runs.tree(), WHOLE);
  assertEquals((await runs.result(task(server))).status, "unchanged");
});

storeTest("which responses are fetched in segments", async (t) => {
  const dates = [
    `Last-Modified: ${new Date(Date.now() - 60_000).toUTCString()}`,
    `Date: ${new Date().toUTCString()}`,
  ];
  const cases: [name: string, lines: readonly string[], more: Partial<TaskInput>, is: boolean][] = [
    ["by default", ['ETag: "1"'], { segments: 1 }, false],
    ["row 50: a weak ETag", ['ETag: W/"1"', ...dates], {}, false],
    ["no validator", [], {}, false],
    ["a Last-Modified", dates, {}, true],
  ];
  for (const [name, lines, more, is] of cases) {
    await t.step(name, async () => {
      await using server = await ranged(({ answer }) => answer({ lines }));
      await using runs = await runsOver();
      const result = await runs.result(task(server, more));
      assertEquals([result.status, server.asked.length], ["created", is ? 5 : 1], result.message);
      assertEquals(await runs.tree(), WHOLE);
    });
  }
});

/** Responses that are not the requested range. */
const UNFIT: Record<string, (exchange: Exchange) => Promise<void>> = {
  "row 47: another start": ({ answer, start, end }) =>
    answer({ contentRange: `bytes ${start - 1}-${end - 2}/${LARGE_SIZE}` }),
  "row 48: another total": ({ answer, start, end }) =>
    answer({ contentRange: `bytes ${start}-${end - 1}/${LARGE_SIZE + 1}` }),
  "row 48: another ETag": ({ answer }) => answer({ lines: ['ETag: "2"'], file: NEWER_LARGE }),
  "row 49: the whole file": ({ connection }) => respond(connection, "200 OK", ['ETag: "1"'], LARGE),
  "row 51: 416": ({ connection }) =>
    respond(connection, "416 Range Not Satisfiable", [`Content-Range: bytes */${LARGE_SIZE}`]),
  "row 53: 416 of a shorter file": ({ connection }) =>
    respond(connection, "416 Range Not Satisfiable", ["Content-Range: bytes */50000"]),
  "row 54: several ranges": ({ connection, start, end }) =>
    respond(
      connection,
      "206 Partial Content",
      ['ETag: "1"', "Content-Type: multipart/byteranges; boundary=x"],
      new TextEncoder().encode(
        `--x\r\nContent-Range: bytes ${start}-${end - 1}/${LARGE_SIZE}\r\n\r\n` +
          `${new TextDecoder().decode(LARGE.subarray(start, end))}\r\n--x--`,
      ),
    ),
  "row 55: a coded range": ({ answer }) =>
    answer({ lines: ['ETag: "1"', "Content-Encoding: gzip"] }),
  "row 57: 304": ({ connection }) => respond(connection, "304 Not Modified"),
  "403": ({ connection }) => respond(connection, "403 Forbidden"),
  "a redirect that leads nowhere": ({ connection }) => respond(connection, "302 Found"),
};

for (const [name, unfit] of Object.entries(UNFIT)) {
  storeTest(`${name} in response to a range: the first response continues alone`, async () => {
    await using server = await ranged((exchange) =>
      isForPiece(exchange.asked) ? unfit(exchange) : exchange.answer()
    );
    await using runs = await runsOver();
    const result = await runs.result(task(server));
    assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
    assert(server.asked.length <= 4, `${server.asked.length} requests`);
    assertEquals(sorted(server.asked).filter((asked) => !isForPiece(asked)), [null]);
    assertEquals(await runs.tree(), WHOLE);
  });

  storeTest(
    `${name} after the first response was closed: the rest is requested in one response`,
    async () => {
      await using server = await ranged(async (exchange) => {
        if (exchange.pieces < 3 || !isForPiece(exchange.asked)) return await exchange.answer();
        await server.firstGone;
        await unfit(exchange);
      });
      await using runs = await runsOver();
      const result = await runs.result(task(server));
      assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
      const last = server.asked.filter((asked) => !isForPiece(asked));
      assertEquals(last.length, 2);
      assertMatch(String(last[1]), /^bytes=\d+-,"1"$/);
      assertEquals(await runs.tree(), WHOLE);
    },
  );
}

storeTest("after a refusal, the rest is requested in one response, of any size", async () => {
  await using server = await ranged(async (exchange) => {
    if (exchange.asked?.[0] !== piece(1)?.[0]) return await exchange.answer();
    // Only the first piece is complete then: the rest is enough for segments.
    await server.firstGone;
    await respond(exchange.connection, "200 OK", ['ETag: "1"'], LARGE);
  });
  await using runs = await runsOver();
  const result = await runs.result(task(server));
  assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
  const [first, rest, ...others] = server.asked.filter((asked) => !isForPiece(asked));
  assertEquals([first, rest?.[1], others], [null, '"1"', []]);
  // Bytes that the store has not taken yet are requested again; their number depends on its speed.
  const startByte = Number(rest?.[0].match(/^bytes=(\d+)-$/)?.[1]);
  assert(startByte > 0 && startByte <= (STARTS[1] ?? 0), String(rest));
  // A range that was requested before the rest may arrive after it, on another connection.
  assert(server.asked.length <= 2 + STARTS.length - 2, `${server.asked.length} requests`);
  assertEquals(await runs.tree(), WHOLE);
});

storeTest("a file replaced during segments is never mixed", async (t) => {
  const replies: Record<string, (exchange: Exchange) => Promise<void>> = {
    "by a server that looks at If-Range": ({ connection }) =>
      respond(connection, "200 OK", ['ETag: "2"', "Accept-Ranges: bytes"], NEWER_LARGE),
    "by a server that does not": ({ answer }) =>
      answer({ lines: ['ETag: "2"'], file: NEWER_LARGE }),
  };
  for (const [name, newer] of Object.entries(replies)) {
    await t.step(name, async () => {
      let isReplaced = false;
      await using server = await ranged(async (exchange) => {
        if (exchange.pieces >= 3 && isForPiece(exchange.asked)) {
          await server.firstGone;
          isReplaced = true;
        }
        await (isReplaced ? newer(exchange) : exchange.answer());
      });
      await using runs = await runsOver();
      const result = await runs.result(task(server));
      assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
      assertEquals(await runs.tree(), { "large.bin": await shown(NEWER_LARGE) });
    });
  }
});

storeTest("a truncated range is fetched by the other connections", async () => {
  let isBroken = false;
  await using server = await ranged(async (exchange) => {
    if (isBroken || !isForPiece(exchange.asked)) return await exchange.answer();
    isBroken = true;
    await exchange.answer({ sentBytes: 700_000 });
    await closing(exchange);
  });
  await using runs = await runsOver();
  const result = await runs.result(task(server));
  assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
  assertEquals(server.asked.length, 6);
  const again = server.asked.slice(1).map((asked) => asked?.[0].replace(/^bytes=\d+/, ""));
  assertEquals(again.length - new Set(again).size, 1, "one piece was asked for twice");
  assertEquals(await runs.tree(), WHOLE);
});

storeTest("a stalled range is fetched by the other connections", async () => {
  let isStalled = false;
  await using server = await ranged(async (exchange) => {
    if (isStalled || !isForPiece(exchange.asked)) return await exchange.answer();
    isStalled = true;
    await exchange.answer({ sentBytes: 700_000 });
    await exchange.connection.hold();
  });
  await using runs = await runsOver();
  const result = await runs.result(task(server, { timeout: { idle: "1s" } }));
  assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
  assertEquals(server.asked.length, 6);
  assertEquals(await runs.tree(), WHOLE);
});

const TURNING_DOWN: Record<string, (exchange: Exchange) => Promise<void>> = {
  "reset": ({ connection }) => {
    connection.reset();
    return connection.hold();
  },
  "429": ({ connection }) => respond(connection, "429 Too Many Requests", ["Retry-After: 60"]),
  "503": ({ connection }) => respond(connection, "503 Service Unavailable"),
};

for (const [name, turnDown] of Object.entries(TURNING_DOWN)) {
  storeTest(`a server with at most two connections, else ${name}`, async () => {
    const enough = Promise.withResolvers<void>();
    let turnedDown = 0;
    await using server = await ranged(async (exchange) => {
      if (exchange.active > 2) {
        if (++turnedDown === 2) enough.resolve();
        return await turnDown(exchange);
      }
      // No response ends before four requests have arrived.
      const sentBytes = isForPiece(exchange.asked) ? 0 : MIB;
      if (sentBytes > 0) await exchange.answer({ sentBytes });
      await enough.promise;
      if (sentBytes > 0) await exchange.connection.send(LARGE.subarray(sentBytes));
      else await exchange.answer();
    });
    await using runs = await runsOver();
    const result = await runs.result(task(server));
    assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
    assert(turnedDown <= 3, `${turnedDown} were turned down`);
    assertEquals(runs.host.slept, []);
    assertEquals(await runs.tree(), WHOLE);
  });

  storeTest(`a server with one connection, else ${name}`, async () => {
    await using server = await ranged((exchange) =>
      isForPiece(exchange.asked) ? turnDown(exchange) : exchange.answer()
    );
    await using runs = await runsOver();
    const result = await runs.result(task(server));
    assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
    assertEquals(sorted(server.asked), [null, piece(1), piece(2), piece(3)].toSorted());
    assertEquals(await runs.tree(), WHOLE);
  });
}

storeTest("after the last connection failed, the next attempt resumes", async () => {
  let isBroken = true;
  await using server = await ranged(async (exchange) => {
    if (!isForPiece(exchange.asked)) isBroken = exchange.asked === null;
    if (exchange.pieces < 3 || !isBroken) return await exchange.answer();
    await server.firstGone;
    await closing(exchange);
  });
  await using runs = await runsOver();
  const result = await runs.result(task(server));
  const codes = result.attempts.map(({ code }) => code);
  assertEquals([result.status, codes], ["created", ["body.truncated", null]], result.message);
  assertMatch(
    server.asked.find((asked) => asked?.[0].endsWith("-"))?.[0] ?? "",
    /^bytes=[1-9]\d+-$/,
  );
  assertEquals(server.asked.filter((asked) => asked === null).length, 1);
  assertEquals(await runs.tree(), WHOLE);
});

storeTest("Retry-After of the last failed connection pauses the next attempt", async () => {
  let isBusy = true;
  await using server = await ranged(async (exchange) => {
    if (!isForPiece(exchange.asked)) isBusy = exchange.asked === null;
    if (exchange.pieces < 3 || !isBusy) return await exchange.answer();
    await server.firstGone;
    await respond(exchange.connection, "429 Too Many Requests", ["Retry-After: 7"]);
  });
  await using runs = await runsOver();
  const result = await runs.result(task(server));
  const attempts = result.attempts.map(({ code, httpStatus }) => [code, httpStatus]);
  assertEquals(attempts, [["http.status", 429], [null, 206]], result.message);
  assertEquals(runs.host.slept, [7000]);
  assertEquals(server.asked.filter((asked) => asked === null).length, 1);
  assertEquals(await runs.tree(), WHOLE);
});

storeTest("the contiguous bytes of an interrupted run are resumed by the next", async () => {
  const stop = new AbortController();
  await using server = await ranged(async (exchange) => {
    if (stop.signal.aborted || exchange.pieces < 3 || !isForPiece(exchange.asked)) {
      return await exchange.answer();
    }
    await server.firstGone;
    stop.abort();
    await exchange.connection.hold();
  });
  await using runs = await runsOver();
  const cut = await runs.result(task(server), { signal: stop.signal });
  assertEquals([cut.status, cut.code], ["cancelled", "cancelled"]);
  const held = await runs.tree();
  assertEquals([published(held), parts(held)], [{}, 1]);
  const before = server.asked.length;
  const result = await runs.result(task(server));
  assertEquals([result.status, result.attempts.length], ["created", 1], result.message);
  const [first, ...others] = server.asked.slice(before);
  assertMatch(String(first), /^bytes=[1-9]\d+-,"1"$/);
  assertEquals(others.every(isForPiece), true, "its rest comes in ranges, too, if it is large");
  assertEquals(result.bytes < LARGE_SIZE, true);
  assertEquals(await runs.tree(), WHOLE);
});

storeTest("segments open no more connections to a host than perHost", async () => {
  await using server = await ranged(async ({ answer }) => {
    // Time for further connections.
    for (let turn = 0; turn < 10; turn++) await new Promise((done) => setTimeout(done, 0));
    await answer();
  });
  await using runs = await runsOver({ config: { limits: { perHost: 3 } } });
  const tasks = Array.from({ length: 5 }, (_, index) => ({
    ...task(server),
    id: `${index}`,
    url: `${server.url}?${index}`,
    to: `${index}.bin`,
  }));
  const { results } = await runs.run(tasks);
  assertEquals(new Set(results.map(({ status }) => status)), new Set(["created"]));
  assertEquals(new Set(Object.values(await runs.tree())), new Set([await shown(LARGE)]));
  // The server may notice the close of each first response late.
  assert(server.mostActive <= 3 + 3, `${server.mostActive} at once`);
  // A bucket may take the first files so slowly that the last ones have too little left.
  if (STORE === "folder") assert(server.asked.some(isForPiece), "the last ones borrow places");
});

storeTest("the rate limit applies to all connections together", async () => {
  await using server = await ranged();
  await using runs = await runsOver({
    host: testHost({ timers: "manual" }),
    config: { limits: { rate: "1MiB" } },
  });
  const result = await runs.result(task(server));
  assertEquals(result.status, "created", result.message);
  const sleptMs = runs.host.slept.reduce((sum, durationMs) => sum + durationMs, 0);
  assert(sleptMs >= 4_900, `${sleptMs} ms of waiting for 6 MiB at 1 MiB a second`);
});

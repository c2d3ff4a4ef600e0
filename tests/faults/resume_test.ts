/** Rows 47 to 55: partial files, resumed by the next attempt or the next run. */

import { assert, assertEquals } from "@std/assert";
import type { ErrorCode } from "../../lib/core/errors.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { shown } from "../helpers/folder.ts";
import { connectReally, fetchReally, testHost } from "../helpers/host.ts";
import type { TestHostOptions } from "../helpers/host.ts";
import { storeTest } from "../helpers/place.ts";
import { response } from "./scenario.ts";
import {
  CUT,
  FILE,
  NEWER,
  odd,
  part,
  scripted,
  SIZE,
  text,
  unhurriedHost,
  whole,
} from "./broken_bodies.ts";
import type { AskedFor, Scripted } from "./broken_bodies.ts";
import { parts, published, runsOver } from "./runs.ts";
import type { Runs, RunsOptions } from "./runs.ts";

/** An HTTP-date some seconds ago. */
function ago(seconds: number): string {
  return new Date(Date.now() - seconds * 1000).toUTCString();
}

const TAG = 'ETag: "1"';
const FIRST = whole(FILE, [TAG], CUT);
const CONTINUED: AskedFor = [`bytes=${CUT}-`, '"1"'];
const MODIFIED = ago(60);

/** A truncated body, and the next responses. */
interface Case {
  readonly name: string;
  /** The truncated response. Default: the first half of the file, with a strong ETag. */
  readonly first?: string;
  /** The next responses. */
  readonly then: readonly string[];
  /** Range and If-Range of all requests. */
  readonly asked: readonly AskedFor[];
  /** The published bytes. Default: the file. */
  readonly complete?: string;
  readonly expect?: TaskInput["expect"];
}

const CASES: readonly Case[] = [
  {
    name: "a part is continued where it ends",
    then: [part(FILE, CUT, [TAG])],
    asked: [null, CONTINUED],
  },
  {
    name: "a part is continued by a 206 that does not repeat the ETag",
    then: [part(FILE, CUT, [])],
    asked: [null, CONTINUED],
  },
  {
    name: "a Last-Modified well before the Date is as good as an ETag",
    first: whole(FILE, [`Last-Modified: ${MODIFIED}`, `Date: ${ago(0)}`], CUT),
    then: [part(FILE, CUT, [])],
    asked: [null, [`bytes=${CUT}-`, MODIFIED]],
  },
  {
    name: "a Last-Modified of the same second proves nothing",
    first: whole(FILE, [`Last-Modified: ${MODIFIED}`, `Date: ${MODIFIED}`], CUT),
    then: [whole(FILE, [])],
    asked: [null, null],
  },
  {
    name: "without validators nothing is continued",
    first: whole(FILE, [], CUT),
    then: [whole(NEWER, [])],
    asked: [null, null],
    complete: NEWER,
  },
  {
    name: "row 47: a Content-Range that starts elsewhere means to start again",
    then: [part(FILE, CUT - 1, [TAG]), whole(FILE, [TAG])],
    asked: [null, CONTINUED, null],
  },
  {
    name: "row 48: another total means to start again",
    then: [part(`${FILE}more`, CUT, [TAG]), whole(`${FILE}more`, [TAG])],
    asked: [null, CONTINUED, null],
    complete: `${FILE}more`,
  },
  {
    name: "row 48: another ETag in a 206 means to start again",
    then: [part(NEWER, CUT, ['ETag: "2"']), whole(NEWER, ['ETag: "2"'])],
    asked: [null, CONTINUED, null],
    complete: NEWER,
  },
  {
    name: "row 49: a whole file in answer to a range is taken from its beginning",
    then: [whole(NEWER, ['ETag: "2"'])],
    asked: [null, CONTINUED],
    complete: NEWER,
  },
  {
    name: "row 50: under a weak ETag nothing is continued",
    first: whole(FILE, ['ETag: W/"1"', `Last-Modified: ${MODIFIED}`, `Date: ${ago(0)}`], CUT),
    then: [whole(NEWER, ['ETag: W/"1"'])],
    asked: [null, null],
    complete: NEWER,
  },
  {
    name: "row 51: a 416 of another size means to start again",
    then: [
      odd("416 Range Not Satisfiable", [`Content-Range: bytes */${CUT + 1}`]),
      whole(FILE, [TAG]),
    ],
    asked: [null, CONTINUED, null],
  },
  {
    name: "row 51: a 416 of the very size means to start again where no digest is known",
    then: [odd("416 Range Not Satisfiable", [`Content-Range: bytes */${CUT}`]), whole(FILE, [])],
    asked: [null, CONTINUED, null],
  },
  {
    name: "row 51: a 416 of the very size is an end where the digest agrees",
    first: response([TAG, "Transfer-Encoding: chunked"], chunk(FILE)),
    then: [odd("416 Range Not Satisfiable", [`Content-Range: bytes */${SIZE}`])],
    asked: [null, [`bytes=${SIZE}-`, '"1"']],
    expect: { sha256: (await shown(FILE)).slice("sha256:".length) },
  },
  {
    name: "row 53: a part longer than the file means to start again",
    then: [
      odd("416 Range Not Satisfiable", ["Content-Range: bytes */50000"]),
      whole(NEWER.slice(0, 50_000), ['ETag: "2"']),
    ],
    asked: [null, CONTINUED, null],
    complete: NEWER.slice(0, 50_000),
  },
  {
    name: "row 54: several ranges mean to start again",
    then: [
      odd(
        "206 Partial Content",
        [TAG, "Content-Type: multipart/byteranges; boundary=x"],
        `--x\r\nContent-Range: bytes ${CUT}-${SIZE - 1}/${SIZE}\r\n\r\n${FILE.slice(CUT)}\r\n--x--`,
      ),
      whole(FILE, [TAG]),
    ],
    asked: [null, CONTINUED, null],
  },
  {
    name: "row 55: a coded part means to start again",
    then: [part(FILE, CUT, [TAG, "Content-Encoding: gzip"]), whole(FILE, [TAG])],
    asked: [null, CONTINUED, null],
  },
  {
    name: "row 57: 304 to a range means to start again",
    then: [odd("304 Not Modified", [TAG]), whole(FILE, [TAG])],
    asked: [null, CONTINUED, null],
  },
  {
    name: "a server that refuses ranges is asked for the whole",
    then: [odd("400 Bad Request", []), whole(FILE, [TAG])],
    asked: [null, CONTINUED, null],
  },
];

function chunk(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n`;
}

const TRUNCATED: ErrorCode = "body.truncated";

for (const { name, first = FIRST, then, asked, complete = FILE, expect } of CASES) {
  storeTest(`${name}, between attempts`, async () => {
    await using server = await scripted([first, ...then]);
    await using runs = await runsOver({ host: unhurriedHost() });
    const result = await runs.result({ ...task(server, 2), expect });
    assertEquals(result.attempts.map(({ code }) => code), [TRUNCATED, null], result.message);
    assertEquals([result.status, server.asked], ["created", asked]);
    assertEquals(await runs.tree(), { "file.bin": await shown(complete) });
  });

  // The tests of states cover the records of partial files; one case is enough here.
  for (const state of then === CASES[0]?.then ? ["file", "kv"] as const : ["file"] as const) {
    storeTest(`${name}, between runs with a ${state} state`, async () => {
      await using server = await scripted([first, ...then]);
      await using runs = await runsOver({ host: unhurriedHost(), state });
      const cut = await runs.result({ ...task(server, 1), expect });
      assertEquals([cut.status, cut.code], ["failed", TRUNCATED]);
      const held = await runs.tree();
      assertEquals([published(held), parts(held)], [{}, asked[1] === null ? 0 : 1]);
      const result = await runs.result({ ...task(server, 1), expect });
      assertEquals([result.status, server.asked], ["created", asked], result.message);
      assertEquals(await runs.tree(), { "file.bin": await shown(complete) });
    });
  }
}

function task(server: Scripted, attempts: number): TaskInput {
  return { id: "file", url: server.url, to: "file.bin", retry: { attempts, budget: "10h" } };
}

/** The runs after a first one with a truncated body. */
async function afterCut(server: Scripted, options: RunsOptions = {}): Promise<Runs> {
  const runs = await runsOver({ host: unhurriedHost(), ...options });
  const { code } = await runs.result(task(server, 1));
  assertEquals(code, TRUNCATED);
  return runs;
}

const TEMPORARY: readonly (readonly [status: string, lines: string[], leastMs: number])[] = [
  ["408 Request Timeout", [], 0],
  ["425 Too Early", [], 0],
  ["429 Too Many Requests", ["Retry-After: 7"], 7_000],
  ["500 Internal Server Error", [], 0],
  ["502 Bad Gateway", [], 0],
  ["503 Service Unavailable", ["Retry-After: 9"], 9_000],
  ["504 Gateway Timeout", [], 0],
];
for (const [status, lines, leastMs] of TEMPORARY) {
  storeTest(
    `${status} to a range keeps the partial file and the requested pause`,
    async () => {
      await using server = await scripted([FIRST, odd(status, lines), part(FILE, CUT, [TAG])]);
      await using runs = await runsOver({ host: unhurriedHost() });
      // The first attempt is a run of its own, so that only one pause is left.
      assertEquals((await runs.result(task(server, 1))).code, TRUNCATED);
      const result = await runs.result(task(server, 2));
      assertEquals(result.attempts.map(({ code }) => code), ["http.status", null], result.message);
      assertEquals(server.asked, [null, CONTINUED, CONTINUED]);
      assertEquals([result.bytes, runs.host.slept.length], [SIZE - CUT, 1]);
      assert(runs.host.slept.every((sleptMs) => sleptMs >= leastMs), `${runs.host.slept}`);
      assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
    },
  );
}
storeTest("row 145: a chunked 206 longer than its range is discarded", async () => {
  const rest = FILE.slice(CUT);
  const head = [
    TAG,
    `Content-Range: bytes ${CUT}-${SIZE - 1}/${SIZE}`,
    "Transfer-Encoding: chunked",
  ];
  await using server = await scripted([
    FIRST,
    odd("206 Partial Content", head, `${chunk(`${rest}surplus`)}0\r\n\r\n`),
    whole(FILE, [TAG]),
  ]);
  await using runs = await runsOver({ host: unhurriedHost() });
  const result = await runs.result(task(server, 3));
  assertEquals(result.attempts.map(({ code }) => code), [TRUNCATED, "http.protocol", null]);
  assertEquals([result.status, server.asked], ["created", [null, CONTINUED, null]]);
  assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
});

storeTest("a partial file grows from run to run", async () => {
  await using server = await scripted([
    FIRST,
    part(FILE, CUT, [TAG], 50_000),
    part(FILE, CUT + 50_000, [TAG]),
  ]);
  await using runs = await afterCut(server);
  const truncated = await runs.result(task(server, 1));
  assertEquals([truncated.code, truncated.partialBytes], [TRUNCATED, CUT + 50_000]);
  assertEquals(parts(await runs.tree()), 1);
  const result = await runs.result(task(server, 1));
  assertEquals([result.status, result.bytes, result.partialBytes], ["created", 50_000, null]);
  assertEquals(server.asked, [null, CONTINUED, ["bytes=150000-", '"1"']]);
  assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
});

storeTest("a partial file is kept by a run that could not connect", async () => {
  await using server = await scripted([FIRST, "", part(FILE, CUT, [TAG])]);
  await using runs = await afterCut(server);
  assertEquals((await runs.result(task(server, 1))).code, "net.reset");
  assertEquals((await runs.result(task(server, 1))).status, "created");
  assertEquals(server.asked, [null, CONTINUED, CONTINUED]);
  assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
});

storeTest("a resumed file is checked as a whole", async () => {
  const forged = FILE.slice(0, CUT) + NEWER.slice(CUT);
  await using server = await scripted([FIRST, part(forged, CUT, [TAG])]);
  await using runs = await afterCut(server);
  const sha256 = (await shown(FILE)).slice("sha256:".length);
  const result = await runs.result({ ...task(server, 1), expect: { sha256 } });
  assertEquals([result.status, result.code], ["failed", "expect.digest"]);
  assertEquals(await runs.tree(), {});
});

storeTest("a partial file under 64 KiB is not kept for the next run", async () => {
  await using server = await scripted([whole(FILE, [TAG], 60_000), whole(FILE, [TAG])]);
  await using runs = await afterCut(server);
  assertEquals(await runs.tree(), {});
  assertEquals((await runs.result(task(server, 1))).status, "created");
  assertEquals(server.asked, [null, null]);
});

storeTest("memory: state keeps no partial files", async () => {
  await using server = await scripted([FIRST, whole(FILE, [TAG])]);
  await using runs = await afterCut(server, { state: "memory" });
  assertEquals(await runs.tree(), {});
  assertEquals((await runs.result(task(server, 1))).status, "created");
  assertEquals(server.asked, [null, null]);
});

const CHANGES: readonly (readonly [what: string, change: (server: Scripted) => TaskInput])[] = [
  ["name", (server) => ({ ...task(server, 1), to: "other.bin" })],
  ["URL", (server) => ({ ...task(server, 1), url: `${server.url}?2` })],
];
for (const [what, change] of CHANGES) {
  storeTest(`a partial file is dropped once the task has another ${what}`, async () => {
    await using server = await scripted([FIRST, whole(NEWER, ['ETag: "2"'])]);
    await using runs = await afterCut(server);
    assertEquals(parts(await runs.tree()), 1);
    const changed = change(server);
    assertEquals((await runs.result(changed)).status, "created");
    assertEquals(server.asked, [null, null]);
    assertEquals(await runs.tree(), { [changed.to ?? ""]: await shown(NEWER) });
  });
}

storeTest("a partial file that was changed or removed is not resumed", async (t) => {
  for (const [what, bytes] of [["removed", null], ["cut", CUT - 1], ["grown", CUT + 1]] as const) {
    await t.step(what, async () => {
      await using server = await scripted([FIRST, whole(FILE, [TAG])]);
      await using runs = await afterCut(server);
      const [name = ""] = Object.keys(await runs.tree());
      const held = await runs.store.read(name) ?? new Uint8Array();
      if (bytes === null) await runs.store.remove(name);
      else await runs.store.write(name, new Uint8Array(held.buffer.transfer(bytes)));
      assertEquals((await runs.result(task(server, 1))).status, "created");
      assertEquals(server.asked, [null, null]);
      assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
    });
  }
});

const BUFFER_BYTES = 512 * 1024;
const LARGE = text("large file", 1_500_000);
const LARGE_CUT = 700_000;
const LOSSES: readonly (readonly [way: string, world: TestHostOptions, keptBytes: number])[] = [
  ["fetch", { fetch: fetchReally }, BUFFER_BYTES],
  ["sockets", { connect: connectReally }, LARGE_CUT],
];
for (const [way, world, keptBytes] of LOSSES) {
  storeTest(
    `bytes in the read buffer at a break are lost with fetch only: ${way}`,
    async () => {
      await using server = await scripted([
        whole(LARGE, [TAG], LARGE_CUT),
        part(LARGE, keptBytes, [TAG]),
      ]);
      // No time passes by this clock, so only full buffers are written.
      await using runs = await runsOver({ host: testHost({ timers: "manual", ...world }) });
      const result = await runs.result(task(server, 2));
      assertEquals([result.status, result.bytes], ["created", LARGE.length - keptBytes]);
      assertEquals(server.asked, [null, [`bytes=${keptBytes}-`, '"1"']]);
      assertEquals(await runs.tree(), { "file.bin": await shown(LARGE) });
    },
  );
}

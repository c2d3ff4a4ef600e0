/** Row 125: partial files without a strong validator, resumed with an expected digest. */

import { assertEquals } from "@std/assert";
import { createHash } from "node:crypto";
import type { TaskInput } from "../../lib/mod.ts";
import { shown } from "../helpers/folder.ts";
import { storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
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

const WEAK = 'ETag: W/"1"';
const MODIFIED = "Thu, 15 Jan 2026 11:00:00 GMT";
const SHA256 = (await shown(FILE)).slice("sha256:".length);
const NEWER_SHA256 = (await shown(NEWER)).slice("sha256:".length);
/** The rest, without If-Range. */
const REST: AskedFor = [`bytes=${CUT}-`, "missing"];

/** A truncated body, and the next responses. */
interface Case {
  readonly name: string;
  readonly replies: readonly string[];
  /** Of each request, in order. */
  readonly asked: readonly AskedFor[];
  readonly task?: Partial<TaskInput>;
  /** The published bytes. Default: the file. */
  readonly complete?: string;
}

const CASES: readonly Case[] = [
  {
    name: "under a weak ETag",
    replies: [whole(FILE, [WEAK], CUT), part(FILE, CUT, [WEAK])],
    asked: [null, REST],
  },
  {
    name: "without a validator",
    replies: [whole(FILE, [], CUT), part(FILE, CUT, [])],
    asked: [null, REST],
  },
  {
    name: "under an ETag without quotes",
    replies: [whole(FILE, ["ETag: abc"], CUT), part(FILE, CUT, ["ETag: abc"])],
    asked: [null, REST],
  },
  {
    name: "under a Last-Modified that is no date",
    replies: [whole(FILE, ["Last-Modified: 12.5"], CUT), part(FILE, CUT, [])],
    asked: [null, REST],
  },
  {
    name: "under a Last-Modified of the same second",
    replies: [
      whole(FILE, [`Last-Modified: ${MODIFIED}`, `Date: ${MODIFIED}`], CUT),
      part(FILE, CUT, []),
    ],
    asked: [null, REST],
  },
  {
    name: "without a length",
    replies: [
      response([WEAK, "Transfer-Encoding: chunked"], chunk(FILE.slice(0, CUT))),
      part(FILE, CUT, []),
    ],
    asked: [null, REST],
  },
  {
    name: 'with "conditional": false, without If-Range under a strong ETag',
    replies: [whole(FILE, ['ETag: "1"'], CUT), part(FILE, CUT, ['ETag: "2"'])],
    asked: [null, REST],
    task: { conditional: false },
  },
  {
    name: "but a rest of another version is thrown away, and the file requested once more",
    replies: [
      whole(FILE, [WEAK], CUT),
      part(FILE.slice(0, CUT) + NEWER.slice(CUT), CUT, [WEAK]),
      whole(FILE, [WEAK]),
    ],
    asked: [null, REST, null],
  },
  {
    name: "but so is a beginning of another version",
    replies: [whole(NEWER, [WEAK], CUT), part(FILE, CUT, [WEAK]), whole(FILE, [WEAK])],
    asked: [null, REST, null],
  },
  {
    name: "but a rest of another total means to start again",
    replies: [
      whole(FILE, [WEAK], CUT),
      part(`${FILE}more`, CUT, [WEAK]),
      whole(FILE, [WEAK]),
    ],
    asked: [null, REST, null],
  },
  {
    name: "and 200 to a range is taken from its beginning",
    replies: [whole(FILE, [WEAK], CUT), whole(FILE, [WEAK])],
    asked: [null, REST],
  },
  {
    name: "and 416 of another size means to start again",
    replies: [
      whole(FILE, [WEAK], CUT),
      odd("416 Range Not Satisfiable", [`Content-Range: bytes */${CUT + 1}`]),
      whole(FILE, [WEAK]),
    ],
    asked: [null, REST, null],
  },
  {
    name: "and 416 of its very size is an end",
    replies: [
      response([WEAK, "Transfer-Encoding: chunked"], chunk(FILE)),
      odd("416 Range Not Satisfiable", [`Content-Range: bytes */${SIZE}`]),
    ],
    asked: [null, [`bytes=${SIZE}-`, "missing"]],
  },
];

function chunk(body: string): string {
  return `${body.length.toString(16)}\r\n${body}\r\n`;
}

function task(server: Scripted, attempts: number, more: Partial<TaskInput> = {}): TaskInput {
  return {
    id: "file",
    url: server.url,
    to: "file.bin",
    retry: { attempts, budget: "10h" },
    expect: { sha256: SHA256 },
    ...more,
  };
}

for (const { name, replies, asked, task: more, complete = FILE } of CASES) {
  storeTest(
    `row 125: with an expected digest, a partial file is resumed ${name}, between attempts`,
    async () => {
      await using server = await scripted(replies);
      await using runs = await runsOver({ host: unhurriedHost() });
      const result = await runs.result(task(server, 2, more));
      const codes = result.attempts.map(({ code }) => code);
      assertEquals([result.status, codes], ["created", ["body.truncated", null]], result.message);
      assertEquals(server.asked, asked);
      assertEquals(await runs.tree(), { "file.bin": await shown(complete) });
    },
  );

  storeTest(
    `row 125: with an expected digest, a partial file is resumed ${name}, between runs`,
    async () => {
      await using server = await scripted(replies);
      await using runs = await runsOver({ host: unhurriedHost() });
      const cut = await runs.result(task(server, 1, more));
      assertEquals([cut.status, cut.code], ["failed", "body.truncated"]);
      const held = await runs.tree();
      assertEquals([published(held), parts(held)], [{}, 1]);
      const result = await runs.result(task(server, 1, more));
      assertEquals([result.status, server.asked], ["created", asked], result.message);
      assertEquals(await runs.tree(), { "file.bin": await shown(complete) });
    },
  );
}

const UNRESUMED: readonly (readonly [name: string, lines: string[], task: Partial<TaskInput>])[] = [
  ["a weak ETag and no digest", [WEAK], { expect: {} }],
  ["no validator and no digest", [], { expect: {} }],
  ['"conditional": false and no digest', ['ETag: "1"'], { expect: {}, conditional: false }],
];
for (const [name, lines, more] of UNRESUMED) {
  storeTest(`rows 50 and 125: with ${name} nothing is resumed`, async () => {
    await using server = await scripted([whole(FILE, lines, CUT), whole(FILE, lines)]);
    await using runs = await runsOver({ host: unhurriedHost() });
    assertEquals((await runs.result(task(server, 1, more))).code, "body.truncated");
    assertEquals(await runs.tree(), {});
    assertEquals((await runs.result(task(server, 1, more))).status, "created");
    assertEquals(server.asked, [null, null]);
  });
}

storeTest("row 125: the partial file is dropped once the config expects no digest", async () => {
  await using server = await scripted([whole(FILE, [WEAK], CUT), whole(NEWER, [WEAK])]);
  await using runs = await runsOver({ host: unhurriedHost() });
  assertEquals((await runs.result(task(server, 1))).code, "body.truncated");
  assertEquals(parts(await runs.tree()), 1);
  assertEquals((await runs.result(task(server, 1, { expect: {} }))).status, "created");
  assertEquals(server.asked, [null, null]);
  assertEquals(await runs.tree(), { "file.bin": await shown(NEWER) });
});

storeTest("row 122: a forced run drops a partial file that only a validator proves", async () => {
  await using server = await scripted([whole(FILE, ['ETag: "1"'], CUT), whole(NEWER, [])]);
  await using runs = await runsOver({ host: unhurriedHost() });
  assertEquals((await runs.result(task(server, 1, { expect: {} }))).code, "body.truncated");
  assertEquals(parts(await runs.tree()), 1);
  const forced = await runs.result(task(server, 1, { expect: {} }), { force: true });
  assertEquals([forced.status, server.asked], ["created", [null, null]]);
  assertEquals(await runs.tree(), { "file.bin": await shown(NEWER) });
});

storeTest(
  "row 125: a wrong digest causes one more request, then the failure",
  async () => {
    await using server = await scripted([
      whole(FILE, [WEAK], CUT),
      part(FILE, CUT, [WEAK]),
      whole(FILE, [WEAK]),
    ]);
    await using runs = await runsOver({ host: unhurriedHost() });
    const result = await runs.result(task(server, 4, { expect: { sha256: NEWER_SHA256 } }));
    assertEquals(result.attempts.map(({ code }) => code), ["body.truncated", "expect.digest"]);
    assertEquals(server.asked, [null, REST, null]);
    assertEquals(await runs.tree(), {});
  },
);

storeTest(
  "row 125: with a wrong digest, another truncated body is requested once more",
  async () => {
    await using server = await scripted([
      whole(FILE, [WEAK], CUT),
      part(FILE, CUT, [WEAK]),
      whole(FILE, [WEAK], CUT),
      part(FILE, CUT, [WEAK]),
    ]);
    await using runs = await runsOver({ host: unhurriedHost() });
    const result = await runs.result(task(server, 9, { expect: { sha256: NEWER_SHA256 } }));
    assertEquals(
      result.attempts.map(({ code }) => code),
      ["body.truncated", "body.truncated", "expect.digest"],
    );
    assertEquals(server.asked, [null, REST, null, REST]);
    assertEquals(await runs.tree(), {});
  },
);

storeTest("row 125: with a break every 200 kB, each byte is sent once", async () => {
  const large = text("large file", 1_100_000);
  const step = 200_000;
  const sha256 = (await shown(large)).slice("sha256:".length);
  const starts = [200_000, 400_000, 600_000, 800_000, 1_000_000];
  await using server = await scripted([
    whole(large, [WEAK], step),
    ...starts.map((start) => part(large, start, [WEAK], step)),
  ]);
  await using runs = await runsOver({ host: unhurriedHost() });
  const more = { expect: { sha256 } };
  const first = await runs.result(task(server, 4, more));
  assertEquals([first.status, first.code], ["failed", "body.truncated"]);
  const second = await runs.result(task(server, 4, more));
  assertEquals([second.status, second.attempts.length], ["created", 2]);
  const ranges = starts.map((start): AskedFor => [`bytes=${start}-`, "missing"]);
  assertEquals(server.asked, [null, ...ranges]);
  assertEquals(await runs.tree(), { "file.bin": await shown(large) });
});

storeTest("row 125: the digest in a checksum file permits resuming", async () => {
  const ranges: (string | undefined)[] = [];
  await using server = await rawServer(async (connection) => {
    const { path, headers } = await connection.readRequest();
    if (path === "/SHA256SUMS") {
      await connection.send(whole(`${SHA256}  file.bin\n`, ["Connection: close"]));
      return;
    }
    const range = headers.get("range");
    ranges.push(range);
    await connection.send(range === undefined ? whole(FILE, [WEAK], CUT) : part(FILE, CUT, [WEAK]));
  });
  await using runs = await runsOver({ host: unhurriedHost() });
  const url = `${server.origin}/file.bin`;
  const expect = { sha256: { url: `${server.origin}/SHA256SUMS`, name: "file.bin" } };
  const result = await runs.result({ url, expect, retry: { attempts: 2, budget: "10h" } });
  assertEquals([result.status, ranges], ["created", [undefined, `bytes=${CUT}-`]]);
  assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
});

storeTest(
  "row 125: a digest of any algorithm permits resuming, a wrong one is refused",
  async () => {
    for (const algorithm of ["sha512", "sha1", "md5"]) {
      const digest = createHash(algorithm).update(FILE).digest("hex");
      for (const [expected, status] of [[digest, "created"], [digest.replace(/^./, "x"), null]]) {
        const ranges: (string | undefined)[] = [];
        await using server = await rawServer(async (connection) => {
          const { headers } = await connection.readRequest();
          const range = headers.get("range");
          ranges.push(range);
          const isFirst = ranges.length === 1;
          await connection.send(
            range === undefined
              ? whole(FILE, [WEAK], isFirst ? CUT : undefined)
              : part(FILE, CUT, [WEAK]),
          );
        });
        await using runs = await runsOver({ host: unhurriedHost() });
        const expect = {
          [algorithm]: (expected ?? "").replace("x", digest[0] === "0" ? "1" : "0"),
        };
        const result = await runs.result({
          url: `${server.origin}/file.bin`,
          expect,
          retry: { attempts: 3, budget: "10h" },
        });
        assertEquals(ranges.slice(0, 2), [undefined, `bytes=${CUT}-`]);
        assertEquals([result.status, result.code ?? null], [
          status ?? "failed",
          status === null ? "expect.digest" : null,
        ]);
        assertEquals(await runs.tree(), status === null ? {} : { "file.bin": await shown(FILE) });
      }
    }
  },
);

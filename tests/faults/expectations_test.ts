/** Row 37: complete content that fails an expectation. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { createHash } from "node:crypto";
import type { ErrorCode } from "../../lib/core/errors.ts";
import { sha256, shown } from "../helpers/folder.ts";
import { origin } from "../helpers/origin.ts";
import type { Route } from "../helpers/origin.ts";
import { storeTest } from "../helpers/place.ts";
import { replying, response, row, WHOLE, wholeResponse } from "./scenario.ts";
import type { Expected } from "./scenario.ts";
import { runsOver } from "./runs.ts";
import type { Runs } from "./runs.ts";

async function digestOf(text: string): Promise<string> {
  return await sha256(new TextEncoder().encode(text));
}

const DIGEST = await digestOf(WHOLE);
const OTHER_DIGEST = await digestOf("something else");

const PUBLISHED: Expected = { status: "published", attempts: [null] };

/** One attempt: the next one would fail the same way. */
function refused(code: ErrorCode): Expected {
  return { status: "failed", attempts: [code] };
}

row("row 37: content with the expected digest is published", {
  stage: replying(wholeResponse()),
  task: { expect: { sha256: DIGEST.toUpperCase() } },
  expected: PUBLISHED,
});

row("row 37: content with another digest is refused", {
  stage: replying(wholeResponse(), {
    check: ({ result }, server) => {
      assertEquals(server.requests.length, 1);
      for (const digest of [DIGEST, OTHER_DIGEST]) {
        assertStringIncludes(result.message ?? "", digest);
      }
    },
  }),
  task: { expect: { sha256: OTHER_DIGEST } },
  expected: refused("expect.digest"),
});

row("content that does not match expect.matches is refused", {
  stage: replying(wholeResponse()),
  task: { expect: { matches: "^old" } },
  expected: refused("expect.matches"),
});

row("content that matches expect.matches is published", {
  stage: replying(wholeResponse()),
  task: { expect: { matches: "new bytes$" } },
  expected: PUBLISHED,
});

row("row 139: content that a backtracking engine would not finish is refused", {
  stage: replying(
    response(["Content-Length: 301", "Connection: close"], "words ".repeat(50) + "!"),
  ),
  task: { expect: { matches: "^(\\w+\\s?)*$" } },
  expected: refused("expect.matches"),
});

row("malformed JSON is refused with expect.type", {
  stage: replying(wholeResponse("Content-Type: application/json")),
  task: { expect: { json: true } },
  expected: refused("expect.type"),
});

/** Larger than the part of a body that is kept for content checks. */
const LARGE_JSON = `{"text": "${"a".repeat(100_000)}"}`;

for (
  const [what, body, status] of [
    ["is whole", LARGE_JSON, "created"],
    ["lacks its end", LARGE_JSON.slice(0, -1), "failed"],
  ] as const
) {
  storeTest(`JSON of 100 kB that ${what} is ${status}`, async () => {
    await using server = origin({ "/a.json": body });
    await using runs = await runsOver();
    const result = await runs.result({ url: `${server.origin}/a.json`, expect: { json: true } });
    assertEquals(result.status, status);
    assertEquals(await runs.tree(), status === "created" ? { "a.json": await shown(body) } : {});
  });
}

/** Contents of a checksum file, and the code of the result. */
const CHECKSUM_FILES: readonly (readonly [string, Route, ErrorCode | null])[] = [
  ["is good", `${DIGEST}  file.bin\n`, null],
  ["is good, in the form of BSD", `SHA256 (dist/file.bin) = ${DIGEST}\n`, null],
  ["says another digest", `${OTHER_DIGEST}  file.bin\n`, "expect.digest"],
  ["does not know the file", `${DIGEST}  other.bin\n`, "expect.digest"],
  ["is empty", "", "expect.digest"],
  ["is an error page", "<!doctype html><p>Not here</p>", "expect.digest"],
  ["is not there", 404, "http.status"],
  ["is larger than 1 MiB", `${DIGEST}  file.bin\n`.repeat(20_000), "body.too-large"],
];
for (const [what, route, code] of CHECKSUM_FILES) {
  storeTest(`row 37: a checksum file that ${what}: ${code ?? "published"}`, async () => {
    await using server = origin({ "/file.bin": "the old bytes", "/sums": route });
    await using runs = await runsOver();
    const url = `${server.origin}/file.bin`;
    await runs.result({ url });
    server.route("/file.bin", WHOLE);
    const sha256 = { url: `${server.origin}/sums`, name: "file.bin" };
    const result = await runs.result({ url, expect: { sha256 } });
    assertEquals(
      [result.status, result.code ?? null, result.attempts.length],
      [code === null ? "updated" : "failed", code, 1],
    );
    assertEquals(await runs.tree(), { "file.bin": code === null ? WHOLE : "the old bytes" });
  });
}

storeTest("row 37: a checksum file is requested once per run for all tasks", async () => {
  const names = Array.from({ length: 20 }, (_, index) => `file${index}.txt`);
  const sums = await Promise.all(names.map(async (name) => `${await digestOf(name)}  ${name}\n`));
  await using server = origin({
    ...Object.fromEntries(names.map((name) => [`/${name}`, name])),
    "/sums": sums.join(""),
  });
  server.route("/file7.txt", "not what the sum is of");
  await using runs = await runsOver();
  const tasks = names.map((name) => ({
    id: name,
    url: `${server.origin}/${name}`,
    expect: { sha256: { url: `${server.origin}/sums`, name } },
  }));
  const { results } = await runs.run(tasks);
  assertEquals(server.hits("/sums"), 1);
  for (const { task, status, code } of results) {
    const expected = task === "file7.txt" ? ["failed", "expect.digest"] : ["created", null];
    assertEquals([status, code ?? null], expected, task);
  }
  await runs.run(tasks);
  assertEquals(server.hits("/sums"), 2);
});

storeTest("row 37: a checksum file that could not be read is requested again", async () => {
  await using server = origin({
    "/file.bin": WHOLE,
    "/sums": { sequence: [503, `${DIGEST}  file.bin\n`] },
  });
  await using runs = await runsOver();
  const sha256 = { url: `${server.origin}/sums`, name: "file.bin" };
  const result = await runs.result({ url: `${server.origin}/file.bin`, expect: { sha256 } });
  assertEquals(result.attempts.map(({ code }) => code), ["http.status", null]);
  assertEquals([result.status, server.hits("/sums"), server.hits("/file.bin")], ["created", 2, 1]);
});

/** Each algorithm's digest of a text. */
function digestsOf(text: string) {
  const digest = (algorithm: string) => createHash(algorithm).update(text).digest("hex");
  return { sha512: digest("sha512"), sha1: digest("sha1"), md5: digest("md5") };
}

storeTest(
  "row 37: digests of all algorithms are checked, from the config or a checksum file",
  async () => {
    const digests = digestsOf(WHOLE);
    await using server = origin({
      "/file.bin": WHOLE,
      "/file.bin.sha512": `${digests.sha512}\n`,
      "/MD5SUMS": `${"0".repeat(32)}  other\n${digests.md5} *file.bin\n`,
      "/renamed": `${digests.sha1}  mine.bin\n`,
    });
    await using runs = await runsOver();
    const url = `${server.origin}/file.bin`;
    const { sha512 } = digests;
    const wrong = sha512.replace(/^./, (digit) => digit === "0" ? "1" : "0");
    const cases: readonly (readonly [expect: Record<string, unknown>, code: ErrorCode | null])[] = [
      [{ sha512: wrong }, "expect.digest"],
      [{ ...digests, md5: "0".repeat(32) }, "expect.digest"],
      [{ md5: { url: `${server.origin}/file.bin.sha512` } }, "expect.digest"],
      [digests, null],
      [{ sha512: { url: `${server.origin}/file.bin.sha512` } }, null],
      [{ md5: { url: `${server.origin}/MD5SUMS` } }, null],
      [{ sha1: { url: `${server.origin}/renamed` } }, null],
    ];
    for (const [expect, code] of cases) {
      const result = await runs.result({
        id: "a",
        url,
        to: "mine.bin",
        expect,
        conditional: false,
      });
      assertEquals(result.code ?? null, code, JSON.stringify(expect));
      const isGood = code === null || (await runs.tree())["mine.bin"] === WHOLE;
      assertEquals(await runs.tree(), isGood ? { "mine.bin": WHOLE } : {});
    }
  },
);

storeTest(
  "row 37: other digests are of the whole file, with segments or the writer thread",
  async () => {
    const body = new Uint8Array(33 * 1024 * 1024).map((_, index) => index % 251);
    const text = createHash("sha512").update(body).digest("hex");
    await using server = origin({ "/large.bin": { body, etag: '"1"', ranges: true } });
    for (const options of [{ segments: 4 }, {}]) {
      await using runs = await runsOver();
      const path = "large.bin";
      const url = `${server.origin}/${path}`;
      const good = await runs.result({ url, expect: { sha512: text }, ...options });
      assertEquals([good.status, good.code ?? null], ["created", null], path);
      const refused = await runs.result({
        url,
        conditional: false,
        expect: { sha512: "0".repeat(128) },
        ...options,
      });
      assertEquals(refused.code, "expect.digest", path);
    }
  },
);

storeTest("row 37: credentials are not sent to a checksum file on another origin", async () => {
  await using other = origin({
    "/sums": `${DIGEST}  file.bin\n`,
    "/moved": { redirect: "/sums" },
  });
  await using server = origin({
    "/file.bin": WHOLE,
    "/sums": `${DIGEST}  file.bin\n`,
    "/away": { redirect: `${other.origin}/sums` },
  });
  const headers = { authorization: "Bearer secret-token", cookie: "session=secret", "x-key": "k" };
  const sources: readonly (readonly [url: string, sentToOwn: number, sentToOther: number])[] = [
    [`${other.origin}/sums`, 1, 0],
    [`${other.origin}/moved`, 1, 0],
    [`${server.origin}/away`, 2, 0],
    [`${server.origin}/sums`, 2, 0],
  ];
  const sent = (log: typeof server.log, from: number) =>
    log.slice(from).filter((request) =>
      ["authorization", "cookie", "x-key"].some((name) => request.headers.has(name))
    ).length;
  for (const [url, sentToOwn, sentToOther] of sources) {
    await using runs = await runsOver();
    const [own, others] = [server.log.length, other.log.length];
    const sha256 = { url, name: "file.bin" };
    const task = { url: `${server.origin}/file.bin`, headers, expect: { sha256 } };
    assertEquals((await runs.result(task)).status, "created", url);
    assertEquals([sent(server.log, own), sent(other.log, others)], [sentToOwn, sentToOther], url);
  }
});

storeTest("a file that shrank below minRatio is refused and the old file kept", async () => {
  const text = (length: number): string => "a".repeat(length);
  await using server = origin({ "/a.txt": text(100) });
  await using runs = await runsOver();
  const task = { url: `${server.origin}/a.txt`, expect: { minRatio: 0.5 } };
  assertEquals((await runs.result(task)).status, "created");
  server.route("/a.txt", text(49));
  const shrunk = await runs.result(task);
  assertEquals([shrunk.status, shrunk.code], ["failed", "expect.shrunk"]);
  assertEquals(await runs.tree(), { "a.txt": text(100) });
  server.route("/a.txt", text(50));
  assertEquals((await runs.result(task)).status, "updated");
  assertEquals(await runs.tree(), { "a.txt": text(50) });
});

/** `a.20260115T130000000Z.txt`. */
const VERSION = /^in\/a\.(\d{8}T\d{9}Z)\.txt$/;

/** The time of the last run, as in the name of a version. */
function timeOf(runs: Runs): string {
  const time = runs.host.clock.now().toString({ fractionalSecondDigits: 3 });
  return time.replace(/[-:.]/g, "");
}

storeTest(
  "row 149: with keep: 2, the newest of five versions and two older ones are kept",
  async () => {
    await using server = origin({});
    await using runs = await runsOver();
    const times: string[] = [];
    const task = { url: `${server.origin}/a.txt`, to: "in/a.txt", keep: 2 };
    for (let version = 1; version <= 5; version++) {
      server.route("/a.txt", `version ${version}`);
      await runs.result(task);
      times.push(timeOf(runs));
      // An unchanged file creates no version.
      assertEquals((await runs.result(task)).status, "unchanged");
    }
    assertEquals(await runs.tree(), {
      [`in/a.${times[2]}.txt`]: "version 3",
      [`in/a.${times[3]}.txt`]: "version 4",
      "in/a.txt": "version 5",
    });
    assertEquals((await runs.result({ ...task, keep: 1 })).status, "unchanged");
    server.route("/a.txt", "version 6");
    await runs.result({ ...task, keep: 1 });
    const versions = Object.keys(await runs.tree()).filter((key) => VERSION.test(key));
    assertEquals(versions, [`in/a.${times[4]}.txt`]);
  },
);

storeTest("refused content creates no version", async () => {
  await using server = origin({ "/a.txt": "the old bytes" });
  await using runs = await runsOver();
  const task = { url: `${server.origin}/a.txt`, keep: 2, expect: { matches: "bytes" } };
  await runs.result(task);
  server.route("/a.txt", "something else");
  assertEquals((await runs.result(task)).code, "expect.matches");
  assertEquals(await runs.tree(), { "a.txt": "the old bytes" });
});

storeTest(
  "with quarantine, refused content is kept aside, and the old file is kept",
  async () => {
    await using server = origin({ "/x.csv": "date,rate\n" });
    await using runs = await runsOver();
    const task = { url: `${server.origin}/x.csv`, quarantine: true, expect: { matches: "^date," } };
    await runs.result(task);
    for (const wrong of ["<html>sorry</html>", "<html>still sorry</html>"]) {
      server.route("/x.csv", wrong);
      const { status, message } = await runs.result(task);
      assertEquals(status, "failed");
      assertStringIncludes(message ?? "", '"x.csv.refused"');
      assertEquals(await runs.tree(), { "x.csv": "date,rate\n", "x.csv.refused": wrong });
    }
    server.route("/x.csv", "date,rate\n2026,1\n");
    assertEquals((await runs.result(task)).status, "updated");
    assertEquals((await runs.tree())["x.csv"], "date,rate\n2026,1\n");
  },
);

storeTest("with quarantine, a truncated body is not kept aside", async () => {
  await using server = origin({ "/x.csv": 404 });
  await using runs = await runsOver();
  await runs.result({ url: `${server.origin}/x.csv`, quarantine: true });
  assertEquals(await runs.tree(), {});
});

import { assertEquals, assertRejects } from "@std/assert";
import { origin } from "./origin.ts";
import type { OriginFile } from "./origin_file.ts";

const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";
const LATER = "Fri, 02 Jan 2026 00:00:00 GMT";
const EARLIER = "Wed, 31 Dec 2025 00:00:00 GMT";

Deno.test("origin: conditions follow RFC 9110, section 13", async (t) => {
  const tagged = { body: "ten bytes!", etag: '"x"', lastModified: DATE };
  const weak = { body: "ten bytes!", etag: 'W/"x"' };
  const cases: [string, OriginFile, Record<string, string>, number][] = [
    ["none", tagged, {}, 200],
    ["the same tag", tagged, { "if-none-match": '"x"' }, 304],
    ["another tag", tagged, { "if-none-match": '"y"' }, 200],
    ["one of several tags", tagged, { "if-none-match": '"y", W/"x"' }, 304],
    ["any tag", tagged, { "if-none-match": "*" }, 304],
    ["a weak tag", weak, { "if-none-match": '"x"' }, 304],
    ["no tag of its own", { body: "" }, { "if-none-match": '"x"' }, 200],
    ["the same date", tagged, { "if-modified-since": DATE }, 304],
    ["a later date", tagged, { "if-modified-since": LATER }, 304],
    ["an earlier date", tagged, { "if-modified-since": EARLIER }, 200],
    ["no date at all", tagged, { "if-modified-since": "yesterday" }, 200],
    ["the tag before the date", tagged, { "if-none-match": '"y"', "if-modified-since": DATE }, 200],
  ];
  await using server = origin({});
  for (const [name, file, headers, status] of cases) {
    await t.step(name, async () => {
      server.route("/file", file);
      const response = await fetch(`${server.origin}/file`, { headers });
      assertEquals(response.status, status);
      assertEquals(response.headers.get("etag"), file.etag ?? null);
      assertEquals(await response.text(), status === 304 ? "" : file.body);
    });
  }
});

Deno.test("origin: ranges follow RFC 9110, section 14", async (t) => {
  const plain = { body: "0123456789", etag: '"x"', lastModified: DATE, ranges: true };
  const weak = { ...plain, etag: 'W/"x"' };
  const whole = [200, "0123456789", null] as const;
  const cases: [
    string,
    OriginFile,
    Record<string, string>,
    readonly [number, string, string | null],
  ][] = [
    ["from a byte", plain, { range: "bytes=4-" }, [206, "456789", "bytes 4-9/10"]],
    ["from and to", plain, { range: "bytes=0-0" }, [206, "0", "bytes 0-0/10"]],
    ["past the end", plain, { range: "bytes=8-99" }, [206, "89", "bytes 8-9/10"]],
    ["the last bytes", plain, { range: "bytes=-3" }, [206, "789", "bytes 7-9/10"]],
    ["beyond the end", plain, { range: "bytes=10-" }, [416, "", "bytes */10"]],
    ["backwards", plain, { range: "bytes=4-2" }, whole],
    ["several", plain, { range: "bytes=0-1,4-5" }, whole],
    ["not supported", { body: "0123456789" }, { range: "bytes=4-" }, whole],
    ["if the same tag", plain, { range: "bytes=9-", "if-range": '"x"' }, [
      206,
      "9",
      "bytes 9-9/10",
    ]],
    ["if the same date", plain, { range: "bytes=9-", "if-range": DATE }, [
      206,
      "9",
      "bytes 9-9/10",
    ]],
    ["if another tag", plain, { range: "bytes=9-", "if-range": '"y"' }, whole],
    ["if a weak tag", weak, { range: "bytes=9-", "if-range": 'W/"x"' }, whole],
  ];
  await using server = origin({});
  for (const [name, file, headers, [status, body, range]] of cases) {
    await t.step(name, async () => {
      server.route("/file", file);
      const response = await fetch(`${server.origin}/file`, { headers });
      assertEquals([response.status, await response.text()], [status, body]);
      assertEquals(response.headers.get("content-range"), range);
    });
  }
});

Deno.test("origin: sequences, redirects, statuses and counts", async () => {
  await using server = origin({
    "/flaky": { sequence: [503, { status: 429, headers: { "retry-after": "1" } }, "good"] },
    "/moved": { redirect: "/flaky" },
  });
  const statuses: number[] = [];
  for (const path of ["/flaky", "/flaky", "/moved", "/flaky", "/missing"]) {
    const response = await fetch(server.origin + path);
    statuses.push(response.status);
    await response.body?.cancel();
  }
  assertEquals(statuses, [503, 429, 200, 200, 404]);
  assertEquals([server.hits("/flaky"), server.hits("/moved"), server.hits()], [4, 1, 6]);
  const posted = await fetch(`${server.origin}/flaky`, { method: "POST" });
  await posted.body?.cancel();
  assertEquals([posted.status, server.log.at(-1)?.method], [405, "POST"]);
});

Deno.test("origin: responses wait before the headers or in the body", async () => {
  const gate = Promise.withResolvers<void>();
  await using server = origin({
    "/late": { after: gate.promise, then: "late" },
    "/half": { body: "abcd", restAfter: gate.promise },
  });
  const late = fetch(`${server.origin}/late`);
  const half = await fetch(`${server.origin}/half`);
  const reader = half.body?.getReader();
  assertEquals(new TextDecoder().decode((await reader?.read())?.value), "ab");
  gate.resolve();
  assertEquals(new TextDecoder().decode((await reader?.read())?.value), "cd");
  assertEquals((await reader?.read())?.done, true);
  assertEquals(await (await late).text(), "late");
});

Deno.test("origin: dispose aborts waiting responses", async () => {
  const never = new Promise<void>(() => {});
  const server = origin({
    "/late": { after: never, then: "late" },
    "/half": { body: "abcd", restAfter: never },
  });
  const late = fetch(`${server.origin}/late`);
  late.catch(() => {});
  const half = await fetch(`${server.origin}/half`);
  await server[Symbol.asyncDispose]();
  await assertRejects(() => half.text(), TypeError);
  await assertRejects(() => late, TypeError);
});

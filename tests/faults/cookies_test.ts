/** Row 133: cookies that a server sets, and expects in the next request. */

import { assertEquals } from "@std/assert";
import { run } from "../helpers/library.ts";
import type { TaskInput } from "../../lib/mod.ts";
import { testHost } from "../helpers/host.ts";
import { BY_FETCH } from "../helpers/transport.ts";
import { hostAt, place, storeTest } from "../helpers/place.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { response, WHOLE } from "./scenario.ts";

const SECRET = "hush-hush-hush";

/** `fetch` reads no head of more than 100 fields. */
const MANY = BY_FETCH ? 90 : 120;

/** Responds to a path and the cookies of a request. */
type Site = (path: string, cookie: string | null, count: number) => string;

function found(location: string, ...lines: readonly string[]): string {
  const head = ["HTTP/1.1 302 Found", `Location: ${location}`, ...lines, "Content-Length: 0"];
  return response(head);
}

const FILE = response([`Content-Length: ${WHOLE.length}`], WHOLE);
const DENIED = response(["HTTP/1.1 403 Forbidden", "Content-Length: 0"]);

/** A run of one task at a site, and the `path cookie` of each request. */
async function visit(site: Site, task: Partial<TaskInput> = {}, tasks = 1) {
  await using store = await place();
  const requests: string[] = [];
  await using server = await rawServer(async (connection) => {
    for (;;) {
      const { path, headers } = await connection.readRequest();
      const cookie = headers.get("cookie") ?? null;
      requests.push(`${path} ${cookie ?? "-"}`);
      await connection.send(site(path, cookie, requests.length));
    }
  });
  const host = testHost();
  const { results } = await run({
    store: store.location,
    state: "memory:",
    limits: { concurrency: 1 },
    tasks: Array.from({ length: tasks }, (_, at) => ({
      id: `t${at}`,
      to: `f${at}`,
      url: `${server.origin}/file`,
      retry: { attempts: 3 },
      ...task,
    })),
  }, { host: hostAt(store, host) });
  const shown = JSON.stringify(results) + host.stdout.text + host.stderr.text;
  assertEquals(shown.includes(SECRET), false, "no cookie is shown");
  return { results, requests };
}

storeTest("row 133: a cookie set on a redirect is sent to its target", async () => {
  const { results, requests } = await visit((path, cookie) =>
    path === "/file"
      ? found("/data", `Set-Cookie: token=${SECRET}; Path=/`)
      : cookie === `token=${SECRET}`
      ? FILE
      : DENIED
  );
  assertEquals(results[0]?.status, "created");
  assertEquals(requests, ["/file -", `/data token=${SECRET}`]);
});

storeTest("row 133: a login that redirects back to the same URL is followed", async () => {
  const { results, requests } = await visit((path, cookie) =>
    path === "/login"
      ? found("/file", `Set-Cookie: session=${SECRET}; Path=/; HttpOnly`)
      : cookie === null
      ? found("/login")
      : FILE
  );
  assertEquals(results[0]?.status, "created");
  assertEquals(requests, ["/file -", "/login -", `/file session=${SECRET}`]);
});

storeTest("row 133: a URL that redirects to itself with a cookie is requested again", async () => {
  const { results, requests } = await visit((_, cookie) =>
    cookie === null ? found("/file", "Set-Cookie: seen=1") : FILE
  );
  assertEquals([results[0]?.status, requests], ["created", ["/file -", "/file seen=1"]]);
});

storeTest("row 133: a redirect loop with an unchanged cookie is redirect.loop", async () => {
  const { results, requests } = await visit(() => found("/file", "Set-Cookie: seen=1"));
  assertEquals(results[0]?.code, "redirect.loop");
  assertEquals(requests, ["/file -", "/file seen=1"]);
});

storeTest(
  "row 133: a redirect loop with changing cookies ends at the limit of redirects",
  async () => {
    const { results, requests } = await visit((_, __, count) =>
      found("/file", `Set-Cookie: seen=${count}`)
    );
    assertEquals([results[0]?.code, requests.length], ["redirect.loop", 11]);
  },
);

storeTest("row 133: cookies are kept between the attempts of a task", async () => {
  const { results, requests } = await visit((_, cookie) =>
    cookie === null
      ? response(["HTTP/1.1 503 Busy", "Set-Cookie: queue=7", "Content-Length: 0"])
      : FILE
  );
  assertEquals(results[0]?.attempts.map(({ code }) => code), ["http.status", null]);
  assertEquals(requests, ["/file -", "/file queue=7"]);
});

storeTest("row 133: cookies are not shared between tasks", async () => {
  const { results, requests } = await visit(
    () => FILE.replace("\r\n", `\r\nSet-Cookie: a=${SECRET}; Path=/\r\n`),
    {},
    2,
  );
  assertEquals(results.map(({ status }) => status), ["created", "created"]);
  assertEquals(requests, ["/file -", "/file -"]);
});

storeTest("row 133: a cookie is sent neither to another host nor to another path", async () => {
  const { results, requests } = await visit((path) => {
    if (path === "/file") return found("/deep/a", "Set-Cookie: a=1; Path=/deep");
    if (path === "/deep/a") return found("/wide");
    return FILE;
  });
  assertEquals(results[0]?.status, "created");
  assertEquals(requests, ["/file -", "/deep/a a=1", "/wide -"]);
});

storeTest("row 133: configured cookies are sent first, and to their own origin only", async () => {
  const { results, requests } = await visit(
    (path) => path === "/file" ? found("/data", "Set-Cookie: mine=2; Path=/") : FILE,
    { headers: { Cookie: "own=1" } },
  );
  assertEquals(results[0]?.status, "created");
  assertEquals(requests, ["/file own=1", "/data own=1; mine=2"]);
});

storeTest(
  "row 133: all of many cookies are sent back, except malformed ones",
  async () => {
    const names = Array.from({ length: MANY }, (_, at) => `n${at}=v`);
    const fields = [
      ...names,
      "constructor=x",
      "=x",
      "x",
      "n=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ];
    const { results, requests } = await visit((path) =>
      path === "/file" ? found("/data", ...fields.map((field) => `Set-Cookie: ${field}`)) : FILE
    );
    assertEquals(results[0]?.status, "created");
    assertEquals(requests, ["/file -", `/data ${names.join("; ")}`]);
  },
);

storeTest("row 133: a removed cookie is not sent", async () => {
  const { requests } = await visit((path) => {
    if (path === "/file") return found("/b", "Set-Cookie: a=1; Path=/");
    if (path === "/b") return found("/c", "Set-Cookie: a=; Path=/; Max-Age=0");
    return FILE;
  });
  assertEquals(requests, ["/file -", "/b a=1", "/c -"]);
});

storeTest(
  "row 133: a cookie that its server sends back in a URL or a message is not shown",
  async () => {
    const location = (at: string) => found(at, `Set-Cookie: token=${SECRET}; Path=/`);
    for (const back of [`/data/${SECRET}`, `/data?x=${SECRET}&y=${SECRET}`, `/data;${SECRET}`]) {
      const { results } = await visit((path) => path === "/file" ? location(back) : DENIED);
      assertEquals(results[0]?.servedFrom?.includes("***"), true, back);
    }
    const { results } = await visit((path) =>
      path === "/file" ? location("/data") : found(`${SECRET}:x`)
    );
    assertEquals(results[0]?.code, "http.protocol");
    await visit((path) =>
      path === "/file"
        ? found("/data", "Set-Cookie: token=a%20b%2Fc%3Dd-secret; Path=/")
        : path === "/data"
        ? found("/last/a%20b/c=d-secret")
        : FILE
    );
  },
);

import { assertEquals, assertStringIncludes } from "@std/assert";
import { isToken } from "../../lib/page/security.ts";
import { logIn, ORIGIN, pageTask, type Site, site, type SiteOptions } from "./site.ts";

const TOKEN = "an unguessable token";
const ELSEWHERE = { "sec-fetch-site": "cross-site" };
const OWN = { origin: ORIGIN, "sec-fetch-site": "same-origin" };

function active(options: SiteOptions = {}): Site {
  return site({ tasks: [pageTask("a/b")], token: TOKEN, ...options });
}

async function act(
  at: Site,
  fields: Record<string, string>,
  headers: Record<string, string> = OWN,
): Promise<[status: number, location: string | null]> {
  const body = new URLSearchParams(fields);
  const response = await at.ask("/actions", { method: "POST", body, headers });
  await response.body?.cancel();
  return [response.status, response.headers.get("location")];
}

Deno.test("actions: performed with the token, then redirected to `back`", async () => {
  await using at = active();
  const back = "/tasks/a%2Fb";
  assertEquals(await act(at, { do: "run", task: "a/b", token: TOKEN, back }), [303, back]);
  assertEquals(await act(at, { do: "run", token: TOKEN }), [303, "/"]);
  assertEquals(await act(at, { do: "pause", task: "a/b", token: TOKEN }), [303, "/"]);
  assertEquals(await act(at, { do: "pause", token: TOKEN }), [303, "/"]);
  assertEquals(await act(at, { do: "resume", token: TOKEN }), [303, "/"]);
  assertEquals(at.done, ["run a/b", "run all", "pause a/b", "pause all", "resume all"]);
});

Deno.test("actions: test alerts, with what each target has answered", async () => {
  const facts = { alert: 1, target: "https://hooks.test/…", format: "slack" } as const;
  const sent = { ...facts, sent: true, message: null, hint: null };
  const failed = { ...facts, alert: 2, sent: false, message: "404 <Not Found>", hint: "a hint" };
  await using at = active({ alertTests: [sent, failed] });
  const send = (token: string) =>
    at.ask("/actions", {
      method: "POST",
      headers: OWN,
      body: new URLSearchParams({ do: "test-alerts", token }),
    });
  const response = await send(TOKEN);
  assertEquals([response.status, at.done], [200, ["test alerts"]]);
  const html = await response.text();
  for (const words of ["1. https://hooks.test/…", "404 &lt;Not Found&gt;; a hint"]) {
    assertStringIncludes(html, words);
  }
  const refused = await send("wrong");
  await refused.body?.cancel();
  assertEquals([refused.status, at.done.length], [403, 1]);
  const cookie = await logIn(at, TOKEN);
  const overview = async (site: Site) =>
    await (await site.ask("/", { headers: { cookie } })).text();
  assertStringIncludes(await overview(at), "Send a test alert");
});

Deno.test("actions: refused without the right token", async () => {
  await using at = active();
  for (const token of ["", "wrong", `${TOKEN} `, TOKEN.toUpperCase(), TOKEN.slice(0, -1)]) {
    assertEquals(await act(at, { do: "run", token }), [403, null]);
  }
  assertEquals(await act(at, { do: "run" }), [403, null]);
  const query = await at.ask(`/actions?token=${TOKEN}&do=run`, {
    method: "POST",
    body: new URLSearchParams({ do: "run" }),
  });
  await query.body?.cancel();
  assertEquals([query.status, at.done], [403, []]);
});

Deno.test("actions: wrong tokens are answered late, and blocked after ten in a minute", async () => {
  await using at = active();
  const attempt = async (token: string, headers = OWN) => {
    const body = new URLSearchParams({ do: "run", token });
    const response = await at.ask("/actions", { method: "POST", body, headers });
    await response.body?.cancel();
    return [response.status, response.headers.get("retry-after")];
  };
  // Requests refused before the token check are not counted.
  for (let count = 0; count < 20; count++) await attempt("wrong", { ...OWN, ...ELSEWHERE });
  assertEquals(at.host.slept, []);
  for (let count = 0; count < 10; count++) {
    assertEquals(await attempt(`wrong ${count}`), [403, null]);
    assertEquals(await attempt(TOKEN), count < 9 ? [303, null] : [429, "55"]);
  }
  assertEquals(at.host.slept, Array(10).fill(500));
  assertEquals(await attempt("wrong"), [429, "55"]);
  await at.host.advance(54_999);
  assertEquals(await attempt(TOKEN), [429, "1"]);
  await at.host.advance(1);
  assertEquals(await attempt(TOKEN), [303, null]);
  assertEquals([at.done.length, at.host.slept.length], [10, 10]);
});

Deno.test("actions: simultaneous wrong tokens are counted before the first response", async () => {
  await using at = active({ host: { sleep: "manual" } });
  const guesses = Array.from({ length: 15 }, () => act(at, { do: "run", token: "wrong" }));
  await at.host.advance(500);
  const statuses = (await Promise.all(guesses)).map(([status]) => status);
  assertEquals(statuses, [...Array(10).fill(403), ...Array(5).fill(429)]);
});

Deno.test("actions: buttons match whether tasks are paused", async () => {
  const buttons = async (path: string, ...paused: readonly boolean[]) => {
    const tasks = paused.map((value, index) => pageTask(`t${index}`, { paused: value }));
    await using at = active({ tasks });
    const cookie = await logIn(at);
    const html = await (await at.ask(path, { headers: { cookie } })).text();
    const found = html.matchAll(/<button[^>]* name="do" value="(\w+)"/g);
    return [...found].map(([, value]) => value);
  };
  assertEquals(await buttons("/", false, false), ["run", "pause"]);
  assertEquals(await buttons("/", true, false), ["run", "pause", "resume"]);
  assertEquals(await buttons("/", true, true), ["run", "resume"]);
  assertEquals(await buttons("/tasks/t0", false, true), ["run", "pause"]);
  assertEquals(await buttons("/tasks/t0", true, false), ["run", "resume"]);
});

Deno.test("actions: cross-site requests are refused, even with the token", async () => {
  await using at = active();
  const table: [headers: Record<string, string>, status: number][] = [
    [{ "sec-fetch-site": "cross-site" }, 403],
    [{ "sec-fetch-site": "same-site" }, 403],
    [{ "sec-fetch-site": "none" }, 403],
    [{ origin: "https://evil.example" }, 403],
    [{ origin: "null" }, 403],
    [{ origin: "http://127.0.0.1:9" }, 403],
    [{ origin: ORIGIN }, 303],
    [{ origin: "https://behind.a.proxy", "sec-fetch-site": "same-origin" }, 303],
    [{}, 303],
  ];
  for (const [headers, status] of table) {
    assertEquals((await act(at, { do: "run", token: TOKEN }, headers))[0], status);
  }
  assertEquals(at.done.length, 3);
});

Deno.test("actions: over plain HTTP to another machine a form is accepted by its Origin", async () => {
  await using at = active({ isLoopback: false });
  const home = "http://mirror.test:8788";
  const page = await at.ask(`${home}/`);
  await page.body?.cancel();
  // Other policies hide the origin, and browsers do not send Sec-Fetch-Site there.
  assertEquals(page.headers.get("referrer-policy"), "same-origin");
  const statuses: number[] = [];
  for (const origin of [home, "http://mirror.test", "http://evil.example:8788", "null"]) {
    const body = new URLSearchParams({ do: "run", token: TOKEN });
    const response = await at.ask(`${home}/actions`, { method: "POST", body, headers: { origin } });
    await response.body?.cancel();
    statuses.push(response.status);
  }
  assertEquals(statuses, [303, 403, 403, 403]);
});

Deno.test("actions: the token may be a Bearer header", async () => {
  await using at = active();
  const headers = { authorization: "Bearer abc.def" };
  await using other = active({ token: "abc.def" });
  assertEquals((await act(at, { do: "run" }, headers))[0], 403);
  assertEquals((await act(other, { do: "run" }, headers))[0], 303);
});

Deno.test("actions: unknown tasks, unknown actions and other media types are refused", async () => {
  await using at = active();
  assertEquals(await act(at, { do: "run", task: "x", token: TOKEN }), [404, null]);
  assertEquals(await act(at, { do: "explode", token: TOKEN }), [400, null]);
  const json = await at.ask("/actions", {
    method: "POST",
    body: JSON.stringify({ do: "run", token: TOKEN }),
    headers: { ...OWN, "content-type": "application/json" },
  });
  await json.body?.cancel();
  assertEquals([json.status, at.done], [400, []]);
});

Deno.test("actions: a body is read up to 64 KiB, with any token and length", async () => {
  const KIB = 1024;
  for (const token of [TOKEN, "wrong"]) {
    for (const [kib, status] of [[63, token === TOKEN ? 303 : 403], [65, 400], [10_000, 400]]) {
      await using at = active();
      let left = kib ?? 0;
      const body = new ReadableStream<Uint8Array>({
        start: (controller) => {
          const form = new URLSearchParams({ do: "run", token });
          controller.enqueue(new TextEncoder().encode(`${form}&text=`));
        },
        pull: (controller) => {
          if (left-- <= 0) return controller.close();
          controller.enqueue(new Uint8Array(KIB).fill(0x78));
        },
      }, { highWaterMark: 0 });
      const headers = { ...OWN, "content-type": "application/x-www-form-urlencoded" };
      const response = await at.ask("/actions", { method: "POST", body, headers });
      await response.body?.cancel();
      assertEquals(response.status, status, `${kib} KiB`);
      assertEquals(at.done, status === 303 ? ["run all"] : []);
      // The reader may have taken one chunk beyond the limit.
      assertEquals(Math.max(0, left) >= (kib ?? 0) - 66, true, `${left} KiB left of ${kib}`);
    }
  }
});

Deno.test("actions: `back` never redirects to another origin", async () => {
  await using at = active();
  const elsewhere = [
    "//evil.example",
    "/\\evil.example",
    "https://evil.example",
    "x",
    "/a\r\nb: c",
  ];
  for (const back of elsewhere) {
    assertEquals(await act(at, { do: "run", token: TOKEN, back }), [303, "/"]);
  }
});

Deno.test("actions: absent without a configured token or without PageActions", async () => {
  for (const options of [{ token: null }, { isActive: false }]) {
    await using at = active(options);
    assertEquals(await act(at, { do: "run", token: TOKEN }), [404, null]);
    for (const path of ["/", "/tasks/a%2Fb"]) {
      assertEquals((await at.text(path)).includes('<form class="actions"'), false);
    }
    assertEquals((await at.ask("/actions")).status, 404);
  }
});

Deno.test("actions: POST only; the form does not contain the token", async () => {
  await using at = active();
  for (const method of ["GET", "HEAD", "PUT"]) {
    const response = await at.ask(`/actions?do=run&token=${TOKEN}`, { method });
    await response.body?.cancel();
    assertEquals([response.status, response.headers.get("allow")], [405, "POST"]);
  }
  assertEquals(at.done, []);
  const cookie = await logIn(at);
  for (const path of ["/", "/tasks/a%2Fb"]) {
    assertEquals((await at.text(path)).includes(`action="/actions"`), false);
    const html = await (await at.ask(path, { headers: { cookie } })).text();
    assertStringIncludes(html, `method="post" action="/actions"`);
    assertEquals(html.includes(TOKEN), false);
  }
});

Deno.test("isToken: accepts the same text only", () => {
  assertEquals(isToken("ä", "ä"), true);
  assertEquals(isToken("", "ä"), false);
  assertEquals(isToken("ää", "ä"), false);
});

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { logIn, ORIGIN, pageTask, type Site, site } from "./site.ts";

const TOKEN = "an unguessable token";
const VIEW_TOKEN = "another unguessable token";
const HOUR_MS = 60 * 60_000;

const OWN = { origin: ORIGIN, "sec-fetch-site": "same-origin" };

/** Sends a form. */
async function send(
  at: Site,
  path: string,
  fields: Record<string, string>,
  headers: Record<string, string> = OWN,
): Promise<{ readonly status: number; readonly headers: Headers; readonly text: string }> {
  const body = new URLSearchParams(fields);
  const response = await at.ask(path, { method: "POST", body, headers });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** The status of a page for the holder of a cookie. */
async function read(at: Site, path: string, headers: HeadersInit = {}): Promise<number> {
  const response = await at.ask(path, { headers });
  await response.body?.cancel();
  return response.status;
}

Deno.test("login: opens a session of the browser that scripts and other sites cannot use", async () => {
  await using at = site({ token: TOKEN });
  const back = "/tasks/a.csv?x=1";
  const { status, headers } = await send(at, "/login", { token: TOKEN, back });
  assertEquals([status, headers.get("location")], [303, back]);
  assertMatch(
    headers.get("set-cookie") ?? "",
    /^cronfetch-session-8788=control\.\d+\.[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/,
  );
  const cookie = await logIn(at);
  assertEquals(cookie.includes(TOKEN), false);
  assertEquals((await send(at, "/actions", { do: "run" }, { ...OWN, cookie })).status, 303);
  assertEquals(at.done, ["run all"]);
  const html = await (await at.ask("/", { headers: { cookie } })).text();
  assertStringIncludes(html, `<form method="post" action="/logout">`);
  assertStringIncludes(html, `name="task" value="a.csv" aria-label="Run a.csv now"`);
});

Deno.test("login: the cookie is secure over HTTPS, also behind a proxy", async () => {
  await using at = site({ token: TOKEN, isLoopback: false });
  const cookies = [["https://mirror.test/login", {}], [
    "http://mirror.test/login",
    { "x-forwarded-proto": "https, http" },
  ], ["http://mirror.test/login", {}]] as const;
  const sent: [isSecure: boolean, status: number][] = [];
  for (const [url, headers] of cookies) {
    const login = await send(at, url, { token: TOKEN }, headers);
    const set = login.headers.get("set-cookie") ?? "";
    // Another host of the domain may not replace a cookie with this prefix.
    assertEquals(set.startsWith("__Host-cronfetch-session-0="), set.endsWith("; Secure"), set);
    const [cookie = ""] = set.split(";");
    const acting = await send(at, new URL("/actions", url).href, { do: "run" }, {
      ...{ ...headers, cookie, "sec-fetch-site": "same-origin" },
    });
    sent.push([set.endsWith("; Secure"), acting.status]);
  }
  assertEquals(sent, [[true, 303], [true, 303], [false, 303]]);
});

Deno.test("login: a wrong token leads to the form again, and later to where the user was", async () => {
  await using at = site({ token: TOKEN });
  for (let count = 0; count < 10; count++) {
    const { status, headers, text } = await send(at, "/login", { token: "wrong", back: "/runs" });
    assertEquals([status, headers.get("set-cookie")], [403, null]);
    assertStringIncludes(text, "The token is wrong.");
    assertStringIncludes(text, `<input type="hidden" name="back" value="/runs"`);
  }
  assertEquals(at.host.slept, Array(10).fill(500));
  const blocked = await send(at, "/login", { token: TOKEN, back: "/runs" });
  assertEquals([blocked.status, blocked.headers.get("retry-after")], [429, "55"]);
  assertStringIncludes(blocked.text, "Too many wrong tokens; try again in 55 s.");
  await at.host.advance(60_000);
  const { status, headers } = await send(at, "/login", { token: TOKEN, back: "/runs" });
  assertEquals([status, headers.get("location")], [303, "/runs"]);
});

Deno.test("login: a stranger cannot lock out the holder of a long token", async () => {
  const [token, viewToken] = ["c".repeat(32), "v".repeat(31)];
  await using at = site({ token, viewToken });
  for (let count = 0; count < 10; count++) await send(at, "/login", { token: "wrong" });
  const statuses = async (given: string) => [
    (await send(at, "/login", { token: given })).status,
    (await send(at, "/actions", { do: "run", token: given })).status,
    await read(at, "/metrics", { authorization: `Bearer ${given}` }),
  ];
  assertEquals(await statuses(token), [303, 303, 200]);
  // A short one might be guessed, and acceptance would confirm the guess.
  assertEquals(await statuses(viewToken), [429, 429, 429]);
  assertEquals(await statuses("w".repeat(32)), [429, 429, 429]);
  assertEquals([at.done, at.host.slept.length], [["run all"], 10]);
});

Deno.test("login: an action without a session leads to the form, and back", async () => {
  await using at = site({ token: TOKEN });
  const { status, text } = await send(at, "/actions", { do: "run", back: "/?health=new" });
  assertEquals(status, 403);
  assertStringIncludes(text, "Log in to run, pause and resume tasks.");
  assertStringIncludes(text, `name="back" value="/?health=new"`);
  assertEquals([at.done, at.host.slept], [[], []]);
});

Deno.test("session: other sites, changed cookies and other tokens have none", async () => {
  await using at = site({ token: TOKEN, viewToken: VIEW_TOKEN });
  const cookie = await logIn(at);
  const table: [headers: Record<string, string>, status: number][] = [
    [{ ...OWN, cookie }, 303],
    [{ origin: ORIGIN, cookie }, 303],
    // A browser always sends one of the two; only a token may come without.
    [{ cookie }, 403],
    [{ cookie, "sec-fetch-site": "cross-site" }, 403],
    [{ cookie, "sec-fetch-site": "same-site" }, 403],
    [{ cookie, origin: "https://evil.example" }, 403],
    [{ ...OWN, cookie: cookie.slice(0, -1) }, 403],
    [{ ...OWN, cookie: cookie.replace(/control\.\d+/, "control.9999999999999") }, 403],
    [{ ...OWN, cookie: cookie.replace("8788", "8789") }, 403],
    [{ ...OWN, cookie: `other=1; ${cookie}` }, 303],
  ];
  for (const [headers, status] of table) {
    assertEquals((await send(at, "/actions", { do: "run" }, headers)).status, status);
  }
  await using other = site({ token: "another token", viewToken: TOKEN });
  assertEquals((await send(other, "/actions", { do: "run" }, { ...OWN, cookie })).status, 403);
  // A reader cannot make a cookie of the other kind from its own.
  const reader = (await logIn(at, VIEW_TOKEN)).replace("read", "control");
  assertEquals((await send(at, "/actions", { do: "run" }, { ...OWN, cookie: reader })).status, 403);
});

Deno.test("session: ends after a week, and by the logout; it outlives the process", async () => {
  await using at = site({ token: TOKEN, viewToken: VIEW_TOKEN });
  const [cookie, second] = [await logIn(at), await logIn(at, VIEW_TOKEN)];
  await using restarted = site({ token: TOKEN, viewToken: VIEW_TOKEN });
  assertEquals(await read(restarted, "/", { cookie }), 200);
  const elsewhere = { cookie, origin: "https://evil.example" };
  assertEquals((await send(at, "/logout", {}, elsewhere)).status, 403);
  assertEquals(await read(at, "/", { cookie }), 200);
  const { status, headers } = await send(at, "/logout", {}, { ...OWN, cookie });
  assertEquals([status, headers.get("location")], [303, "/"]);
  assertMatch(headers.get("set-cookie") ?? "", /^cronfetch-session-8788=; .*; Max-Age=0$/);
  assertEquals(await read(at, "/", { cookie }), 401);
  assertEquals(await read(at, "/", { cookie: second }), 200);
  await at.host.advance(7 * 24 * HOUR_MS);
  assertEquals(await read(at, "/", { cookie: second }), 401);
});

const READABLE = ["/", "/tasks/a.csv", "/runs", "/diff?task=a.csv", "/files/a.csv", "/api/status"]
  .concat(["/api/runs", "/api/tasks/a.csv", "/metrics", "/events", "/unknown"]);

Deno.test("view token: nothing is readable without a session or a token", async () => {
  await using at = site({ token: TOKEN, viewToken: VIEW_TOKEN, files: { "a.csv": "x,y" } });
  at.notice({ tone: "plain", title: "a notice", lines: ["a.csv"] });
  for (const path of READABLE) {
    const response = await at.ask(path);
    const text = await response.text();
    assertEquals(response.status, 401, path);
    assertEquals(response.headers.get("www-authenticate"), 'Bearer realm="cronfetch"');
    for (const fact of ["a.csv", "x,y", "a notice", "example.org"]) {
      const rest = text.replaceAll(path, "").replaceAll(encodeURIComponent(path), "");
      assert(!rest.includes(fact), `${path} shows ${fact}`);
    }
  }
  for (const path of ["/healthz", "/login", "/style.css", "/live.js", "/icon.svg", "/robots.txt"]) {
    assertEquals(await read(at, path), 200, path);
  }
  assertStringIncludes(await (await at.ask("/tasks/a.csv")).text(), `value="/tasks/a.csv"`);
});

Deno.test("view token: a session or a Bearer token of either kind reads; the view token only that", async () => {
  await using at = site({
    token: TOKEN.replaceAll(" ", "-"),
    viewToken: VIEW_TOKEN.replaceAll(" ", "-"),
  });
  const [control, view] = [TOKEN, VIEW_TOKEN].map((token) => token.replaceAll(" ", "-"));
  for (const token of [control ?? "", view ?? ""]) {
    const cookie = await logIn(at, token);
    for (const path of ["/", "/api/status", "/metrics"]) {
      assertEquals(await read(at, path, { cookie }), 200, path);
      assertEquals(await read(at, path, { authorization: `Bearer ${token}` }), 200, path);
    }
  }
  const cookie = await logIn(at, view);
  const attempts = [
    send(at, "/actions", { do: "run" }, { ...OWN, cookie }),
    send(at, "/actions", { do: "run" }, { authorization: `Bearer ${view}` }),
    send(at, "/actions", { do: "run", token: view ?? "" }),
  ];
  for (const attempt of attempts) assertEquals((await attempt).status, 403);
  const html = await (await at.ask("/", { headers: { cookie } })).text();
  assertEquals([html.includes(`name="do"`), at.done], [false, []]);
  assertStringIncludes(html, "Log in</a> to run and pause tasks.");
  assertEquals(await read(at, "/metrics", { authorization: "Bearer wrong" }), 403);
  assertEquals(at.host.slept, [500]);
});

Deno.test("view token: an event stream ends with the session that opened it", async () => {
  await using at = site({ token: TOKEN, viewToken: VIEW_TOKEN.replaceAll(" ", "-") });
  const authorization = `Bearer ${VIEW_TOKEN.replaceAll(" ", "-")}`;
  const cookie = await logIn(at);
  // Sessions of the same millisecond are one.
  await at.host.advance(1);
  const other = await logIn(at);
  const readers = [];
  for (const headers of [{ cookie }, { cookie: other }, { authorization }]) {
    const { body } = await at.ask("/events", { headers });
    const reader = (body ?? new ReadableStream()).getReader();
    await reader.read();
    readers.push(reader);
  }
  await send(at, "/logout", {}, { ...OWN, cookie });
  at.notice({ tone: "plain", title: "a notice", lines: [] });
  const ended = [];
  for (const reader of readers) ended.push((await reader.read()).done);
  assertEquals(ended, [true, false, false]);
  for (const reader of readers) await reader.cancel();
});

Deno.test("view token: strangers do not learn why the state is unavailable", async () => {
  const failure = new CronfetchError("state.unreadable", "reading /home/alice/state.db: busy");
  for (const viewToken of [VIEW_TOKEN, null]) {
    await using at = site({ token: TOKEN, viewToken, failure });
    const response = await at.ask("/healthz");
    assertEquals([response.status, response.headers.get("content-type")], [
      503,
      "text/plain; charset=UTF-8",
    ]);
    assertEquals((await response.text()).includes("/home/alice"), viewToken === null);
  }
});

Deno.test("login: absent without tokens; a page without a token names the variable", async () => {
  await using at = site({ token: null });
  assertEquals([await read(at, "/login"), (await send(at, "/login", {})).status], [404, 404]);
  assertStringIncludes(await at.text("/"), "CRONFETCH_TOKEN");
  assertStringIncludes(await at.text("/tasks/a.csv"), "CRONFETCH_TOKEN");
  // A process that only shows state could not use the token.
  await using view = site({ token: null, isActive: false, tasks: [pageTask("a.csv")] });
  assertEquals((await view.text("/")).includes("CRONFETCH_TOKEN"), false);
});

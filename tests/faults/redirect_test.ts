/** Rows 38 to 46: redirects. */

import { assert, assertEquals } from "@std/assert";
import { fetchReally, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import type { Route } from "../helpers/origin.ts";
import { identity } from "../helpers/transport.ts";
import { replying, response, row, WHOLE, wholeResponse } from "./scenario.ts";
import type { Expected, Fault } from "./scenario.ts";

function refused(code: "http.protocol" | "redirect.loop" | "redirect.insecure"): Expected {
  return { status: "failed", attempts: [code], httpStatus: 302 };
}

const PUBLISHED: Expected = { status: "published", attempts: [null], httpStatus: 200 };

/** A stage with one server; the task requests `/file.bin`. */
function serving(routes: Readonly<Record<string, Route>>, requests: number): Fault["stage"] {
  return (stack) => {
    const server = stack.use(origin(routes));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: () => assertEquals(server.hits(), requests, "requests"),
    });
  };
}

row("row 38: redirects in a circle are redirect.loop", {
  stage: serving({ "/file.bin": { redirect: "/b" }, "/b": { redirect: "/file.bin" } }, 2),
  expected: refused("redirect.loop"),
});

row("row 38: a redirect to itself is redirect.loop", {
  stage: serving({ "/file.bin": { redirect: "/file.bin" } }, 1),
  expected: refused("redirect.loop"),
});

row("row 38: an endless chain of redirects is redirect.loop", {
  stage: (stack) => {
    const step = (request: Request): Response => {
      const at = Number(new URL(request.url).searchParams.get("at") ?? 0);
      return new Response(null, { status: 302, headers: { location: `?at=${at + 1}` } });
    };
    const server = stack.use(origin({ "/file.bin": step }));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: () => assert(server.hits() <= 21, `${server.hits()} requests`),
    });
  },
  expected: refused("redirect.loop"),
});

for (const status of [301, 302, 303, 307, 308] as const) {
  row(`row 38: a short chain of ${status} is followed`, {
    stage: serving({
      "/file.bin": { redirect: "/b", status },
      "/b": { redirect: "c?d=1#e", status },
      "/c?d=1": WHOLE,
    }, 3),
    expected: PUBLISHED,
  });
}

row("row 39: a redirect from https to http is refused", {
  stage: (stack) => {
    const plain = stack.use(origin({ "/file.bin": WHOLE }, { tls: null }));
    const routes = { "/file.bin": { redirect: `${plain.origin}/file.bin` } };
    const secure = stack.use(origin(routes, { tls: identity("good") }));
    return Promise.resolve({
      url: `${secure.origin}/file.bin`,
      check: () => assertEquals([secure.hits(), plain.hits()], [1, 0]),
    });
  },
  expected: refused("redirect.insecure"),
});

const SECRETS = {
  "authorization": "Bearer secret-of-the-task",
  "cookie": "session=secret-of-the-session",
  "x-api-key": "secret-of-the-key",
  "x-unknown": "perhaps-a-secret-of-someone",
};

row("row 40: configured headers are dropped at another origin, and after returning", {
  stage: (stack) => {
    const first = stack.use(origin({}));
    const second = stack.use(origin({ "/there": { redirect: `${first.origin}/back` } }));
    first.route("/file.bin", { redirect: "/near" });
    first.route("/near", { redirect: `${second.origin}/there` });
    first.route("/back", WHOLE);
    return Promise.resolve({
      url: first.origin.replace("://", "://user:password@") + "/file.bin",
      check: ({ result }) => {
        // fetch sends its own Accept-Language, so the values are compared.
        const seen = [...first.log, ...second.log].map(({ path, headers }) => [
          path,
          Object.entries(SECRETS).flatMap(([name, value]) =>
            headers.get(name) === value ? [name] : []
          ),
        ]);
        assertEquals(seen, [
          ["/file.bin", Object.keys(SECRETS)],
          ["/near", Object.keys(SECRETS)],
          ["/back", []],
          ["/there", []],
        ]);
        const said = JSON.stringify(result);
        for (const secret of ["secret-of", "password"]) assert(!said.includes(secret), secret);
      },
    });
  },
  task: { headers: SECRETS },
  expected: PUBLISHED,
});

const PREFERENCES = { "user-agent": "agent/1", "accept": "text/csv", "accept-language": "de" };

row("row 174: configured preferences are sent to other origins, and their secrets are not", {
  stage: (stack) => {
    const first = stack.use(origin({}));
    const second = stack.use(origin({ "/there": WHOLE }));
    first.route("/file.bin", { redirect: `${second.origin}/there` });
    return Promise.resolve({
      url: `${first.origin}/file.bin`,
      host: testHost({ env: { TOKEN: "secret-token" } }),
      check: () => {
        const [there] = second.log;
        for (const [name, value] of Object.entries(PREFERENCES)) {
          assertEquals(there?.headers.get(name), value, name);
        }
        assertEquals(first.log[0]?.headers.get("referer"), "https://h.example/?secret-token");
        for (const name of ["referer", "x-own"]) assertEquals(there?.headers.get(name), null, name);
      },
    });
  },
  task: {
    headers: { ...PREFERENCES, "referer": "https://h.example/?${env:TOKEN}", "X-Own": "1" },
  },
  expected: PUBLISHED,
});

row("row 174: headers that were dropped are named when a 403 follows, without their values", {
  stage: (stack) => {
    const first = stack.use(origin({}));
    const second = stack.use(origin({ "/there": { status: 403, text: '{"message":"no key"}' } }));
    first.route("/file.bin", { redirect: `${second.origin}/there?sig=secret-of-the-url` });
    return Promise.resolve({
      url: first.origin.replace("://", "://user:password@") + "/file.bin",
      check: ({ result }) => {
        const message = result.message ?? "";
        const expected = `403 Forbidden at ${second.origin}/there: "no key"; ` +
          "not sent to this origin: authorization, cookie, x-api-key, x-unknown";
        assert(message.endsWith(expected), message);
        const all = JSON.stringify(result);
        for (const secret of ["secret-of", "password"]) assert(!all.includes(secret), secret);
      },
    });
  },
  task: { headers: { ...SECRETS, ...PREFERENCES } },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 403 },
});

row("row 176: the reason in an error response is redacted, and cut", {
  stage: (stack) => {
    const long = `{"message":"the key secret-of-the-key ${"is wrong ".repeat(100)}"}`;
    const server = stack.use(origin({ "/file.bin": { status: 401, text: long } }));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: ({ result }) => {
        const message = result.message ?? "";
        assert(message.includes('401 Unauthorized: "the key *** is wrong is'), message);
        assert(message.length < 330, message);
      },
    });
  },
  task: { headers: SECRETS },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 401 },
});

const located = (...locations: readonly string[]) =>
  response([
    "HTTP/1.1 302 Found",
    ...locations.map((one) => `Location: ${one}`),
    "Content-Length: 0",
  ]);

/** A stage whose server redirects to a path, which has the file. */
function locating(path: string, ...locations: readonly string[]): Fault["stage"] {
  return replying(async (connection, request) => {
    await connection.send(request.path === path ? wholeResponse() : located(...locations));
  });
}

const JOINED = "fetch joins the fields by a comma";

row("row 177: a Location with a comma is followed", {
  stage: locating("/files/Report,%20March%202024.pdf", "/files/Report, March 2024.pdf"),
  expected: PUBLISHED,
});

row("row 177: bytes outside ASCII in a Location are encoded once", {
  stage: locating("/t%C3%A9/x", "/t\xc3\xa9/x"),
  expected: PUBLISHED,
});

row("row 177: equal Locations are one", {
  stage: locating("/there", "/there", "/there"),
  expected: PUBLISHED,
  byFetch: { reason: JOINED, expected: refused("redirect.loop") },
});

for (const location of ["file:///etc/hostname", "ftp://127.0.0.1/a", "javascript:1", "data:,a"]) {
  row(`row 41: a redirect to ${location} is refused`, {
    stage: serving({ "/file.bin": { redirect: location } }, 1),
    expected: refused("http.protocol"),
  });
}

row("row 42: a redirect from a public host to a private address is refused before the request", {
  stage: (stack) => {
    const inside = stack.use(origin({ "/file.bin": WHOLE }));
    const url = "http://public.invalid/file.bin";
    const headers = { location: `${inside.origin}/file.bin` };
    const host = testHost({
      addresses: { "public.invalid": ["93.184.215.14"] },
      fetch: (asked, init) =>
        asked === url
          ? Promise.resolve(new Response(null, { status: 302, headers }))
          : fetchReally(asked, init),
    });
    return Promise.resolve({ url, host, check: () => assertEquals(inside.hits(), 0) });
  },
  expected: { status: "failed", attempts: ["redirect.private"], httpStatus: 302 },
});

row("row 43: userinfo in Location sends no Authorization", {
  stage: (stack) => {
    const server = stack.use(origin({ "/other": WHOLE }));
    const location = `${server.origin.replace("://", "://user:password@")}/other`;
    server.route("/file.bin", { redirect: location });
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: ({ result }) => {
        assertEquals(server.log.map(({ headers }) => headers.get("authorization")), [null, null]);
        assertEquals(result.servedFrom, `${server.origin}/other`);
      },
    });
  },
  expected: PUBLISHED,
});

row("row 44: a redirect without Location is refused", {
  stage: serving({ "/file.bin": 302 }, 1),
  expected: refused("http.protocol"),
});

row("row 46: the file is named after the URL in the config, not the last one", {
  stage: serving({
    "/file.bin": { redirect: "/evil.sh" },
    "/evil.sh": { body: WHOLE, headers: { "content-disposition": 'attachment; filename="a.sh"' } },
  }, 2),
  expected: PUBLISHED,
});

/** Rows 230 and 231: headers at another origin, and responses whose body gives the reason. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { origin } from "../helpers/origin.ts";
import type { RawConnection } from "../helpers/raw_server.ts";
import { type Fault, replying, response, row, WHOLE } from "./scenario.ts";

const HARMLESS = {
  "user-agent": "agent/1.0",
  "accept": "text/csv",
  "accept-language": "de, en;q=0.5",
};
const SECRET = { "x-api-key": "hush-hush-hush", "authorization": "Bearer hush-hush-hush" };

/** A redirect to another origin, which answers by the route of `/there`. */
function away(status: number, check: (message: string) => void = () => {}): Fault["stage"] {
  return (stack) => {
    const second = stack.use(origin({ "/there": status === 200 ? WHOLE : status }));
    const first = stack.use(origin({ "/file.bin": { redirect: `${second.origin}/there` } }));
    return Promise.resolve({
      url: `${first.origin}/file.bin`,
      check: ({ result }) => {
        const [there] = second.log;
        for (const [name, value] of Object.entries(HARMLESS)) {
          assertEquals(there?.headers.get(name), value, name);
        }
        for (const name of Object.keys(SECRET)) assertEquals(there?.headers.get(name), null, name);
        const { message = "" } = result;
        assert(!message.includes("hush"), message);
        check(message);
      },
    });
  };
}

row("row 230: User-Agent, Accept and Accept-Language are kept at another origin", {
  stage: away(200),
  task: { headers: { ...HARMLESS, ...SECRET } },
  expected: { status: "published", attempts: [null] },
});

for (const status of [401, 403]) {
  row(`row 230: a ${status} of another origin names the headers that it did not get`, {
    stage: away(status, (message) => {
      assertStringIncludes(message.toLowerCase(), "authorization");
      assertStringIncludes(message.toLowerCase(), "x-api-key");
      assert(!/user-agent|accept/i.test(message), message);
    }),
    task: { headers: { ...HARMLESS, ...SECRET } },
    expected: { status: "failed", attempts: ["http.status"], httpStatus: status },
  });
}

row("row 230: a 410 of another origin names no headers", {
  stage: away(410, (message) => assert(!/x-api-key/i.test(message), message)),
  task: { headers: { ...HARMLESS, ...SECRET } },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 410 },
});

/** A refusal with a body of this type; the connection stays open unless the body ends with it. */
function refusal(status: string, type: string, body: string): string {
  return response([
    `HTTP/1.1 ${status}`,
    `Content-Type: ${type}`,
    `Content-Length: ${body.length}`,
  ], body);
}

/** Responses, and parts of the message. */
const REASONS: readonly (readonly [what: string, answer: string, status: number, part: string])[] =
  [
    [
      "text",
      refusal("403 Forbidden", "text/plain", "\n\n  Your IP is not on the list.\nMore of it"),
      403,
      "Your IP is not on the list.",
    ],
    [
      "JSON",
      refusal("403 Forbidden", "application/json", '{"message":"API rate limit exceeded for a"}'),
      403,
      "API rate limit exceeded for a",
    ],
    [
      "JSON on many lines",
      refusal(
        "404 Not Found",
        "application/problem+json; charset=utf-8",
        '{\n  "title": "No such dataset",\n  "detail": "It was removed"\n}\n',
      ),
      404,
      "It was removed",
    ],
    [
      "XML of a bucket",
      refusal(
        "403 Forbidden",
        "application/xml",
        '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
      ),
      403,
      "Request has expired",
    ],
    [
      "text without a type",
      refusal("401 Unauthorized", "", "token expired\n"),
      401,
      "token expired",
    ],
    ["UTF-8", refusal("404 Not Found", "text/plain", "gel\xc3\xb6scht"), 404, "gelöscht"],
  ];
for (const [what, answer, httpStatus, part] of REASONS) {
  row(`row 231: the reason in a body is shown: ${what}`, {
    stage: replying(answer, {
      check: ({ result }, { origin }) => {
        assertStringIncludes(result.message ?? "", part);
        assertStringIncludes(result.message ?? "", `${origin}/file.bin`);
      },
    }),
    expected: { status: "failed", attempts: ["http.status"], httpStatus },
  });
}

/** Bodies that are not shown, and that end in no other way than the status. */
const UNSHOWN: readonly (readonly [what: string, answer: string | Fault["stage"]])[] = [
  ["HTML", refusal("404 Not Found", "text/html", "<!doctype html><p>lost page</p>")],
  ["escapes", refusal("404 Not Found", "text/plain", "\x1b[31mlost page")],
  ["an image", refusal("404 Not Found", "image/png", "\x89PNG\r\n\x1a\nlost page")],
  ["bytes called text", refusal("404 Not Found", "text/plain", "\0\x01\x02lost page")],
  [
    "compressed text",
    response([
      "HTTP/1.1 404 Not Found",
      "Content-Type: text/plain",
      "Content-Encoding: gzip",
      "Content-Length: 9",
    ], "lost page"),
  ],
];
for (const [what, answer] of UNSHOWN) {
  row(`row 231: a body is not shown: ${what}`, {
    stage: typeof answer === "string"
      ? replying(answer, {
        check: ({ result }) => assert(!result.message?.includes("lost page"), result.message),
      })
      : answer,
    expected: { status: "failed", attempts: ["http.status"], httpStatus: 404 },
  });
}

for (const before of [0, 100, 185, 190, 195, 199, 5_000]) {
  row(`row 231: a secret behind ${before} characters of a reason is not shown, nor its start`, {
    stage: replying(
      refusal("403 Forbidden", "text/plain", `${"!".repeat(before)} hush-hush-hush, no`),
      {
        check: ({ result: { message = "" } }) => {
          assert(!message.includes("hush"), message);
          assert(message.length < 500, `${message.length} characters`);
        },
      },
    ),
    task: { headers: SECRET },
    expected: { status: "failed", attempts: ["http.status"], httpStatus: 403 },
  });
}

/** Sends a head and the start of a body. */
async function begin(connection: RawConnection, lengthBytes: number): Promise<void> {
  const lines = ["Content-Type: text/plain", `Content-Length: ${lengthBytes}`];
  await connection.send(response(["HTTP/1.1 404 Not Found", ...lines], "gone for good\n"));
}

row("row 231: a body that stalls, or breaks, leaves the status", {
  stage: replying(async (connection) => {
    await begin(connection, 1_000);
    await connection.hold();
  }),
  task: { timeout: { idle: "80ms" } },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 404 },
});

row("row 231: of an endless body, the start is read", {
  stage: replying(async (connection) => {
    await begin(connection, 1e12);
    const more = "x".repeat(65_536);
    while (connection.sentBytes < 64 * 1024 * 1024) await connection.send(more);
  }, {
    check: ({ result }, server) => {
      assertStringIncludes(result.message ?? "", "gone for good");
      assertEquals(server.connections, 1);
    },
  }),
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 404 },
});

row("row 231: after redirects, the URL that answered is shown", {
  stage: (stack) => {
    const server = stack.use(origin({ "/file.bin": { redirect: "/the/last/one" } }));
    return Promise.resolve({
      url: `${server.origin}/file.bin`,
      check: ({ result }) => assertStringIncludes(result.message ?? "", "/the/last/one"),
    });
  },
  expected: { status: "failed", attempts: ["http.status"], httpStatus: 404 },
});

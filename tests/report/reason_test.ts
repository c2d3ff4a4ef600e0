import { assertEquals } from "@std/assert";
import { failureHint, messageOf, shortReason } from "../../lib/report/reason.ts";
import { origin } from "../helpers/origin.ts";
import { run } from "../../lib/mod.ts";
import type { TaskResult } from "../../lib/core/result.ts";

/** Responses of a server, and the reason in the status of their task. */
const RESPONSES: readonly (readonly [
  name: string,
  response: () => Response,
  task: object,
  reason: string,
])[] = [
  ["a.pdf", () => new Response("no", { status: 404 }), {}, "404 Not Found"],
  ["b.pdf", () => new Response(null, { status: 404 }), {}, "404 Not Found"],
  ["c.pdf", () => new Response("", { status: 418 }), {}, "418"],
  ["d.csv", () => html(), {}, "HTML instead of CSV"],
  // The message names the quarantined file too.
  ["q.csv", () => html(), { quarantine: true }, "HTML instead of CSV"],
  ["e", () => html(), { expect: { type: "text/csv" } }, "HTML instead of CSV"],
  ["f", () => html(), { expect: { type: "application/pdf" } }, "HTML instead of PDF"],
  [
    "g.csv",
    () => new Response("a"),
    { expect: { minSize: "1KB" } },
    "expected at least 1000 bytes, found 1",
  ],
];

const html = () =>
  new Response("<!doctype html><html><body>Sign in</body></html>", {
    headers: { "content-type": "text/html" },
  });

Deno.test("shortReason: a few words for what a server responded", async () => {
  await using server = origin(
    Object.fromEntries(RESPONSES.map(([name, response]) => [`/${name}`, response])),
  );
  const results = new Map<string, TaskResult>();
  await run({
    store: "memory:",
    state: "memory:",
    tasks: RESPONSES.map(([name, , task]) => ({
      id: name,
      url: `${server.origin}/${name}`,
      ...task,
    })),
  }, {
    onEvent: (event) => {
      if (event.type === "task.finished") results.set(event.result.task, event.result);
    },
  });
  for (const [name, , , reason] of RESPONSES) {
    const { code = null, message = null, httpStatus = null } = results.get(name) ?? {};
    assertEquals(shortReason({ code, message, httpStatus }), reason);
  }
});

Deno.test("messageOf: without the URL, or the meaning of the code", () => {
  const table: [code: string | null, message: string | null, text: string | null][] = [
    [null, null, null],
    ["net.dns", null, "the host name could not be resolved"],
    ["of.another-version", null, "of.another-version"],
    ["net.dns", "fetching https://x.example/a: no such host", "no such host"],
    [null, "another run is working on it", "another run is working on it"],
  ];
  for (const [code, message, text] of table) {
    assertEquals(messageOf({ code, message, httpStatus: null }), text);
  }
});

Deno.test("failureHint: by the code and the status; none for an unknown code", () => {
  assertEquals(
    failureHint({ code: "http.status", httpStatus: 404, message: null }),
    "check the URL",
  );
  assertEquals(failureHint({ code: "of.another-version", httpStatus: null, message: null }), null);
  assertEquals(failureHint({ code: null, httpStatus: 200, message: null }), null);
});

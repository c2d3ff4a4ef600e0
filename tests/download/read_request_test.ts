import { assertEquals } from "@std/assert";
import {
  contentFields,
  GET,
  messageOf,
  redirectedMessage,
  withoutContentFields,
} from "../../lib/download/read_request.ts";

const POST = messageOf({ method: "POST", body: "ä", contentType: "text/plain" });
const QUERY = messageOf({ method: "QUERY", body: "a", contentType: "text/plain" });

Deno.test("messageOf encodes the body as UTF-8", () => {
  assertEquals(POST, { method: "POST", body: new Uint8Array([0xc3, 0xa4]) });
  const empty = messageOf({ method: "POST", body: null, contentType: null });
  assertEquals(empty, { method: "POST", body: null });
});

Deno.test("contentFields: a configured Content-Type takes precedence", () => {
  const request = { method: "POST", body: "a", contentType: "text/plain" } as const;
  assertEquals(contentFields(request, {}), { "content-type": "text/plain" });
  assertEquals(contentFields(request, { "content-type": "a/b" }), {});
  assertEquals(contentFields({ method: "POST", body: null, contentType: null }, {}), {});
});

Deno.test("redirectedMessage: 303 is followed by GET, 301 and 302 only after POST", () => {
  const seen = [301, 302, 303, 307, 308].map((status) =>
    [POST, QUERY, GET].map((message) => redirectedMessage(message, status).method)
  );
  assertEquals(seen, [
    ["GET", "QUERY", "GET"],
    ["GET", "QUERY", "GET"],
    ["GET", "GET", "GET"],
    ["POST", "QUERY", "GET"],
    ["POST", "QUERY", "GET"],
  ]);
});

Deno.test("withoutContentFields keeps the other fields", () => {
  const headers = { accept: "*/*", "content-type": "a/b", "content-encoding": "gzip", "x-a": "b" };
  assertEquals(withoutContentFields(headers), { accept: "*/*", "x-a": "b" });
});

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import type { HttpRequest, HttpResponse } from "../../lib/core/http.ts";
import { fetchTransport } from "../../lib/http/transport.ts";

function send(
  response: Response,
  signal = new AbortController().signal,
): Promise<HttpResponse> {
  const request: HttpRequest = {
    url: "http://host.invalid/",
    headers: {},
    publicOnly: false,
    signal,
  };
  return fetchTransport({ fetch: () => Promise.resolve(response) })(request);
}

Deno.test("fetchTransport reads a body into the caller's buffer, and ends with an empty piece", async () => {
  const stream = new ReadableStream({
    type: "bytes",
    start: (controller) => {
      controller.enqueue(new TextEncoder().encode("text"));
      controller.close();
    },
  });
  const { status, headers, body } = await send(new Response(stream, { headers: { etag: '"1"' } }));
  assertEquals([status, headers.get("ETag")], [200, '"1"']);
  const piece = await body.read(new Uint8Array(16).subarray(3));
  assertEquals([piece.byteOffset, new TextDecoder().decode(piece)], [3, "text"]);
  const end = await body.read(new Uint8Array(piece.buffer, 7));
  assertEquals([end.byteLength, end.buffer.byteLength], [0, 16]);
  assertEquals(new TextDecoder().decode(new Uint8Array(end.buffer, 3, 4)), "text");
});

Deno.test("fetchTransport: a response without a body ends immediately", async () => {
  const { body } = await send(new Response(null, { status: 304 }));
  assertEquals((await body.read(new Uint8Array(8))).byteLength, 0);
  await body.cancel();
});

Deno.test("fetchTransport: the signal rejects a read with its reason", async () => {
  const controller = new AbortController();
  const { body } = await send(
    new Response(new ReadableStream({ type: "bytes" })),
    controller.signal,
  );
  const reading = body.read(new Uint8Array(8));
  const reason = new Error("too late");
  controller.abort(reason);
  assertStrictEquals(await assertRejects(() => reading), reason);
});

Deno.test("fetchTransport: the signal rejects a read after a garbage collection", async () => {
  const program = fromFileUrl(new URL("abort_after_collection.ts", import.meta.url));
  const args = ["run", "--quiet", "--allow-net=127.0.0.1", "--v8-flags=--expose-gc", program];
  const { stdout } = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  assertEquals(new TextDecoder().decode(stdout), "ended: in time");
});

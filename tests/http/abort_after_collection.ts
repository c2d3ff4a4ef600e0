/** A program for a test: aborts a body after a garbage collection. */

import { getRequest } from "../../lib/core/http.ts";
import { fetchTransport } from "../../lib/http/fetch_transport.ts";

const { gc } = globalThis as unknown as { readonly gc: () => void };
/** The only piece of the body has arrived, and finalizers had a turn of the event loop. */
const COLLECTIONS = 5;

const server = Deno.serve(
  { hostname: "127.0.0.1", port: 0, onListen: () => {} },
  () => new Response(new ReadableStream({ start: (stream) => stream.enqueue(new Uint8Array(1)) })),
);
const { signal, abort } = abortable();
const send = fetchTransport({ fetch: (url, init) => fetch(url, init) });
const { body } = await send(getRequest(`http://127.0.0.1:${server.addr.port}/`, signal));
await body.read(new Uint8Array(8));
for (let collection = 0; collection < COLLECTIONS; collection++) {
  gc();
  await new Promise((done) => setTimeout(done, 0));
}
const read = body.read(new Uint8Array(8)).then(() => "went on", (error) => `ended: ${error}`);
abort("in time");
const never = new Promise((done) => setTimeout(done, 5_000, "still waits"));
Deno.stdout.writeSync(new TextEncoder().encode(String(await Promise.race([read, never]))));
Deno.exit();

function abortable(): { readonly signal: AbortSignal; readonly abort: (reason: string) => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: (reason) => controller.abort(reason) };
}

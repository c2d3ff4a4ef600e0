/** Responses of a `fetch` that is a function. */

/**
 * A response whose body is a stream of bytes, as that of the real `fetch`; the body of a
 * `new Response(text)` is none.
 */
export function byteResponse(text: string, init: ResponseInit = {}): Response {
  const bytes = new TextEncoder().encode(text);
  const body = new ReadableStream({
    type: "bytes",
    start(controller) {
      if (bytes.length > 0) controller.enqueue(bytes);
      controller.close();
    },
    // A BYOB read that is pending when the stream closes needs this response.
    pull(controller) {
      controller.byobRequest?.respond(0);
    },
  });
  return new Response(body, init);
}

// A server as a child process: any path `/SIZE/NAME` is a file of SIZE bytes. Prints its port.

const encoder = new TextEncoder();

const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
  const [, size = "0", name = ""] = new URL(request.url).pathname.split("/");
  const body = new Uint8Array(Number(size));
  encoder.encodeInto(name, body);
  return new Response(body, { headers: { etag: `"${size}-${name}"` } });
});
Deno.stdout.writeSync(encoder.encode(`${server.addr.port}\n`));

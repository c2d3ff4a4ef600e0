/** A program for a test: starts TLS while `DENO_CERT` names a missing file. */

import { connect } from "../../lib/host.ts";

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
const accepting = listener.accept();
const { signal } = new AbortController();
const tcp = await connect("127.0.0.1", listener.addr.port, signal);
const { message } = await tcp.startTls({ hostname: "localhost", caCerts: [] }, signal)
  .catch((error) => error);
const read = (await accepting).read(new Uint8Array(1)).then((count) => `read ${count}`);
const never = new Promise((done) => setTimeout(done, 5_000, "left open"));
const text = `${message}; ${await Promise.race([read, never])}`;
Deno.stdout.writeSync(new TextEncoder().encode(text));
Deno.exit();

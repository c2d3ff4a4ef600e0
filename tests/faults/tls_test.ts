/** Rows 9 to 13: invalid certificates, and servers without TLS. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { testHost } from "../helpers/host.ts";
import type { TestHost } from "../helpers/host.ts";
import { rawServer } from "../helpers/raw_server.ts";
import { row, wholeResponse } from "./scenario.ts";
import type { Expected, Fault } from "./scenario.ts";

type Certificate = "good" | "expired" | "elsewhere";

function fixture(name: string): string {
  return Deno.readTextFileSync(new URL(`../fixtures/tls/${name}`, import.meta.url));
}

/** A server with a certificate that serves the complete file. */
interface TlsServer extends AsyncDisposable {
  /** On `localhost`, the name in the valid certificate. */
  readonly url: string;
  /** Connections accepted so far. */
  readonly connections: number;
  /** Requests read so far, except in clear text. */
  readonly requests: number;
}

function tlsServer(certificate: Certificate): TlsServer {
  const listener = Deno.listenTls({
    hostname: "127.0.0.1",
    port: 0,
    cert: fixture(`${certificate}.crt`),
    key: fixture(`${certificate}.key`),
  });
  let connections = 0;
  let requests = 0;

  async function serve(connection: Deno.TlsConn): Promise<void> {
    using open = connection;
    try {
      await open.handshake();
      const read = await open.read(new Uint8Array(64 * 1024));
      if (read === null) return;
      requests++;
      await open.write(new TextEncoder().encode(wholeResponse()));
    } catch {
      // A client that does not trust the certificate closes the connection.
    }
  }

  async function accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const connection of listener) {
      connections++;
      serving.push(serve(connection));
    }
    await Promise.all(serving);
  }

  const accepting = accept();
  return {
    url: `https://localhost:${listener.addr.port}/file.bin`,
    get connections() {
      return connections;
    },
    get requests() {
      return requests;
    },
    async [Symbol.asyncDispose]() {
      listener.close();
      await accepting;
    },
  };
}

/** A host that trusts only the authority of the tests. */
function trustingHost(stack: AsyncDisposableStack): TestHost {
  const client = stack.adopt(
    Deno.createHttpClient({ caCerts: [fixture("authority.crt")] }),
    (open) => open.close(),
  );
  return testHost({ fetch: (url, init) => fetch(url, { ...init, client }) });
}

/** A stage with this certificate, and the expected number of requests. */
function showing(certificate: Certificate, trusted: boolean, requests: number): Fault["stage"] {
  return (stack) => {
    const host = trusted ? trustingHost(stack) : testHost();
    const server = stack.use(tlsServer(certificate));
    return Promise.resolve({
      url: server.url,
      host,
      check: ({ result }) => {
        assertEquals([server.connections, server.requests], [1, requests], "asked once");
        if (requests === 0) assertStringIncludes(result.message ?? "", "certificate");
      },
    });
  };
}

const UNTRUSTED: Expected = { status: "failed", attempts: ["tls.untrusted"], httpStatus: null };

row("a valid certificate of a trusted authority is accepted", {
  stage: showing("good", true, 1),
  expected: { status: "published", attempts: [null], httpStatus: 200 },
});

row("row 9: a certificate of an unknown authority is refused without a retry", {
  stage: showing("good", false, 0),
  expected: UNTRUSTED,
});

row("row 10: an expired certificate is refused without a retry", {
  stage: showing("expired", true, 0),
  expected: UNTRUSTED,
});

row("row 11: a certificate for another host is refused without a retry", {
  stage: showing("elsewhere", true, 0),
  expected: UNTRUSTED,
});

row("row 12: a handshake that stalls is timeout.response", {
  stage: async (stack) => {
    const server = stack.use(await rawServer((connection) => connection.hold()));
    return {
      url: `${server.origin.replace("http:", "https:")}/file.bin`,
      check: () => assertEquals([server.connections, server.requests], [2, []]),
    };
  },
  task: { timeout: { response: "60ms" } },
  expected: { status: "failed", attempts: ["timeout.response", "timeout.response"] },
});

row("row 13: a server without TLS is refused, without a retry in clear text", {
  stage: async (stack) => {
    const inClear: string[] = [];
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.send(wholeResponse());
        inClear.push((await connection.readRequest()).line);
      }),
    );
    return {
      url: `${server.origin.replace("http:", "https:")}/file.bin`,
      check: () => assertEquals([server.connections, inClear], [1, []]),
    };
  },
  expected: { status: "failed", attempts: ["tls.failed"], httpStatus: null },
});

/** Rows 224 and 225: TLS connections that end early, with and without close_notify. */

import { assert, assertEquals } from "@std/assert";
import { run } from "../helpers/library.ts";
import { shown } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { hostAt, place, socketTest } from "../helpers/place.ts";
import { type RawConnection, type RawRequest, rawServer } from "../helpers/raw_server.ts";
import { identity } from "../helpers/transport.ts";
import { text, unhurriedHost } from "./broken_bodies.ts";
import { runsOver } from "./runs.ts";
import { type Expected, type Fault, response, row, WHOLE, wholeResponse } from "./scenario.ts";

const TLS = identity("good");
const LENGTH = `Content-Length: ${WHOLE.length}`;

/** How a server ends a connection. */
type Ending = "close" | "closeNotify" | "reset";
const ENDINGS: readonly Ending[] = ["close", "closeNotify", "reset"];

/** What fetch does with a TLS connection that ends without close_notify. */
const BY_FETCH_REASON = "a missing close_notify is a failure of TLS";

const TASKS = 50;
for (const ending of ENDINGS) {
  socketTest(
    `row 224: ${TASKS} tasks survive kept TLS connections that end by ${ending}`,
    BY_FETCH_REASON,
    async () => {
      await using store = await place();
      await using server = await rawServer(async (connection) => {
        // Each connection has a response or two, and ends when the next request arrives.
        for (let count = 0; count <= connection.index % 2; count++) {
          await connection.readRequest();
          await connection.send(response([LENGTH], WHOLE));
        }
        await connection.readRequest();
        connection[ending]();
      }, { tls: TLS });
      const host = testHost();
      const { results } = await run({
        store: store.location,
        state: "memory:",
        tasks: Array.from({ length: TASKS }, (_, at) => ({
          id: `t${at}`,
          url: `${server.origin}/${at}`,
          retry: { attempts: 1 },
        })),
      }, { host: hostAt(store, host) });
      assertEquals(results.filter(({ status }) => status !== "created"), []);
      assertEquals(host.slept, []);
      assert(server.requests.length > TASKS, "some connections were stale");
    },
  );
}

/** A stage whose server replies over TLS and then ends the connection. */
function ending(how: Ending, reply: (connection: RawConnection) => string): Fault["stage"] {
  return async (stack) => {
    const server = stack.use(
      await rawServer(async (connection) => {
        await connection.readRequest();
        await connection.send(reply(connection));
        connection[how]();
      }, { tls: TLS }),
    );
    return { url: `${server.origin}/file.bin` };
  };
}

const TRUNCATED: Expected = {
  status: "failed",
  attempts: ["body.truncated", "body.truncated"],
  httpStatus: 200,
};
const NO_LENGTH: Expected = {
  status: "published",
  attempts: [null],
  warnings: ["lengthUnknown"],
};

const RETRIED: Expected = { status: "published", attempts: ["net.reset", null] };

/** What `fetch` does without close_notify; with it, it does not deviate. */
function byFetch(how: Ending, expected: Expected): Pick<Fault, "byFetch"> {
  return how === "close" ? { byFetch: { reason: BY_FETCH_REASON, expected } } : {};
}

row("row 224: a new TLS connection that ends before a response is retried", {
  stage: ending("close", ({ index }) => index === 0 ? "" : wholeResponse()),
  expected: RETRIED,
});

for (const how of ["close", "closeNotify"] as const) {
  row(`row 224: half of a head that ends by ${how} is retried`, {
    stage: ending(how, ({ index }) => index === 0 ? "HTTP/1.1 200 OK\r\nX-A: " : wholeResponse()),
    expected: RETRIED,
  });

  row(`row 224: a body without a length ends by ${how}`, {
    stage: ending(how, () => response(["X-A: a"], WHOLE)),
    expected: NO_LENGTH,
    ...byFetch(how, TRUNCATED),
  });

  row(`row 224: a body without a length that ends by ${how} is refused under knownLength`, {
    stage: ending(how, () => response(["X-A: a"], WHOLE)),
    task: { expect: { knownLength: true }, retry: { attempts: 1 } },
    expected: { status: "failed", attempts: ["http.protocol"] },
  });

  row(`row 224: a body with its length ends by ${how}`, {
    stage: ending(how, () => response([LENGTH], WHOLE)),
    expected: { status: "published", attempts: [null] },
  });

  row(`row 224: chunks with the last one end by ${how}`, {
    stage: ending(how, () => response(["Transfer-Encoding: chunked"], chunks(WHOLE, true))),
    expected: { status: "published", attempts: [null] },
  });

  row(`row 224: chunks without the last one that end by ${how} are truncated`, {
    stage: ending(how, () => response(["Transfer-Encoding: chunked"], chunks(WHOLE, false))),
    expected: TRUNCATED,
  });

  row(`row 224: a body that is one byte short and ends by ${how} is truncated`, {
    stage: ending(how, () => response([LENGTH], WHOLE.slice(0, -1))),
    expected: TRUNCATED,
  });
}

/** Two chunks, with or without the last one. */
function chunks(body: string, isWhole: boolean): string {
  const half = body.length >> 1;
  const framed = [body.slice(0, half), body.slice(half)]
    // A chunk without bytes would be the last one.
    .filter((piece) => piece !== "")
    .map((piece) => `${piece.length.toString(16)}\r\n${piece}\r\n`);
  return framed.join("") + (isWhole ? "0\r\n\r\n" : "");
}

/** Longer than several TLS records and read buffers, and no multiple of either. */
const FILE = text("file", 1_000_003);

/** Sizes of the pieces that are sent before each break. */
const BREAKS: readonly (readonly [what: string, sizes: readonly number[]])[] = [
  ["within records of TLS", [1, 16_383, 16_385, 99_991]],
  ["at the bounds of buffers", [65_536, 131_072, 262_144]],
  ["at odd offsets", [77_777, 200_001, 3, 300_007, 100_003]],
  ["at the last byte", [1_000_002]],
  ["before the first byte", [0, 500_000, 0]],
];

/** A server that sends a number of bytes per response, from where the client continues. */
async function breaking(sizes: readonly number[], how: Ending, frame: "length" | "chunked") {
  const asked: (string | null)[] = [];
  const reply = async (connection: RawConnection, { headers }: RawRequest) => {
    const range = headers.get("range") ?? null;
    const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
    const rest = FILE.slice(start);
    const sent = rest.slice(0, sizes[asked.length] ?? rest.length);
    asked.push(range);
    const partial = [
      "HTTP/1.1 206 Partial Content",
      `Content-Range: bytes ${start}-${FILE.length - 1}/${FILE.length}`,
    ];
    const framing = frame === "length"
      ? [`Content-Length: ${rest.length}`]
      : ["Transfer-Encoding: chunked"];
    const head = [
      ...(range === null ? [] : partial),
      'ETag: "1"',
      "Accept-Ranges: bytes",
      ...framing,
    ];
    const body = frame === "length" ? sent : chunks(sent, sent.length === rest.length);
    await connection.send(response(head, body));
    connection[how]();
  };
  const server = await rawServer(
    async (connection) => reply(connection, await connection.readRequest()),
    { tls: TLS },
  );
  return Object.assign(server, { asked });
}

for (const [what, sizes] of BREAKS) {
  for (const how of ["close", "closeNotify"] as const) {
    for (const frame of ["length", "chunked"] as const) {
      socketTest(
        `row 225: breaks ${what} by ${how} are resumed at the exact byte: ${frame}`,
        "it loses what it has buffered",
        async () => {
          await using server = await breaking(sizes, how, frame);
          await using runs = await runsOver({ host: unhurriedHost() });
          const result = await runs.result({
            url: `${server.origin}/file.bin`,
            retry: { attempts: sizes.length + 1, budget: "100h" },
          });
          assertEquals(result.status, "created", result.message);
          const offsets = sizes.map((_, at) => sizes.slice(0, at + 1).reduce((a, b) => a + b));
          const ranges = offsets.map((start) => start === 0 ? null : `bytes=${start}-`);
          assertEquals(server.asked, [null, ...ranges]);
          assertEquals(await runs.tree(), { "file.bin": await shown(FILE) });
        },
      );
    }
  }
}

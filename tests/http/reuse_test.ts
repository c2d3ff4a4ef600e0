import { assert, assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { Connect } from "../../lib/core/host.ts";
import { getRequest } from "../../lib/core/http.ts";
import { Http1Client } from "../../lib/http/client.ts";
import { testHost, withoutTls } from "../helpers/host.ts";
import type { RawConnection } from "../helpers/raw_server.ts";
import { toLatin1 } from "../helpers/raw_server.ts";
import { exchanging, textOf } from "./exchanging.ts";

const ANSWER = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

/** Bytes on a reused connection instead of the response to the next request. */
const STRAY: readonly (readonly [what: string, bytes: string])[] = [
  ["letters", "abc"],
  ["an empty line", "\r\n"],
  ["NUL", "\0"],
  ["bytes before the response", `abc${ANSWER}`],
  ["half of a status line before the response", `HTTP/1.1 2${ANSWER}`],
  ["another version", "HTTP/2 200\r\n\r\n"],
  ["another protocol", "SSH-2.0-OpenSSH\r\n"],
  ["a page", "<html><body>503 Service Unavailable</body></html>"],
  ["a field without a colon", "HTTP/1.1 200 OK\r\nbad\r\n\r\n"],
  ["two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
  ["the 408 of an idle connection", "HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"],
];

/** Responds to the first request of a connection, and sends stray bytes for the second one. */
function straying(
  bytes: string,
  good: (connection: RawConnection) => boolean,
): (connection: RawConnection) => Promise<void> {
  return async (connection) => {
    await connection.readRequest();
    await connection.send(good(connection) ? ANSWER : bytes);
    await connection.readRequest();
    await connection.send(bytes);
    await connection.hold();
  };
}

for (const [what, bytes] of STRAY) {
  Deno.test(`row 138: ${what} on a reused connection causes one retry`, async () => {
    await using pair = await exchanging(straying(bytes, () => true));
    assertEquals(await textOf((await pair.get("/1")).body), "abc");
    assertEquals(await textOf((await pair.get("/2")).body), "abc");
    assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /2"]);
    assertEquals(pair.server.connections, 2);
  });

  // A new connection may begin with empty lines.
  if (what === "an empty line") continue;
  Deno.test(`row 138: ${what} on the new connection, too, causes no second retry`, async () => {
    await using pair = await exchanging(straying(bytes, ({ index }) => index === 0));
    assertEquals(await textOf((await pair.get("/1")).body), "abc");
    const second = await pair.get("/2").then(({ status }) => status, ({ code }) => code);
    assertEquals(second, bytes.includes("408") ? 408 : "http.protocol");
    assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /2"]);
  });
}

Deno.test("row 138: bytes that are not HTTP on a new connection are not retried", async () => {
  await using pair = await exchanging(straying("abc", () => false));
  const error = await assertRejects(() => pair.get(), CronfetchError);
  assertEquals([error.code, error.retry], ["http.protocol", "never"]);
  assertEquals(pair.server.requests, ["GET /"]);
});

Deno.test("row 138: a reset of a reused connection before a response byte causes one retry", async () => {
  for (const end of ["reset", "close"] as const) {
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      await connection.send(ANSWER);
      await connection.readRequest();
      connection[end]();
    });
    for (const path of ["/1", "/2"]) {
      assertEquals(await textOf((await pair.get(path)).body), "abc");
    }
    assertEquals(pair.server.requests, ["GET /1", "GET /2", "GET /2"], end);
  }
});

Deno.test("row 138: an idle connection that receives bytes or its end is closed", async () => {
  for (const bytes of ["abc", "\r\n", ""]) {
    const idle = Promise.withResolvers<void>();
    await using pair = await exchanging(async (connection) => {
      await connection.readRequest();
      await connection.send(ANSWER);
      await idle.promise;
      if (bytes === "") return;
      await connection.send(bytes);
      await connection.hold();
    });
    await textOf((await pair.get("/1")).body);
    assertEquals(pair.open.size, 1);
    idle.resolve();
    await pair.until(() => pair.open.size === 0);
    await textOf((await pair.get("/2")).body);
    assertEquals(pair.server.requests, ["GET /1", "GET /2"]);
  }
});

Deno.test("row 138: a response that arrives before its request was sent leaves no reusable connection", async () => {
  const written = Promise.withResolvers<number>();
  let connections = 0;
  let isRead = false;
  const connect: Connect = () => {
    connections++;
    return Promise.resolve(withoutTls({
      remoteAddr: { hostname: "127.0.0.1" },
      read: (into) => {
        if (isRead) return new Promise(() => {});
        isRead = true;
        into.set(toLatin1(ANSWER));
        return Promise.resolve(ANSWER.length);
      },
      write: ({ length }) => connections === 1 ? written.promise : Promise.resolve(length),
      close: () => {},
    }));
  };
  const client = new Http1Client({ connect, timers: testHost({ timers: "manual" }).timers });
  const { signal } = new AbortController();
  const request = getRequest("http://127.0.0.1/", signal);
  const send = client.to("http://127.0.0.1");
  assertEquals(await textOf((await send(request)).body), "abc");
  isRead = false;
  assertEquals(await textOf((await send(request)).body), "abc");
  assertEquals(connections, 2);
  written.resolve(1);
});

/** A client whose connections go to these addresses, in turn, and receive ANSWER. */
function addressed(addresses: readonly string[]) {
  const log: string[] = [];
  const names: string[] = [];
  const connect: Connect = (hostname, port) => {
    const address = addresses[names.length] ?? "";
    names.push(`${hostname}:${port}`);
    let unread = 0;
    let wake = () => {};
    return Promise.resolve(withoutTls({
      remoteAddr: { hostname: address },
      read: async (into) => {
        if (unread === 0) await new Promise<void>((done) => wake = done);
        unread--;
        into.set(toLatin1(ANSWER));
        return ANSWER.length;
      },
      write: ({ length }) => {
        log.push(`write ${address}`);
        unread++;
        wake();
        return Promise.resolve(length);
      },
      close: () => void log.push(`close ${address}`),
    }));
  };
  const client = new Http1Client({ connect, timers: testHost({ timers: "manual" }).timers });
  const { signal } = new AbortController();
  const send = client.to("http://a.example:81");
  const get = (publicOnly: boolean) =>
    send({ ...getRequest("http://a.example:81/", signal), publicOnly });
  return { client, log, names, get };
}

const INSIDE = ["10.0.0.1", "127.0.0.1", "::1", "::ffff:10.0.0.1", "fe80::1", "198.18.0.3", "?"];

Deno.test("row 135: a connection to a private address is closed before a byte is sent", async () => {
  for (const address of INSIDE) {
    const { log, names, get } = addressed([address]);
    const error = await assertRejects(() => get(true), CronfetchError);
    assertEquals([error.code, error.retry], ["redirect.private", "never"]);
    assert(error.message.includes(`a.example resolves to the private address ${address}`));
    assertEquals([log, names], [[`close ${address}`], ["a.example:81"]]);
  }
});

Deno.test("row 135: a private address is connected to if the rule permits it", async () => {
  const { log, get } = addressed(["10.0.0.1"]);
  assertEquals(await textOf((await get(false)).body), "abc");
  assertEquals(log, ["write 10.0.0.1"]);
});

Deno.test("row 135: each connection of a name that is public, then private, is checked", async () => {
  const { log, names, get } = addressed(["93.184.215.14", "10.0.0.1"]);
  const first = await get(true);
  // The first connection is in use, so a second one is opened.
  const error = await assertRejects(() => get(true), CronfetchError);
  assertEquals(error.code, "redirect.private");
  assertEquals(await textOf(first.body), "abc");
  // A reused connection keeps its checked address.
  assertEquals(await textOf((await get(true)).body), "abc");
  assertEquals(names.length, 2);
  assertEquals(log, ["write 93.184.215.14", "close 10.0.0.1", "write 93.184.215.14"]);
});

Deno.test("row 135: an idle private connection is not reused if the rule forbids it", async () => {
  const { log, get } = addressed(["10.0.0.1", "93.184.215.14"]);
  assertEquals(await textOf((await get(false)).body), "abc");
  assertEquals(await textOf((await get(true)).body), "abc");
  assertEquals(log, ["write 10.0.0.1", "close 10.0.0.1", "write 93.184.215.14"]);
});

Deno.test("Http1Client keeps at most 256 idle connections, those of the latest requests", async () => {
  const open = new Set<string>();
  let connections = 0;
  const connect: Connect = (hostname) => {
    connections++;
    open.add(hostname);
    let unread = 0;
    const closed = Promise.withResolvers<number>();
    return Promise.resolve(withoutTls({
      remoteAddr: { hostname: "192.0.2.1" },
      read: async (into) => {
        if (unread === 0) return await closed.promise;
        unread--;
        into.set(toLatin1(ANSWER));
        return ANSWER.length;
      },
      write: ({ length }) => {
        unread++;
        return Promise.resolve(length);
      },
      close: () => {
        open.delete(hostname);
        closed.reject(new Deno.errors.Interrupted("closed"));
      },
    }));
  };
  await using client = new Http1Client({
    connect,
    timers: testHost({ timers: "manual" }).timers,
  });
  const { signal } = new AbortController();
  const names = Array.from({ length: 300 }, (_, index) => `h${index}.example`);
  for (const name of names) {
    const response = await client.to(`http://${name}`)(getRequest(`http://${name}/`, signal));
    assertEquals(await textOf(response.body), "abc");
  }
  assertEquals([...open], names.slice(-256));
  assertEquals(connections, 300);
});

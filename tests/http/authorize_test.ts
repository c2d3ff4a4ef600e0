import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { getRequest, type OAuth2Client, type OriginCredentials } from "../../lib/core/http.ts";
import { authorizeRequests } from "../../lib/http/authorize.ts";
import { openTransport } from "../../lib/http/transport.ts";
import { type TestHost, testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import { CLIENT, tokenServer, type TokenServerOptions } from "../helpers/token_server.ts";

/** An API with one file, its token server, and requests to it. */
async function api(options: TokenServerOptions = {}, client: Partial<OAuth2Client> = {}) {
  const owned = new AsyncDisposableStack();
  const host: TestHost = testHost({ timers: "manual" });
  const tokens = owned.use(tokenServer(options));
  const server = owned.use(origin({ "/a": tokens.file("a"), "/forbidden": { status: 401 } }));
  const end = new AbortController();
  const { transport } = owned.use(await openTransport(host));
  const credentials: OriginCredentials = {
    origin: server.origin,
    credentials: {
      kind: "oauth2",
      tokenUrl: tokens.tokenUrl,
      ...CLIENT,
      scope: null,
      audience: null,
      clientAuth: "basic",
      ...client,
    },
  };
  const known: string[] = [];
  const send = authorizeRequests([credentials], {
    host,
    transport,
    signal: end.signal,
    onToken: (text) => known.push(text),
  });
  return {
    ...{ host, tokens, server, end, known },
    /** Requests the file. Returns the status, and whether the credentials were refused. */
    async get(signal = new AbortController().signal, path = "/a") {
      const response = await send(getRequest(server.origin + path, signal));
      await response.body.cancel();
      return [response.status, response.refusesCredentials ?? false];
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

Deno.test("authorizeRequests: requests share one pending token", async () => {
  await using one = await api();
  const got = await Promise.all(Array.from({ length: 5 }, () => one.get()));
  assertEquals(got, Array(5).fill([200, false]));
  assertEquals([one.tokens.log.length, one.known], [1, [...one.tokens.tokens]]);
});

Deno.test("authorizeRequests: a token is renewed before it expires", async (t) => {
  const cases = [
    // A tenth of the lifetime, at most a minute.
    { expiresIn: 100, untilS: 90 },
    { expiresIn: "100", untilS: 90 },
    { expiresIn: 3600, untilS: 3540 },
  ];
  for (const { expiresIn, untilS } of cases) {
    await t.step(JSON.stringify(expiresIn), async () => {
      await using one = await api({ expiresIn });
      await one.get();
      await one.host.advance(untilS * 1000 - 1);
      await one.get();
      assertEquals(one.tokens.log.length, 1);
      await one.host.advance(1);
      assertEquals(await one.get(), [200, false]);
      assertEquals(one.tokens.log.length, 2);
    });
  }
});

Deno.test("authorizeRequests: a token without expires_in is used until a 401", async () => {
  await using one = await api();
  await one.get();
  await one.host.advance(365 * 24 * 60 * 60 * 1000);
  await one.get();
  assertEquals(one.tokens.log.length, 1);
  one.tokens.revoke();
  assertEquals(await Promise.all([one.get(), one.get(), one.get()]), Array(3).fill([200, false]));
  assertEquals(one.tokens.log.length, 2);
});

Deno.test("authorizeRequests: a lifetime that is no number of seconds is not limited", async (t) => {
  for (const lifetime of [0, -1, 1e-9, null, "", "soon", {}]) {
    await t.step(JSON.stringify(lifetime), async () => {
      await using one = await api({ expiresIn: lifetime as number });
      for (let count = 0; count < 3; count++) assertEquals(await one.get(), [200, false]);
      assertEquals(one.tokens.log.length, 1);
    });
  }
});

Deno.test("authorizeRequests: fields of a response that are not needed are ignored", async () => {
  const answers = [
    { access_token: "some-token" },
    { access_token: "some-token", token_type: "BEARER", id_token: "x", refresh_token: 5, scope: 1 },
  ];
  for (const answer of answers) {
    await using one = await api({ answer: () => Response.json(answer, { status: 201 }) });
    await one.get();
    assertEquals(one.server.log[0]?.headers.get("authorization"), "Bearer some-token");
  }
});

Deno.test("authorizeRequests: a token is not replaced again after a 401 that remained", async () => {
  await using one = await api();
  const forbidden = () => one.get(new AbortController().signal, "/forbidden");
  assertEquals(await one.get(), [200, false]);
  for (let count = 0; count < 3; count++) {
    assertEquals(await forbidden(), [401, true]);
    assertEquals(await one.get(), [200, false]);
  }
  assertEquals([one.tokens.log.length, one.server.hits("/forbidden")], [2, 4]);
  await one.host.advance(60_000);
  one.tokens.revoke();
  assertEquals(await one.get(), [200, false]);
  assertEquals(one.tokens.log.length, 3);
});

Deno.test("authorizeRequests: a busy token server requests a pause", async () => {
  for (const [status, after, pauseMs] of [[429, "7", 7000], [503, null, null]] as const) {
    const headers: HeadersInit = after === null ? {} : { "retry-after": after };
    await using one = await api({ answer: () => new Response("busy", { status, headers }) });
    const error = await assertRejects(() => one.get(), CronfetchError);
    assertEquals([error.retry, error.httpStatus, error.pauseMs], ["later", status, pauseMs]);
  }
});

Deno.test("authorizeRequests: a new token that is refused is not replaced", async () => {
  await using one = await api({
    answer: () => Response.json({ access_token: "unknown-token", token_type: "bearer" }),
  });
  assertEquals(await one.get(), [401, true]);
  assertEquals(await one.get(), [401, true]);
  assertEquals([one.tokens.log.length, one.server.hits()], [1, 2]);
});

Deno.test("authorizeRequests: the request for a token is that of RFC 6749", async (t) => {
  await t.step("basic", async () => {
    await using one = await api({}, { scope: "read write", audience: "https://api.example" });
    await one.get();
    const [{ method, headers, form } = {}] = one.tokens.log;
    assertEquals(method, "POST");
    assertEquals(form, {
      grant_type: "client_credentials",
      scope: "read write",
      audience: "https://api.example",
    });
    assertEquals(headers?.get("accept"), "application/json");
    assertEquals(headers?.get("user-agent")?.startsWith("cronfetch/"), true);
  });
  await t.step("post", async () => {
    await using one = await api({}, { clientAuth: "post" });
    await one.get();
    const [{ authorization, form } = {}] = one.tokens.log;
    assertEquals(authorization, null);
    assertEquals(form, {
      grant_type: "client_credentials",
      client_id: CLIENT.clientId,
      client_secret: CLIENT.clientSecret,
    });
  });
});

Deno.test("authorizeRequests: a permanent failure is remembered, a temporary one is not", async () => {
  let status = 400;
  await using one = await api({ answer: () => Response.json({ error: "x" }, { status }) });
  await assertRejects(() => one.get(), CronfetchError, "400");
  await assertRejects(() => one.get(), CronfetchError, "400");
  assertEquals(one.tokens.log.length, 1);
  status = 503;
  await using other = await api({ answer: () => Response.json({ error: "x" }, { status }) });
  await assertRejects(() => other.get(), CronfetchError, "503");
  await assertRejects(() => other.get(), CronfetchError, "503");
  assertEquals(other.tokens.log.length, 2);
});

Deno.test("authorizeRequests: a token that does not arrive is a temporary failure", async () => {
  const { promise, resolve } = Promise.withResolvers<Response>();
  const arrived = Promise.withResolvers<void>();
  await using one = await api({
    answer: () => {
      arrived.resolve();
      return promise;
    },
  });
  const got = assertRejects(() => one.get(), CronfetchError, "no response within 30 seconds");
  await arrived.promise;
  await one.host.advance(30_000);
  const { code, retry } = await got;
  assertEquals([code, retry], ["auth.failed", "later"]);
  resolve(new Response());
});

Deno.test("authorizeRequests: an aborted request leaves the token to the others", async () => {
  const answered = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  const token = () => Response.json({ access_token: "some-token", token_type: "bearer" });
  await using one = await api({
    answer: async () => {
      arrived.resolve();
      await answered.promise;
      return token();
    },
  });
  const aborted = new AbortController();
  const first = assertRejects(() => one.get(aborted.signal));
  const second = one.get();
  await arrived.promise;
  aborted.abort(new Error("the task ended"));
  await first;
  answered.resolve();
  assertEquals(await second, [401, true]);
  assertEquals(one.tokens.log.length, 1);
});

Deno.test("authorizeRequests: the end of the run aborts the request for a token", async () => {
  const arrived = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<Response>();
  await using one = await api({
    answer: () => {
      arrived.resolve();
      return answered.promise;
    },
  });
  const got = assertRejects(() => one.get(), Error, "the run ended");
  await arrived.promise;
  one.end.abort(new Error("the run ended"));
  await got;
  answered.resolve(new Response());
});

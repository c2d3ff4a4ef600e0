// What a request is repeated with: the server's clock, the bucket's region, other credentials.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { DEFAULT_SETTINGS } from "../../../lib/core/http.ts";
import { DriverError } from "../../../lib/store/errors.ts";
import type { Bucket } from "../../../lib/store/s3/bucket.ts";
import { openBucket } from "../../../lib/store/s3/client.ts";
import { byteResponse } from "../../helpers/byte_response.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";

const ENV = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
const NOW_MS = Date.parse("2026-01-15T12:00:00Z");
const { signal } = new AbortController();

/** A request as a server receives it. */
interface Received {
  readonly url: URL;
  readonly method: string;
  readonly headers: Headers;
  /** The region of the signature. */
  readonly region: string;
  /** The time of the signature, in milliseconds since the epoch. */
  readonly atMs: number;
}

interface Server {
  readonly bucket: Bucket;
  readonly requests: Received[];
}

/** A bucket of a server that is a function. Without an endpoint it is AWS. */
async function withServer(
  answer: (received: Received) => Response,
  use: (server: Server) => Promise<void>,
  { endpoint = null, env = ENV }: {
    endpoint?: string | null;
    env?: Readonly<Record<string, string>>;
  } = {},
): Promise<void> {
  const requests: Received[] = [];
  const host = testHost({
    env,
    now: new Date(NOW_MS).toISOString(),
    fetch: (text, init) => {
      const headers = new Headers(init.headers);
      const date = headers.get("x-amz-date") ?? "";
      const [year, month, day, hour, minute, second] = (date.match(/\d\d/g) ?? []).reduce<string[]>(
        (parts, digits, index) => {
          if (index === 1) return [`${parts[0]}${digits}`];
          return [...parts, digits];
        },
        [],
      );
      const received = {
        url: new URL(text),
        method: init.method ?? "GET",
        headers,
        region: headers.get("authorization")?.split("/")[2] ?? "",
        atMs: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`),
      };
      requests.push(received);
      return Promise.resolve(answer(received));
    },
  });
  const location = { kind: "s3", bucket: "b", prefix: "", endpoint, region: null } as const;
  await using bucket = await openBucket(location, () => DEFAULT_SETTINGS, host);
  await use({ bucket, requests });
}

const refusal = (status: number, code: string, headers: HeadersInit = {}, more = "") =>
  byteResponse(`<Error><Code>${code}</Code>${more}</Error>`, { status, headers });

/** A server whose clock is ahead, with or without the header of its time. */
function ahead(skewMs: number, hasDate = true): (received: Received) => Response {
  return ({ atMs, method }) => {
    const nowMs = NOW_MS + skewMs;
    const headers: HeadersInit = hasDate ? { date: new Date(nowMs).toUTCString() } : {};
    if (Math.abs(atMs - nowMs) <= 15 * 60 * 1000) return new Response(null, { headers });
    // A response to HEAD has no body.
    if (method === "HEAD") return new Response(null, { status: 403, headers });
    return refusal(403, "RequestTimeTooSkewed", headers);
  };
}

Deno.test("row 208: a clock that is off is corrected by the server's, once for all requests", async () => {
  for (const skewMs of [3 * 60 * 60 * 1000, -40 * 24 * 60 * 60 * 1000]) {
    await withServer(ahead(skewMs), async ({ bucket, requests }) => {
      assert(await bucket.head("a", signal) !== null);
      await bucket.remove("b", signal);
      assertEquals(requests.map(({ method }) => method), ["HEAD", "HEAD", "DELETE"]);
    });
    // Those sent before the correction are each repeated once.
    await withServer(ahead(skewMs), async ({ bucket, requests }) => {
      await Promise.all(["a", "b", "c"].map((key) => bucket.remove(key, signal)));
      assertEquals(requests.length, 6);
    });
  }
});

Deno.test("row 208: without the server's time, and where it does not help, the message names the clock", async () => {
  const table = [ahead(3 * 60 * 60 * 1000, false), () => refusal(403, "RequestTimeTooSkewed")];
  for (const answer of table) {
    await withServer(answer, async ({ bucket, requests }) => {
      const error = await assertRejects(() => bucket.remove("a", signal), DriverError);
      assertEquals(error.code, "store.denied");
      assertMatch(error.message, /^the clocks of this machine and the server differ too much/);
      assertEquals(requests.length, 1);
    });
  }
});

Deno.test("row 208: a 403 for another reason is not repeated", async () => {
  const date = new Date(NOW_MS + 60_000).toUTCString();
  await withServer(() => refusal(403, "AccessDenied", { date }), async ({ bucket, requests }) => {
    await assertRejects(() => bucket.remove("a", signal), DriverError, "access denied");
    assertEquals(requests.length, 1);
  });
});

Deno.test("row 209: the region that AWS reports is used, at a host name made of it", async () => {
  const region = "eu-west-1";
  const header = { "x-amz-bucket-region": region };
  const table: [status: number, answer: () => Response][] = [
    [
      301,
      () => refusal(301, "PermanentRedirect", { ...header, location: "https://evil.example/" }),
    ],
    [
      307,
      () => refusal(307, "TemporaryRedirect", { ...header, location: "https://evil.example/" }),
    ],
    [400, () => refusal(400, "AuthorizationHeaderMalformed", {}, `<Region>${region}</Region>`)],
    [400, () => new Response(null, { status: 400, headers: header })],
  ];
  for (const [status, answer] of table) {
    const respond = (received: Received) =>
      received.region === region ? new Response(null) : answer();
    await withServer(respond, async ({ bucket, requests }) => {
      await bucket.head("a", signal);
      await bucket.remove("b", signal);
      assertEquals(requests.map(({ url }) => url.host), [
        "b.s3.us-east-1.amazonaws.com",
        `b.s3.${region}.amazonaws.com`,
        `b.s3.${region}.amazonaws.com`,
      ], `${status}`);
      assertEquals(bucket.features.otherRegion, region);
    });
  }
});

Deno.test("row 209: a redirect does not lead to another host, whatever region it names", async () => {
  for (const region of ["evil.example/", "a.b", "", "x".repeat(65)]) {
    const headers = { "x-amz-bucket-region": region, "location": "http://127.0.0.1:1/b/a" };
    await withServer(() => refusal(301, "PermanentRedirect", headers), async (server) => {
      const error = await assertRejects(() => server.bucket.remove("a", signal), DriverError);
      assertEquals(error.code, "store.failed");
      assertEquals(server.requests.map(({ url }) => url.host), ["b.s3.us-east-1.amazonaws.com"]);
    });
  }
  // Another server keeps its host, and is asked once more with the region.
  const endpoint = "http://127.0.0.1:9";
  const headers = { "x-amz-bucket-region": "eu-west-1" };
  await withServer(() => refusal(301, "PermanentRedirect", headers), async (server) => {
    await assertRejects(() => server.bucket.remove("a", signal), DriverError, "eu-west-1");
    const seen = server.requests.map(({ url, region }) => `${url.host} ${region}`);
    assertEquals(seen, ["127.0.0.1:9 us-east-1", "127.0.0.1:9 eu-west-1"]);
  }, { endpoint });
});

Deno.test("row 210: expired keys of a profile are read again, once; those of the environment are not", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("credentials");
  const write = (id: string) =>
    Deno.writeTextFileSync(
      path,
      `[default]\naws_access_key_id = ${id}\naws_secret_access_key = secret\n` +
        "aws_session_token = token\n",
    );
  const env = { AWS_SHARED_CREDENTIALS_FILE: path, AWS_CONFIG_FILE: folder.file("config") };
  const idOf = ({ headers }: Received) =>
    /Credential=(\w+)/.exec(headers.get("authorization") ?? "")?.[1] ?? "";
  write("OLD");
  const answer = (received: Received) => {
    if (idOf(received) === "NEW") return new Response(null);
    // Another program writes new keys.
    write("NEW");
    return refusal(400, "ExpiredToken");
  };
  await withServer(answer, async ({ bucket, requests }) => {
    await Promise.all(["a", "b"].map((key) => bucket.remove(key, signal)));
    assertEquals(requests.map(idOf).toSorted(), ["NEW", "NEW", "OLD", "OLD"]);
  }, { env });
  for (const given of [env, ENV]) {
    await withServer(() => refusal(400, "ExpiredToken"), async ({ bucket, requests }) => {
      const error = await assertRejects(() => bucket.remove("a", signal), DriverError);
      assertMatch(error.message, /^the credentials have expired/);
      assertEquals(requests.length, given === env ? 2 : 1);
      for (const secret of ["secret", "token"]) assert(!`${error.message}`.includes(`=${secret}`));
    }, { env: given });
  }
});

import { assert, assertEquals, assertInstanceOf, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { HttpResponse } from "../../lib/core/http.ts";
import { challengeIn, explainStatus, reasonIn } from "../../lib/download/status_reason.ts";
import { testHost } from "../helpers/host.ts";

const REASONS: readonly (readonly [text: string, reason: string | null])[] = [
  ["", null],
  ["   \r\n\t", null],
  ["Access denied for your network\nRay ID 12\n", "Access denied for your network"],
  ["\uFEFF\n  too   many\trequests  ", "too many requests"],
  ["Zugriff verweigert: ungültiger Schlüssel", "Zugriff verweigert: ungültiger Schlüssel"],
  ["\x1b[31mred\x1b[0m \u202eback", null],
  ["a \u202eback\u2066", "a back"],
  ["\x00\x01binary", null],
  ["bytes \uFFFD of another encoding", null],
  ["cut in a character \uFFFD", "cut in a character \uFFFD"],
  ['{"message":"Not Found","documentation_url":"https://x.example"}', "Not Found"],
  ['{ "error": "invalid_token", "error_description": "The token expired" }', "The token expired"],
  ['{"error":{"code":403,"message":"The API key\\nis wrong","status":"X"}}', "The API key"],
  ['{"type":"about:blank","title":"Forbidden","detail":"Your plan is over"}', "Your plan is over"],
  ['{"title":"Forbidden","status":403}', "Forbidden"],
  ['[{"errors":[{"detail":"no \\"such\\" file \\u00e9"}]}]', 'no "such" file é'],
  ['{"Message":"User is not authorized"}', "User is not authorized"],
  ['{"error":""  ,"message" : "  "}', null],
  ['{"ok":false}', null],
  ['{"message":"cut in the mid', null],
  ['{"message":"a", "rest": "cut in the mid', "a"],
  [
    '<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has &quot;expired&quot;' +
    "</Message><RequestId>1</RequestId></Error>",
    'Request has "expired"',
  ],
  [
    '<ows:ExceptionText lang="en">layer &#39;x&#39; &unknown; &lt;</ows:ExceptionText>',
    "layer 'x' &unknown; <",
  ],
  [
    "<s:Envelope><s:Fault><faultstring>no such map</faultstring></s:Fault></s:Envelope>",
    "no such map",
  ],
  ["<error>quota used up</error>", "quota used up"],
  ["<Error><Code>1</Code></Error>", null],
  [
    "<!DOCTYPE html><html><head><title>\n Attention Required!\n</title></head>",
    "Attention Required!",
  ],
  ["<html><body><message>not a member</message></body></html>", null],
];

Deno.test("row 176: reasonIn: the first line of a text, JSON, XML or page", () => {
  for (const [text, reason] of REASONS) assertEquals(reasonIn(text), reason, text);
});

Deno.test("property: reasonIn: is one line without control characters", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
    const reason = reasonIn(text);
    assert(reason === null || (reason !== "" && !/[\p{Cc}\p{Cf}]/u.test(reason)), reason ?? "");
  }));
});

/** A response whose body has these pieces; null is a piece that never arrives. */
function respond(
  status: number,
  pieces: readonly (string | Error | null)[],
  headers: Record<string, string> = {},
): HttpResponse & { readonly cancelled: number; readonly left: number } {
  const rest = [...pieces];
  let cancelled = 0;
  return {
    status,
    headers: new Headers(headers),
    setCookies: [],
    remoteAddress: null,
    body: {
      read: (into) => {
        const piece = rest.shift();
        if (piece === null) return new Promise(() => {});
        if (piece instanceof Error) return Promise.reject(piece);
        const { written } = new TextEncoder().encodeInto(piece ?? "", into);
        return Promise.resolve(into.subarray(0, written));
      },
      cancel: () => {
        cancelled++;
        return Promise.resolve();
      },
    },
    get cancelled() {
      return cancelled;
    },
    get left() {
      return rest.length;
    },
  };
}

const URL_A = "https://a.example/x?token=secret";

async function explained(
  response: HttpResponse,
  { answered = URL_A, dropped = [] as readonly string[] } = {},
): Promise<CronfetchError> {
  const { status } = response;
  const error = new CronfetchError("http.status", `${status} Not Found`, {
    httpStatus: status,
    retry: "later",
    pauseMs: 7,
  });
  const asked = { requested: URL_A, servedFrom: answered, droppedHeaders: dropped };
  const explained = await explainStatus(error, response, asked, testHost());
  assertInstanceOf(explained, CronfetchError);
  return explained;
}

Deno.test("row 176: explainStatus: adds the reason, and keeps what the error carries", async () => {
  const response = respond(404, ["gone since ", "May\nmore", ""]);
  const error = await explained(response);
  assertEquals(error.message, '404 Not Found: "gone since May"');
  assertEquals([error.code, error.retry, error.httpStatus, error.pauseMs, response.cancelled], [
    ...["http.status", "later", 404],
    ...[7, 1],
  ]);
});

Deno.test("row 176: explainStatus: the status is not repeated", async () => {
  for (const text of ["Not Found", "404 page not found\n", "HTTP Error 404: not found.", ""]) {
    assertEquals(
      (await explained(respond(404, [text]))).message,
      "404 Not Found",
    );
  }
});

Deno.test("row 176: explainStatus: reads a few KiB, for a short time, whatever happens", async () => {
  const endless = respond(404, Array(1_000).fill("x".repeat(1_000)));
  const { message } = await explained(endless);
  assert(message.length < 260, message);
  assert(endless.left > 980, `${endless.left}`);

  const broken = respond(404, ["why\n", new Error("reset")]);
  assertEquals((await explained(broken)).message, '404 Not Found: "why"');

  const host = testHost({ timers: "manual" });
  const error = new CronfetchError("http.status", "404 Not Found");
  const asked = { requested: URL_A, servedFrom: URL_A, droppedHeaders: [] };
  const stalled = respond(404, ["because\n", null]);
  const explaining = explainStatus(error, stalled, asked, host);
  await host.advance(2_000);
  const late = await explaining;
  assertInstanceOf(late, CronfetchError);
  assertEquals(late.message, '404 Not Found: "because"');
  assertEquals(stalled.cancelled, 1);

  const encoded = respond(404, ["\x1f\x8b"], { "content-encoding": "gzip" });
  assertEquals((await explained(encoded)).message, "404 Not Found");
  const named = respond(404, ["why"], { "content-encoding": "none" });
  assertEquals((await explained(named)).message, '404 Not Found: "why"');
});

Deno.test("explainStatus: another error is returned as it is, and the body is cancelled", async () => {
  const error = new CronfetchError("http.protocol", "a redirect loop");
  const response = respond(200, ["body"]);
  const asked = { requested: URL_A, servedFrom: URL_A, droppedHeaders: [] };
  assertStrictEquals(await explainStatus(error, response, asked, testHost()), error);
  assertEquals([response.cancelled, response.left], [1, 1]);
});

Deno.test("rows 174 and 176: explainStatus: names the URL that answered, and dropped headers", async () => {
  const answered = "https://cdn.example/x/y?X-Amz-Signature=1";
  const dropped = ["authorization", "x-api-key"];
  const messageOf = async (status: number) =>
    (await explained(respond(status, [""]), { answered, dropped })).message;
  for (const status of [401, 403, 404]) {
    assertEquals(
      await messageOf(status),
      `${status} Not Found at https://cdn.example/x/y; ` +
        "not sent to this origin: authorization, x-api-key",
    );
  }
  assertEquals(
    await messageOf(500),
    "500 Not Found at https://cdn.example/x/y",
  );
});

Deno.test("challengeIn: the scheme and the realm of the first challenge", () => {
  const cases: readonly (readonly [value: string, challenge: string | null])[] = [
    ["", null],
    ['="x"', null],
    ["Negotiate", "the server requests Negotiate"],
    ['Basic realm=""', "the server requests Basic"],
    ['Basic realm="a \\"b\\""', 'the server requests Basic for "a \\"b\\""'],
    ['Basic charset="UTF-8", REALM = files', 'the server requests Basic for "files"'],
    ['Bearer error="x", realm="y", Basic realm="z"', 'the server requests Bearer for "y"'],
    ['Basic realm="\u001b[31m"', 'the server requests Basic for "\\u001b[31m"'],
    ['Basic realm="open', "the server requests Basic"],
  ];
  for (const [value, challenge] of cases) assertEquals(challengeIn(value), challenge, value);
});

// Signatures of the examples in AWS's documentation of S3 ("Signature Calculations for the
// Authorization Header"), and names of objects that clients encode differently.

import { assertEquals, assertMatch } from "@std/assert";
import { createSigner, EMPTY_SHA256, encodePath, encodeQuery } from "../../../lib/store/s3/sign.ts";
import { sha256 } from "../../helpers/folder.ts";

const SCOPE = {
  credentials: {
    accessKeyId: "AKIAIOSFODNN7EXAMPLE",
    secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
  },
  region: "us-east-1",
  atMs: Date.parse("2013-05-24T00:00:00Z"),
};
const SERVER = "https://examplebucket.s3.amazonaws.com";
const BODY = new TextEncoder().encode("Welcome to Amazon S3.");

const EXAMPLES: readonly (readonly [
  method: string,
  target: string,
  headers: Record<string, string>,
  body: Uint8Array<ArrayBuffer> | null,
  signature: string,
])[] = [
  [
    "GET",
    "/test.txt",
    { range: "bytes=0-9" },
    null,
    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
  ],
  [
    "PUT",
    `/${encodePath("test$file.text")}`,
    { "date": "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class": "REDUCED_REDUNDANCY" },
    BODY,
    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
  ],
  [
    "GET",
    `/${encodeQuery({ lifecycle: "" })}`,
    {},
    null,
    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
  ],
  [
    "GET",
    `/${encodeQuery({ "max-keys": "2", "prefix": "J" })}`,
    {},
    null,
    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
  ],
];

Deno.test("createSigner: the published examples", async () => {
  const sign = createSigner();
  for (const [method, target, headers, body, signature] of EXAMPLES) {
    const bodySha256 = body === null ? EMPTY_SHA256 : await sha256(body);
    const signed = await sign({ method, url: SERVER + target, headers, bodySha256 }, SCOPE);
    assertEquals(signed["authorization"]?.split("Signature=")[1], signature, target);
    assertEquals(signed["x-amz-date"], "20130524T000000Z");
    assertEquals(signed["x-amz-content-sha256"], bodySha256);
  }
});

Deno.test("createSigner: a session token is sent and signed, and every header is", async () => {
  const credentials = { ...SCOPE.credentials, sessionToken: "the token" };
  const headers = { "content-type": "text/csv", "if-match": '"etag"' };
  const request = { method: "PUT", url: `${SERVER}/a`, headers, bodySha256: EMPTY_SHA256 };
  const signed = await createSigner()(request, { ...SCOPE, credentials });
  assertEquals(signed["x-amz-security-token"], "the token");
  assertMatch(
    signed["authorization"] ?? "",
    /SignedHeaders=content-type;host;if-match;x-amz-content-sha256;x-amz-date;x-amz-security-token,/,
  );
});

Deno.test("encodePath: unreserved characters and slashes alone are kept (RFC 3986, 2.3)", () => {
  const table = [
    ["a b", "a%20b"],
    ["a+b", "a%2Bb"],
    ["ü", "%C3%BC"],
    ["100%", "100%25"],
    ["%41", "%2541"],
    ["a//b", "a//b"],
    ["-_.~", "-_.~"],
    ["!'()*", "%21%27%28%29%2A"],
    ["&=?#@:;,$", "%26%3D%3F%23%40%3A%3B%2C%24"],
    ["\u{1f4be}", "%F0%9F%92%BE"],
  ];
  for (const [name = "", encoded] of table) assertEquals(encodePath(name), encoded);
  assertEquals(encodeQuery({ uploads: "", prefix: "a b/+" }), "?uploads=&prefix=a%20b%2F%2B");
  assertEquals(encodeQuery({}), "");
});

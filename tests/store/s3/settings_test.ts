import { assertEquals } from "@std/assert";
import type { BucketLocation } from "../../../lib/core/location.ts";
import { credentialsOf, endpointOf, regionOf, serverOf } from "../../../lib/store/s3/settings.ts";

const location: BucketLocation = {
  kind: "s3",
  bucket: "b",
  prefix: "",
  endpoint: null,
  region: null,
};

function host(env: Record<string, string> = {}) {
  return { env: (name: string) => env[name] };
}

Deno.test("endpointOf, regionOf: the location comes before the environment", () => {
  const env = host({
    AWS_ENDPOINT_URL_S3: "https://s3.example.org",
    AWS_ENDPOINT_URL: "https://all.example.org",
    AWS_REGION: "eu-west-1",
    AWS_DEFAULT_REGION: "eu-west-2",
  });
  const own = { ...location, endpoint: "https://own.example.org", region: "auto" };
  assertEquals([endpointOf(own, env), regionOf(own, env)], ["https://own.example.org", "auto"]);
  assertEquals(endpointOf(location, env), "https://s3.example.org");
  assertEquals(regionOf(location, env), "eu-west-1");
  const less = host({
    AWS_ENDPOINT_URL: "https://all.example.org",
    AWS_DEFAULT_REGION: "eu-west-2",
  });
  assertEquals(endpointOf(location, less), "https://all.example.org");
  assertEquals(regionOf(location, less), "eu-west-2");
});

Deno.test("endpointOf, regionOf: defaults for AWS and for other servers", () => {
  assertEquals([endpointOf(location, host()), regionOf(location, host())], [null, null]);
  assertEquals(endpointOf(location, host({ AWS_ENDPOINT_URL_S3: "" })), null);
  assertEquals(regionOf({ ...location, endpoint: "http://127.0.0.1:9000" }, host()), "us-east-1");
});

Deno.test("serverOf: the URL to grant net access to", () => {
  const table: [Partial<BucketLocation>, Record<string, string>, string | null][] = [
    [{}, {}, null],
    [{ region: "eu-west-1" }, {}, "https://b.s3.eu-west-1.amazonaws.com/"],
    [{ bucket: "b.c" }, { AWS_REGION: "us-east-1" }, "https://s3.us-east-1.amazonaws.com/"],
    [{ region: "cn-north-1" }, {}, "https://b.s3.cn-north-1.amazonaws.com.cn/"],
    [{ endpoint: "http://127.0.0.1:9000" }, {}, "http://127.0.0.1:9000/"],
  ];
  for (const [changes, env, url] of table) {
    assertEquals(serverOf({ ...location, ...changes }, host(env))?.href ?? null, url);
  }
});

Deno.test("credentialsOf: null unless both keys are set", () => {
  assertEquals(credentialsOf(host()), null);
  assertEquals(credentialsOf(host({ AWS_ACCESS_KEY_ID: "id" })), null);
  const keys = { AWS_ACCESS_KEY_ID: "id", AWS_SECRET_ACCESS_KEY: "secret" };
  assertEquals(credentialsOf(host(keys)), { accessKeyId: "id", secretAccessKey: "secret" });
  assertEquals(credentialsOf(host({ ...keys, AWS_SESSION_TOKEN: "token" })), {
    accessKeyId: "id",
    secretAccessKey: "secret",
    sessionToken: "token",
  });
});

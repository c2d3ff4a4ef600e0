import { assertEquals, assertThrows } from "@std/assert";
import { CronfetchError } from "../../../lib/core/errors.ts";
import type { BucketLocation } from "../../../lib/core/location.ts";
import { endpointOf, regionOf, serverIn } from "../../../lib/store/s3/settings.ts";

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

Deno.test("endpointOf, regionOf: null without any setting", () => {
  assertEquals([endpointOf(location, host()), regionOf(location, host())], [null, null]);
  assertEquals(endpointOf(location, host({ AWS_ENDPOINT_URL_S3: "" })), null);
});

Deno.test("endpointOf: a variable that is no plain URL is named, without its value", () => {
  const table: [url: string, fault: string][] = [
    ["s3.example.org", "is no http or https URL"],
    ["ftp://s3.example.org", "is no http or https URL"],
    ["https://id:hunter2@s3.example.org", "has credentials in its URL, which are never read"],
    ["https://s3.example.org/?", "has a query"],
    ["https://s3.example.org/path?key=hunter2", "has a query"],
    ["https://s3.example.org/#hunter2", "has a fragment"],
  ];
  for (const name of ["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]) {
    for (const [url, fault] of table) {
      const { code, message } = assertThrows(
        () => endpointOf(location, host({ [name]: url })),
        CronfetchError,
        `opening the store: ${name} ${fault}`,
      );
      assertEquals([code, message.includes("hunter2")], ["config.invalid", false]);
    }
    assertEquals(endpointOf(location, host({ [name]: "http://s3:90/a/" })), "http://s3:90/a/");
  }
});

Deno.test("serverIn: the bucket in the host name on AWS, in the path elsewhere", () => {
  const table: [region: string, bucket: string, endpoint: string | null, url: string][] = [
    ["eu-west-1", "b", null, "https://b.s3.eu-west-1.amazonaws.com/"],
    ["us-east-1", "b.c", null, "https://s3.us-east-1.amazonaws.com/b.c/"],
    ["cn-north-1", "b", null, "https://b.s3.cn-north-1.amazonaws.com.cn/"],
    ["us-east-1", "b", "http://127.0.0.1:9000", "http://127.0.0.1:9000/b/"],
    ["us-east-1", "b", "HTTPS://Minio.Example:443/s3/", "https://minio.example/s3/b/"],
  ];
  for (const [region, bucket, endpoint, url] of table) {
    assertEquals(serverIn(region, { bucket }, endpoint), url);
  }
});

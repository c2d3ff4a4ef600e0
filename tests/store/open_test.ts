import { assertEquals, assertMatch } from "@std/assert";
import { openStore } from "../../lib/store/open.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { assertCode, put } from "./conformance.ts";

const open = (location: string) => openStore(location, { sync: false }, testHost());

Deno.test("an absolute path is a folder", async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.file("store"));
  assertEquals(store.location, folder.file("store"));
  await put(store, "a", "text");
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { "store/a": "text" });
});

Deno.test("memory: keeps nothing", async () => {
  await using store = await open("memory:");
  assertEquals(store.location, "memory:");
  await put(store, "a", "text");
  await using another = await open("memory:");
  assertEquals(await another.stat("a"), null);
});

for (
  const [location, named] of [
    ["downloads", "a relative path"],
    ["./downloads", "a relative path"],
    ["", "a relative path"],
    ["memory:secret", '"memory:"'],
    ["ftp://user:secret@example.org/", '"ftp:"'],
    ["https://example.org/?token=secret", '"https:"'],
  ] as const
) {
  Deno.test(`${JSON.stringify(location)} is refused, and not repeated`, async () => {
    const { message } = await assertCode("config.invalid", () => open(location));
    assertMatch(message, new RegExp(`^opening the store: .* not ${named}$`));
    assertEquals(message.includes("secret"), false);
  });
}

Deno.test("an endpoint in the environment that is no URL of a server is refused, and not repeated", async () => {
  for (const url of ["localhost:9000", "minio", "file:///secret"]) {
    const host = testHost({ env: { AWS_ENDPOINT_URL_S3: url } });
    const { message } = await assertCode(
      "config.invalid",
      () => openStore("s3://bucket", { sync: false }, host),
    );
    assertEquals(message.includes(url), false);
  }
});

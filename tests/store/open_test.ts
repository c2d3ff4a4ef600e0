import { assertEquals } from "@std/assert";
import { openStore } from "../helpers/open.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { assertCode, put } from "./fixture.ts";

const open = (location: string) => openStore(location, { sync: false }, testHost());

Deno.test("openStore: an absolute path is a folder", async () => {
  await using folder = await temporaryFolder();
  await using store = await open(folder.file("store"));
  assertEquals(store.location, folder.file("store"));
  await put(store, "a", "text");
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), { "store/a": "text" });
});

Deno.test("openStore: memory: persists nothing", async () => {
  await using store = await open("memory:");
  assertEquals(store.location, "memory:");
  await put(store, "a", "text");
  await using another = await open("memory:");
  assertEquals(await another.stat("a"), null);
});

Deno.test("openStore rejects an endpoint variable that is not a URL, without repeating it", async () => {
  for (const url of ["localhost:9000", "minio", "file:///secret"]) {
    const host = testHost({ env: { AWS_ENDPOINT_URL_S3: url } });
    const { message } = await assertCode(
      "config.invalid",
      () => openStore("s3://bucket", { sync: false }, host),
    );
    assertEquals(message.includes(url), false);
  }
});

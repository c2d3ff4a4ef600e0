// A run that is killed during an upload.

import { assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { openStore } from "../helpers/open.ts";
import { testHost } from "../helpers/host.ts";
import { objects, pendingUploads, putObject } from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";

s3Test(
  "versitygw",
  "row 99: a kill during an upload leaves the old file, and no visible object",
  async (server, bucket) => {
    await putObject(server, bucket, "files/large.bin", "old");
    const location = `s3://${bucket}/files?endpoint=${server.endpoint}`;
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        ...["run", "--quiet", "--no-prompt", "--allow-all"],
        fromFileUrl(new URL("killed_run.ts", import.meta.url)),
        location,
      ],
      env: server.env,
      stdin: "null",
      stdout: "piped",
    }).spawn();
    const output = child.stdout.getReader();
    await output.read();
    child.kill("SIGKILL");
    assertEquals((await child.status).signal, "SIGKILL");
    await output.cancel();

    assertEquals(await objects(server, bucket), { "files/large.bin": "old" });
    assertEquals((await pendingUploads(server, bucket)).length, 1);
    const host = testHost({ env: server.env, now: new Date().toISOString() });
    await using store = await openStore(location, { sync: false }, host);
    assertEquals(await store.sweep(), 0, "it might still be alive");
    host.jump(25 * 60 * 60 * 1000);
    assertEquals(await store.sweep(), 1);
    assertEquals(await pendingUploads(server, bucket), []);
    assertEquals(await objects(server, bucket), { "files/large.bin": "old" });
  },
);

// `verify` with a bucket: changed, missing and extra files, and `--fix`.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { main } from "../../lib/cli/main.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";
import {
  deleteObject,
  getObject,
  head,
  objects,
  putInParts,
  putObject,
} from "../helpers/s3_objects.ts";
import { s3Test } from "../helpers/s3_server.ts";

const FILES = { "a.txt": "first\n", "b.txt": "second\n", "c.txt": "third\n" };

for (const kind of ["versitygw", "moto"] as const) {
  s3Test(
    kind,
    "verify reports differences, and --fix makes the next run fetch the files",
    async (server, bucket) => {
      await using files = origin(
        Object.fromEntries(
          Object.entries(FILES).map(([name, body]) => [`/${name}`, { body, etag: '"1"' }]),
        ),
      );
      await using folder = await temporaryFolder();
      await Deno.writeTextFile(
        folder.file("cronfetch.json"),
        JSON.stringify({
          store: `s3://${bucket}/files?endpoint=${server.endpoint}`,
          state: "file:state.json",
          tasks: Object.keys(FILES).map((name) => `${files.origin}/${name}`),
        }),
      );
      const now = new Date().toISOString();
      const command = async (...args: string[]) => {
        const host = testHost({ cwd: folder.path, env: server.env, now });
        return { code: await main(args, host), stdout: host.stdout.text };
      };
      assertEquals((await command("run", "-q")).code, 0);
      assertEquals((await command("verify")).code, 0);

      const { metadata } = await head(server, bucket, "files/a.txt") ?? {};
      // Of the same size, and with the same metadata.
      await putObject(server, bucket, "files/a.txt", "edited", { metadata: { ...metadata } });
      await deleteObject(server, bucket, "files/b.txt");
      await putObject(server, bucket, "files/d.txt", "a stranger's");
      const found = await command("verify", "--fix");
      assertEquals(found.code, 3);
      for (const line of ["edited", "missing", "extra"]) assertStringIncludes(found.stdout, line);

      assertEquals((await command("run", "-q")).code, 0);
      assertEquals(await objects(server, bucket), {
        "files/a.txt": FILES["a.txt"],
        "files/b.txt": FILES["b.txt"],
        "files/c.txt": FILES["c.txt"],
        "files/d.txt": "a stranger's",
      });
      assertEquals((await command("verify", "a.txt", "b.txt", "c.txt")).code, 0);
    },
  );
}

/** A file that is uploaded in parts. */
const LARGE = new Uint8Array(6 * 2 ** 20).fill(0x61);

for (const kind of ["versitygw", "moto"] as const) {
  s3Test(
    kind,
    "row 204: a large object replaced in parts, with its size and metadata, is fetched again",
    async (server, bucket) => {
      await using files = origin({ "/large.bin": { body: LARGE, etag: '"1"' } });
      await using folder = await temporaryFolder();
      await Deno.writeTextFile(
        folder.file("cronfetch.json"),
        JSON.stringify({
          store: `s3://${bucket}/files?endpoint=${server.endpoint}`,
          state: "file:state.json",
          tasks: [`${files.origin}/large.bin`],
        }),
      );
      const now = new Date().toISOString();
      const command = async (...args: string[]) => {
        const host = testHost({ cwd: folder.path, env: server.env, now });
        return { code: await main(args, host), text: host.stderr.text + host.stdout.text };
      };
      const replace = async () => {
        const { metadata } = await head(server, bucket, "files/large.bin") ?? {};
        const edited = LARGE.map(() => 0x62);
        await putInParts(server, bucket, "files/large.bin", edited, { metadata: { ...metadata } });
      };
      assertEquals((await command("run")).code, 0);
      const requests = () => files.hits("/large.bin");
      assertEquals([(await command("run", "large.bin")).code, requests()], [0, 2]);
      await replace();
      assertStringIncludes((await command("run", "large.bin")).text, "updated");
      assertEquals(await getObject(server, bucket, "files/large.bin"), LARGE);

      await replace();
      assertStringIncludes((await command("verify", "--fix")).text, "edited");
      assertStringIncludes((await command("run")).text, "updated");
      assertEquals(await getObject(server, bucket, "files/large.bin"), LARGE);
      assertEquals((await command("verify")).code, 0);
    },
  );
}

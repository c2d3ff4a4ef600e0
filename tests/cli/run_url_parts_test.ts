/** Row 131: partial files that `run URL` keeps for the next call. */

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { rawServer } from "../helpers/raw_server.ts";

/** Sends a part of a body per connection, from the offset that the client requests. */
async function brokenServer(body: Uint8Array<ArrayBuffer>, allowances: readonly number[]) {
  const asked: string[] = [];
  const server = await rawServer(async (connection) => {
    const { headers } = await connection.readRequest();
    const range = headers.get("range") ?? "";
    asked.push(range);
    const start = Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0);
    const lines = [
      start === 0 ? "HTTP/1.1 200 OK" : "HTTP/1.1 206 Partial Content",
      `Content-Length: ${body.length - start}`,
      'ETag: "1"',
      "Accept-Ranges: bytes",
      ...(start === 0 ? [] : [`Content-Range: bytes ${start}-${body.length - 1}/${body.length}`]),
    ];
    await connection.send([...lines, "", ""].join("\r\n"));
    await connection.send(body.subarray(start, start + (allowances[asked.length - 1] ?? Infinity)));
  });
  return {
    asked,
    origin: server.origin,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

const LARGE = new Uint8Array(400_000).map((_, index) => index % 251);

Deno.test("row 131: run URL: resumes the partial file of an earlier call", async () => {
  await using server = await brokenServer(LARGE, [100_000, 150_000]);
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const args = ["run", `${server.origin}/big.bin`, "-o", ".", "--retries", "0"];
  assertEquals(await main(args, host), 4);
  const names = async () => Object.keys(await tree(folder.path)).sort();
  const [companion, suspended, ...others] = await names();
  assertEquals([companion, others], [".cronfetch-parts.json", []]);
  assert(suspended?.startsWith(".cronfetch-suspended-"), suspended);
  assertEquals(await main(args, host), 4);
  assertEquals((await names()).length, 2);
  assertEquals(await main(args, host), 0);
  assertEquals(await names(), ["big.bin"]);
  assertEquals(await Deno.readFile(folder.file("big.bin")), LARGE);
  assertEquals(server.asked, ["", "bytes=100000-", "bytes=250000-"]);
});

Deno.test("row 131: run URL: a stale or damaged partial file is not resumed", async (t) => {
  const table: [name: string, damage: (folder: string, names: string[]) => Promise<void>][] = [
    ["the draft is gone", (folder, [, draft]) => Deno.remove(join(folder, draft ?? ""))],
    [
      "the draft is shorter",
      (folder, [, draft]) => Deno.truncate(join(folder, draft ?? ""), 70_000),
    ],
    ["the companion is gone", (folder, [companion]) => Deno.remove(join(folder, companion ?? ""))],
    [
      "the companion is no JSON",
      (folder, [companion]) => Deno.writeTextFile(join(folder, companion ?? ""), "{"),
    ],
    [
      "the companion names another file",
      async (folder, [companion, draft]) => {
        const path = join(folder, companion ?? "");
        const text = await Deno.readTextFile(path);
        await Deno.writeTextFile(path, text.replace(draft ?? "", "../../etc/passwd"));
      },
    ],
    [
      "the part is of another URL",
      async (folder, [companion]) => {
        const path = join(folder, companion ?? "");
        await Deno.writeTextFile(path, (await Deno.readTextFile(path)).replace("/big", "/bag"));
      },
    ],
  ];
  for (const [name, damage] of table) {
    await t.step(name, async () => {
      await using server = await brokenServer(LARGE, [100_000]);
      await using folder = await temporaryFolder();
      const host = testHost({ cwd: folder.path });
      const args = ["run", `${server.origin}/big.bin`, "-o", ".", "--retries", "0"];
      assertEquals(await main(args, host), 4);
      await damage(folder.path, Object.keys(await tree(folder.path)).sort());
      assertEquals(await main(args, host), 0);
      assertEquals(await Deno.readFile(folder.file("big.bin")), LARGE);
      assertEquals(server.asked, ["", ""]);
    });
  }
});

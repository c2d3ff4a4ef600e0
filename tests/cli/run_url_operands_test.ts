import { assertEquals, assertMatch } from "@std/assert";
import { main } from "../helpers/command_line.ts";
import { temporaryFolder, tree } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { origin } from "../helpers/origin.ts";

Deno.test("run URL -o: an existing file is replaced, whatever its name", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  for (const output of ["data", "sub/v1.2", ".hidden"]) {
    await Deno.mkdir(folder.file("sub"), { recursive: true });
    await Deno.writeTextFile(folder.file(output), "old\n");
    assertEquals(await main(["run", `${server.origin}/a.txt`, "-o", output], host), 0);
    assertEquals((await tree(folder.path))[output], "first\n");
  }
});

Deno.test("run URL -o: a missing folder is created", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const urls = [`${server.origin}/a.txt`, `${server.origin}/b.txt`];
  assertEquals(await main(["run", ...urls, "-o", "new/deep"], host), 0);
  const files = { "new/deep/a.txt": "first\n", "new/deep/b.txt": "second\n" };
  assertEquals(await tree(folder.path), files);
});

Deno.test("run -o: a file in place of the folder is a usage error", async () => {
  await using server = origin({ "/a.txt": "first\n", "/b.txt": "second\n" });
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("data"), "old\n");
  await Deno.writeTextFile(folder.file("list.txt"), `${server.origin}/a.txt\n`);
  const urls = [`${server.origin}/a.txt`, `${server.origin}/b.txt`];
  const table: readonly (readonly [args: readonly string[], message: RegExp])[] = [
    [[...urls, "-o", "data"], /--output "data" is not a folder: ".*\/data" is a file\n$/],
    [[...urls.slice(1), "-o", "data/"], /--output "data\/" is not a folder/],
    [[...urls, "-o", "data/sub"], /"data\/sub" is not a folder: ".*\/data" is a file\n$/],
    [[...urls.slice(1), "-o", "data/b.csv"], /"data\/?" is not a folder: ".*\/data" is a file\n$/],
    [["-c", "list.txt", "-o", "data"], /--output "data" is not a folder/],
    [[...urls.slice(1), "-o", "/dev/null"], /"\/dev\/null" is a device/],
    [[...urls, "-o", "/dev/null"], /"\/dev\/null" is a device/],
  ];
  for (const [args, message] of table) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(["run", ...args], host), 2, args.join(" "));
    assertMatch(host.stderr.text, message);
  }
  assertEquals(server.hits(), 0);
  assertEquals(await Deno.readTextFile(folder.file("data")), "old\n");
});

Deno.test("run URL: a repeated URL is one task", async () => {
  await using server = origin({ "/a.txt": "first\n" });
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const url = `${server.origin}/a.txt`;
  assertEquals(await main(["run", url, url, "-o", "."], host), 0);
  assertEquals([await tree(folder.path), server.hits()], [{ "a.txt": "first\n" }, 1]);
});

Deno.test("run URL: two URLs with one name are refused, with the way out", async () => {
  await using folder = await temporaryFolder();
  const host = testHost({ cwd: folder.path });
  const urls = ["http://127.0.0.1:1/a/x.csv", "http://127.0.0.1:1/b/x.csv"];
  assertEquals(await main(["run", ...urls], host), 2);
  assertMatch(host.stderr.text, /argument 2: writes the same file as argument 1, "x\.csv"/);
  assertMatch(host.stderr.text, /\nhint: cronfetch init URL… writes a config/);
});

Deno.test("run URL: a missing scheme is named, where there is no config", async () => {
  await using folder = await temporaryFolder();
  const shown: readonly (readonly [operand: string, isUrl: boolean])[] = [
    ["www.irs.gov/pub/f1040.pdf", true],
    ["localhost/a.csv", true],
    ["127.0.0.1:8080/a.csv", true],
    ["example.org:8080/", true],
    ["example.org?x=1", true],
    ["rates.csv", false],
    ["data/rates.csv", false],
  ];
  for (const [operand, isUrl] of shown) {
    const host = testHost({ cwd: folder.path });
    assertEquals(await main(["run", operand], host), 2);
    const hint = `\nhint: a URL needs its scheme: "https://${operand}"\n`;
    assertEquals(host.stderr.text.endsWith(hint), isUrl, host.stderr.text);
  }
});

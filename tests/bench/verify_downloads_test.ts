import { assertEquals, assertThrows } from "@std/assert";
import { writeContent } from "../../bench/content.ts";
import { firstDifference, verifyDownloads } from "../../bench/verify_downloads.ts";
import { temporaryFolder } from "../helpers/folder.ts";

/** Not a multiple of four, and more than one block of `verifyDownloads` and `writeContent`. */
const SIZE_BYTES = 4 * 2 ** 20 + 4099;

/** Faults applied to a correct copy. */
const FAULTS: readonly {
  readonly name: string;
  readonly spoil: (folder: string) => void;
  readonly message: string;
}[] = [
  {
    name: "one wrong byte",
    spoil: (folder) => flip(`${folder}/1.bin`, 4 * 2 ** 20 + 4098),
    message: "1.bin differs at byte 4198402",
  },
  {
    name: "a wrong first byte",
    spoil: (folder) => flip(`${folder}/0.bin`, 0),
    message: "0.bin differs at byte 0",
  },
  {
    name: "a truncated file",
    spoil: (folder) => Deno.truncateSync(`${folder}/1.bin`, 1000),
    message: "1.bin differs at byte 1000",
  },
  {
    name: "a longer file",
    spoil: (folder) => Deno.writeTextFileSync(`${folder}/1.bin`, "!", { append: true }),
    message: `1.bin differs at byte ${SIZE_BYTES}`,
  },
  {
    name: "a missing file",
    spoil: (folder) => Deno.removeSync(`${folder}/1.bin`),
    message: "1.bin is missing",
  },
  {
    name: "an unexpected file",
    spoil: (folder) => Deno.writeTextFileSync(`${folder}/1.bin.part`, ""),
    message: "1.bin.part is unexpected",
  },
  {
    name: "two swapped files",
    spoil: (folder) => {
      Deno.renameSync(`${folder}/0.bin`, `${folder}/2.bin`);
      Deno.renameSync(`${folder}/1.bin`, `${folder}/0.bin`);
      Deno.renameSync(`${folder}/2.bin`, `${folder}/1.bin`);
    },
    message: "0.bin differs at byte 3",
  },
];

function flip(path: string, offset: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[offset] = ~(bytes[offset] ?? 0);
  Deno.writeFileSync(path, bytes);
}

Deno.test("verifyDownloads: a correct copy has every byte", async () => {
  await using folder = await temporaryFolder();
  const names = writeContent(folder.file("served"), 2, SIZE_BYTES);
  writeContent(folder.file("downloaded"), 2, SIZE_BYTES);
  assertEquals(names, ["0.bin", "1.bin"]);
  assertEquals(verifyDownloads(folder.file("served"), folder.file("downloaded")), {
    files: 2,
    bytes: 2 * SIZE_BYTES,
  });
});

for (const { name, spoil, message } of FAULTS) {
  Deno.test(`verifyDownloads: detects ${name}`, async () => {
    await using folder = await temporaryFolder();
    for (const copy of ["served", "downloaded"]) writeContent(folder.file(copy), 2, SIZE_BYTES);
    spoil(folder.file("downloaded"));
    assertThrows(
      () => verifyDownloads(folder.file("served"), folder.file("downloaded")),
      Error,
      message,
    );
  });
}

Deno.test("writeContent: the blocks of a large file differ", async () => {
  await using folder = await temporaryFolder();
  writeContent(folder.path, 1, 3 * 4 * 2 ** 20);
  const bytes = await Deno.readFile(folder.file("0.bin"));
  const block = 4 * 2 ** 20;
  const first = firstDifference(bytes.slice(0, block), bytes.slice(block, 2 * block));
  assertEquals(first === null, false);
});

Deno.test("firstDifference: at every offset", () => {
  const bytes = new Uint8Array(13).fill(7);
  assertEquals(firstDifference(bytes, bytes.slice()), null);
  for (let at = 0; at < bytes.length; at++) {
    const other = bytes.slice();
    other[at] = 8;
    assertEquals(firstDifference(bytes, other), at);
    assertEquals(firstDifference(bytes.subarray(1), other.subarray(1)), at === 0 ? null : at - 1);
  }
  assertEquals(firstDifference(bytes, bytes.subarray(0, 9)), 9);
});

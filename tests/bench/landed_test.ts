import { assertEquals, assertThrows } from "@std/assert";
import { writeContent } from "../../bench/content.ts";
import { checkLanded, firstDifference } from "../../bench/landed.ts";
import { temporaryFolder } from "../helpers/folder.ts";

/** Not a multiple of four, and more than one block of the check and of what is written. */
const SIZE_BYTES = 4 * 2 ** 20 + 4099;

/** What may be wrong with what landed, done to a good copy. */
const FAULTS: readonly {
  readonly name: string;
  readonly spoil: (folder: string) => void;
  readonly said: string;
}[] = [
  {
    name: "one wrong byte",
    spoil: (folder) => flip(`${folder}/1.bin`, 4 * 2 ** 20 + 4098),
    said: "1.bin differs at byte 4198402",
  },
  {
    name: "a wrong first byte",
    spoil: (folder) => flip(`${folder}/0.bin`, 0),
    said: "0.bin differs at byte 0",
  },
  {
    name: "a file cut off",
    spoil: (folder) => Deno.truncateSync(`${folder}/1.bin`, 1000),
    said: "1.bin differs at byte 1000",
  },
  {
    name: "a file that goes on",
    spoil: (folder) => Deno.writeTextFileSync(`${folder}/1.bin`, "!", { append: true }),
    said: `1.bin differs at byte ${SIZE_BYTES}`,
  },
  {
    name: "a file missing",
    spoil: (folder) => Deno.removeSync(`${folder}/1.bin`),
    said: "1.bin did not land",
  },
  {
    name: "a file left over",
    spoil: (folder) => Deno.writeTextFileSync(`${folder}/1.bin.part`, ""),
    said: "1.bin.part should not be there",
  },
  {
    name: "two files for each other",
    spoil: (folder) => {
      Deno.renameSync(`${folder}/0.bin`, `${folder}/2.bin`);
      Deno.renameSync(`${folder}/1.bin`, `${folder}/0.bin`);
      Deno.renameSync(`${folder}/2.bin`, `${folder}/1.bin`);
    },
    said: "0.bin differs at byte 3",
  },
];

function flip(path: string, offset: number): void {
  const bytes = Deno.readFileSync(path);
  bytes[offset] = ~(bytes[offset] ?? 0);
  Deno.writeFileSync(path, bytes);
}

Deno.test("a good copy has every byte", async () => {
  await using folder = await temporaryFolder();
  const names = writeContent(folder.file("served"), 2, SIZE_BYTES);
  writeContent(folder.file("landed"), 2, SIZE_BYTES);
  assertEquals(names, ["0.bin", "1.bin"]);
  assertEquals(checkLanded(folder.file("served"), folder.file("landed")), {
    files: 2,
    bytes: 2 * SIZE_BYTES,
  });
});

for (const { name, spoil, said } of FAULTS) {
  Deno.test(`the check sees ${name}`, async () => {
    await using folder = await temporaryFolder();
    for (const copy of ["served", "landed"]) writeContent(folder.file(copy), 2, SIZE_BYTES);
    spoil(folder.file("landed"));
    assertThrows(() => checkLanded(folder.file("served"), folder.file("landed")), Error, said);
  });
}

Deno.test("a large file does not repeat itself", async () => {
  await using folder = await temporaryFolder();
  writeContent(folder.path, 1, 3 * 4 * 2 ** 20);
  const bytes = await Deno.readFile(folder.file("0.bin"));
  const block = 4 * 2 ** 20;
  const first = firstDifference(bytes.slice(0, block), bytes.slice(block, 2 * block));
  assertEquals(first === null, false);
});

Deno.test("a difference is found at every place", () => {
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

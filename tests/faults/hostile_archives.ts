/** Archives that no honest program writes, and whether each is refused. */

import { deflateRawSync, gzipSync, zstdCompressSync } from "node:zlib";
import {
  type Bytes,
  bytesOf,
  joined,
  pax,
  tar,
  type TarMember,
  zip,
  type ZipMember,
  type ZipOptions,
} from "../helpers/archives.ts";

/** A hostile archive. */
export interface HostileArchive {
  readonly name: string;
  readonly bytes: Bytes;
  /** Keys of the published members; null if the archive is refused. */
  readonly published: readonly string[] | null;
}

const GOOD = { name: "good.txt", body: "good\n" } as const;

const gzip = (bytes: Bytes): Bytes => new Uint8Array(gzipSync(bytes));
const zstd = (bytes: Bytes): Bytes => new Uint8Array(zstdCompressSync(bytes));

function refused(name: string, bytes: Bytes): HostileArchive {
  return { name, bytes, published: null };
}

/** A refused ZIP archive with an honest member before the others. */
function badZip(
  name: string,
  members: readonly ZipMember[],
  options?: ZipOptions,
): HostileArchive {
  return refused(`zip: ${name}`, zip([GOOD, ...members], options));
}

/** A refused tar archive with an honest member before the others. */
function badTar(name: string, members: readonly TarMember[], end?: number): HostileArchive {
  return refused(`tar: ${name}`, tar([GOOD, ...members], end));
}

const x = (name: string) => ({ name, body: "x" });

/** Names that lead out of the folder, or are no names. */
const UNSAFE: readonly (readonly [name: string, path: string])[] = [
  ["a parent path", "../evil.txt"],
  ["a parent path within", "a/../../evil.txt"],
  ["a parent path that stays inside", "a/../evil.txt"],
  ["a parent path with backslashes", "..\\..\\evil.txt"],
  ["a parent path in both ways", "a\\../..\\evil.txt"],
  ["an absolute path", "/etc/evil.txt"],
  ["a path of a network share", "\\\\server\\share\\evil.txt"],
  ["a drive letter", "C:\\evil.txt"],
  ["a drive letter with a slash", "c:/evil.txt"],
  ["a control character", "a\u0007b.txt"],
  ["a line feed", "a\nb.txt"],
  ["a name of dots", "a/.../b.txt"],
  ["a path of 2,000 bytes", `${"d/".repeat(1_000)}evil.txt`],
];

/** Members of which two are one file on some system. */
const CLASHES: readonly (readonly [name: string, one: string, other: string])[] = [
  ["the same name twice", "a.txt", "a.txt"],
  ["names that differ in case", "a.txt", "A.TXT"],
  ["names that differ in normalization", "\u00fc.txt", "u\u0308.txt"],
  ["names that are the same once they are safe", "a:.txt", "a?.txt"],
  ["names that differ in empty segments", "a//b.txt", "a/./b.txt"],
  ["a file and a folder of its name", "a", "a/b.txt"],
  ["a folder and a file of its name", "a/b.txt", "A"],
];

/** Zeros that expand 1,000 times. */
const BOMB_BYTES = 60_000_000;
const zeros = new Uint8Array(BOMB_BYTES);
const deflated = new Uint8Array(deflateRawSync(zeros));

/** Members whose data is one piece of the archive. */
function overlapping(): Bytes {
  const members = Array.from({ length: 50 }, (_, at) => {
    const offset = at === 0
      ? {}
      : { offset: 0, data: new Uint8Array(0), compressedSize: 5, size: 3 };
    return { name: `${at}.txt`, body: "abc", ...offset };
  });
  return zip(members);
}

/** A ZIP64 extra field with sizes, and a member that refers to it. */
function zip64(sizes: readonly bigint[]): ZipMember {
  const extra = new Uint8Array(4 + 8 * sizes.length);
  const view = new DataView(extra.buffer);
  view.setUint16(0, 1, true);
  view.setUint16(2, 8 * sizes.length, true);
  for (const [at, size] of sizes.entries()) view.setBigUint64(4 + 8 * at, size, true);
  return { ...x("big.bin"), size: 0xffffffff, compressedSize: 0xffffffff, extra };
}

function changedAt(bytes: Bytes, at: number): Bytes {
  const changed = bytes.slice();
  changed[at] = (changed[at] ?? 0) ^ 0xff;
  return changed;
}

const STORED = zip([{ name: "a.txt", body: "stored bytes", method: 0 }]);

/** Every archive of the corpus. */
export const HOSTILE_ARCHIVES: readonly HostileArchive[] = [
  ...UNSAFE.flatMap(([name, path]) => [
    badZip(name, [x(path)]),
    path.length > 100 ? badTar(name, [pax({ path }), x("cut")]) : badTar(name, [x(path)]),
  ]),
  ...CLASHES.flatMap(([name, one, other]) => [
    badZip(name, [x(one), x(other)]),
    badTar(name, [x(one), x(other)]),
  ]),
  // Links and devices.
  badZip("a symbolic link", [{ name: "link", body: "/etc/passwd", mode: 0o120777 }]),
  badZip("a device", [{ ...x("device"), mode: 0o020666 }]),
  badZip("a named pipe", [{ ...x("pipe"), mode: 0o010666 }]),
  badZip("a file through a link", [
    { name: "link", body: "/tmp", mode: 0o120777 },
    x("link/evil.txt"),
  ]),
  badTar("a symbolic link", [{ name: "link", type: "2", link: "/etc/passwd" }]),
  badTar("a hard link", [{ name: "link", type: "1", link: "good.txt" }]),
  badTar("a character device", [{ name: "null", type: "3" }]),
  badTar("a block device", [{ name: "disk", type: "4" }]),
  badTar("a named pipe", [{ name: "pipe", type: "6" }]),
  badTar("a sparse file of GNU", [{ ...x("sparse"), type: "S" }]),
  badTar("a sparse file of pax", [pax({ "GNU.sparse.major": "1" }), x("sparse")]),
  badTar("a part of a file", [{ ...x("part"), type: "M" }]),
  badTar("an unknown type", [{ ...x("what"), type: "Z" }]),
  // Bombs.
  badZip("a bomb", [{ name: "bomb", body: zeros, data: deflated }]),
  badZip("a bomb that announces a small size", [{ name: "bomb", body: "x", data: deflated }]),
  badZip(
    "many bombs",
    Array.from({ length: 9 }, (_, at) => {
      return { name: `${at}`, body: zeros.subarray(0, 20_000_000) };
    }),
  ),
  refused("zip: overlapping members", overlapping()),
  refused("gz: a bomb", gzip(zeros)),
  refused("zst: a bomb", zstd(zeros)),
  refused("tar.gz: a bomb", gzip(tar([{ name: "bomb", body: zeros }]))),
  badZip(
    "10,001 members",
    Array.from({ length: 10_000 }, (_, at) => ({ name: `${at}`, method: 0 })),
  ),
  badTar("10,001 members", Array.from({ length: 10_000 }, (_, at) => ({ name: `${at}` }))),
  // Lies.
  badZip("a wrong checksum", [{ ...x("a.txt"), crc: 1 }]),
  badZip("a larger size", [{ ...x("a.txt"), size: 9 }]),
  badZip("a smaller size", [{ name: "a.txt", body: "abcdef", size: 3 }]),
  badZip("a size beyond the end", [{ ...x("a.txt"), compressedSize: 1_000_000 }]),
  badZip("a position beyond the end", [{ ...x("a.txt"), offset: 1_000_000 }]),
  badZip("a position within another member", [{ ...x("a.txt"), offset: 9 }]),
  badZip("sizes of 2^62 bytes", [zip64([2n ** 62n, 2n ** 62n])]),
  badZip("a field of ZIP64 that is cut", [zip64([1n])]),
  badZip("a method that is unknown", [{ ...x("a.txt"), method: 99 }]),
  badZip("an encrypted member", [{ ...x("a.txt"), flags: 0x801 }]),
  badZip("65,535 members announced", [], { count: 65_535 }),
  refused("zip: data that is damaged", changedAt(STORED, 40)),
  refused("zip: no directory", STORED.slice(0, 50)),
  refused("zip: no end", STORED.slice(0, -10)),
  refused("zip: no members", zip([])),
  refused("zip: only folders", zip([{ name: "a/" }])),
  badTar("a wrong checksum", [{ ...x("a.txt"), checksum: 7 }]),
  badTar("a size that is no number", [{ ...x("a.txt"), size: "9x9" }]),
  badTar("a size beyond the end", [{ ...x("a.txt"), size: "77777777777\0" }]),
  badTar("a size of 2^90 bytes", [{ ...x("a.txt"), size: `\u007f${"\u007f".repeat(11)}` }]),
  badTar("a size of pax that is damaged", [pax({ size: "-1" }), x("a.txt")]),
  badTar("an extended header without an end", [
    { name: "pax", type: "x", body: "99 path=a\n" },
    x("a"),
  ]),
  badTar("an extended header of 2 MiB", [
    { name: "pax", type: "x", body: new Uint8Array(2 * 1024 * 1024) },
    x("a"),
  ]),
  badTar("a NUL in a path of pax", [pax({ path: "a\0b" }), x("a")]),
  badTar("a name that is no text", [{ name: new Uint8Array([0x61, 0xff, 0x62]), body: "x" }]),
  badTar("no end", [x("a.txt")], 0),
  refused(
    "tar: cut in a member",
    tar([GOOD, { name: "a", body: "x".repeat(2_000) }]).slice(0, 1_600),
  ),
  refused("tar.gz: a cut stream", gzip(tar([GOOD])).slice(0, -9)),
  refused("tar.gz: a wrong checksum", changedAt(gzip(tar([GOOD])), gzip(tar([GOOD])).length - 6)),
  refused("tar.gz: bytes behind the end", joined([gzip(tar([GOOD])), bytesOf("evil")])),
  refused("tar.zst: a cut stream", zstd(tar([GOOD])).slice(0, -3)),
  refused("a text", bytesOf("no archive at all\n")),
  refused("7z", bytesOf("7z\u00bc\u00af'\u001c")),
  // Harmless: what follows from the rules for names.
  {
    name: "zip: names of devices, of git and of cronfetch",
    bytes: zip([x("con.txt"), x("a/NUL"), x(".git/config"), x(".cronfetch-x"), x(".env")]),
    published: ["con_.txt", "a/NUL_", "git/config", "cronfetch-x", "env"],
  },
  {
    name: "zip: another name in the local header",
    bytes: zip([{ ...x("a.txt"), localName: "../evi" }]),
    published: ["a.txt"],
  },
  {
    name: "zip: another position of the directory in its end",
    bytes: zip([GOOD], { directoryOffset: 3 }),
    published: ["good.txt"],
  },
  {
    name: "zip: other bytes behind the end",
    bytes: joined([STORED, STORED.slice(0, 45)]),
    published: ["a.txt"],
  },
  {
    name: "zip: an archive within",
    bytes: zip([{ name: "inner.zip", body: zip([x("../evil.txt")]) }]),
    published: ["inner.zip"],
  },
  {
    name: "tar: a second archive behind the end",
    bytes: joined([tar([GOOD]), tar([x("../evil.txt")])]),
    published: ["good.txt"],
  },
  {
    name: "tar: folders with unsafe names",
    bytes: tar([GOOD, { name: "../../evil/", type: "5" }, { name: "/", type: "5" }]),
    published: ["good.txt"],
  },
];

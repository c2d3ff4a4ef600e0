/** Writers of archives, also of those that no program writes. */

import { Buffer } from "node:buffer";
import { crc32, deflateRawSync } from "node:zlib";

/** Bytes of an archive. */
export type Bytes = Uint8Array<ArrayBuffer>;

const encoder = new TextEncoder();

/** A member of a ZIP archive; the fields after `body` override what follows from it. */
export interface ZipMember {
  readonly name: string | Bytes;
  readonly body?: string | Bytes;
  /** Stored bytes. Default: `body`, compressed by deflate. */
  readonly data?: Bytes;
  readonly method?: number;
  readonly flags?: number;
  readonly crc?: number;
  /** Size without compression. */
  readonly size?: number;
  readonly compressedSize?: number;
  /** Upper half of the attributes, as of Unix. */
  readonly mode?: number;
  /** Name in the local header. */
  readonly localName?: string;
  /** Position of its local header in the directory. */
  readonly offset?: number;
  readonly extra?: Bytes;
}

/** Options of {@linkcode zip}. */
export interface ZipOptions {
  /** Bytes before the archive. */
  readonly before?: string;
  /** Bytes after it. */
  readonly after?: string;
  readonly comment?: string;
  /** Number of members in the end record. */
  readonly count?: number;
  /** Position of the directory in the end record. */
  readonly directoryOffset?: number;
}

/** Writes a ZIP archive. */
export function zip(members: readonly ZipMember[], options: ZipOptions = {}): Bytes {
  const parts: Bytes[] = [bytesOf(options.before ?? "")];
  const directory: Bytes[] = [];
  let position = parts[0]?.length ?? 0;
  for (const member of members) {
    const { method = 8, flags = 0x800, extra = new Uint8Array(0) } = member;
    const body = bytesOf(member.body ?? "");
    const data = member.data ?? (method === 8 ? new Uint8Array(deflateRawSync(body)) : body);
    const name = bytesOf(member.name);
    const localName = bytesOf(member.localName ?? member.name);
    const sizes = [
      member.crc ?? crc32(body),
      member.compressedSize ?? data.length,
      member.size ?? body.length,
    ];
    const local = record(
      [0x04034b50, 4],
      [20, 2],
      [flags, 2],
      [method, 2],
      [0, 2],
      [0x5a21, 2],
      [
        sizes[0] ?? 0,
        4,
      ],
      [sizes[1] ?? 0, 4],
      [sizes[2] ?? 0, 4],
      [localName.length, 2],
      [0, 2],
    );
    directory.push(
      record(
        [0x02014b50, 4],
        [member.mode === undefined ? 20 : 3 << 8 | 20, 2],
        [20, 2],
        [flags, 2],
        [method, 2],
        [0, 2],
        [0x5a21, 2],
        [sizes[0] ?? 0, 4],
        [sizes[1] ?? 0, 4],
        [sizes[2] ?? 0, 4],
        [name.length, 2],
        [extra.length, 2],
        [0, 2],
        [0, 2],
        [0, 2],
        [((member.mode ?? 0) << 16) >>> 0, 4],
        [member.offset ?? position, 4],
      ),
      name,
      extra,
    );
    parts.push(local, localName, data);
    position += local.length + localName.length + data.length;
  }
  const list = joined(directory);
  const comment = bytesOf(options.comment ?? "");
  const count = options.count ?? members.length;
  const end = record([0x06054b50, 4], [0, 2], [0, 2], [count, 2], [count, 2], [list.length, 4], [
    options.directoryOffset ?? position,
    4,
  ], [comment.length, 2]);
  return joined([...parts, list, end, comment, bytesOf(options.after ?? "")]);
}

/** A member of a tar archive; the fields after `body` override what follows from it. */
export interface TarMember {
  readonly name: string | Bytes;
  readonly body?: string | Bytes;
  /** Default: `0`, a file. */
  readonly type?: string;
  readonly link?: string;
  /** Text of the field. */
  readonly size?: string;
  readonly checksum?: number;
  /** Default: `ustar` of POSIX. */
  readonly magic?: string;
  readonly prefix?: string;
}

/** Writes a tar archive. */
export function tar(members: readonly TarMember[], end: number = 1024): Bytes {
  const parts: Bytes[] = [];
  for (const member of members) {
    const body = bytesOf(member.body ?? "");
    const block = new Uint8Array(512);
    const put = (text: string | Bytes, at: number) => block.set(bytesOf(text), at);
    put(bytesOf(member.name).slice(0, 100), 0);
    put("0000644\0", 100);
    put("0000000\0", 108);
    put("0000000\0", 116);
    put(member.size ?? `${body.length.toString(8).padStart(11, "0")}\0`, 124);
    put("15000000000\0", 136);
    put("        ", 148);
    put(member.type ?? "0", 156);
    put(member.link ?? "", 157);
    put(member.magic ?? "ustar\x0000", 257);
    put(member.prefix ?? "", 345);
    const sum = member.checksum ?? block.reduce((total, byte) => total + byte, 0);
    put(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
    parts.push(block, body, new Uint8Array(-body.length & 511));
  }
  return joined([...parts, new Uint8Array(end)]);
}

/** An extended header of POSIX, for the member after it. */
export function pax(values: Readonly<Record<string, string>>, type: "x" | "g" = "x"): TarMember {
  const body = Object.entries(values).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    let length = encoder.encode(rest).length;
    while (length !== encoder.encode(`${length}${rest}`).length) length++;
    return `${length}${rest}`;
  }).join("");
  return { name: "pax", type, body };
}

/** Bytes as they are, text in UTF-8. */
export function bytesOf(content: string | Bytes): Bytes {
  return typeof content === "string" ? encoder.encode(content) : content;
}

/** Joins bytes. */
export function joined(parts: readonly Bytes[]): Bytes {
  return new Uint8Array(Buffer.concat(parts));
}

/** Numbers in little endian, each with its size in bytes. */
function record(...fields: readonly (readonly [value: number, bytes: number])[]): Bytes {
  const bytes: number[] = [];
  for (const [value, size] of fields) {
    for (let at = 0; at < size; at++) bytes.push(Math.floor(value / 256 ** at) & 0xff);
  }
  return new Uint8Array(bytes);
}

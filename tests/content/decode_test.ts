import { assert, assertEquals, assertRejects } from "@std/assert";
import { constants, gunzipSync, zstdCompressSync } from "node:zlib";
import { codingsToRemove, isEncoded } from "../../lib/content/coding.ts";
import { FREE_BYTES, LARGEST_RATIO } from "../../lib/content/decode.ts";
import { CronfetchError } from "../../lib/core/errors.ts";
import {
  bodyOf,
  type Bytes,
  CODINGS,
  decodeAll,
  decodeChanged,
  ENCODERS,
  join,
  sample,
} from "./encoded_samples.ts";

const WHOLE = sample(5_000);

for (const coding of CODINGS) {
  Deno.test(`decodedBody: ${coding} in pieces of any size`, async () => {
    const encoded = ENCODERS[coding](WHOLE);
    for (const pieceBytes of [1, 7, 1_000, 1_000_000]) {
      const decoded = await decodeAll([coding], bodyOf(encoded, pieceBytes), encoded.length);
      assertEquals(decoded, WHOLE, `pieces of ${pieceBytes}`);
    }
    const empty = await decodeAll([coding], bodyOf(ENCODERS[coding](new Uint8Array(0)), 3));
    assertEquals(empty.length, 0);
  });

  Deno.test(`decodedBody: ${coding} that ends at any byte is refused`, async () => {
    const encoded = ENCODERS[coding](sample(40));
    for (let end = 0; end < encoded.length; end++) {
      const cut = encoded.slice(0, end);
      const error = await assertRejects(
        () => decodeAll([coding], bodyOf(cut, 50)),
        CronfetchError,
        undefined,
        `${end} of ${encoded.length} bytes`,
      );
      assertEquals([error.code, error.retry], ["content.coding", "later"]);
    }
  });

  Deno.test(`decodedBody: an error of the body is reported, not what ${coding} makes of it`, async () => {
    const encoded = ENCODERS[coding](WHOLE).slice(0, -10);
    const failure = new CronfetchError("net.reset", "the connection was reset");
    const body = bodyOf(encoded, 1_000, failure);
    assertEquals(await assertRejects(() => decodeAll([coding], body)), failure);
    assertEquals(body.cancels, 1);
    const short = bodyOf(encoded, 1_000);
    const error = await assertRejects(
      () => decodeAll([coding], short, encoded.length + 10),
      CronfetchError,
    );
    assertEquals(error.code, "body.truncated");
  });

  Deno.test(`decodedBody: a bomb in ${coding} is refused`, async () => {
    const zeros = new Uint8Array(2 * FREE_BYTES);
    const encoded = ENCODERS[coding](zeros);
    assert(encoded.length * LARGEST_RATIO < FREE_BYTES, "the sample is a bomb");
    const body = bodyOf(encoded, 1_000);
    const error = await assertRejects(() => decodeAll([coding], body), CronfetchError);
    assertEquals([error.code, error.retry, body.cancels], ["content.coding", "never", 1]);
  });
}

Deno.test("decodedBody: a small file may expand by any factor", async () => {
  const zeros = new Uint8Array(FREE_BYTES);
  const decoded = await decodeAll(["gzip"], bodyOf(ENCODERS.gzip(zeros), 1_000));
  assertEquals(decoded.length, FREE_BYTES);
});

Deno.test("decodedBody: changed streams are decoded correctly or refused", async () => {
  for (const coding of CODINGS) await decodeChanged(coding, { rounds: 300, seed: 20_261_127 });
});

Deno.test("decodedBody: members and frames are joined; other bytes behind them are refused", async () => {
  const [one, two] = [sample(10), sample(20, 2)];
  const both = join(one, two);
  const gzips = join(ENCODERS.gzip(one), ENCODERS.gzip(two));
  assertEquals(await decodeAll(["gzip"], bodyOf(gzips, 9)), both);
  assertEquals(await decodeAll(["gzip"], bodyOf(join(gzips, new Uint8Array(700)), 9)), both);
  assertEquals(new Uint8Array(gunzipSync(gzips)), both);
  const skippable = Uint8Array.of(0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3);
  const frames = join(ENCODERS.zstd(one), skippable, ENCODERS.zstd(two));
  assertEquals(await decodeAll(["zstd"], bodyOf(frames, 9)), both);
  for (const coding of CODINGS) {
    const followed = join(ENCODERS[coding](one), Uint8Array.of(1));
    const error = await assertRejects(
      () => decodeAll([coding], bodyOf(followed, 9)),
      CronfetchError,
      undefined,
      coding,
    );
    assertEquals(error.code, "content.coding", coding);
  }
});

Deno.test("decodedBody: zstd frames of every small size, with a checksum and without", async () => {
  for (const checksum of [0, 1]) {
    const params = { [constants.ZSTD_c_checksumFlag]: checksum };
    for (let size = 0; size < 40; size++) {
      // Some are stored, some are runs of one byte.
      for (const fill of [(at: number) => at * 37, () => 97]) {
        const bytes = Uint8Array.from({ length: size }, (_, at) => fill(at));
        const frame = new Uint8Array(zstdCompressSync(bytes, { params }));
        assertEquals(await decodeAll(["zstd"], bodyOf(frame, 7)), bytes, `${size} bytes`);
      }
    }
  }
});

Deno.test("decodedBody: only zeros may follow a gzip, in pieces of any size", async () => {
  const one = sample(10);
  const gzip = ENCODERS.gzip(one);
  const zeros = new Uint8Array(700);
  for (const pieceBytes of [1, 7, 100, 10_000]) {
    assertEquals(await decodeAll(["gzip"], bodyOf(join(gzip, zeros), pieceBytes)), one);
    for (const end of [gzip, Uint8Array.of(1), Uint8Array.of(0x1f)]) {
      const body = bodyOf(join(gzip, zeros, end), pieceBytes);
      const error = await assertRejects(() => decodeAll(["gzip"], body), CronfetchError);
      assertEquals(error.code, "content.coding", `pieces of ${pieceBytes}`);
    }
  }
});

Deno.test("decodedBody: short zstd frames without a checksum", async () => {
  const frame = (...bytes: number[]) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...bytes);
  const a = 97;
  const cases: [frame: Bytes, decodedBytes: number | null][] = [
    // Window of 1 MiB, and of 1 KiB; a single segment of 5 bytes.
    [frame(0x00, 0x50, 0x03, 0x00, 0x10, a), 128 * 1024],
    [frame(0x00, 0x50, 0x0b, 0x00, 0x00, a), 1],
    [frame(0x00, 0x00, 0x09, 0x00, 0x00, a), 1],
    [frame(0x20, 5, 0x29, 0x00, 0x00, a, a, a, a, a), 5],
    [frame(0x00, 0x50, 0x01, 0x00, 0x00), 0],
    // Blocks of more than 128 KiB, or than the window.
    [frame(0x00, 0x68, 0x0b, 0x00, 0x10, a), null],
    [frame(0x00, 0x00, 0x0b, 0x20, 0x00, a), null],
  ];
  for (const [index, [encoded, decodedBytes]] of cases.entries()) {
    for (const pieceBytes of [1, 100]) {
      const decoding = decodeAll(["zstd"], bodyOf(encoded, pieceBytes));
      if (decodedBytes === null) await assertRejects(() => decoding, CronfetchError);
      else assertEquals(await decoding, new Uint8Array(decodedBytes).fill(a), `case ${index}`);
    }
  }
});

Deno.test("decodedBody: a bomb between two codings is refused", async () => {
  const skipped = 2 * FREE_BYTES;
  const skippable = new Uint8Array(8 + skipped);
  skippable.set([0x50, 0x2a, 0x4d, 0x18]);
  new DataView(skippable.buffer).setUint32(4, skipped, true);
  const encoded = ENCODERS.gzip(join(skippable, ENCODERS.zstd(WHOLE)));
  const body = bodyOf(encoded, 1_000);
  const error = await assertRejects(() => decodeAll(["gzip", "zstd"], body), CronfetchError);
  assertEquals([error.code, error.retry, body.cancels], ["content.coding", "never", 1]);
});

Deno.test("decodedBody: zstd needs neither a large window nor a dictionary", async () => {
  const header = (...bytes: number[]) => Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, ...bytes);
  const cases: [frame: Bytes, reason: string, retry: string][] = [
    [header(0x00, 0x70, 1, 0, 0), "window", "never"],
    [header(0x01, 0x00, 7, 1, 0, 0), "dictionary", "later"],
    [header(0x08, 0x00, 1, 0, 0), "reserved", "later"],
    [header(0x20, 5, 1, 0, 0), "size", "later"],
  ];
  for (const [frame, reason, retry] of cases) {
    const error = await assertRejects(
      () => decodeAll(["zstd"], bodyOf(frame, 100)),
      CronfetchError,
      reason,
    );
    assertEquals([error.code, error.retry], ["content.coding", retry], reason);
  }
});

Deno.test("codingsToRemove: all but the format of the file itself", () => {
  const table: [encoding: string | null, key: string, type: string | null, codings: string][] = [
    [null, "a.csv", "text/csv", ""],
    ["identity", "a.csv", null, ""],
    ["none, utf-8", "a.csv", null, ""],
    ["gzip", "a.csv", "text/csv", "gzip"],
    ["X-GZip", "a.csv", null, "gzip"],
    ["gzip", "a.csv.gz", "text/csv", ""],
    ["x-gzip", "a.tar.GZ", "application/x-tar", ""],
    ["gzip", "a.tgz", null, ""],
    ["gzip", "image.svgz", "image/svg+xml", ""],
    ["gzip", "a", "application/gzip", ""],
    ["gzip", "a", "application/x-gzip; charset=x", ""],
    ["gzip", "a.zip", "application/zip", "gzip"],
    ["gzip", "a.zst", null, "gzip"],
    ["zstd", "a.zst", null, ""],
    ["zstd", "a", "application/x-zstd", ""],
    ["br", "a.js.br", null, ""],
    ["br", "a.gz", "application/gzip", "br"],
    ["gzip, br", "a.gz", null, "br"],
    ["gzip, br", "a.csv", null, "br gzip"],
    ["br, gzip", "a.gz", null, "gzip br"],
    ["deflate", "a.csv", null, "deflate"],
    ["constructor", "a.csv", null, ""],
  ];
  for (const [encoding, key, type, codings] of table) {
    const headers = new Headers();
    if (encoding !== null) headers.set("content-encoding", encoding);
    if (type !== null) headers.set("content-type", type);
    assertEquals(codingsToRemove(headers, key).join(" "), codings, `${encoding} ${key} ${type}`);
  }
});

Deno.test("codingsToRemove: a coding without a decoder, and a long chain, are refused", () => {
  for (const encoding of ["compress", "gzip, dcz", "gzip,gzip,gzip,gzip", "EXI"]) {
    const headers = new Headers({ "content-encoding": encoding });
    let error: unknown;
    try {
      codingsToRemove(headers, "a.csv");
    } catch (thrown) {
      error = thrown;
    }
    assert(error instanceof CronfetchError, encoding);
    assertEquals([error.code, error.retry], ["content.coding", "never"], encoding);
    assert(isEncoded(headers), encoding);
  }
  assertEquals(isEncoded(new Headers({ "content-encoding": "toString" })), false);
});

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DIGEST_ALGORITHMS, DIGEST_DIGITS, type DigestAlgorithm } from "../../lib/core/task.ts";
import { readDate, readDigest, readSize } from "../../lib/lists/values.ts";

const MD5 = "d41d8cd98f00b204e9800998ecf8427e";
const SHA1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

Deno.test("readDigest: hexadecimal, base64, multihash, and the name of the algorithm", () => {
  const table: [text: string, algorithm: DigestAlgorithm, digest: string | null][] = [
    [MD5, "md5", MD5],
    [MD5.toUpperCase(), "md5", MD5],
    ["1B2M2Y8AsgTpgAmY7PhCfg==", "md5", MD5],
    ["1B2M2Y8AsgTpgAmY7PhCfg", "md5", MD5],
    ["md5-1B2M2Y8AsgTpgAmY7PhCfg==", "md5", MD5],
    ["MD5=" + MD5, "md5", MD5],
    [SHA1, "sha1", SHA1],
    ["2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha1", SHA1],
    ["2jmj7l5rSw0yVb_vlWAYkK_YBwk", "sha1", SHA1],
    [`sha256:${SHA256}`, "sha256", SHA256],
    [`SHA-256:${SHA256}`, "sha256", SHA256],
    ["sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "sha256", SHA256],
    [`1220${SHA256}`, "sha256", SHA256],
    [`1114${SHA1}`, "sha1", SHA1],
    [`d50110${MD5}`, "md5", MD5],
    [`sha512:${SHA256}`, "sha256", null],
    [`sha256:${SHA256}`, "md5", null],
    [SHA256, "md5", null],
    [MD5, "sha256", null],
    [`1114${SHA256}`, "sha256", null],
    [SHA256.slice(1), "sha256", null],
    [`${SHA256.slice(1)}g`, "sha256", null],
    ["1B2M2Y8AsgTpgAmY7PhCf===", "md5", null],
    ["", "md5", null],
    ["sha256:", "sha256", null],
  ];
  for (const [text, algorithm, digest] of table) {
    assertEquals(readDigest(text, algorithm), digest, `${algorithm} ${text}`);
  }
});

Deno.test("property: readDigest reads each digest in each form, and no other algorithm's", () => {
  fc.assert(fc.property(
    fc.constantFrom(...DIGEST_ALGORITHMS).chain((algorithm) => {
      const length = DIGEST_DIGITS[algorithm] / 2;
      const bytes = fc.uint8Array({ minLength: length, maxLength: length });
      return fc.tuple(fc.constant(algorithm), bytes);
    }),
    ([algorithm, bytes]) => {
      const copy = new Uint8Array(bytes);
      const hex = copy.toHex();
      for (const text of [hex, copy.toBase64(), copy.toBase64({ alphabet: "base64url" })]) {
        for (const other of DIGEST_ALGORITHMS) {
          assertEquals(readDigest(text, other), other === algorithm ? hex : null);
        }
      }
    },
  ));
});

Deno.test("readSize: exact numbers of bytes", () => {
  const table: [value: string | number, size: number | null][] = [
    [0, 0],
    [1.0, 1],
    ["0", 0],
    ["0012", 12],
    ["9007199254740991", 9_007_199_254_740_991],
    ["9007199254740992", null],
    ["1".repeat(1_000), null],
    [1e300, null],
    [1.5, null],
    [-1, null],
    ["-1", null],
    ["1.2M", null],
    ["1,234", null],
    ["1e3", null],
    ["0x10", null],
    ["", null],
  ];
  for (const [value, size] of table) assertEquals(readSize(value), size, `${value}`);
});

Deno.test("readDate: ISO 8601, HTTP-dates and times since the epoch, in UTC", () => {
  const table: [value: string | number, date: string | null][] = [
    ["2026-01-15T06:00:00Z", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15t06:00:00.5z", "2026-01-15T06:00:00.500Z"],
    ["2026-01-15T06:00:00.123456789Z", "2026-01-15T06:00:00.123Z"],
    ["2026-01-15T07:00:00+01:00", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15T07:00:00+0100", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15 00:30:00-05:30", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15T07:00+01", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15 06:00 UTC", "2026-01-15T06:00:00.000Z"],
    ["2026-01-15T06:00:00.017315", "2026-01-15T06:00:00.017Z"],
    ["2026-01-15", "2026-01-15T00:00:00.000Z"],
    ["20260115", "2026-01-15T00:00:00.000Z"],
    ["2024-02-29", "2024-02-29T00:00:00.000Z"],
    ["Thu, 15 Jan 2026 06:00:00 GMT", "2026-01-15T06:00:00.000Z"],
    [1_768_456_800, "2026-01-15T06:00:00.000Z"],
    [1_768_456_800_000, "2026-01-15T06:00:00.000Z"],
    [0, "1970-01-01T00:00:00.000Z"],
    ["2026-02-30", null],
    ["2025-02-29", null],
    ["2026-13-01", null],
    ["2026-00-10", null],
    ["2026-01-00", null],
    ["2026-01-15T24:30:00Z", null],
    ["2026-01-15T06:60:00Z", null],
    ["2026-01-15T06:00:00+99:00", null],
    ["2026", null],
    ["15.01.2026", null],
    ["yesterday", null],
    ["", null],
    [1e300, null],
    [NaN, null],
    [-1e15, null],
  ];
  for (const [value, date] of table) assertEquals(readDate(value), date, `${value}`);
});

Deno.test("property: readDate reads back every date", () => {
  fc.assert(fc.property(
    fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true }),
    (date) => {
      assertEquals(readDate(date.toISOString()), date.toISOString());
    },
  ));
  fc.assert(fc.property(fc.oneof(fc.string(), fc.double()), (value) => {
    const date = readDate(value);
    assertEquals(date === null || readDate(date) === date, true);
  }));
});

import { assertEquals } from "@std/assert";
import { formatSize, parseDuration, parseSize } from "../../../lib/config/schema/fields.ts";
import { durationText } from "../../../lib/core/time.ts";

const DURATIONS: readonly (readonly [text: string, durationMs: number | null])[] = [
  ["250ms", 250],
  ["30s", 30_000],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
  ["1h30m", 5_400_000],
  ["1d2h3m4s5ms", 93_784_005],
  ["1.5s", 1_500],
  ["0.0004s", 0],
  ["0s", 0],
  ["", null],
  ["30", null],
  ["s", null],
  ["30 s", null],
  [" 30s", null],
  ["30s\n", null],
  ["-30s", null],
  ["+30s", null],
  ["1e3s", null],
  [".5s", null],
  ["30m1h", null],
  ["1h1h", null],
  ["30S", null],
  ["1w", null],
  ["Infinitys", null],
  ["٣s", null],
];

Deno.test("parseDuration: each unit once, the largest first; null for other text", () => {
  for (const [text, durationMs] of DURATIONS) {
    assertEquals(parseDuration(text), durationMs, JSON.stringify(text));
  }
});

const SIZES: readonly (readonly [text: string, sizeBytes: number | null])[] = [
  ["0B", 0],
  ["512B", 512],
  ["1KB", 1_000],
  ["1kB", 1_000],
  ["1KiB", 1_024],
  ["10MB", 10_000_000],
  ["10MiB", 10_485_760],
  ["10 MB", 10_000_000],
  ["1.5GB", 1_500_000_000],
  ["1GiB", 1_073_741_824],
  ["2TB", 2_000_000_000_000],
  ["1TiB", 1_099_511_627_776],
  ["0.1KiB", 102],
  ["", null],
  ["10", null],
  ["MB", null],
  ["10mb", null],
  ["10Mb", null],
  ["10  MB", null],
  ["-1B", null],
  ["1e3B", null],
  ["10MB\n", null],
  ["1,5MB", null],
];

Deno.test("parseSize: decimal units by 1000, binary units by 1024; null for other text", () => {
  for (const [text, sizeBytes] of SIZES) {
    assertEquals(parseSize(text), sizeBytes, JSON.stringify(text));
  }
});

Deno.test("durationText and formatSize: the result parses to the same number", () => {
  const durations: [number, string][] = [
    [0, "0s"],
    [1, "1ms"],
    [90_000, "1m30s"],
    [5_400_000, "1h30m"],
    [93_784_005, "1d2h3m4s5ms"],
  ];
  for (const [durationMs, text] of durations) {
    assertEquals(durationText(durationMs), text);
    assertEquals(parseDuration(text), durationMs);
  }
  const sizes: [number, string][] = [
    [0, "0B"],
    [999, "999B"],
    [1_000, "1KB"],
    [1_024, "1024B"],
    [10_000_000, "10MB"],
    [1_000_000_000_000, "1TB"],
  ];
  for (const [sizeBytes, text] of sizes) {
    assertEquals(formatSize(sizeBytes), text);
    assertEquals(parseSize(text), sizeBytes);
  }
});

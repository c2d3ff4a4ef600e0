import { assertEquals } from "@std/assert";
import type { Unpack } from "../../lib/core/task.ts";
import { memberKey, memberPath, memberPlace } from "../../lib/download/member_key.ts";

const ALL: Unpack = { include: [], strip: 0, to: null, archive: true, maxSizeBytes: 1 };

Deno.test("memberPlace: the stem of the archive, which is never its name", () => {
  const table: [key: string, isSingleFile: boolean, folder: string, stem: string][] = [
    ["gtfs.zip", false, "gtfs", "gtfs"],
    ["a/b.tar.gz", false, "a/b", "b"],
    ["a/b.TGZ", false, "a/b", "b"],
    ["b.tar.zst", false, "b", "b"],
    ["report.xlsx", false, "report", "report"],
    ["v1.2/rates-1.2.zip", false, "v1.2/rates-1.2", "rates-1.2"],
    ["download", false, "download.unpacked", "download.unpacked"],
    [".zip", false, ".zip.unpacked", ".zip.unpacked"],
    ["a/rates.csv.gz", true, "a", "rates.csv"],
    ["rates.csv", true, "", "rates.csv.unpacked"],
  ];
  for (const [key, isSingleFile, folder, stem] of table) {
    assertEquals(memberPlace(key, ALL, isSingleFile), { folder, stem }, key);
  }
  assertEquals(memberPlace("a/b.zip", { ...ALL, to: "" }, false).folder, "");
  assertEquals(memberPlace("a/b.csv.gz", { ...ALL, to: "c" }, true), {
    folder: "c",
    stem: "b.csv",
  });
});

Deno.test("memberKey: folders are removed from the beginning", () => {
  const path = memberPath("./a//b\\c.txt");
  assertEquals(path, "a/b/c.txt");
  assertEquals([0, 1, 2, 3, 9].map((strip) => memberKey(path, "to", strip)), [
    "to/a/b/c.txt",
    "to/b/c.txt",
    "to/c.txt",
    null,
    null,
  ]);
  assertEquals(memberKey("a.txt", "", 0), "a.txt");
});

import { assertEquals, assertMatch } from "@std/assert";
import { dirname } from "@std/path";
import { findDeno, launcherSignals, unusableReason } from "../../tools/pack/find_deno.js";
import { temporaryFolder } from "../helpers/folder.ts";

const LINUX = { platform: "linux", arch: "x64" };
const MAC = { platform: "darwin", arch: "arm64" };
const WINDOWS = { platform: "win32", arch: "x64" };

/** Folders of packages, and the path of Deno. */
const LAYOUTS: [name: string, system: typeof LINUX, packages: string[], found: string | null][] = [
  [
    "packages side by side",
    LINUX,
    ["node_modules/deno", "node_modules/@deno/linux-x64-glibc"],
    "node_modules/@deno/linux-x64-glibc/deno",
  ],
  [
    "packages inside of others",
    MAC,
    [
      "node_modules/cronfetch/node_modules/deno",
      "node_modules/cronfetch/node_modules/deno/node_modules/@deno/darwin-arm64",
      "node_modules/deno",
    ],
    "node_modules/cronfetch/node_modules/deno/node_modules/@deno/darwin-arm64/deno",
  ],
  [
    "Windows",
    WINDOWS,
    ["node_modules/deno", "node_modules/@deno/win32-x64"],
    "node_modules/@deno/win32-x64/deno.exe",
  ],
  ["another platform", LINUX, ["node_modules/deno", "node_modules/@deno/darwin-arm64"], null],
  ["no package", LINUX, [], null],
];

for (const [name, system, packages, found] of LAYOUTS) {
  Deno.test(`findDeno: ${name}`, async () => {
    await using folder = await temporaryFolder();
    const from = folder.file("node_modules/cronfetch/bin/cronfetch.js");
    for (const path of [from, ...packages.map((name) => folder.file(`${name}/package.json`))]) {
      await Deno.mkdir(dirname(path), { recursive: true });
      await Deno.writeTextFile(path, "{}");
    }
    assertEquals(findDeno(from, system), found === null ? null : folder.file(found));
  });
}

const SUPPORTED = ["@deno/linux-x64-glibc", "@deno/darwin-arm64"];

Deno.test("unusableReason: names the reason and what to do", () => {
  const table: [system: typeof LINUX, isMusl: boolean, reason: RegExp][] = [
    [LINUX, true, /needs glibc.*musl \(linux-x64\)\nhint: .*Debian/],
    [{ platform: "freebsd", arch: "x64" }, false, /no Deno for freebsd-x64\nhint: /],
    [{ platform: "linux", arch: "riscv64" }, false, /no Deno for linux-riscv64\nhint: /],
    [MAC, false, /not installed @deno\/darwin-arm64.*\nhint: .*--include=optional/],
  ];
  for (const [system, isMusl, reason] of table) {
    assertMatch(unusableReason(system, { isMusl, supported: SUPPORTED }), reason);
  }
});

Deno.test("launcherSignals: forwarded, except on Windows, where Node would terminate the program", () => {
  for (const system of [LINUX, MAC]) {
    const { signals, isForwarded } = launcherSignals(system);
    assertEquals([signals.includes("SIGTERM"), isForwarded], [true, true]);
  }
  assertEquals(launcherSignals(WINDOWS), {
    signals: ["SIGINT", "SIGBREAK", "SIGHUP"],
    isForwarded: false,
  });
});

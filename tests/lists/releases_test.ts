import { assertEquals } from "@std/assert";
import type { ReleaseListRule } from "../../lib/core/list.ts";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { parseReleases, releaseOrigins } from "../../lib/lists/releases.ts";
import { assertRobust, invalidity, listDocument, listFixture } from "./documents.ts";

const engine = await loadPatternEngine();

const RULE: ReleaseListRule = {
  kind: "github",
  repo: "example/tool",
  assets: "*",
  tag: "latest",
  api: "https://api.github.com",
};

const HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const DOWNLOADS = "https://github.com/example/tool/releases/download";

Deno.test("releaseOrigins: those of the assets", () => {
  const table: [api: string, origins: string[]][] = [
    ["https://api.github.com", ["https://github.com"]],
    ["https://api.octo.ghe.com", ["https://octo.ghe.com"]],
    ["https://git.example/api/v3", []],
    ["http://127.0.0.1:8080", []],
  ];
  for (const [api, origins] of table) assertEquals(releaseOrigins({ ...RULE, api }), origins, api);
});

Deno.test("parseReleases: the assets of a release that are complete", async () => {
  const document = await listFixture("github-release.json");
  const shared = {
    id: null,
    date: "2026-01-13T18:00:00.000Z",
    fields: { tag: "v2.10.0", version: "2.10.0", repo: "example/tool", prerelease: "false" },
  };
  const all = parseReleases(document, RULE, engine);
  assertEquals(all, {
    items: [
      {
        ...shared,
        url: `${DOWNLOADS}/v2.10.0/tool-2.10.0-linux-x86_64.zip`,
        name: "tool-2.10.0-linux-x86_64.zip",
        sizeBytes: 4_194_304,
        digests: { sha256: HELLO },
      },
      {
        ...shared,
        url: `${DOWNLOADS}/v2.10.0/tool-2.10.0-darwin-arm64.zip`,
        name: "tool-2.10.0-darwin-arm64.zip",
        sizeBytes: 4_194_000,
        digests: {},
      },
      {
        ...shared,
        url: `${DOWNLOADS}/v2.10.0/SHA256SUMS`,
        name: "SHA256SUMS",
        sizeBytes: 180,
        digests: {},
      },
    ],
    next: null,
  });
  const linux = parseReleases(document, { ...RULE, assets: "*-linux-*.zip" }, engine);
  assertEquals(linux.items, all.items.slice(0, 1));
  assertEquals(parseReleases(document, { ...RULE, assets: "*.deb" }, engine).items, []);
});

Deno.test("parseReleases: a glob of tags, without drafts; ids distinguish equal names", async () => {
  const link = '<https://api.github.com/repositories/1/releases?page=2>; rel="next"';
  const document = await listFixture("github-releases.json", { link });
  const idsOf = (tag: string) => {
    const { items, next } = parseReleases(document, { ...RULE, tag }, engine);
    return [items.map(({ id }) => id).join(" "), next];
  };
  const next = "https://api.github.com/repositories/1/releases?page=2";
  assertEquals(idsOf("*"), ["v3.0.0-rc.1/tool.zip v2.10.0/tool.zip", next]);
  assertEquals(idsOf("v2.*"), ["v2.10.0/tool.zip", next]);
  assertEquals(idsOf("v?"), ["", next]);
  const { items } = parseReleases(document, { ...RULE, tag: "*" }, engine);
  assertEquals(items.map(({ fields }) => [fields.version, fields.prerelease]), [
    ["3.0.0-rc.1", "true"],
    ["2.10.0", "false"],
  ]);
});

Deno.test("parseReleases: other documents are refused", () => {
  const release = { tag_name: "v1", assets: [] };
  const table: [value: unknown, message: string][] = [
    [{ message: "Not Found" }, "$ is no release: it has no tag_name, or no array of assets"],
    [null, "$ is no release: it has no tag_name, or no array of assets"],
    [
      [release, { tag_name: "v2" }],
      "$[1] is no release: it has no tag_name, or no array of assets",
    ],
    [
      { ...release, assets: [{ name: "a", browser_download_url: "ftp://b/c" }] },
      "$.assets[0] is no asset: it has no name, or no browser_download_url",
    ],
    [
      [{ ...release, assets: [null] }],
      "$[0].assets[0] is no asset: it has no name, or no browser_download_url",
    ],
  ];
  for (const [value, message] of table) {
    const document = listDocument(JSON.stringify(value));
    assertEquals(invalidity(() => parseReleases(document, RULE, engine)).message, message);
  }
});

Deno.test("property: parseReleases returns items or throws list.invalid for damaged documents", async () => {
  for (const file of ["github-release.json", "github-releases.json"]) {
    const { bytes } = await listFixture(file);
    const rule = { ...RULE, tag: "v*" };
    assertRobust(new TextDecoder().decode(bytes), (found) => parseReleases(found, rule, engine));
  }
});

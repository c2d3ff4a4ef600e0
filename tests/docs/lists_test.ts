// The recipes of docs/lists.md: each config is written and run, twice.

import { assertEquals } from "@std/assert";
import { workspace } from "../cli/workspace.ts";
import { main } from "../helpers/command_line.ts";
import { origin, type Route } from "../helpers/origin.ts";

const PAGE = await Deno.readTextFile(new URL("../../docs/lists.md", import.meta.url));

/** The config of a recipe by its title, with its URLs at an origin. */
function configOf(title: string, origin: string): object {
  const [, section = ""] = PAGE.split(`### ${title}\n`);
  const [, text = ""] = /```jsonc\n([^]*?)```/.exec(section) ?? [];
  return JSON.parse(withoutCommas(text).replaceAll("https://example.org", origin));
}

/** JSONC without trailing commas. */
function withoutCommas(text: string): string {
  return text.replaceAll(/,(?=\s*[}\]])/g, "");
}

/** SHA-256 of `a\n`. */
const DIGEST = "87428fc522803d31065e7bce3cf03fe475096631e5e07bbd7a0fde60c4cf25c7";

const INDEX =
  `<html><head><title>Index of /data/</title></head><body><h1>Index of /data/</h1><hr><pre>
<a href="../">../</a>
<a href="a.csv">a.csv</a>   15-Jan-2026 12:00   2
<a href="b.csv">b.csv</a>   16-Jan-2026 12:00   2
<a href="c.txt">c.txt</a>   16-Jan-2026 12:00   2
</pre></body></html>`;

const FEED = `<?xml version="1.0"?><rss version="2.0"><channel><title>t</title><item>
<title>one</title><guid>1</guid><enclosure url="/data/a.csv" length="2" type="text/csv"/>
</item></channel></rss>`;

const RELEASE = (origin: string) => ({
  tag_name: "v1.2.0",
  draft: false,
  prerelease: false,
  published_at: "2026-01-15T12:00:00Z",
  assets: ["tool.zip", "tool.tar"].map((name) => ({
    ...{ name, state: "uploaded", size: 22, updated_at: "2026-01-15T12:00:00Z" },
    browser_download_url: `${origin}/data/${name}`,
  })),
});

/** What each recipe downloads. */
const RECIPES: readonly (readonly [title: string, files: readonly string[]])[] = [
  ["The files of an index page", ["a.csv", "b.csv"]],
  ["The newest file of an index page", ["newest/b.csv"]],
  ["The enclosures of a feed", ["podcast/a.csv"]],
  ["A JSON catalogue", ["2026/a.csv"]],
  ["The assets of a release", ["1.2.0/tool.zip"]],
  ["URLs in a text", ["a.csv"]],
];

Deno.test("docs/lists.md: each recipe downloads its files, and nothing in a second run", async (t) => {
  assertEquals(
    [...PAGE.matchAll(/^### (.*)$/gm)].map(([, title]) => title),
    RECIPES.map(([title]) => title),
  );
  for (const [title, files] of RECIPES) {
    await t.step(title, async () => {
      const file = { body: "a\n", etag: '"1"' };
      const html = { "content-type": "text/html" };
      const json = { "content-type": "application/json" };
      const listed = (text: string, headers: Record<string, string>): Route => (request) =>
        request.headers.get("if-none-match") === '"1"'
          ? new Response(null, { status: 304 })
          : new Response(text, { headers: { ...headers, etag: '"1"' } });
      await using server = origin({
        "/data/": listed(INDEX, html),
        "/data/a.csv": file,
        "/data/b.csv": file,
        "/data/tool.zip": { ...file, body: "PK\x05\x06" + "\0".repeat(18) },
        "/feed.xml": listed(FEED, { "content-type": "application/rss+xml" }),
        "/urls.txt": listed("./data/a.csv\n", { "content-type": "text/plain" }),
        "/catalogue.json": listed(
          JSON.stringify({ files: [{ href: "data/a.csv", year: 2026, sha256: DIGEST }] }),
          json,
        ),
      });
      const release = JSON.stringify(RELEASE(server.origin));
      server.route("/api/repos/owner/tool/releases/latest", listed(release, json));
      await using at = await workspace(configOf(title, server.origin));
      const host = at.host();
      assertEquals([await main(["run"], host), host.stderr.text.match(/failed.*/)], [0, null]);
      for (const name of files) await Deno.stat(at.folder.file(`downloads/${name}`));
      assertEquals(server.hits(), 1 + files.length);
      const again = at.host();
      assertEquals(await main(["run"], again), 0);
      assertEquals(again.stderr.text.match(/created|updated/), null);
    });
  }
});

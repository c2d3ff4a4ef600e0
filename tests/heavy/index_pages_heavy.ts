/** Index pages of real servers, compared with the fixtures of the quick tests. */

import { assertEquals } from "@std/assert";
import type { ListItem } from "../../lib/core/list.ts";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { parsePage } from "../../lib/lists/page.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { FILES, indexItems, type IndexKind } from "../lists/index_pages.ts";
import { APACHE, startApache } from "./apache.ts";
import { freePort, NGINX, startNginx, untilAnswered } from "./nginx.ts";

const engine = await loadPatternEngine();

/** Fills a folder with the files of the fixtures. */
async function writeFiles(folder: string): Promise<void> {
  await Deno.mkdir(`${folder}/old`);
  for (const { name, sizeBytes, date } of FILES) {
    const path = `${folder}/${name}`;
    await Deno.writeFile(path, new Uint8Array(sizeBytes));
    await Deno.utime(path, new Date(date), new Date(date));
  }
}

/** The items of an index page. */
async function itemsAt(url: string): Promise<readonly ListItem[]> {
  const response = await fetch(url);
  assertEquals(response.status, 200);
  const bytes = new Uint8Array(await response.arrayBuffer());
  const contentType = response.headers.get("content-type");
  return parsePage({ bytes, url, contentType, link: null }, { links: null }, engine).items;
}

function test(
  name: string,
  kind: IndexKind,
  isMissing: boolean,
  serve: () => Promise<AsyncDisposable & { readonly url: string }>,
): void {
  Deno.test({
    name: `index page: ${name}`,
    ignore: isMissing && Deno.env.get("CI") === undefined,
    async fn() {
      await using server = await serve();
      assertEquals(await itemsAt(server.url), indexItems(kind, server.url));
    },
  });
}

test("nginx", "nginx", NGINX === undefined, async () => {
  const nginx = await startNginx({ server: "autoindex on; charset utf-8;" });
  await Deno.mkdir(nginx.files.file("data"));
  await writeFiles(nginx.files.file("data"));
  return {
    url: `${nginx.origin}/data/`,
    [Symbol.asyncDispose]: () => nginx[Symbol.asyncDispose](),
  };
});

const APACHE_OPTIONS = {
  apache: "",
  "apache-fancy": "IndexOptions FancyIndexing Charset=UTF-8 NameWidth=*",
  "apache-table": "IndexOptions FancyIndexing HTMLTable IconsAreLinks Charset=UTF-8",
} as const;

for (const [kind, options] of Object.entries(APACHE_OPTIONS)) {
  test(kind, kind as keyof typeof APACHE_OPTIONS, APACHE === undefined, async () => {
    const apache = await startApache(
      `LoadModule autoindex_module /usr/lib/apache2/modules/mod_autoindex.so
SetEnv TZ UTC
<Directory />
Options +Indexes
${options}
</Directory>`,
    );
    await Deno.mkdir(apache.files.file("data"));
    await writeFiles(apache.files.file("data"));
    const url = `${apache.origin}/data/`;
    return { url, [Symbol.asyncDispose]: () => apache[Symbol.asyncDispose]() };
  });
}

const PYTHON = await new Deno.Command("python3", { args: ["--version"] }).output()
  .then(({ success }) => success, () => false);

test("python", "python", !PYTHON, async () => {
  await using stack = new AsyncDisposableStack();
  const folder = stack.use(await temporaryFolder());
  await Deno.mkdir(folder.file("data"));
  await writeFiles(folder.file("data"));
  const port = freePort();
  const child = new Deno.Command("python3", {
    args: ["-m", "http.server", String(port), "--bind", "127.0.0.1", "--directory", folder.path],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  stack.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  await untilAnswered(port);
  const owned = stack.move();
  return {
    url: `http://127.0.0.1:${port}/data/`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
});

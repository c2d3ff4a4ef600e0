import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { ListDocument } from "../../lib/core/list.ts";
import { invalidList } from "../../lib/lists/document.ts";
import { readPages } from "../../lib/lists/pages.ts";
import { listDocument, listItem } from "./documents.ts";

const LIST = "https://a.example/list";

/** A page as the tests have it: names of items, and the URL of the next page. */
type Page = readonly [names: string, next: string | null, servedFrom?: string];

/** Reads pages by their queries. Returns the names of all items, and the requested URLs. */
async function read(pages: Readonly<Record<string, Page>>, maxPages = 100) {
  const requests: string[] = [];
  const documentAt = (url: string): ListDocument => {
    const key = url.replace(LIST, "");
    const page = pages[key];
    if (page === undefined) throw new CronfetchError("http.status", "404", { httpStatus: 404 });
    return listDocument(key, { url: page[2] ?? url });
  };
  const items = await readPages(documentAt(LIST), {
    fetchPage: (url) => {
      requests.push(url.replace(LIST, ""));
      // A fetch fails later.
      return Promise.resolve().then(() => documentAt(url));
    },
    parse: ({ bytes }) => {
      const [names, next] = pages[new TextDecoder().decode(bytes)] ?? ["", null];
      if (names === "!") throw invalidList("$.a is b", "do c");
      const items = names.split(" ").filter((name) => name !== "")
        .map((name) => listItem({ url: `https://a.example/${name}` }));
      return { items, next: next === null ? null : new URL(next, LIST).href };
    },
    maxPages,
  });
  return { names: items.map(({ name }) => name).join(" "), requests };
}

async function failure(pages: Readonly<Record<string, Page>>, maxPages?: number) {
  const { code, message } = await assertRejects(() => read(pages, maxPages), CronfetchError);
  return `${code}: ${message}`;
}

Deno.test("readPages: the items of all pages, in their order", async () => {
  assertEquals(await read({ "": ["a b", null] }), { names: "a b", requests: [] });
  assertEquals(
    await read({ "": ["a b", "?2"], "?2": ["", "?3"], "?3": ["c a", null] }),
    { names: "a b c a", requests: ["?2", "?3"] },
  );
});

Deno.test("readPages: a loop is refused before a page is requested again", async () => {
  const message = (page: number) =>
    `list.invalid: page ${page} of the list leads back to a page before`;
  assertEquals(await failure({ "": ["a", LIST] }), message(1));
  assertEquals(await failure({ "": ["a", "?2"], "?2": ["b", "?2"] }), message(2));
  assertEquals(
    await failure({ "": ["a", "?2"], "?2": ["b", "?3"], "?3": ["c", "?2"] }),
    message(3),
  );
});

Deno.test("readPages: a redirect back to a page is a loop as well", async () => {
  assertEquals(
    await failure({ "": ["a", "?2"], "?2": ["b", "?3", `${LIST}?x`], "?3": ["c", "?x"] }),
    "list.invalid: page 3 of the list leads back to a page before",
  );
});

Deno.test("readPages: a page of another origin is refused and not requested", async () => {
  const other = "leads to another origin, https://b.example";
  assertEquals(
    await failure({ "": ["a", "https://b.example/list"] }),
    `list.invalid: page 1 of the list ${other}`,
  );
  assertEquals(
    await failure({ "": ["a", "http://a.example/list"] }),
    "list.invalid: page 1 of the list leads to another origin, http://a.example",
  );
  // As a redirect does: relative references lead to the other origin.
  assertEquals(
    await failure({ "": ["a", "?2"], "?2": ["b", "https://b.example/?3", "https://b.example/?2"] }),
    `list.invalid: page 2 of the list ${other}`,
  );
});

Deno.test("readPages: too many pages are refused", async () => {
  const pages = { "": ["a", "?2"], "?2": ["b", "?3"], "?3": ["c", null] } as const;
  assertEquals((await read(pages, 3)).names, "a b c");
  assertEquals(
    await failure(pages, 2),
    "list.invalid: the list continues after 2 pages, the most that are read",
  );
});

Deno.test("readPages: a page that cannot be fetched or read fails the list", async () => {
  assertEquals(await failure({ "": ["a", "?2"] }), "http.status: 404");
  assertEquals(
    await failure({ "": ["a", "?2"], "?2": ["!", null] }),
    "list.invalid: page 2: $.a is b",
  );
  assertEquals(await failure({ "": ["!", null] }), "list.invalid: $.a is b");
  const error = await assertRejects(
    () => read({ "": ["a", "?2"], "?2": ["!", null] }),
    CronfetchError,
  );
  assertEquals(error.hint, "do c");
});

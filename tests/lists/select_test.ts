import { assertEquals } from "@std/assert";
import type { ListItem, ListSelection } from "../../lib/core/list.ts";
import { loadPatternEngine } from "../../lib/core/pattern.ts";
import { itemName } from "../../lib/lists/document.ts";
import { selectItems } from "../../lib/lists/select.ts";
import { listItem } from "./documents.ts";

const engine = await loadPatternEngine();

const ALL: ListSelection = {
  ...{ include: [], exclude: [], newest: null, by: null, limit: 1_000, allowOrigins: [] },
};

const OWN = ["https://a.example"];

/** The paths of the selected items at `https://a.example/`, and what else the selection reports. */
function selected(items: readonly ListItem[], selection: Partial<ListSelection>) {
  const found = selectItems(items, { ...ALL, ...selection }, OWN, engine);
  return {
    paths: found.items.map(({ url }) => url.replace("https://a.example/", "")).join(" "),
    foreign: found.foreign.map(({ url }) => url),
    beyondLimit: found.beyondLimit,
  };
}

function itemsOf(...paths: readonly string[]): ListItem[] {
  return paths.map((path) => {
    const { href } = new URL(path, "https://a.example/");
    return listItem({ url: href, name: itemName(href) });
  });
}

const FILES = itemsOf("a.csv", "d/b.csv", "d/e/c.csv", "d/b.zip", "d/t%20x%2F1.csv");

Deno.test("selectItems: globs of names, and with a slash of decoded paths", () => {
  const table: [include: string[], exclude: string[], paths: string][] = [
    [[], [], "a.csv d/b.csv d/e/c.csv d/b.zip d/t%20x%2F1.csv"],
    [["b.*"], [], "d/b.csv d/b.zip"],
    [["t x"], [], ""],
    [["d/*"], [], "d/b.csv d/b.zip"],
    [["d/**"], [], "d/b.csv d/e/c.csv d/b.zip d/t%20x%2F1.csv"],
    [["**/*.csv"], ["a*"], "d/b.csv d/e/c.csv d/t%20x%2F1.csv"],
    [["d/t x/1.csv"], [], "d/t%20x%2F1.csv"],
    [[], ["*.csv"], "d/b.zip d/t%20x%2F1.csv"],
    [["*.csv", "*.zip"], ["d/e/**", "**/b.*"], "a.csv"],
    [["*.CSV"], [], ""],
    [["/a.csv"], [], ""],
  ];
  for (const [include, exclude, paths] of table) {
    assertEquals(selected(FILES, { include, exclude }).paths, paths, `${include} ${exclude}`);
  }
});

Deno.test("selectItems: a path that is not percent-encoded is compared as it is", () => {
  assertEquals(selected(itemsOf("d/50%.csv"), { include: ["d/50%.csv"] }).paths, "d/50%.csv");
});

Deno.test("selectItems: newest by date if every item has one, otherwise by name", () => {
  const named = itemsOf("r-9.csv", "r-10.csv", "r-8.csv");
  const dated = named.map((item, index) => ({ ...item, date: `2026-01-1${index}T00:00:00Z` }));
  assertEquals(selected(named, { newest: 1 }).paths, "r-10.csv");
  assertEquals(selected(named, { newest: 2 }).paths, "r-9.csv r-10.csv");
  assertEquals(selected(dated, { newest: 1 }).paths, "r-8.csv");
  assertEquals(selected([...dated, ...itemsOf("r-7.csv")], { newest: 1 }).paths, "r-10.csv");
  assertEquals(
    selected([...dated, ...itemsOf("r-7.csv")], { newest: 1, by: "date" }).paths,
    "r-8.csv",
  );
  assertEquals(selected(dated, { newest: 1, by: "name" }).paths, "r-10.csv");
  const versions = itemsOf("t-1.9.zip", "t-1.10.zip", "t-1.11-rc1.zip");
  assertEquals(selected(versions, { newest: 2, by: "version" }).paths, "t-1.10.zip t-1.11-rc1.zip");
  assertEquals(selected(named, { newest: 5 }).paths, "r-9.csv r-10.csv r-8.csv");
});

Deno.test("selectItems: the newest of those that globs include", () => {
  const files = itemsOf("r-9.csv", "r-10.zip", "r-8.csv");
  assertEquals(selected(files, { newest: 1, include: ["*.csv"] }).paths, "r-9.csv");
});

Deno.test("selectItems: a limit keeps the newest, and counts the others", () => {
  const files = itemsOf("1", "2", "3", "4");
  const table: [selection: Partial<ListSelection>, paths: string, beyondLimit: number][] = [
    [{ limit: 4 }, "1 2 3 4", 0],
    [{ limit: 3 }, "2 3 4", 1],
    [{ limit: 1 }, "4", 3],
    [{ limit: 2, newest: 3 }, "3 4", 1],
    [{ limit: 3, newest: 2 }, "3 4", 0],
    [{ limit: 3, newest: 9 }, "2 3 4", 1],
  ];
  for (const [selection, paths, beyondLimit] of table) {
    assertEquals(selected(files, selection), { paths, beyondLimit, foreign: [] });
  }
});

Deno.test("selectItems: only the first item of a URL, and of an id", () => {
  const [a, b, c, d] = ["a", "b", "c", "d"].map((path) =>
    listItem({ url: `https://a.example/${path}` })
  );
  if (!a || !b || !c || !d) throw new Error("unreachable");
  const items = [{ ...a, id: "1" }, b, { ...c, id: "1" }, d, { ...b, id: "2" }, { ...a, id: "2" }];
  assertEquals(selected(items, {}).paths, "a b d");
});

Deno.test("selectItems: items of another origin are left out unless it is allowed", () => {
  const url = ["https://a.example/1", "http://a.example/2", "https://a.example:8443/3"];
  const others = ["https://b.example/4", "https://x.b.example/5", "https://x.y.b.example:8443/6"];
  const items = [...url, ...others].map((url) => listItem({ url }));
  const table: [allowOrigins: string[], foreign: string][] = [
    [[], "2 3 4 5 6"],
    [["https://b.example"], "2 3 5 6"],
    [["HTTPS://B.example:443/"], "2 3 5 6"],
    [["https://*.b.example"], "2 3 4 6"],
    [["https://*.b.example:8443", "http://a.example"], "3 4 5"],
    [["http://*.example"], "3 4 5 6"],
    [["*"], ""],
  ];
  for (const [allowOrigins, foreign] of table) {
    const found = selected(items, { allowOrigins });
    assertEquals(found.foreign.map((url) => url.at(-1)).join(" "), foreign, `${allowOrigins}`);
  }
  assertEquals(selected(items, { include: ["5"] }), {
    paths: "",
    foreign: ["https://x.b.example/5"],
    beyondLimit: 0,
  });
  assertEquals(selected(items, { newest: 1 }).paths, "1");
});

Deno.test("selectItems: 50,000 items", () => {
  const items = itemsOf(...Array.from({ length: 50_000 }, (_, index) => `d/r-${index}.csv`));
  for (const by of ["name", "version"] as const) {
    const selection = { include: ["**/*.csv"], exclude: ["x*"], newest: 2, by };
    assertEquals(selected(items, selection).paths, "d/r-49998.csv d/r-49999.csv");
  }
});

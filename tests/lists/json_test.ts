import { assertEquals, assertStringIncludes } from "@std/assert";
import type { JsonListRule, ListItem } from "../../lib/core/list.ts";
import { parseJsonList } from "../../lib/lists/json.ts";
import { assertRobust, invalidity, listDocument, listFixture, listItem } from "./documents.ts";

/** A rule of which only these queries are set. */
function jsonRule(queries: Partial<JsonListRule>): JsonListRule {
  const none = { url: null, id: null, name: null, size: null, date: null, digests: {}, next: null };
  return { kind: "json", items: "$.files[*]", ...none, ...queries };
}

const HELLO = "5891b5b522d5df086d0ff0b110fbd9d21bb4fc7163af34d08286a2e846f6be03";
const EMPTY_MD5 = "d41d8cd98f00b204e9800998ecf8427e";

/** Without `fields`, which have tests of their own. */
type Values = Omit<ListItem, "fields">;

const NOTHING = { id: null, sizeBytes: null, digests: {}, date: null };

const FIXTURES: readonly (readonly [
  file: string,
  url: string,
  rule: JsonListRule,
  items: readonly Values[],
  next: string | null,
])[] = [
  [
    "ckan.json",
    "https://data.example.org/api/3/action/package_show?id=air-quality",
    jsonRule({
      items: "$.result.resources[?@.url != '']",
      id: "$.id",
      size: "$.size",
      date: "$.last_modified",
      digests: { sha256: "$.hash" },
    }),
    [{
      url:
        "https://data.example.org/dataset/air-quality/resource/6f1d2c0e/download/hourly-2025.csv",
      name: "hourly-2025.csv",
      id: "6f1d2c0e-5f3b-4b52-8a43-1f0f1c3f9a01",
      sizeBytes: 18_234_112,
      digests: { sha256: HELLO },
      date: "2026-01-14T22:30:09.250Z",
    }, {
      ...NOTHING,
      url: "https://maps.example.net/stations.geojson",
      name: "stations.geojson",
      id: "6f1d2c0e-5f3b-4b52-8a43-1f0f1c3f9a02",
    }],
    null,
  ],
  [
    "socrata.json",
    "https://data.example.org/data.json",
    jsonRule({
      items: "$.dataset[*].distribution[?@.mediaType == 'text/csv']",
      url: "$.downloadURL",
    }),
    [{
      ...NOTHING,
      url: "https://data.example.org/api/views/abcd-1234/rows.csv?accessType=DOWNLOAD",
      name: "rows.csv",
    }, {
      ...NOTHING,
      url: "https://data.example.org/api/views/efgh-5678/rows.csv?accessType=DOWNLOAD",
      name: "rows.csv",
    }],
    null,
  ],
  [
    "stac.json",
    "https://stac.example.org/search/red?limit=2",
    jsonRule({
      items: "$.features[*].assets[*]",
      url: "$.href",
      size: "$['file:size']",
      digests: { sha256: "$['file:checksum']" },
      next: "$.links[?@.rel == 'next'].href",
    }),
    [{
      ...NOTHING,
      url: "https://stac.example.org/data/T32TPS_20260114/B04.tif",
      name: "B04.tif",
      sizeBytes: 73_400_320,
      digests: { sha256: HELLO },
    }, {
      ...NOTHING,
      url: "https://cdn.example.net/T32TPS_20260114/thumbnail.jpg",
      name: "thumbnail.jpg",
    }, {
      ...NOTHING,
      url: "https://stac.example.org/data/T32TPS_20260109/B04.tif",
      name: "B04.tif",
    }],
    "https://stac.example.org/search/red?limit=2&token=next:2",
  ],
  [
    "stac.json",
    "https://stac.example.org/search/red",
    jsonRule({
      items: "$.features[?@.properties['eo:cloud_cover'] < 50]",
      url: "$.assets.red.href",
      id: "$.id",
      name: "$.id",
      date: "$.properties.datetime",
    }),
    [{
      ...NOTHING,
      url: "https://stac.example.org/data/T32TPS_20260114/B04.tif",
      name: "T32TPS_20260114",
      id: "T32TPS_20260114",
      date: "2026-01-14T10:14:11.024Z",
    }],
    null,
  ],
  [
    "caddy.json",
    "https://files.example.org/rates/",
    jsonRule({ items: "$[?@.is_dir == false]", size: "$.size", date: "$.mod_time" }),
    [{
      ...NOTHING,
      url: "https://files.example.org/rates/rates%2050%25.csv",
      name: "rates 50%.csv",
      sizeBytes: 1_234,
      date: "2026-01-15T05:00:00.500Z",
    }, {
      ...NOTHING,
      url: "https://files.example.org/rates/empty.csv",
      name: "empty.csv",
      sizeBytes: 0,
      date: "2026-01-14T05:00:00.000Z",
    }],
    null,
  ],
  [
    "nginx.json",
    "https://files.example.org/rates/",
    jsonRule({
      items: "$[?@.type == 'file']",
      url: "$.name",
      size: "$.size",
      date: "$.mtime",
    }),
    [{
      ...NOTHING,
      url: "https://files.example.org/rates/rates-2025.csv",
      name: "rates-2025.csv",
      sizeBytes: 1_234,
      date: "2026-01-15T05:00:00.000Z",
    }, {
      ...NOTHING,
      url: "https://files.example.org/rates/rates.csv",
      name: "rates.csv",
      sizeBytes: 0,
      date: "2026-01-14T05:00:00.000Z",
    }],
    null,
  ],
  [
    "gcs.json",
    "https://storage.example.org/b/bucket/o",
    jsonRule({
      items: "$.items[*]",
      url: "$.mediaLink",
      name: "$.name",
      size: "$.size",
      date: "$.updated",
      digests: { md5: "$.md5Hash" },
    }),
    [{
      ...NOTHING,
      url: "https://storage.example.org/download/bucket/daily%2F2026-01-14.avro?alt=media",
      name: "daily/2026-01-14.avro",
      sizeBytes: 9_007_199_254_740_991,
      digests: { md5: EMPTY_MD5 },
      date: "2026-01-14T02:00:00.123Z",
    }, {
      ...NOTHING,
      url: "https://storage.example.org/download/bucket/daily%2Fcomposed.avro?alt=media",
      name: "daily/composed.avro",
      sizeBytes: 12,
      date: "2026-01-15T02:00:00.000Z",
    }],
    null,
  ],
];

for (const [file, url, rule, items, next] of FIXTURES) {
  Deno.test(`parseJsonList: ${file} by ${rule.items}`, async () => {
    const page = parseJsonList(await listFixture(file, { url }), rule);
    assertEquals(page.items.map(({ fields: _, ...values }) => values), items);
    assertEquals(page.next, next);
  });
}

Deno.test("parseJsonList: texts are URLs by themselves", () => {
  const document = listDocument(
    '["a.csv", "/b.csv#top", "https://b.example/c%20d.csv", "?id=5", ".."]',
  );
  assertEquals(parseJsonList(document, jsonRule({ items: "$[*]" })).items, [
    listItem({ url: "https://a.example/lists/a.csv" }),
    listItem({ url: "https://a.example/b.csv" }),
    listItem({ url: "https://b.example/c%20d.csv", name: "c d.csv" }),
    listItem({ url: "https://a.example/lists/list?id=5", name: "list" }),
    listItem({ url: "https://a.example/", name: "index.html" }),
  ]);
});

Deno.test("parseJsonList: scalar members are fields, except for those of the URL and long ones", () => {
  const item = {
    url: "a.csv",
    ...{ title: "A title", year: 2026, ratio: 0.5, final: true, missing: null, nested: { a: 1 } },
    ...{ tags: ["a"], name: "b", host: "h", path: "p", stem: "s", ext: "e" },
    ...{ long: "x".repeat(501), "eo:cover": "1" },
  };
  const text = JSON.stringify({ files: [item] }).replace('"nested"', '"__proto__":"x","nested"');
  const [read] = parseJsonList(listDocument(text), jsonRule({})).items;
  assertEquals(read?.fields, {
    url: "a.csv",
    title: "A title",
    year: "2026",
    ratio: "0.5",
    final: "true",
    "eo:cover": "1",
  });
});

Deno.test("parseJsonList: null and blank values are missing ones", () => {
  const rule = jsonRule({
    ...{ id: "$.id", name: "$.name", size: "$.size", date: "$.date" },
    digests: { sha256: "$.sha256", md5: "$.md5" },
  });
  const blank = { url: "a.csv", id: null, name: "", size: "", date: " ", sha256: "", md5: null };
  const text = JSON.stringify({ files: [blank] });
  const { items } = parseJsonList(listDocument(text), rule);
  assertEquals(items.map((item) => ({ ...item, fields: {} })), [
    listItem({ url: "https://a.example/lists/a.csv" }),
  ]);
});

Deno.test("parseJsonList: a list with a value in each line", () => {
  const text = '{"url":"a.csv"}\r\n\n{"url":"b.csv"}\n';
  const rule = jsonRule({ items: "$[*]" });
  for (const contentType of ["application/x-ndjson", "application/jsonl; charset=utf-8"]) {
    const { items } = parseJsonList(listDocument(text, { contentType }), rule);
    assertEquals(items.map(({ name }) => name), ["a.csv", "b.csv"]);
  }
  const cut = listDocument('{"url":"a.csv"}\n{"url":', { contentType: "application/x-ndjson" });
  assertStringIncludes(invalidity(() => parseJsonList(cut, rule)).message, "line 2 of the list");
  assertStringIncludes(
    invalidity(() => parseJsonList(listDocument(text), rule)).message,
    "the list is not JSON: ",
  );
});

Deno.test("parseJsonList: the charset of the Content-Type is that of a text that is not UTF-8", () => {
  const latin1 = Uint8Array.from('["\u00e9.csv"]', (character) => character.charCodeAt(0));
  const rule = jsonRule({ items: "$[*]" });
  const contentType = "application/json; charset=ISO-8859-1";
  const read = (bytes: Uint8Array) => parseJsonList(listDocument(bytes, { contentType }), rule);
  assertEquals(read(latin1).items[0]?.name, "\u00e9.csv");
  assertEquals(read(new TextEncoder().encode('\ufeff["\u00e9.csv"]')).items[0]?.name, "\u00e9.csv");
  assertEquals(
    invalidity(() => parseJsonList(listDocument(latin1), rule)).message,
    "the list is not UTF-8 text",
  );
  const unknown = listDocument(latin1, { contentType: "application/json; charset=klingon" });
  assertEquals(
    invalidity(() => parseJsonList(unknown, rule)).message,
    "the list is not KLINGON text",
  );
});

Deno.test("parseJsonList: the next document", () => {
  const next = (member: string, query: JsonListRule["next"], link: string | null = null) =>
    parseJsonList(
      listDocument(`{ "files": [], "next": ${member} }`, { link }),
      jsonRule({ next: query }),
    ).next;
  assertEquals(next('"?page=2"', "$.next"), "https://a.example/lists/list?page=2");
  assertEquals(next('"https://b.example/2"', "$.next"), "https://b.example/2");
  for (const none of ["null", '""', "false"]) assertEquals(next(none, "$.next"), null);
  assertEquals(next('"?page=2"', "$.other"), null);
  assertEquals(next('"?page=2"', null), null);
  assertEquals(next("null", "link"), null);
  assertEquals(next("null", "link", '<?p=3>; rel="next"'), "https://a.example/lists/list?p=3");
  assertEquals(next("null", "link", '<?p=1>; rel="prev"'), null);
});

const ALL = jsonRule({
  ...{ id: "$.id", name: "$.name", size: "$.size", date: "$.date", next: "$.next" },
  digests: { sha256: "$.sha256", md5: "$.md5" },
});

const INVALID: readonly (readonly [text: string, rule: JsonListRule, message: string])[] = [
  ["", ALL, "the list is empty, not JSON"],
  ["<!DOCTYPE html><title>Sign in</title>", ALL, "the list is HTML, not JSON"],
  ['{"error":"quota"}', ALL, 'the list has no $.files; it is an object of "error"'],
  ["[]", ALL, "the list has no $.files; it is an empty array"],
  ['"a"', ALL, 'the list has no $.files; it is "a"'],
  ['{"files":{"a":{}}}', ALL, "$.files.a has no $.url"],
  ['{"files":[{"url":"a"},null]}', ALL, "$.files[1] has no $.url"],
  ['{"files":[{"url":""}]}', ALL, "$.files[0] has no $.url"],
  ['{"files":[{"url":3}]}', ALL, "$.files[0].url is a number, not an http or https URL"],
  [
    '{"files":[{"url":"ftp://a/b"}]}',
    ALL,
    '$.files[0].url is "ftp://a/b", not an http or https URL',
  ],
  ['{"files":[" "]}', ALL, '$.files[0] is " ", not an http or https URL'],
  ['{"files":["http://"]}', ALL, '$.files[0] is "http://", not an http or https URL'],
  ['{"files":["a"]}', jsonRule({ url: "$.url" }), "$.files[0] has no $.url"],
  ['{"files":[["a"]]}', ALL, "$.files[0] is an array, not an item"],
  ['{"files":[]}', jsonRule({ items: "$.files" }), "$.files is an array, not an item"],
  [
    '{"files":[{"url":"a","size":"1.2M"}]}',
    ALL,
    '$.files[0].size is "1.2M", not a number of bytes',
  ],
  ['{"files":[{"url":"a","size":-1}]}', ALL, "$.files[0].size is a number, not a number of bytes"],
  [
    '{"files":[{"url":"a","size":{}}]}',
    ALL,
    "$.files[0].size is an empty object, not a number of bytes",
  ],
  ['{"files":[{"url":"a","date":"soon"}]}', ALL, '$.files[0].date is "soon", not a date'],
  [
    '{"files":[{"url":"a","sha256":"ab"}]}',
    ALL,
    '$.files[0].sha256 is "ab", not a digest by sha256',
  ],
  [
    `{"files":[{"url":"a","md5":"${HELLO}"}]}`,
    ALL,
    `$.files[0].md5 is "${HELLO}", not a digest by md5`,
  ],
  [
    '{"files":[{"url":"a","id":12345678901234567890}]}',
    ALL,
    "$.files[0].id is a number, not an id",
  ],
  ['{"files":[{"url":"a","name":["b"]}]}', ALL, "$.files[0].name is an array, not a name"],
  [
    '{"a b":[{"url":"a","x":{"it\'s":true}}]}',
    jsonRule({ items: "$['a b'][*]", name: "$.x['it\\'s']" }),
    `$["a b"][0].x["it's"] is a boolean, not a name`,
  ],
  [
    '{"files":[{"url":"a","u":["a","b"]}]}',
    jsonRule({ url: "$.u[*]" }),
    "$.u[*] selects more than one value of $.files[0]",
  ],
  ['{"files":[],"next":5}', ALL, "$.next is a number, not an http or https URL"],
  ['{"files":[],"next":"mailto:a@b"}', ALL, '$.next is "mailto:a@b", not an http or https URL'],
  [
    `{"files":${"[".repeat(300)}${"]".repeat(300)}}`,
    jsonRule({ items: "$..x" }),
    "the list is too deep for $..x",
  ],
];

for (const [text, rule, message] of INVALID) {
  Deno.test(`parseJsonList refuses ${text.slice(0, 50)}: ${message}`, () => {
    assertEquals(invalidity(() => parseJsonList(listDocument(text), rule)).message, message);
  });
}

Deno.test("parseJsonList: no items are a valid list if their place exists", () => {
  const table: [text: string, items: string][] = [
    ['{"files":[]}', "$.files[*]"],
    ['{"files":{}}', "$.files.*"],
    ['{"features":[]}', "$.features[*].assets[*]"],
    ['{"files":[{"type":"dir"}]}', "$.files[?@.url]"],
    ["[]", "$[*]"],
    ["{}", "$..url"],
  ];
  for (const [text, items] of table) {
    assertEquals(parseJsonList(listDocument(text), jsonRule({ items })).items, [], items);
  }
});

Deno.test("parseJsonList: hints name the part of the rule to change", () => {
  const hint = (text: string, rule: JsonListRule) =>
    invalidity(() => parseJsonList(listDocument(text), rule)).hint ?? "";
  assertStringIncludes(hint('{"files":[{}]}', ALL), "$.files[?@.url]");
  assertStringIncludes(hint('{"files":[]}', jsonRule({ items: "$.files" })), '"$.files[*]"');
});

Deno.test("parseJsonList: limits of size and number", () => {
  const large = listDocument(new Uint8Array(64 * 1024 * 1024 + 1));
  assertEquals(
    invalidity(() => parseJsonList(large, ALL)).message,
    "the list is larger than 64 MiB",
  );
  const many = listDocument(`[${'"a",'.repeat(200_000)}"a"]`);
  assertEquals(
    invalidity(() => parseJsonList(many, jsonRule({ items: "$[*]" }))).message,
    "the list has more than 200,000 items",
  );
});

Deno.test("parseJsonList: a list of 50,000 items", () => {
  const files = Array.from(
    { length: 50_000 },
    (_, id) => ({ url: `${id}.csv`, id, size: `${id}` }),
  );
  const { items } = parseJsonList(listDocument(JSON.stringify({ files })), ALL);
  assertEquals(items.length, 50_000);
  assertEquals(items[49_999]?.sizeBytes, 49_999);
});

Deno.test("property: parseJsonList returns items or throws list.invalid for damaged documents", async () => {
  for (const [file, , rule] of FIXTURES) {
    const { bytes } = await listFixture(file);
    assertRobust(new TextDecoder().decode(bytes), (document) => parseJsonList(document, rule));
  }
});

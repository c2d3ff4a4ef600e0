import { assertEquals } from "@std/assert";
import type { ListDocument, ListItem } from "../../lib/core/list.ts";
import { parseTextList } from "../../lib/lists/text.ts";
import { assertRobust, invalidity, listDocument, listFixture, listItem } from "./documents.ts";

const A = "a".repeat(64);
const B = "b1".repeat(32);
const MD5 = "5d41402abc4b2a76b9719d911017c592";

const READ: readonly (readonly [
  what: string,
  text: string,
  items: readonly ListItem[],
  document?: Partial<ListDocument>,
])[] = [
  ["an empty text", "", []],
  ["comments and blank lines", "# made today\n\n  # indented\n\t\n", []],
  ["URLs", "https://b.example/x.csv\nhttp://c.example/y%20z.csv#top\n", [
    listItem({ url: "https://b.example/x.csv" }),
    listItem({ url: "http://c.example/y%20z.csv", name: "y z.csv" }),
  ]],
  [
    "a byte order mark, CR LF, CR, blanks and no line end",
    "\ufeffhttps://b.example/1\r\n  HTTPS://b.example/2\t\rhttps://b.example/3",
    [
      listItem({ url: "https://b.example/1" }),
      listItem({ url: "https://b.example/2" }),
      listItem({ url: "https://b.example/3" }),
    ],
  ],
  ["relative URLs", "/x.csv\n./y.csv\n../z.csv\n//b.example/v.csv\n", [
    listItem({ url: "https://a.example/x.csv" }),
    listItem({ url: "https://a.example/lists/y.csv" }),
    listItem({ url: "https://a.example/z.csv" }),
    listItem({ url: "https://b.example/v.csv" }),
  ]],
  ["a URL with commas", "https://b.example/map?box=1,2\n", [
    listItem({ url: "https://b.example/map?box=1,2", name: "map" }),
  ]],
  ["a URL that is repeated", "/x.csv\n/x.csv#top\n", [
    listItem({ url: "https://a.example/x.csv" }),
  ]],
  ["a checksum file", `${A}  x.csv\n${B} *dir/a b%3F?.csv\n`, [
    listItem({ url: "https://a.example/lists/x.csv", digests: { sha256: A } }),
    listItem({
      url: "https://a.example/lists/dir/a%20b%253F%3F.csv",
      name: "a b%3F?.csv",
      digests: { sha256: B },
    }),
  ]],
  [
    "a checksum file of BSD, with two algorithms",
    `MD5 (x:1.csv) = ${MD5}\nSHA256 (x:1.csv) = ${A}\n`,
    [
      listItem({
        url: "https://a.example/lists/x%3A1.csv",
        name: "x:1.csv",
        digests: { md5: MD5, sha256: A },
      }),
    ],
  ],
  ["a checksum file of Windows", `${A} *dist\\x.csv\r\n`, [
    listItem({ url: "https://a.example/lists/dist/x.csv", digests: { sha256: A } }),
  ]],
  [
    "a checksum file with URLs, and digests of other algorithms",
    `${"0".repeat(56)}  https://b.example/x.csv\n`,
    [
      listItem({ url: "https://b.example/x.csv" }),
    ],
  ],
  [
    "a signed checksum file",
    `-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n${A}  x.csv\n- ${B}  y.csv\n-----BEGIN PGP SIGNATURE-----\n\niQ==\n=abc\n-----END PGP SIGNATURE-----\n`,
    [
      listItem({ url: "https://a.example/lists/x.csv", digests: { sha256: A } }),
      listItem({ url: "https://a.example/lists/y.csv", digests: { sha256: B } }),
    ],
  ],
  ["CSV by its type", "/x?a=1,x 1.csv\n", [
    listItem({ url: "https://a.example/x?a=1", name: "x 1.csv" }),
  ], { contentType: "text/csv; charset=utf-8" }],
];

for (const [what, text, items, document] of READ) {
  Deno.test(`parseTextList reads ${what}`, () => {
    assertEquals(parseTextList(listDocument(text, document)), { items, next: null });
  });
}

Deno.test("parseTextList reads the URL list of Google Storage Transfer", async () => {
  const { items } = parseTextList(await listFixture("gcs.tsv"));
  assertEquals(items, [
    listItem({
      url: "https://files.example.org/a%20b.csv",
      name: "a b.csv",
      sizeBytes: 1_357,
      digests: { md5: MD5 },
    }),
    listItem({ url: "https://files.example.org/b.csv", sizeBytes: 0 }),
    listItem({ url: "https://files.example.org/c.csv" }),
  ]);
});

Deno.test("parseTextList reads the CSV of rclone", async () => {
  const document = await listFixture("rclone.csv", { url: "https://a.example/urls.csv" });
  assertEquals(parseTextList(document).items, [
    listItem({ url: "https://files.example.org/export?year=2025", name: "rates-2025.csv" }),
    listItem({
      url: "https://files.example.org/export?years=2024,2025",
      name: 'rates "both", 2024-2025.csv',
    }),
    listItem({ url: "https://files.example.org/plain.csv" }),
  ]);
});

const CSV = { contentType: "text/csv" };
const TSV = "TsvHttpData-1.0\n";

const INVALID:
  readonly (readonly [text: string, message: string, document?: Partial<ListDocument>])[] = [
    ["<!DOCTYPE html><title>x</title>", "the list is HTML, not a text of URLs"],
    ["\0\x01", "the list is binary data, not a text of URLs"],
    [
      "/a\n\nNot found\n",
      'line 3 of the list is no URL; a relative one begins with / or ./: "Not found"',
    ],
    ["x.csv", 'line 1 of the list is no URL; a relative one begins with / or ./: "x.csv"'],
    [
      "/a\r\nftp://b/c",
      'line 2 of the list is no URL; a relative one begins with / or ./: "ftp://b/c"',
    ],
    [
      '{"files":[]}',
      'line 1 of the list is no URL; a relative one begins with / or ./: "{\\"files\\":[]}"',
    ],
    [
      "https://b.example/x -o y",
      'line 1 of the list has more than a URL: "https://b.example/x -o y"',
    ],
    ["http://", 'line 1 of the list is no http or https URL: "http://"'],
    [`/${"x".repeat(8_000)}`, 'line 1 of the list is no http or https URL: "/…"'],
    [`${A}  -\n`, `line 1 of the list has a digest without a name: "${A}  -"`],
    [`${A}\n`, `line 1 of the list is no URL; a relative one begins with / or ./: "${A}"`],
    [`${A}  x\n${B}  x\n`, 'line 2 of the list has another digest than an earlier line: "x"'],
    [
      `${A}  x\n${A.slice(1)}  y\n`,
      `line 2 of the list is no URL; a relative one begins with / or ./: "${A.slice(1)}  y"`,
    ],
    [`${TSV}x\t1`, 'line 2 of the list has no URL in its first column: "x\\t1"'],
    [`${TSV}/x\t1.5`, 'line 2 of the list has no number of bytes in its second column: "/x\\t1.5"'],
    [`${TSV}/x\t1\tabc`, 'line 2 of the list has no MD5 in its third column: "/x\\t1\\tabc"'],
    [
      `${TSV}/x\t1\t\ty`,
      'line 2 of the list has more than a URL, a size and an MD5: "/x\\t1\\t\\ty"',
    ],
    ["url,name\n", 'line 1 of the list has no URL in its first column: "url,name"', CSV],
    ["/x,y,z\n", 'line 1 of the list has more than a URL and a name: "/x,y,z"', CSV],
    ['"/x', 'line 1 of the list is not CSV: "\\"/x"', CSV],
    ['/x,a"b', 'line 1 of the list is not CSV: "/x,a\\"b"', CSV],
  ];

for (const [text, message, document] of INVALID) {
  Deno.test(`parseTextList refuses ${JSON.stringify(text.slice(0, 40))}: ${message.slice(0, 60)}`, () => {
    assertEquals(invalidity(() => parseTextList(listDocument(text, document))).message, message);
  });
}

Deno.test("parseTextList: limit of items", () => {
  const lines = Array.from({ length: 200_001 }, (_, index) => `/${index}`);
  const many = (count: number) => listDocument(lines.slice(0, count).join("\n"));
  assertEquals(parseTextList(many(200_000)).items.length, 200_000);
  assertEquals(
    invalidity(() => parseTextList(many(200_001))).message,
    "the list has more than 200,000 items",
  );
});

Deno.test("property: parseTextList returns items or throws list.invalid for damaged documents", async () => {
  const texts = READ.map(([, text]) => text);
  for (const file of ["gcs.tsv", "rclone.csv"]) {
    texts.push(new TextDecoder().decode((await listFixture(file)).bytes));
  }
  for (const text of texts) {
    assertRobust(text, parseTextList);
    assertRobust(text, (document) => parseTextList({ ...document, ...CSV }));
  }
});

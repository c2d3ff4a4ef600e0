import { assertEquals, assertMatch } from "@std/assert";
import * as fc from "fast-check";
import { distinctName, keyFor, keyOf } from "../../lib/config/keys.ts";
import { createRenderer, parseTemplate } from "../../lib/config/template.ts";
import { formatProblem } from "../../lib/config/problem.ts";
import {
  AT,
  complaintText,
  load,
  loadInput,
  loadText,
  onlyTask,
  problemLinesOf,
  tasksIn,
} from "./loading.ts";

function nameOf(to: string, url: string): string {
  const { value: template, problem } = parseTemplate(to, "name");
  if (template === undefined) return `problem: ${complaintText(problem)}`;
  const key = keyFor(template, new URL(url), "UTC", createRenderer(AT));
  return key.value ?? `problem: ${complaintText(key.problem)}`;
}

const URL_A = "https://Data.example.org:8443/a/b%20c//d/report.tar.gz?page=2&q=x%2Fy&empty=#f";

const NAMES: readonly (readonly [to: string, url: string, key: string])[] = [
  ["{host}/{path}/{stem}.{ext}", URL_A, "data.example.org_8443/a/b c/d/report.tar.gz"],
  ["{host}/{path}/", URL_A, "data.example.org_8443/a/b c/d/report.tar.gz"],
  ["{host}/{path}", URL_A, "data.example.org_8443/a/b c/d/report.tar.gz"],
  ["{path}", URL_A, "a/b c/d/report.tar.gz"],
  ["{host}/{path}/{name}", URL_A, "data.example.org_8443/a/b c/d/{name}"],
  ["x/{stem}-{query.page}.{ext}", URL_A, "x/report.tar-2.gz"],
  ["{query.q}.csv", URL_A, "x_y.csv"],
  ["{stem}", URL_A, "report.tar"],
  ["{date:YYYY}/{ext}", URL_A, "2026/gz"],
  ["{{host}}-{host}", "https://e.org/", "{host}-e.org"],
  ["{host}/{path}/", "https://e.org/", "e.org/index.html"],
  ["{host}/{path}/", "https://e.org/x", "e.org/x"],
  ["{path}/", "https://e.org/x", "x"],
  ["{path}/{name}", "https://e.org/x", "{name}"],
  ["{path}x/y", "https://e.org/a/b/c", "a/bx/y"],
  ["x-{path}", "https://e.org/a/b/c", "x-a/b"],
  ["{stem}.{ext}", "https://e.org/README", "README"],
  ["{stem}.{ext}", "https://e.org/dir/", "index.html"],
  ["{stem}.{ext}", "https://e.org/.htaccess", ".htaccess"],
  ["{host}", "http://[::1]:80/x", "[_1]"],
  ["{host}", "https://bücher.example/x", "xn--bcher-kva.example"],
  ["{path}/f", "https://e.org/%2e%2e/%2E/a/x", "a/f"],
  ["{path}/f", "https://e.org/...%2F..%5Ca/x", "..._.._a/f"],
  ["{path}/f", "https://e.org/con/.cronfetch-drafts/x", "con_/_.cronfetch-drafts/f"],
  ["{path}/{stem}", "https://e.org/.git/GIT~1/.G%E2%80%8CIT", "_.git/_GIT~1/.G_IT"],
  ["{path}/f", "https://e.org/%00/%01%02/a%3Ab/x", "_/__/a_b/f"],
  ["{query.f}", "https://e.org/x?f=../../etc/passwd", ".._.._etc_passwd"],
  ["{query.f}", "https://e.org/x?f=..", "index.html"],
  ["{query.f}/y", "https://e.org/x?f=..", "y"],
  ["{query.f}/y", "https://e.org/x?f=%2Fetc", "_etc/y"],
  ["{query.f}-{name}", "https://e.org/x?f={name}", "_name_-{name}"],
  ["{query.a b}", "https://e.org/x?a+b=1", "1"],
  ["{query.page}", URL_A, "2"],
];

Deno.test("row 148: keyFor: parts of the URL are substituted and made safe", () => {
  for (const [to, url, key] of NAMES) assertEquals(nameOf(to, url), key, `${to} of ${url}`);
});

const REFUSED: readonly (readonly [to: string, url: string, problem: RegExp])[] = [
  [
    "{query.nope}",
    URL_A,
    /^problem: needs the query parameter "nope", which the URL does not have/,
  ],
  ["{query.empty}", URL_A, /^problem: needs the query parameter "empty"/],
  [
    "{query.api_key}",
    "https://e.org/?api_key=1",
    /^problem: contains .*"api_key", which is a secret by its name/,
  ],
  [
    "{query.}",
    URL_A,
    /^problem: contains "\{query\.\}", which is not a placeholder; .* and \{query\.NAME\}/,
  ],
  // A suggestion would have to contain the placeholder.
  ["{date:YYYY}//x", URL_A, /^problem: must not contain an empty part$/],
  ["{hosst}", URL_A, /did you mean "\{host\}"\?$/],
  ["{Path}", URL_A, /did you mean "\{path\}"\?$/],
  ["{host}/../x", URL_A, /^problem: must be a file inside the store, without \.\. in its path$/],
  ["/{host}", URL_A, /^problem: must be relative/],
  ["{host}//x", URL_A, /^problem: must not contain an empty part/],
  ["\u0001{host}", URL_A, /control characters/],
  ["con/{host}", URL_A, /not a safe name/],
];

Deno.test("row 148: keyFor: unsafe literal text and missing parts of the URL are problems", () => {
  for (const [to, url, problem] of REFUSED) assertMatch(nameOf(to, url), problem, to);
});

Deno.test("property: keyFor: the key of any URL is a valid `to`", () => {
  const templates = [
    "{host}/{path}/{stem}-{query.q}.{ext}",
    "{path}",
    "{query.q}/{query.q}",
    "{stem}",
  ];
  const piece = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      "..",
      "%2e%2e",
      "%2F",
      "con",
      "{name}",
      ".git",
      "\u202e",
      "%00",
      "a".repeat(300),
    ),
  );
  fc.assert(
    fc.property(
      fc.array(piece),
      piece,
      fc.constantFrom(...templates),
      (segments, value, to) => {
        const url = URL.parse(`https://e.org/${segments.join("/")}`);
        if (url === null || url.host !== "e.org") return;
        url.searchParams.set("q", value || "x");
        const key = nameOf(to, url.href);
        assertEquals(keyOf(key, url).value, key);
      },
    ),
    { numRuns: 500, seed: 148 },
  );
});

Deno.test("row 148: defaults.to names the files of all tasks; IDs are stable and distinct", async () => {
  const tasks = [
    "https://a.org/x/data.csv",
    "https://b.org/x/data.csv",
    { url: "https://a.org/y/data.csv", to: "own.csv" },
    "https://a.org/{date:YYYY}/data.csv",
  ];
  const named = async (to: string) =>
    (await tasksIn({ defaults: { to }, tasks })).map(({ id, key }) => [id, key]);
  assertEquals(await named("{host}/{path}"), [
    ["a.org/x/data.csv", "a.org/x/data.csv"],
    ["b.org/x/data.csv", "b.org/x/data.csv"],
    ["own.csv", "own.csv"],
    ["a.org/{date_YYYY}/data.csv", "a.org/2026/data.csv"],
  ]);
  assertEquals((await named("{host}/{path}/{name}")).map(([id]) => id), [
    "a.org/x/data.csv",
    "b.org/x/data.csv",
    "own.csv",
    "a.org/{date_YYYY}/data.csv",
  ]);
  const dates = await tasksIn({
    defaults: { to: "{stem}-{date:YYYY}.{ext}" },
    tasks: ["https://a.org/x.csv", "https://a.org/y.csv"],
  });
  assertEquals(dates.map(({ id, key }) => [id, key]), [
    ["x-{date_YYYY}.csv", "x-2026.csv"],
    ["y-{date_YYYY}.csv", "y-2026.csv"],
  ]);
});

Deno.test("row 148: a missing parameter is reported per task, a problem of defaults.to once", async () => {
  const tasks = ["https://e.org/a?id=1", "https://e.org/a", "https://e.org/c?id="];
  assertEquals(
    (await problemLinesOf(loadInput({ defaults: { to: "{query.id}.csv" }, tasks })))
      .map((line) => line.replace(/^1:\d+: /, "")),
    ["tasks[1]", "tasks[2]"].map((task) =>
      `${task} gets a name from "defaults.to" that needs the query parameter "id", ` +
      "which the URL does not have"
    ),
  );
  for (const to of ["../{host}", "{hosst}", "a//b", "/x/"]) {
    const problems = await problemLinesOf(loadInput({ defaults: { to }, tasks }));
    assertEquals(problems.length, 1, problems.join("\n"));
    assertMatch(problems[0] ?? "", /^1:\d+: defaults\.to /);
  }
  const own = await problemLinesOf(
    loadInput({ tasks: [{ url: "https://e.org/", to: "{query.x}" }] }),
  );
  assertMatch(own[0] ?? "", /tasks\[0\]\.to needs the query parameter "x"/);
});

const ENV = { T: "s3cr3t.x", P: "p/q", BASE: "https://s3cret.example/top", PORT: "8443" };

/** URLs with variables, a name, and whether the key would contain the value of one. */
const SECRETS: readonly (readonly [url: string, to: string | null, holds: boolean])[] = [
  ["https://e.org/a.csv?sig=${env:T}&id=1", "{host}/{query.id}", false],
  ["https://e.org/a.csv?id=${env:T}", "{query.id}.csv", true],
  ["https://e.org/a.csv?id=1&${env:T}=2", "{query.id}.csv", false],
  ["https://e.org/${env:T}/a.csv", "{stem}.csv", false],
  ["https://e.org/${env:T}/a.csv", "{path}/x", true],
  ["https://e.org/${env:P}/a.csv", "{host}/{path}", true],
  ["https://e.org/x?f=${env:P}.csv", "{query.f}", true],
  ["https://${env:T}/a.csv", "{host}", true],
  ["https://u:${env:T}@e.org/a.csv", "{host}/{path}", false],
  ["https://e.org:${env:PORT}/a.csv", "{host}", true],
  ["https://e.org:${env:PORT}/a.csv", "{path}", false],
  ["${env:BASE}/a.csv", "{stem}.csv", false],
  ["${env:BASE}/a.csv", "{path}", true],
  ["${env:BASE}", "{stem}", true],
  ["https://e.org/${env:T}", null, true],
  ["https://e.org/${env:T}", "folder/", true],
  ["https://e.org/${env:T}", "{name}", true],
  ["https://e.org/${env:T}", "fixed.csv", false],
  ["https://e.org/a.csv?t=${env:T}", "{name}", false],
  ["https://e.org/a.csv#${env:T}", "{path}", false],
  ["https://e.org/a-${env:P}?x", null, true],
];

Deno.test("row 148: dependsOnSecret: the value of a variable never becomes part of a key", async () => {
  for (const [url, to, holds] of SECRETS) {
    const task = to === null ? { url } : { url, to };
    if (holds) {
      const problems = await problemLinesOf(loadInput({ tasks: [task] }, { env: ENV }));
      const [first = ""] = problems;
      assertMatch(first, /would put a secret into the name of the file/, `${url} ${to}`);
      assertEquals(problems.join().includes("s3cr"), false);
    } else {
      const { key, id } = await onlyTask(task, { env: ENV });
      assertEquals(/s3cr|8443|p\/q/.test(`${key} ${id}`), false, `${url} ${to} ${key}`);
    }
  }
});

const DISTINCT: readonly (readonly [url: string, other: string, name: string | null])[] = [
  ["https://e.org/a?id=1", "https://e.org/a?id=2", "{query.id}/"],
  ["https://e.org/a?v=1&id=1", "https://e.org/a?v=1&id=2", "{query.id}/"],
  ["https://e.org/a?token=1", "https://e.org/a?token=2", null],
  ["https://e.org/a", "https://e.org/a?id=2", null],
  ["https://e.org/x/a", "https://e.org/y/a", "{path}/"],
  ["https://e.org/x/a", "https://f.org/x/a", "{host}/"],
  ["https://e.org/a", "https://e.org/a", null],
];

Deno.test("row 148: distinctName: a collision suggests the part that differs", async () => {
  for (const [url, other, name] of DISTINCT) {
    assertEquals(distinctName(new URL(url), new URL(other)), name, `${url} ${other}`);
  }
  const [problem = ""] = await problemLinesOf(loadText("https://e.org/x/a\nhttps://e.org/y/a\n"));
  assertMatch(problem, /give one of them another "to", or all of them "to": "\{path\}\/"$/);
});

Deno.test("row 148: readList: a space in a URL is an error with a suggestion", async () => {
  const text =
    "https://e.org/a b.pdf\nhttps://e.org/c\thttps://e.org/d\n  # a comment\nhttps://e.org/e \n";
  assertEquals(await problemLinesOf(loadText(text)), [
    '1:16: a space in a URL; write %20; did you mean "https://e.org/a%20b.pdf"?',
    "2:16: a space in a URL; write one URL per line",
  ]);
  const long = await problemLinesOf(loadText(`https://e.org/${"x".repeat(99)} y`));
  const guess = `https://e.org/${"x".repeat(99)}%20y`;
  assertEquals(long, [`1:114: a space in a URL; write %20; did you mean "${guess}"?`]);
});

Deno.test("row 148: readUrl: a fragment is a warning with its place, redacted", async () => {
  const text = "https://e.org/h#1.pdf\nhttps://e.org/b\nhttps://e.org/c#\n";
  assertEquals((await loadText(text)).warnings.map(formatProblem), [
    'standard input:1:16: has the fragment "#1.pdf", which is never sent; write %23 for a #',
  ]);
  const tasks = [{ url: "https://e.org/a#${env:T}", mirrors: ["https://e.org/b#m"] }];
  const { warnings } = await loadInput({ tasks }, { env: ENV });
  assertEquals(
    warnings.map((one) => formatProblem(one).replace(/^.*: tasks/, "tasks").split(",")[0]),
    [
      'tasks[0].url has the fragment "#***"',
      'tasks[0].mirrors[0] has the fragment "#m"',
    ],
  );
  const many = await loadText(
    Array.from({ length: 5_000 }, (_, i) => `https://e.org/${i}#a`).join("\n"),
  );
  assertEquals([many.warnings.length, many.warnings.at(-1)?.line], [5_000, 5_000]);
  assertEquals((await load({ urls: ["https://e.org/x#y"] })).warnings.length, 1);
});

import { assertEquals } from "@std/assert";
import { tasksOf } from "../../lib/config/config.ts";
import type { TaskInput } from "../../lib/config/input.ts";
import type { ReadRequest } from "../../lib/core/task.ts";
import { AT, complaintText, loadInput, onlyTask, problemLinesOf } from "./loading.ts";

const url = "https://api.example.org/query";
const ENV = {
  TOKEN: 'se"cret & {date:YYYY}',
  BRACES: '{{date:YYYY}} {date:YYYY}} {{date:YYYY} {date "x"}',
};

function request(
  method: ReadRequest["method"],
  body: string | null,
  contentType: string | null,
): ReadRequest {
  return { method, body, contentType };
}

const JSON_TYPE = "application/json";
const FORM_TYPE = "application/x-www-form-urlencoded";
const TEXT_TYPE = "text/plain; charset=utf-8";

const GRAPHQL = '{ films(first: 3, after: {date: "x"}) { title {date} }}';

/** Options of a task, and its request. */
const REQUESTS: readonly (readonly [Partial<TaskInput>, ReadRequest | null])[] = [
  [{}, null],
  [{ method: "GET" }, null],
  [{ method: "POST" }, request("POST", null, null)],
  [{ body: { json: null } }, request("POST", "null", JSON_TYPE)],
  [
    { body: { json: { query: GRAPHQL, n: [1, true, null] } } },
    request("POST", JSON.stringify({ query: GRAPHQL, n: [1, true, null] }), JSON_TYPE),
  ],
  [
    {
      body: {
        json: {
          day: "{date-1d:YYYY-MM-DD HH:mm} {date first workday:D}",
          literal: "{{date:YYYY}}",
        },
      },
    },
    request("POST", '{"day":"2026-01-14 23:30 1","literal":"{date:YYYY}"}', JSON_TYPE),
  ],
  [
    { body: { json: { key: "${env:TOKEN}", escaped: "$${x}" } } },
    request("POST", '{"key":"se\\"cret & {date:YYYY}","escaped":"${x}"}', JSON_TYPE),
  ],
  [
    { body: { form: { "a b": "ü&=", list: ["1", 2, false], empty: "", none: [] } } },
    request("POST", "a+b=%C3%BC%26%3D&list=1&list=2&list=false&empty=", FORM_TYPE),
  ],
  [
    { body: { form: { at: "{date last day:YYYY-MM-DD HH:mm}", key: "${env:TOKEN}" } } },
    request(
      "POST",
      "at=2026-01-31+23%3A30&key=se%22cret+%26+%7Bdate%3AYYYY%7D",
      FORM_TYPE,
    ),
  ],
  [
    { method: "QUERY", body: { text: "SELECT {date:YYYY}\n" } },
    request("QUERY", "SELECT 2026\n", TEXT_TYPE),
  ],
  [
    { body: { text: "{a {date:YYYY}} {{date:YYYY} ${env:BRACES}" } },
    request("POST", `{a 2026} {2026 ${ENV.BRACES}`, TEXT_TYPE),
  ],
  [{ method: "POST", body: { text: "" } }, request("POST", "", TEXT_TYPE)],
];

Deno.test("readRequest: methods, kinds of bodies, secrets and dates", async () => {
  for (const [options, expected] of REQUESTS) {
    const task = await onlyTask({ url, ...options }, { env: ENV });
    assertEquals(task.request, expected, JSON.stringify(options));
  }
});

Deno.test("readRequest: a request other than GET is not conditional, and has no segments", async () => {
  const { tasks } = await loadInput({
    defaults: { segments: 4, conditional: true },
    tasks: [{ url: `${url}1` }, { url: `${url}2`, method: "POST" }],
  });
  const seen = tasks.map(({ task: { conditional, segments } }) => [conditional, segments]);
  assertEquals(seen, [[true, 4], [false, 1]]);
});

Deno.test("readRequest: dates are those of the run, also if only the body has one", async () => {
  const config = await loadInput({
    tasks: [{ url, body: { form: { day: "{date:YYYY/MM/DD}" } } }],
  });
  const bodies = [AT, AT.add({ hours: 1 })].map((at) => tasksOf(config, at)[0]?.request?.body);
  assertEquals(bodies, ["day=2026%2F01%2F15", "day=2026%2F01%2F16"]);
});

Deno.test("readRequest: what is a secret by its name, or substituted", async () => {
  const { secrets } = await loadInput({
    tasks: [
      { url: `${url}1`, body: { json: { auth: { api_key: "literal-json" }, name: "public" } } },
      { url: `${url}2`, body: { form: { password: "literal-form", q: "public" } } },
      { url: `${url}3`, body: { text: "x ${env:TOKEN}" } },
    ],
  }, { env: ENV });
  assertEquals(secrets, ["literal-json", "literal-form", ENV.TOKEN]);
});

const WARNINGS: readonly (readonly [Partial<TaskInput>, string])[] = [
  [
    { method: "POST", segments: 2 },
    "has no effect: the response to a POST is not fetched in ranges",
  ],
  [
    { method: "POST", conditional: true },
    "has no effect: a POST has no conditions, and the digest of its response decides whether it " +
    "has changed",
  ],
  [
    { body: { json: '{"a":1}' } },
    "is text in JSON, and would be sent in quotes; write the value without quotes, or " +
    '"text" in place of "json"',
  ],
  [
    { body: { form: { api_key: "$API_KEY" } } },
    'contains the name of a variable; did you mean "${env:API_KEY}"?',
  ],
  [
    { body: { text: "{date:YYYY-mm-DD}" } },
    'contains "{date:YYYY-mm-DD}", in which mm is the minute; did you mean "{date:YYYY-MM-DD}"?',
  ],
];

Deno.test("readRequest: warns of what is probably not meant", async () => {
  for (const [options, expected] of WARNINGS) {
    const { warnings } = await loadInput({ tasks: [{ url, ...options }] });
    const seen = warnings.map(({ message, hint }) =>
      complaintText(hint === null ? message : { message, hint })
    );
    assertEquals(seen, [expected]);
  }
});

const PROBLEMS: readonly (readonly [unknown, string])[] = [
  [
    { method: "GET", body: { text: "a" } },
    'tasks[0].method must not be GET beside a body; write "POST", or leave the method out: a task ' +
    "with a body sends POST",
  ],
  [{ method: "QUERY" }, "tasks[0].method must not be QUERY without a body"],
  [
    { method: "post" },
    'tasks[0].method must be "GET" or "POST" or "QUERY"; did you mean "POST"?',
  ],
  [{ method: "DELETE" }, 'tasks[0].method must be "GET" or "POST" or "QUERY"'],
  [
    { body: {} },
    'tasks[0].body must have either json, form or text; write { "json": … } around it',
  ],
  [{ body: { json: 1, text: "a" } }, "tasks[0].body must have either json, form or text"],
  [
    { body: '{"a":1}' },
    'tasks[0].body must be an object of json, form or text, such as { "json": { "query": "…" } }',
  ],
  [{ data: { a: 1 } }, 'tasks[0].data is not an option; did you mean "body"?'],
  [
    { body: { form: { a: { b: 1 } } } },
    "tasks[0].body.form.a must be text, a number, true or false, or a list of them",
  ],
  [
    { body: { json: { a: ["${env:UNSET}"] } } },
    "tasks[0].body.json.a[0] needs the environment variable UNSET, which is not set; set it, for " +
    "example: export UNSET=…",
  ],
  [
    { body: { json: { a: "${TOKEN}" } } },
    "tasks[0].body.json.a contains ${; only ${env:NAME} and ${file:PATH} are substituted, and $${ " +
    'is an escaped ${; did you mean "${env:TOKEN}"?',
  ],
  [
    { body: { text: "{date:ASC}" } },
    'tasks[0].body.text contains the date part "A", which is unknown; parts are YYYY YY MM M MMM (Jan) MMMM (January) DD D ' +
    'DDD (day of the year) GGGG WW (ISO year and week) HH mm ss; "{{date:ASC}}" is literal text',
  ],
  [
    { body: { text: "ä".repeat(524_289) } },
    "tasks[0].body must have at most 1 MiB; it has 1048578 bytes",
  ],
];

Deno.test("readRequest: problems name the option, and what is allowed", async () => {
  for (const [options, expected] of PROBLEMS) {
    const task = { url, ...options as Partial<TaskInput> };
    const lines = await problemLinesOf(loadInput({ tasks: [task] }));
    assertEquals(lines.map((line) => line.slice(line.indexOf("tasks["))), [expected]);
  }
});

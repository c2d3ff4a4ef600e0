/** Configs mutated from valid ones, by a seed. */

import { assert } from "@std/assert";
import { ConfigError } from "../../lib/config/problem.ts";
import { loadText } from "./loading.ts";

const SAMPLES: readonly string[] = [
  `{
  "$schema": "./cronfetch.schema.json", "store": "./downloads", "state": "file:state.json",
  "schedule": "0 6 * * *", "timezone": "Europe/Berlin", "misfire": "skip", "jitter": "5m",
  "limits": { "concurrency": 8, "perHost": 2, "spacing": "1s", "rate": "1MB", "deadline": null },
  "hosts": {
    "*.example.org:8443": { "perHost": 2, "spacing": "1s", "proxy": "http://u:\${env:A}@p.org:3128" },
    "[::1]": { "proxy": "direct", "caFile": null, "certFile": null, "keyFile": null }
  },
  "alertAfter": 2, "alerts": [{ "webhook": "https://h.org/\${env:A}", "headers": { "x": "y" } }],
  "defaults": { "to": "{host}/{path}", "retry": { "attempts": 4, "budget": "2m" }, "keep": 3 },
  "tasks": [
    "https://example.org/a.pdf", // a comment
    {
      "id": "rates", "url": "https://example.org/{date-1d:YYYY-MM-DD}.csv?q=1",
      "mirrors": ["https://m.org/{date:DD}"], "to": "r/{stem}-{query.q}.{ext}",
      "headers": { "authorization": "Bearer \${env:A}" }, "timeout": { "idle": "30s" },
      "expect": { "type": "text/csv", "minSize": "1KB", "minRatio": 0.5, "matches": "^a+$",
        "sha256": { "url": "https://example.org/sums", "name": "a" }, "md5": null },
      "segments": 4, "quarantine": true, "allowPrivate": false
    },
  ],
}`,
  `{"tasks":[{"url":"http://u:p@127.0.0.1:80/%00/..;/x","timeout":"1h30m","to":"a/{name}"}]}`,
  `store: s3://bucket/prefix
tasks:
  - &a https://example.org/a.csv
  - url: https://example.org/b
    schedule: every 30m
    expect: {json: true, maxSize: 10MiB}
  - {url: "https://example.org/d", to: &n d.csv, id: *n}
defaults: {headers: {accept: "*/*"}}
`,
  "# a list\nhttps://example.org/a.pdf\n  https://example.org/b#c \n\nhttps://example.org/c\n",
];

/** Texts with a meaning in a format or in a check. */
const PIECES: readonly string[] = [
  ..."{}[]\",:'\\/#&*!|>-?@%`\n\r\t\0\u0001\ufeff\u2028\u202e\ud800\udfff${}.",
  ...["null", "true", "-1", "1e999", "0x1", "{{", "}}", "{date:", "{name}", "{path}", "${env:A}"],
  ...[
    "__proto__",
    "constructor",
    "toString",
    "\\u0000",
    "\\ud800",
    "//",
    "/*",
    "*/",
    "<<: *a",
    "---\n",
  ],
  ...[
    "&a ",
    "*a",
    "!!js/function ",
    "? ",
    "- ",
    "[".repeat(70),
    '{"a":'.repeat(70),
    "- ".repeat(70),
  ],
  ...["../", "..", "con", "https://", "file:///etc", "s3://", "9".repeat(40), "a".repeat(3_000)],
];

/** Deterministic random numbers from 0 to below 1 (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A sample with up to eight mutations. */
export function mutated(seed: number): string {
  const random = generator(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  let text = SAMPLES[below(SAMPLES.length)] ?? "";
  for (let left = 1 + below(8); left > 0; left--) {
    const start = below(text.length + 1);
    const end = Math.min(text.length, start + below(12));
    const piece = PIECES[below(PIECES.length)] ?? "";
    const other = below(text.length + 1);
    const kinds = [
      piece,
      "",
      text.slice(other, other + below(60)),
      String.fromCharCode(below(random() < 0.8 ? 128 : 65_536)),
      text.slice(start, end).repeat(2),
    ];
    text = text.slice(0, start) + kinds[below(kinds.length)] +
      text.slice(random() < 0.4 ? start : end);
  }
  return text;
}

/** Loads the configs of a range of seeds. Each is valid or throws a `ConfigError`. */
export async function loadMutated(first: number, count: number): Promise<{ valid: number }> {
  let valid = 0;
  for (let seed = first; seed < first + count; seed++) {
    const text = mutated(seed);
    try {
      await loadText(text, { env: { A: "secret-value" } });
      valid++;
    } catch (error) {
      assert(error instanceof ConfigError, `seed ${seed}: ${error}\n${text}`);
      assert(error.problems.length > 0 && error.message.length < 40_000, `seed ${seed}`);
      assert(!error.message.includes("secret-value"), `seed ${seed}: a secret is shown`);
    }
  }
  return { valid };
}

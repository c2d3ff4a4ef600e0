import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import type { AlertFormat } from "../../../lib/core/event.ts";
import type { AlertEvent, AlertNotice } from "../../../lib/report/alerts/changes.ts";
import { alertPayload } from "../../../lib/report/alerts/formats.ts";
import { alertMessage } from "../../../lib/report/alerts/message.ts";
import { notice, unhealthy } from "./samples.ts";
import { SERVICES, type Shown } from "./services.ts";

const FORMATS = Object.keys(SERVICES) as readonly AlertFormat[];
const LINK = "https://status.example.org/";

/** What a service displays of these notices. */
function shown(format: AlertFormat, notices: readonly AlertNotice[], link = LINK): Shown {
  const message = alertMessage(notices, { run: "run-1", link });
  return SERVICES[format](alertPayload(message, format));
}

Deno.test("alertPayload: each format has the title, the worst first, and the link", () => {
  const notices = [
    notice("recovered", "c.csv"),
    notice("stale", "b.csv", { message: "no success since 2026-01-14 06:00 UTC" }),
    unhealthy("a.csv"),
  ];
  const title = "cronfetch: 1 task unhealthy, 1 stale, 1 recovered";
  const plain = [
    "unhealthy: a.csv, 3 failures in a row (the server answered 404)",
    "stale: b.csv, no success since 2026-01-14 06:00 UTC",
    "recovered: c.csv",
  ];
  const table: Readonly<Record<AlertFormat, Shown>> = {
    json: { title, lines: plain, link: LINK },
    slack: {
      title: `🔴 ${title}`,
      lines: [
        "*unhealthy:* `a.csv`, 3 failures in a row (the server answered 404)",
        "*stale:* `b.csv`, no success since 2026-01-14 06:00 UTC",
        "*recovered:* `c.csv`",
      ],
      link: LINK,
    },
    discord: {
      title,
      lines: [
        "**unhealthy:** a.csv, 3 failures in a row (the server answered 404)",
        "**stale:** b.csv, no success since 2026-01-14 06:00 UTC",
        "**recovered:** c.csv",
      ],
      link: LINK,
    },
    teams: { title, lines: plain, link: LINK },
    ntfy: { title, lines: plain, link: LINK },
  };
  for (const format of FORMATS) assertEquals(shown(format, notices), table[format], format);
});

Deno.test("alertPayload: severity is that of the worst notice", () => {
  const table = [
    [[unhealthy("a"), notice("recovered", "b")], "4", "Attention", 0xd93025],
    [[notice("unchanged", "a"), notice("recovered", "b")], "3", "Warning", 0xf29900],
    [[notice("changed", "a")], "3", "Good", 0x1e8e3e],
    [[notice("run.failed", null)], "4", "Attention", 0xd93025],
  ] as const;
  for (const [notices, priority, color, discord] of table) {
    const message = alertMessage(notices, { run: null, link: null });
    assertEquals(alertPayload(message, "ntfy").headers.priority, priority);
    assertStringIncludes(alertPayload(message, "teams").body, `"color":"${color}"`);
    assertEquals(JSON.parse(alertPayload(message, "discord").body).embeds[0].color, discord);
  }
});

/** Text that a service would take for markup, and what must not be left of it. */
const MARKUP: readonly (readonly [AlertFormat, text: string, rendered: string])[] = [
  [
    "slack",
    "<!channel> <@U1> & <https://x|y>",
    "&lt;!channel&gt; &lt;@U1&gt; &amp; &lt;https://x|y&gt;",
  ],
  ["slack", "a`b", "a'b"],
  [
    "discord",
    "@everyone <@1> **b** [x](y)",
    "@\u200beveryone \\<@\u200b1\\> \\*\\*b\\*\\* \\[x\\](y)",
  ],
  ["discord", "a_b~c|d`e\\f", "a\\_b\\~c\\|d\\`e\\\\f"],
  ["teams", "**b** [x](https://y) <at>z</at>", "**b** [x](https://y) <at>z</at>"],
  ["ntfy", "**b** @all <!channel>", "**b** @all <!channel>"],
  ["json", "@all <!channel> <@U1>", "@\u200ball <\u200b!channel> <\u200b@\u200bU1>"],
];

Deno.test("alertPayload: markup in ids and messages has no effect", () => {
  for (const [format, text, rendered] of MARKUP) {
    const { lines: [line = ""] } = shown(format, [unhealthy(text, "x")]);
    assertStringIncludes(line, rendered, format);
  }
  const { lines: [line = ""] } = shown("slack", [unhealthy("a", "<!here> & b")]);
  assertStringIncludes(line, "(&lt;!here&gt; &amp; b)");
});

Deno.test("alertPayload: line feeds and controls in ids and messages make no further lines", () => {
  for (const format of FORMATS) {
    const { lines } = shown(format, [unhealthy("a\nb\u202ec", "x\r\n\u0007y")]);
    assertEquals(lines.length, 1, format);
    assert(/a\\{1,2}nb\\{1,2}u\{202e\}c/.test(lines[0] ?? ""), lines[0]);
  }
});

Deno.test("alertPayload: at most 20 lines, then a count", () => {
  const notices = Array.from({ length: 57 }, (_, index) => unhealthy(`task-${index}`, "no"));
  for (const format of FORMATS) {
    const { title, lines } = shown(format, notices);
    assertStringIncludes(title, "cronfetch: 57 tasks unhealthy");
    assertEquals([lines.length, lines.at(-1)], [21, "and 37 more"], format);
  }
  const message = alertMessage(notices, { run: null, link: null });
  const { alerts, omitted } = JSON.parse(alertPayload(message, "json").body);
  assertEquals([alerts, omitted], [notices, 0]);
});

Deno.test("alertPayload: JSON has at most 1,000 notices, and the number of the others", () => {
  const notices = Array.from({ length: 20_000 }, (_, index) => unhealthy(`task-${index}`));
  const { body } = alertPayload(alertMessage(notices, { run: null, link: null }), "json");
  const { title, text, alerts, omitted } = JSON.parse(body);
  assertEquals(title, "cronfetch: 20,000 tasks unhealthy");
  assertStringIncludes(text, "\nand 19,980 more");
  assertEquals([alerts.length, omitted], [1_000, 19_000]);
});

Deno.test("alertPayload: long lines are cut to the limits of each service", () => {
  const notices = Array.from({ length: 40 }, () => unhealthy("日".repeat(500), "語".repeat(400)));
  for (const format of FORMATS) {
    const { lines } = shown(format, notices);
    const listed = lines.length - 1;
    assert(listed >= 3 && listed <= 20, `${format}: ${listed}`);
    assertEquals(lines.at(-1), `and ${40 - listed} more`, format);
  }
});

Deno.test("alertPayload: any number of lines is cut to the limits of each service", () => {
  const notices = [unhealthy("日".repeat(500), "語".repeat(400))];
  const message = alertMessage(notices, { run: null, link: LINK });
  const lines = Array.from({ length: 200 }, () => message.lines).flat();
  for (const format of FORMATS) {
    const { lines: rendered } = SERVICES[format](alertPayload({ ...message, lines }, format));
    const listed = rendered.length - 1;
    assert(listed >= 3 && listed < 100, `${format}: ${listed}`);
    assertEquals(rendered.at(-1), `and ${200 - listed} more`, format);
  }
});

const EVENTS: readonly AlertEvent[] = [
  ...["unhealthy", "stale", "unchanged", "recovered", "changed"] as const,
  ...["run.failed", "run.recovered", "test"] as const,
];

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "grapheme", maxLength: 600 }),
  fc.constantFrom("@everyone", "<!channel>", "<@U024BE7LH>", "`*_~|<>&[]()\\", "\ud800", "@here"),
);

const anyNotice: fc.Arbitrary<AlertNotice> = fc.record({
  event: fc.constantFrom(...EVENTS),
  task: fc.option(text),
  health: fc.constant("healthy" as const),
  failures: fc.nat(),
  code: fc.option(fc.constant("http.status")),
  message: fc.option(text),
  since: fc.constant(null),
});

Deno.test("property: alertPayload: every service accepts any message", () => {
  fc.assert(
    fc.property(fc.array(anyNotice, { minLength: 1, maxLength: 60 }), (notices) => {
      for (const format of FORMATS) {
        const { lines } = shown(format, notices, "https://example.org/a&b|c/");
        assert(lines.length <= 21);
      }
    }),
    { numRuns: 300 },
  );
});

/** The rules of the services that receive alerts, as assertions on a request. */

import { assert, assertEquals } from "@std/assert";
import type { AlertFormat } from "../../../lib/core/event.ts";
import type { AlertPayload } from "../../../lib/report/alerts/formats.ts";

/** What all texts of a message display, for assertions on its content. */
export interface Shown {
  readonly title: string;
  readonly lines: readonly string[];
  readonly link: string | null;
}

/** Asserts that a service accepts a request and that nothing in it is a mention. */
export const SERVICES: Readonly<Record<AlertFormat, (payload: AlertPayload) => Shown>> = {
  json: (payload) => {
    const { text, content, title, link, alerts } = parsed(payload);
    assert(text.length <= 4_000 && content.length <= 2_000, `${text.length} ${content.length}`);
    for (const shown of [text, content]) assertNoMention(shown);
    assert(alerts.length > 0);
    return { title, lines: text.split("\n").slice(1), link };
  },
  slack: (payload) => {
    const { text, blocks } = parsed(payload);
    assert(text.length <= 40_000, `${text.length}`);
    assert(blocks.length >= 2 && blocks.length <= 50, `${blocks.length}`);
    const [header, ...rest] = blocks as readonly Block[];
    assertEquals([header?.type, header?.text.type], ["header", "plain_text"]);
    assert((header?.text.text.length ?? 151) <= 150);
    for (const { type, text } of rest) {
      assertEquals([type, text.type, text.verbatim], ["section", "mrkdwn", true]);
      assert(text.text.length > 0 && text.text.length <= 3_000, `${text.text.length}`);
    }
    const all = rest.map(({ text }) => text.text).join("\n");
    const [link] = /<(https?:[^|>]+)\|Status page>/.exec(all)?.slice(1) ?? [];
    const shown = all.replace(/\n?<https?:[^|>]+\|Status page>/, "");
    // Mentions, links and dates begin with "<".
    for (const part of [shown, text]) assert(!/[<>]|&(?!(?:amp|lt|gt);)/.test(part), part);
    // Chats that imitate Slack take `@all` for a mention.
    assertNoMention(text);
    return { title: header?.text.text ?? "", lines: shown.split("\n"), link: link ?? null };
  },
  discord: (payload) => {
    const { content, embeds, allowed_mentions: mentions } = parsed(payload);
    assertEquals([content, mentions, embeds.length], [undefined, { parse: [] }, 1]);
    const [{ title, description, url, color }] = embeds;
    assert(title.length <= 256 && description.length > 0 && description.length <= 4_096);
    assert(title.length + description.length <= 6_000);
    assert(Number.isInteger(color) && color >= 0 && color <= 0xffffff);
    assert(!/@(?!\u200b)/.test(description), description);
    assert(!/(?<!\\)<[@#!]/.test(description), description);
    return { title, lines: description.split("\n"), link: url ?? null };
  },
  teams: (payload) => {
    assert(new TextEncoder().encode(payload.body).length <= 28 * 1_024, `${payload.body.length}`);
    const { type, attachments } = parsed(payload);
    assertEquals([type, attachments.length], ["message", 1]);
    const [{ contentType, content }] = attachments;
    assertEquals(contentType, "application/vnd.microsoft.card.adaptive");
    assertEquals([content.type, content.version], ["AdaptiveCard", "1.4"]);
    const [title, ...blocks] = content.body;
    assertEquals([title.type, title.wrap], ["TextBlock", true]);
    const lines = blocks.map(({ type, inlines }: { type: string; inlines: readonly Inline[] }) => {
      assertEquals(type, "RichTextBlock");
      for (const inline of inlines) assertEquals(inline.type, "TextRun");
      return inlines.map(({ text }) => text).join("");
    });
    assert(lines.length > 0);
    const [action] = content.actions ?? [];
    if (action) assertEquals(action.type, "Action.OpenUrl");
    return { title: title.text, lines, link: action?.url ?? null };
  },
  ntfy: ({ headers, body }) => {
    const bytes = new TextEncoder().encode(body).length;
    assert(bytes > 0 && bytes <= 4_096, `${bytes}`);
    for (const value of Object.values(headers)) assert(/^[\x20-\x7e]*$/.test(value), value);
    assertEquals(headers["content-type"], "text/plain; charset=utf-8");
    assert(["3", "4"].includes(headers.priority ?? ""));
    assert((headers.tags ?? "") !== "");
    return { title: headers.title ?? "", lines: body.split("\n"), link: headers.click ?? null };
  },
};

interface Block {
  readonly type: string;
  readonly text: { readonly type: string; readonly text: string; readonly verbatim?: boolean };
}

interface Inline {
  readonly type: string;
  readonly text: string;
}

// deno-lint-ignore no-explicit-any -- the assertions check the shape
function parsed({ headers, body }: AlertPayload): any {
  assertEquals(headers["content-type"], "application/json");
  return JSON.parse(body);
}

function assertNoMention(text: string): void {
  assert(!/@(?!\u200b)|<(?=[!@#])/.test(text), text);
}

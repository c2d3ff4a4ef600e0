/** The parser of each kind of list. */

import type { ListDocument, ListPage, ListRule } from "../core/list.ts";
import type { PatternEngine } from "../core/pattern.ts";

/** Reads one document of a list; throws `list.invalid`. */
export type ListParser = (document: ListDocument) => ListPage;

/** Loads the parser of a rule, since few runs read a list and each parser has a package of its own. */
export async function loadParser(rule: ListRule, engine: PatternEngine): Promise<ListParser> {
  switch (rule.kind) {
    case "page": {
      const { parsePage } = await import("./page.ts");
      return (document) => parsePage(document, rule, engine);
    }
    case "feed":
      return (await import("./feed.ts")).parseFeed;
    case "json": {
      const { parseJsonList } = await import("./json.ts");
      return (document) => parseJsonList(document, rule);
    }
    case "text":
      return (await import("./text.ts")).parseTextList;
    case "github": {
      const { parseReleases } = await import("./releases.ts");
      return (document) => parseReleases(document, rule, engine);
    }
    default:
      return rule satisfies never;
  }
}

/** Identifies how a document is read: the items of another rule are other items. */
export function ruleId(rule: ListRule): string {
  return JSON.stringify(rule);
}

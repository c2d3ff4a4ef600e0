/** Releases as lists: their assets, as the REST API of GitHub returns them. */

import type { ListDocument, ListItem, ListPage, ReleaseListRule } from "../core/list.ts";
import { isIncluded, type PatternEngine } from "../core/pattern.ts";
import { checkCount, invalidList, itemUrl } from "./document.ts";
import { readDocument } from "./json.ts";
import { linkTarget, nextUrl } from "./link.ts";
import { readDate, readDigest, readSize } from "./values.ts";

/** Whether a tag of a rule is a glob of several releases. */
function isTagGlob(tag: string): boolean {
  return /[*?]/.test(tag);
}

/**
 * The origins of assets, which are not those of the API on github.com: `https://api.github.com` has
 * assets on `https://github.com`.
 *
 * @returns Origins as `URL` writes them, in addition to that of the API.
 */
export function releaseOrigins({ api }: ReleaseListRule): readonly string[] {
  const { protocol, host } = new URL(api);
  return host.startsWith("api.") ? [`${protocol}//${host.slice("api.".length)}`] : [];
}

/**
 * Reads the assets of one release or of an array of releases. Drafts, and assets whose upload is not
 * complete, are left out. Every item has the fields `tag`, `version` (the tag without `v`), `repo` and
 * `prerelease` (`true` or `false`), and the date of the release. With a glob of tags, its id is the
 * tag and the name, since releases repeat names.
 *
 * @throws {CronfetchError} `list.invalid`: the document is not of that form.
 */
export function parseReleases(
  document: ListDocument,
  rule: ReleaseListRule,
  engine: PatternEngine,
): ListPage {
  const root = readDocument(document);
  const isGlob = isTagGlob(rule.tag);
  const releases = Array.isArray(root)
    ? root.map((release, index) => ({ release, place: `$[${index}]` }))
    : [{ release: root, place: "$" }];
  const items: ListItem[] = [];
  for (const { release, place } of releases) {
    const { tag_name: tag, draft, prerelease, published_at: published, assets } = membersOf(
      release,
    );
    if (typeof tag !== "string" || tag === "" || !Array.isArray(assets)) {
      throw invalidList(
        `${place} is no release: it has no tag_name, or no array of assets`,
        "check repo and api of from",
      );
    }
    if (draft === true || (isGlob && !isIncluded(tag, [rule.tag], engine))) continue;
    const fields = {
      tag,
      version: tag.replace(/^v(?=\d)/i, ""),
      repo: rule.repo,
      prerelease: String(prerelease === true),
    };
    const date = typeof published === "string" ? readDate(published) : null;
    for (const [index, asset] of assets.entries()) {
      const item = readAsset(membersOf(asset), `${place}.assets[${index}]`, document);
      if (item === null || !isIncluded(item.name, [rule.assets], engine)) continue;
      items.push({ ...item, id: isGlob ? `${tag}/${item.name}` : null, date, fields });
    }
  }
  checkCount(items.length);
  const target = isGlob ? linkTarget(document.link, "next") : null;
  return { items, next: target === null ? null : nextUrl(target, document.url) };
}

/** Null for an asset whose upload is not complete. */
function readAsset(
  { name, browser_download_url: reference, size, digest, state }: Readonly<Record<string, unknown>>,
  place: string,
  document: ListDocument,
): Pick<ListItem, "url" | "name" | "sizeBytes" | "digests"> | null {
  if (state !== undefined && state !== "uploaded") return null;
  const url = typeof reference === "string" ? itemUrl(reference, document) : null;
  if (typeof name !== "string" || name === "" || url === null) {
    throw invalidList(`${place} is no asset: it has no name, or no browser_download_url`);
  }
  const sizeBytes = typeof size === "number" ? readSize(size) : null;
  // Assets of 2025 and later have one; other algorithms may follow.
  const sha256 = typeof digest === "string" ? readDigest(digest, "sha256") : null;
  return { url, name, sizeBytes, digests: sha256 === null ? {} : { sha256 } };
}

/** The members of an object; none of any other value. */
function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? value as Record<string, unknown> : {};
}

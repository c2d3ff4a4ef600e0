/** The listing of a public bucket, in the XML of S3 that other object stores send too. Pure. */

import { readMarkupStart } from "../content/markup.ts";
import type { ListDocument, ListItem, ListPage } from "../core/list.ts";
import { errorMessage } from "../core/text.ts";
import { childText, parseXml, type XmlElement } from "../store/s3/xml.ts";
import { checkCount, invalidList, itemName, itemUrl } from "./document.ts";
import { readDate, readSize } from "./values.ts";

/** Whether a text is the response of ListObjects or ListObjectsV2. */
export function isS3Listing(text: string): boolean {
  return readMarkupStart(text).name === "listbucketresult";
}

/**
 * Reads the objects of a listing, by ListObjects or ListObjectsV2. Keys that end in `/` are folders,
 * which are left out. An ETag is no digest in general, and is ignored.
 *
 * @param document Its URL is that of the bucket, with the parameters of the listing.
 * @param text Its text.
 * @returns The next page has the same parameters and the continuation token or marker.
 * @throws {CronfetchError} `list.invalid`: malformed, or truncated without the next key.
 */
export function parseS3Listing({ url, ...document }: ListDocument, text: string): ListPage {
  const root = rootOf(text);
  const isEncoded = childText(root, "EncodingType")?.trim() === "url";
  const decode = (key: string): string => isEncoded ? decodeKey(key) : key;
  const bucket = new URL(url);
  const folder = bucket.origin + bucket.pathname.replace(/\/?$/, "/");
  const contents = root.children.filter(({ name }) => name === "Contents");
  checkCount(contents.length);
  const listed = contents.flatMap((entry): ListItem[] => {
    const key = decode(required(entry, "Key"));
    const item = key.endsWith("/")
      ? null
      : itemUrl(folder + key.split("/").map(encodeURIComponent).join("/"), { ...document, url });
    // A segment `..` is no part of a key in a URL: it would lead to another object.
    if (item === null || /(?:^|\/)\.\.?(?:\/|$)/.test(key)) return [];
    return [{
      url: item,
      name: itemName(item),
      id: null,
      sizeBytes: readSize(childText(entry, "Size")?.trim() ?? ""),
      digests: {},
      date: readDate(childText(entry, "LastModified")?.trim() ?? ""),
      fields: {},
    }];
  });
  const items = [...new Map(listed.map((item) => [item.url, item])).values()];
  if (childText(root, "IsTruncated")?.trim() !== "true") return { items, next: null };
  const token = childText(root, "NextContinuationToken");
  const last = childText(root, "NextMarker") ??
    contents.map((entry) => required(entry, "Key")).at(-1);
  if (token !== null) bucket.searchParams.set("continuation-token", token);
  else if (last !== undefined) bucket.searchParams.set("marker", decode(last));
  else throw invalidList("the listing of the bucket is truncated, and does not name the next page");
  return { items, next: bucket.href };
}

function rootOf(text: string): XmlElement {
  try {
    return parseXml(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalidList(`the listing of the bucket is malformed: ${errorMessage(error)}`);
  }
}

function required(entry: XmlElement, name: string): string {
  const text = childText(entry, name);
  if (text === null || text === "") {
    throw invalidList(`an object in the listing of the bucket has no <${name}>`);
  }
  return text;
}

/** A key with `encoding-type=url`, in which a `+` is a space. */
function decodeKey(key: string): string {
  try {
    return decodeURIComponent(key.replaceAll("+", " "));
  } catch {
    throw invalidList("a key in the listing of the bucket is not percent-encoded");
  }
}

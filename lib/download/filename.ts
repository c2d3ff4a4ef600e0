/** The name a server gives a file. */

import { decodeExtended, parse } from "content-disposition";

/**
 * The name a server gives a file: that of its Content-Disposition header (RFC
 * 6266, section 4.3), else the last segment of the URL that answered, as
 * `safeName` makes of it. Null if neither leaves a name.
 *
 * @param contentDisposition The header as fetch gives it, one character a byte; or null.
 * @param url Of the answer, absolute.
 * @param safeName Makes a server's name, which may be a path, the name of a file in a folder;
 * null where nothing is left of it.
 */
export function serverName(
  contentDisposition: string | null,
  url: string,
  safeName: (name: string) => string | null,
): string | null {
  return safeName(headerName(contentDisposition ?? "")) ?? safeName(urlName(url));
}

/** The header's file name, `""` for none; `filename*` comes first (RFC 6266, section 4.3). */
function headerName(header: string): string {
  const { filename = "", "filename*": extended = "" } =
    parse(header, { extended: false }).parameters;
  return decodeExtended(extended) || repair(filename);
}

/** Servers send names in UTF-8 unasked; a header hands over its bytes as if they were Latin-1. */
function repair(text: string): string {
  // Characters that are no bytes are right already.
  if (/[\u0100-\uffff]/.test(text)) return text;
  const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return text;
  }
}

function urlName(url: string): string {
  const segment = URL.parse(url)?.pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

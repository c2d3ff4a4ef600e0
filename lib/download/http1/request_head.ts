/** The bytes of a GET request (RFC 9112, section 3). Pure. */

import { FIELD_VALUE, TOKEN } from "./syntax.ts";

const TARGET = /^\/[\x21-\x7e]*$/;
const NAME = new RegExp(`^${TOKEN}$`);
const VALUE = new RegExp(`^${FIELD_VALUE}$`);

/**
 * Writes the head of a request, which is all of it.
 *
 * @param target Path and query, as `URL` writes them.
 * @param hostField Value of the Host field.
 * @param headers The other fields; values are Latin-1.
 * @throws {TypeError} Where a field cannot hold what it is to hold, as `fetch` does.
 */
export function requestHead(
  target: string,
  hostField: string,
  headers: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  if (!TARGET.test(target)) throw new TypeError("the URL is not written as it should be");
  let text = `GET ${target} HTTP/1.1\r\nhost: ${hostField}\r\n`;
  for (const [name, value] of Object.entries(headers)) {
    if (!NAME.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a header`);
    // The value may be a secret.
    if (!VALUE.test(value)) throw new TypeError(`the header ${name} cannot hold its value`);
    text += `${name}: ${value}\r\n`;
  }
  text += "\r\n";
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

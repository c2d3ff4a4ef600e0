/** List documents for tests. */

import { assertEquals, assertInstanceOf } from "@std/assert";
import fc from "fast-check";
import { CronfetchError } from "../../lib/core/errors.ts";
import type { ListDocument, ListItem } from "../../lib/core/list.ts";

const encoder = new TextEncoder();

/** A document of this text, at `https://a.example/lists/list`. */
export function listDocument(
  text: string | Uint8Array,
  rest: Partial<ListDocument> = {},
): ListDocument {
  const bytes = typeof text === "string" ? encoder.encode(text) : text;
  return { bytes, url: "https://a.example/lists/list", contentType: null, link: null, ...rest };
}

/** A document of a file in `tests/fixtures/lists/`. */
export async function listFixture(
  name: string,
  rest: Partial<ListDocument> = {},
): Promise<ListDocument> {
  const bytes = await Deno.readFile(new URL(`../fixtures/lists/${name}`, import.meta.url));
  return listDocument(bytes, rest);
}

/** An item of which only these values are known. */
export function listItem(values: Pick<ListItem, "url"> & Partial<ListItem>): ListItem {
  const name = values.url.slice(values.url.lastIndexOf("/") + 1);
  return { name, id: null, sizeBytes: null, digests: {}, date: null, fields: {}, ...values };
}

/** The error that a parser throws, which has to be `list.invalid`. */
export function invalidity(parse: () => unknown): CronfetchError {
  try {
    parse();
  } catch (error) {
    assertInstanceOf(error, CronfetchError);
    assertEquals(error.code, "list.invalid");
    return error;
  }
  throw new Error("nothing was thrown");
}

/** Damages a text: cuts it, or replaces and inserts pieces. */
export function damaged(text: string): fc.Arbitrary<string> {
  const piece = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.constantFrom(
      "\0",
      '"',
      "{",
      "}",
      "[",
      "]",
      ",",
      "null",
      "1e999",
      "-1",
      "\\u0000",
      "://",
      "\n",
      "\t",
    ),
  );
  const place = fc.nat(text.length);
  const edits = fc.array(fc.tuple(place, fc.nat(8), piece), { maxLength: 4 });
  return fc.tuple(edits, fc.option(place)).map(([edits, end]) => {
    let changed = text;
    for (const [at, removed, inserted] of edits) {
      changed = changed.slice(0, at) + inserted + changed.slice(at + removed);
    }
    return end === null ? changed : changed.slice(0, end);
  });
}

/** Checks that a parser returns or throws `list.invalid` for damaged documents. */
export function assertRobust(text: string, parse: (document: ListDocument) => unknown): void {
  fc.assert(fc.property(damaged(text), (changed) => {
    try {
      parse(listDocument(changed));
    } catch (error) {
      assertEquals(error instanceof CronfetchError ? error.code : error, "list.invalid");
    }
  }));
}

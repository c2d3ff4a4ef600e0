import { assertEquals } from "@std/assert";
import { emptyContents } from "../../lib/state/driver.ts";
import { setEntry } from "../../lib/state/entries.ts";
import { printContents } from "../../lib/state/file_text.ts";
import { removedMembers } from "../../tools/action/family.ts";
import { member } from "../state/samples.ts";

function state(members: Readonly<Record<string, readonly string[]>>): string {
  const contents = emptyContents();
  for (const [task, keys] of Object.entries(members)) {
    for (const key of keys) {
      const { key: id, ...body } = member(key);
      setEntry(contents.entries, "members", task, id, body);
    }
  }
  return printContents(contents);
}

Deno.test("removedMembers: the keys of the state before that the state after lacks, by task", () => {
  type Row = [name: string, before: string | null, after: string | null, removed: object];
  const table: Row[] = [
    ["nothing changed", state({ a: ["1", "2"] }), state({ a: ["1", "2"] }), {}],
    ["one removed", state({ a: ["1", "2"] }), state({ a: ["2", "3"] }), { a: ["1"] }],
    ["a family removed", state({ a: ["1"], b: ["1"] }), state({ b: ["1"] }), { a: ["1"] }],
    ["all removed", state({ a: ["1"], b: ["2"] }), state({}), { a: ["1"], b: ["2"] }],
    ["none before", state({}), state({ a: ["1"] }), {}],
    ["no state before", null, state({ a: ["1"] }), {}],
    ["no state after", state({ a: ["1"] }), null, {}],
    ["unreadable before", "{", state({ a: ["1"] }), {}],
    ["unreadable after", state({ a: ["1"] }), "<<<<<<< HEAD", {}],
  ];
  for (const [name, before, after, removed] of table) {
    assertEquals(Object.fromEntries(removedMembers(before, after)), removed, name);
  }
});

import { assertEquals, assertRejects } from "@std/assert";
import { listFacts, readSnapshot, saveSnapshot } from "../../lib/lists/snapshot.ts";
import type { ItemBody } from "../../lib/state/state.ts";

const FACTS = {
  rule: "r",
  sha256: "00",
  pages: 1,
  url: "https://x.test/",
  changedAt: "2026-01-15T12:00:00Z",
};

/** A list whose items have long names, so that they take several parts. */
function list(names: readonly string[]) {
  const items = names.map((name) => ({
    ...{ url: `https://x.test/${name}`, name: name.repeat(10_000), id: null, sizeBytes: null },
    ...{ digests: {}, date: null, fields: {}, goneSince: null, firstSeen: FACTS.changedAt },
  }));
  return { ...FACTS, items };
}

Deno.test("saveSnapshot: a process that is killed at any time leaves one of the two lists", async () => {
  const [old, fresh] = [list(["a", "b", "c", "d"]), list(["e", "f", "g"])];
  for (let killedAt = 1; killedAt <= 3; killedAt++) {
    const entries = new Map<string, ItemBody>();
    let flushes = -Infinity;
    const state = {
      saveItem: (_: string, id: string, body: ItemBody | null) => {
        if (body === null) entries.delete(id);
        else entries.set(id, body);
      },
      flush: () => ++flushes === killedAt ? Promise.reject(new Error("killed")) : Promise.resolve(),
    };
    await saveSnapshot("cat", old, entries, state);
    assertEquals(readSnapshot(entries), old);
    assertEquals((listFacts(entries)?.parts ?? 0) > 1, true);
    flushes = 0;
    const saving = saveSnapshot("cat", fresh, new Map(entries), state);
    // The second flush follows the head, so it may or may not be written.
    if (killedAt > 2) await saving;
    else await assertRejects(() => saving, Error, "killed");
    assertEquals(readSnapshot(entries), killedAt === 1 ? old : fresh);
    // Only the parts of the present list are left.
    if (killedAt === 3) assertEquals(entries.size, 1 + (listFacts(entries)?.parts ?? 0));
  }
});

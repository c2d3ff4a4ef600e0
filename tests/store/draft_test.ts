// The order that all drafts keep; the rest is in the conformance suite.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { createDraft, type DraftSteps } from "../../lib/store/draft.ts";
import { sha256 } from "../helpers/folder.ts";
import { assertCode, bytesOf } from "./fixture.ts";

/** Steps that write down that they were taken, and wait where told. */
function steps(overrides: Partial<DraftSteps> = {}) {
  const taken: string[] = [];
  const step = <T>(name: string, value: T) => () => {
    taken.push(name);
    return Promise.resolve(value);
  };
  const all: DraftSteps = {
    existing: null,
    append: step("append", undefined),
    seal: step("seal", undefined),
    read: step("read", new Uint8Array()),
    publish: step("publish", { sizeBytes: 0, revision: "1" }),
    suspend: step("suspend", "suspended-1"),
    remove: step("remove", undefined),
    ...overrides,
  };
  let ended = 0;
  const draft = createDraft("a", all, () => ended++);
  return { draft, taken, ended: () => ended };
}

Deno.test("steps are taken one after another, though they are called at once", async () => {
  let running = 0;
  const { draft, taken } = steps({
    append: async () => {
      assertEquals(running++, 0);
      await Promise.resolve();
      running--;
    },
  });
  const calls = [draft.write(bytesOf("a")), draft.write(bytesOf("b")), draft.seal(), draft.read()];
  await Promise.all([...calls, draft.publish()]);
  assertEquals(taken, ["seal", "read", "publish"]);
});

Deno.test("bytes are hashed while they are written, not afterwards", async () => {
  const { draft } = steps({
    append: async (bytes) => {
      await Promise.resolve();
      bytes.fill(0);
    },
  });
  await draft.write(bytesOf("text"));
  assertEquals((await draft.seal()).sha256, await sha256(bytesOf("text")));
});

Deno.test("after a step that failed only the end comes, with the first error", async () => {
  const failure = new Error("the disk broke");
  let appended = 0;
  const { draft, taken, ended } = steps({
    append: () => ++appended === 2 ? Promise.reject(failure) : Promise.resolve(),
  });
  const writes = ["a", "b", "c"].map((text) => draft.write(bytesOf(text)));
  const ends = await Promise.allSettled([...writes, draft.seal(), draft.publish()]);
  assertEquals(ends.map(({ status }) => status), ["fulfilled", ...Array(4).fill("rejected")]);
  const [reason, ...others] = ends.flatMap((end) => end.status === "rejected" ? [end.reason] : []);
  assertEquals([reason.code, reason.message], ["store.failed", 'storing "a": the disk broke']);
  assertStrictEquals(reason.cause, failure);
  for (const other of others) assertStrictEquals(other, reason);
  assertEquals([appended, taken, ended(), draft.sizeBytes], [2, ["remove"], 1, 1]);
});

Deno.test("discarding waits for the step under way", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { draft, taken, ended } = steps({ append: () => promise });
  const writes = [draft.write(bytesOf("a")), draft.write(bytesOf("b"))];
  await Promise.resolve();
  const discarding = draft.discard();
  assertEquals(taken, []);
  resolve();
  await discarding;
  assertEquals([taken, ended()], [["remove"], 1]);
  await writes[0];
  await assertCode("cancelled", () => Promise.all(writes));
});

Deno.test("a draft that is being published is not discarded", async () => {
  const { draft, taken, ended } = steps();
  await draft.seal();
  const publishing = draft.publish();
  await Promise.resolve();
  await draft.discard();
  await publishing;
  assertEquals([taken, ended()], [["seal", "publish"], 1]);
});

Deno.test("a draft that cannot be removed has not ended, and says nothing", async () => {
  const { draft, ended } = steps({ remove: () => Promise.reject(new Error("stuck")) });
  await draft.discard();
  await draft.discard();
  assertEquals(ended(), 0);
});

for (const step of ["seal", "publish"] as const) {
  Deno.test(`a draft discards itself when it cannot be ${step}ed`, async () => {
    const { draft, taken } = steps({ [step]: () => Promise.reject(new Error("stuck")) });
    await assertRejects(async () => {
      await draft.seal();
      await draft.publish();
    });
    assertEquals(taken.at(-1), "remove");
  });
}

// The order of a driver's steps; the rest is in the conformance suite.

import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { createDraft, type DraftSteps } from "../../lib/store/draft.ts";
import { sha256 } from "../helpers/folder.ts";
import { assertCode, bytesOf } from "./fixture.ts";

/** A draft over steps that record their names. */
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

Deno.test("createDraft: steps run one after another, though they are called concurrently", async () => {
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

Deno.test("createDraft: bytes are hashed during the write, not after it", async () => {
  const { draft } = steps({
    append: async (bytes) => {
      await Promise.resolve();
      bytes.fill(0);
    },
  });
  await draft.write(bytesOf("text"));
  assertEquals((await draft.seal()).sha256, await sha256(bytesOf("text")));
});

Deno.test("createDraft: after a failed step, every call rejects with its error and the draft is removed", async () => {
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

Deno.test("discard waits for the running step", async () => {
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

Deno.test("discard has no effect during publish", async () => {
  const { draft, taken, ended } = steps();
  await draft.seal();
  const publishing = draft.publish();
  await Promise.resolve();
  await draft.discard();
  await publishing;
  assertEquals([taken, ended()], [["seal", "publish"], 1]);
});

Deno.test("discard does not throw, and does not end the draft, if removing fails", async () => {
  const { draft, ended } = steps({ remove: () => Promise.reject(new Error("stuck")) });
  await draft.discard();
  await draft.discard();
  assertEquals(ended(), 0);
});

for (const step of ["seal", "publish"] as const) {
  Deno.test(`${step} discards the draft if the step fails`, async () => {
    const { draft, taken } = steps({ [step]: () => Promise.reject(new Error("stuck")) });
    await assertRejects(async () => {
      await draft.seal();
      await draft.publish();
    });
    assertEquals(taken.at(-1), "remove");
  });
}

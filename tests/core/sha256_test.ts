import { assertEquals } from "@std/assert";
import * as nodeCrypto from "node:crypto";
import { deferredModule } from "../../lib/core/deferred_module.ts";
import { Sha256 } from "../../lib/core/sha256.ts";

const KIB = 1024;

/** Sizes of pieces: on both sides of the bytes that are kept for Web Crypto. */
const TABLE: readonly (readonly [name: string, sizes: readonly number[]])[] = [
  ["nothing", []],
  ["an empty piece", [0]],
  ["one piece", [5]],
  ["pieces that are kept", [100 * KIB, 1, 156 * KIB - 1]],
  ["a piece too many", [256 * KIB, 1, 70 * KIB]],
  ["a large piece", [300 * KIB, 300 * KIB]],
];

Deno.test("Sha256: the digest of all pieces, with and without Node's module", async (t) => {
  for (const [name, sizes] of TABLE) {
    await t.step(name, async () => {
      const expected = nodeCrypto.createHash("sha256");
      const hashes = [new Sha256(() => null), new Sha256(() => nodeCrypto), new Sha256()];
      for (const [index, size] of sizes.entries()) {
        for (const hash of hashes) {
          const bytes = new Uint8Array(size).fill(index + 1);
          const updating = hash.update(bytes);
          // The caller uses the buffer again.
          bytes.fill(99);
          await updating;
        }
        expected.update(new Uint8Array(size).fill(index + 1));
      }
      const hex = expected.digest("hex");
      assertEquals(await Promise.all(hashes.map((hash) => hash.hex())), [hex, hex, hex]);
    });
  }
});

Deno.test("Sha256: waits only for the module that a large body needs", async () => {
  const hash = new Sha256(() => null);
  assertEquals(hash.update(new Uint8Array(256 * KIB)), null);
  const updating = hash.update(new Uint8Array(1));
  assertEquals(updating instanceof Promise, true);
  await updating;
  assertEquals(hash.update(new Uint8Array(1)), null);
  await hash.hex();
});

Deno.test("deferredModule: loads once, after so many calls", async () => {
  let loads = 0;
  const loading = Promise.resolve({ name: "module" });
  const use = deferredModule(3, () => {
    loads++;
    return loading;
  });
  assertEquals([use(), use(), loads], [null, null, 0]);
  assertEquals([use(), loads], [null, 1]);
  await loading;
  assertEquals([use(), use(), loads], [{ name: "module" }, { name: "module" }, 1]);
});

Deno.test("deferredModule: a module that cannot be loaded is done without", async () => {
  const use = deferredModule(1, () => Promise.reject(new Error("no module")));
  use();
  await Promise.resolve();
  assertEquals([use(), use()], [null, null]);
});

import { assertEquals, assertRejects } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { FileLock } from "../../lib/state/file_lock.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";

Deno.test("FileLock.hold: a file that was removed between opening and locking is not the lock", async () => {
  await using folder = await temporaryFolder();
  const path = folder.file("a.lock");
  await using stack = new AsyncDisposableStack();
  const { tryLock } = Deno.FsFile.prototype;
  stack.defer(() => void (Deno.FsFile.prototype.tryLock = tryLock));
  Deno.FsFile.prototype.tryLock = async function (exclusive?: boolean) {
    Deno.FsFile.prototype.tryLock = tryLock;
    // The previous holder ends, and another one begins.
    await Deno.remove(path);
    const other = stack.use(await Deno.open(path, { write: true, createNew: true }));
    await other.lock(true);
    return await tryLock.call(this, exclusive);
  };
  let isHeld = false;
  const work = () => {
    isHeld = true;
    return Promise.resolve();
  };
  const holding = () => new FileLock(path, testHost()).hold("testing", work);
  const error = await assertRejects(holding, CronfetchError);
  assertEquals([error.code, isHeld], ["state.locked", false]);
});

Deno.test("FileLock.hold: leaves no file, also after a failure", async () => {
  await using folder = await temporaryFolder();
  const lock = new FileLock(folder.file("sub/a.lock"), testHost());
  const failing = () => lock.hold("testing", () => Promise.reject(new Error("broken")));
  await assertRejects(failing, Error, "broken");
  await lock.hold("testing", () => Promise.resolve());
  assertEquals(await Array.fromAsync(Deno.readDir(folder.file("sub"))), []);
});

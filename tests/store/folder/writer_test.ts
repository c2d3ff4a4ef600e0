import { assertEquals, assertRejects } from "@std/assert";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import type { Store } from "../../../lib/store/store.ts";
import { startWriter, type Writer } from "../../../lib/store/folder/writer.ts";
import { sha256, temporaryFolder, tree } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { assertCode } from "../fixture.ts";
import { osError } from "../file_system.ts";

const MIB = 1024 * 1024;
/** Large enough for the writer thread. */
const LARGE_BYTES = 40 * MIB;
const PIECE_BYTES = 512 * 1024;

/** A folder store with a writer thread, and how often that was started. */
function open(root: string): { readonly store: Store; readonly starts: () => number } {
  let starts = 0;
  const store = openFolder(root, {
    sync: false,
    random: testHost().random,
    startWriter: () => {
      starts++;
      return startWriter();
    },
  });
  return { store, starts: () => starts };
}

/** Bytes that differ from piece to piece. */
function sample(sizeBytes: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(sizeBytes / 4);
  for (let index = 0; index < words.length; index++) words[index] = Math.imul(index, 2654435761);
  return new Uint8Array(words.buffer);
}

/** Pieces with buffers of their own, as a transfer writes them. */
function* pieces(bytes: Uint8Array, from = 0): Generator<Uint8Array<ArrayBuffer>> {
  for (let start = from; start < bytes.length; start += PIECE_BYTES) {
    yield new Uint8Array(bytes.subarray(start, start + PIECE_BYTES));
  }
}

async function started(): Promise<Writer> {
  const writer = await startWriter();
  if (!writer) throw new Error("there are no threads here");
  return writer;
}

Deno.test("only large files are written and hashed by the writer thread", async () => {
  await using folder = await temporaryFolder();
  const { store, starts } = open(folder.path);
  const whole = sample(LARGE_BYTES);
  const digest = await sha256(whole);
  await using _store = store;
  const put = async (key: string) => {
    await using draft = await store.draft(key, { expectedBytes: LARGE_BYTES });
    const buffers = await Promise.all(pieces(whole).map((piece) => draft.write(piece)));
    assertEquals(new Set(buffers.map(({ byteLength }) => byteLength)), new Set([PIECE_BYTES]));
    assertEquals(draft.sizeBytes, LARGE_BYTES);
    assertEquals(await draft.seal(), { sizeBytes: LARGE_BYTES, sha256: digest });
    await draft.publish();
  };
  await put("first");
  await Promise.all([put("second"), put("third")]);
  assertEquals(starts(), 1);
  await using draft = await store.draft("small", { expectedBytes: 5 });
  await draft.write(new TextEncoder().encode("small"));
  await draft.seal();
  await draft.publish();
  for (const key of ["first", "second", "third"]) {
    assertEquals(await sha256(await Deno.readFile(folder.file(key))), digest);
  }
  assertEquals(await Deno.readTextFile(folder.file("small")), "small");
});

Deno.test("a draft of the writer thread is suspended, and resumed without it", async () => {
  await using folder = await temporaryFolder();
  const whole = sample(LARGE_BYTES);
  const heldBytes = 7 * PIECE_BYTES;
  const first = open(folder.path).store;
  const draft = await first.draft("large", { expectedBytes: LARGE_BYTES });
  for (const piece of pieces(whole.subarray(0, heldBytes))) await draft.write(piece);
  const name = await draft.suspend();
  await first[Symbol.asyncDispose]();

  await using second = open(folder.path).store;
  const resumed = await second.resume("large", name, new AbortController().signal);
  assertEquals(resumed?.draft.sizeBytes, heldBytes);
  await using rest = resumed?.draft ?? null;
  for (const piece of pieces(whole, heldBytes)) await rest?.write(piece);
  const sealed = await rest?.seal();
  assertEquals(sealed, { sizeBytes: LARGE_BYTES, sha256: await sha256(whole) });
});

Deno.test("a draft of the writer thread is discarded completely", async () => {
  await using folder = await temporaryFolder();
  const { store } = open(folder.path);
  const draft = await store.draft("large", { expectedBytes: LARGE_BYTES });
  const writes = [...pieces(sample(LARGE_BYTES))].map((piece) =>
    draft.write(piece).then(() => null, (error) => error.code)
  );
  await draft.discard();
  assertEquals((await Promise.all(writes)).at(-1), "cancelled");
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), {});
});

Deno.test("errors in the writer thread keep their code", async () => {
  await using folder = await temporaryFolder();
  using writer = await started();
  using file = await Deno.open(folder.file("a"), { write: true, createNew: true });
  const gone = await assertRejects(() => writer.open(folder.file("gone"), file), Error);
  assertEquals((gone as Error & { code?: string }).code, "ENOENT");
  // The thread continues with other files.
  const other = await writer.open(folder.file("a"), file);
  const text = new TextEncoder().encode("text");
  await other.append(text.slice());
  assertEquals(await other.end(), await sha256(text));
});

Deno.test("row 69: a full disk in the writer thread leaves no file", async () => {
  await using folder = await temporaryFolder();
  const full = () => Promise.reject(osError("ENOSPC"));
  const startWriter = () =>
    Promise.resolve({
      open: () => Promise.resolve({ append: full, end: full }),
      [Symbol.dispose]: () => {},
    });
  const { random } = testHost();
  await using store = openFolder(folder.path, { sync: false, random, startWriter });
  const draft = await store.draft("large", { expectedBytes: LARGE_BYTES });
  await draft.write(new Uint8Array(8)).catch(() => {});
  await assertCode("store.full", () => draft.seal());
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), {});
});

Deno.test("a draft that was replaced before the writer thread opened it is store.conflict", async () => {
  await using folder = await temporaryFolder();
  await Deno.writeTextFile(folder.file("ours"), "");
  await Deno.writeTextFile(folder.file("theirs"), "precious");
  using writer = await started();
  using ours = await Deno.open(folder.file("ours"), { write: true });
  await assertRejects(() => writer.open(folder.file("theirs"), ours), Error, "was replaced");
  assertEquals(await Deno.readTextFile(folder.file("theirs")), "precious");
});

Deno.test("a writer thread that cannot start fails the draft, not closing the store", async () => {
  await using folder = await temporaryFolder();
  const { random } = testHost();
  const startWriter = () => Promise.reject(osError("EAGAIN"));
  const store = openFolder(folder.path, { sync: false, random, startWriter });
  await assertCode("store.failed", () => store.draft("large", { expectedBytes: LARGE_BYTES }));
  await store[Symbol.asyncDispose]();
  assertEquals(await tree(folder.path), {});
});

Deno.test("terminating the writer thread rejects pending calls", async () => {
  await using folder = await temporaryFolder();
  const writer = await started();
  using file = await Deno.open(folder.file("a"), { write: true, createNew: true });
  const opened = await writer.open(folder.file("a"), file);
  const ending = opened.end();
  writer[Symbol.dispose]();
  await assertRejects(() => ending, Error, "was terminated");
});

Deno.test({
  name: "startWriter returns null if its program may not be read",
  permissions: { read: false },
  fn: async () => assertEquals(await startWriter(), null),
});

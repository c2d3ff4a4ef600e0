/** Rows 56 to 61: conditional requests. */

import { assertEquals, assertNotEquals } from "@std/assert";
import { CronfetchError } from "../helpers/library.ts";
import type { TaskResult } from "../../lib/core/result.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";
import { type Origin, origin } from "../helpers/origin.ts";
import type { OriginFile } from "../helpers/origin_file.ts";
import { storeTest } from "../helpers/place.ts";
import { replying, response, row } from "./scenario.ts";
import { type Runs, type RunsOptions, runsOver } from "./runs.ts";

const TEXT = "the bytes of the file\n";
const OTHER = "THE BYTES OF THE FILE\n";
const DATE = "Thu, 01 Jan 2026 00:00:00 GMT";
const FUTURE = "Fri, 01 Jan 2100 00:00:00 GMT";
const TAGGED: OriginFile = { body: TEXT, etag: '"1"', lastModified: DATE };

/** A server with one file, and runs of its task. */
interface Scene extends AsyncDisposable {
  readonly runs: Runs;
  readonly server: Origin;
  /** Runs once: status, HTTP status, bytes. */
  ask(): Promise<unknown[]>;
  /** One run against another file. */
  askFor(file: OriginFile): Promise<unknown[]>;
  /** The condition of each request, in order. */
  conditions(): (string | null)[];
}

async function scene(file: OriginFile, options: RunsOptions = {}): Promise<Scene> {
  const server = origin({ "/a.txt": file });
  const runs = await runsOver(options);
  const ask = async (): Promise<unknown[]> =>
    brief(await runs.result({ url: `${server.origin}/a.txt`, retry: { attempts: 1 } }));
  return {
    runs,
    server,
    ask,
    askFor(next) {
      server.route("/a.txt", next);
      return ask();
    },
    conditions: () => server.log.map(({ headers }) => conditionIn(headers)),
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await runs[Symbol.asyncDispose]();
    },
  };
}

function brief({ status, httpStatus, bytes }: TaskResult): unknown[] {
  return [status, httpStatus, bytes];
}

/** Headers of conditions; a request has at most one. */
function conditionIn(headers: Headers): string | null {
  const found = [...headers].filter(([name]) => name.startsWith("if-"));
  return found.length === 0 ? null : found.map((pair) => pair.join(": ")).join(", ");
}

const WHOLE = TEXT.length;

const UNCHANGED: readonly (readonly [name: string, file: OriginFile, condition: string | null])[] =
  [
    ["an ETag", TAGGED, 'if-none-match: "1"'],
    ["a weak ETag", { body: TEXT, etag: 'W/"1"' }, 'if-none-match: W/"1"'],
    ["a Last-Modified", { body: TEXT, lastModified: DATE }, `if-modified-since: ${DATE}`],
  ];

for (const state of ["file", "kv", "memory"] as const) {
  for (const [name, file, condition] of UNCHANGED) {
    storeTest(`a second run with ${name}, recorded in ${state}, receives no body`, async () => {
      await using stage = await scene(file, { state });
      assertEquals(await stage.ask(), ["created", 200, WHOLE]);
      const before = await stage.runs.store.mark("a.txt");
      assertEquals(await stage.ask(), ["unchanged", 304, 0]);
      assertEquals(await stage.ask(), ["unchanged", 304, 0]);
      assertEquals(stage.conditions(), [null, condition, condition]);
      assertEquals(await stage.runs.store.mark("a.txt"), before);
    });
  }
}

storeTest("without validators, an equal digest is unchanged", async () => {
  await using stage = await scene({ body: TEXT });
  assertEquals(await stage.ask(), ["created", 200, WHOLE]);
  const before = await stage.runs.store.mark("a.txt");
  assertEquals(await stage.ask(), ["unchanged", 200, WHOLE]);
  assertEquals(await stage.runs.store.mark("a.txt"), before);
  assertEquals(await stage.askFor({ body: OTHER }), ["updated", 200, WHOLE]);
  assertNotEquals(await stage.runs.store.mark("a.txt"), before);
  assertEquals(stage.conditions(), [null, null, null]);
});

storeTest("row 56: a missing file is requested without a condition", async () => {
  await using stage = await scene(TAGGED);
  await stage.ask();
  await stage.runs.store.remove("a.txt");
  assertEquals(await stage.ask(), ["created", 200, WHOLE]);
  assertEquals(stage.conditions(), [null, null]);
  assertEquals(await stage.runs.tree(), { "a.txt": TEXT });
});

row("row 57: an unrequested 304 is refused", {
  stage: replying(response(["HTTP/1.1 304 Not Modified", 'ETag: "1"', "Connection: close"])),
  expected: { status: "failed", attempts: ["http.protocol"], httpStatus: 304 },
});

/** A store whose `publish` fails while `isFull` returns true. */
function fillableStore(isFull: () => boolean): Store {
  const store = openMemory();
  return {
    ...store,
    draft: async (key) => {
      const draft = await store.draft(key);
      if (!isFull()) return draft;
      const publish = () => Promise.reject(new CronfetchError("store.full", "no space is left"));
      return Object.assign(draft, { publish });
    },
  };
}

storeTest("row 58: validators are not recorded if the file could not be written", async () => {
  let full = true;
  await using store = fillableStore(() => full);
  await using stage = await scene(TAGGED);
  const task = { url: `${stage.server.origin}/a.txt`, retry: { attempts: 1 } };
  const ask = async (): Promise<unknown[]> => brief(await stage.runs.result(task, { store }));

  assertEquals(await ask(), ["failed", 200, WHOLE]);
  full = false;
  assertEquals(await ask(), ["created", 200, WHOLE]);
  full = true;
  stage.server.route("/a.txt", { body: OTHER, etag: '"2"' });
  assertEquals(await ask(), ["failed", 200, WHOLE]);
  full = false;
  assertEquals(await ask(), ["updated", 200, WHOLE]);
  assertEquals(await ask(), ["unchanged", 304, 0]);
  const [one, two] = ['if-none-match: "1"', 'if-none-match: "2"'];
  assertEquals(stage.conditions(), [null, null, one, one, two]);
});

storeTest(
  "row 59: another ETag for the same bytes is recorded, and the file unchanged",
  async () => {
    await using stage = await scene(TAGGED);
    await stage.ask();
    const before = await stage.runs.store.mark("a.txt");
    assertEquals(await stage.askFor({ body: TEXT, etag: '"b"' }), ["unchanged", 200, WHOLE]);
    assertEquals(await stage.askFor({ body: TEXT, etag: '"b"' }), ["unchanged", 304, 0]);
    assertEquals(stage.conditions(), [null, 'if-none-match: "1"', 'if-none-match: "b"']);
    assertEquals(await stage.runs.store.mark("a.txt"), before);
  },
);

storeTest("row 60: a Last-Modified in the future is not sent back", async () => {
  await using stage = await scene({ body: TEXT, lastModified: FUTURE });
  await stage.ask();
  assertEquals(await stage.ask(), ["unchanged", 200, WHOLE]);
  assertEquals(stage.conditions(), [null, null]);
  assertEquals(await stage.askFor({ body: OTHER, lastModified: FUTURE }), ["updated", 200, WHOLE]);
});

const EDITS: readonly (readonly [name: string, text: string])[] = [
  ["by as many bytes", OTHER],
  ["by fewer bytes", "short\n"],
  ["to nothing", ""],
];
for (const [name, text] of EDITS) {
  storeTest(`row 61: a file that was edited ${name} is replaced`, async () => {
    await using stage = await scene(TAGGED);
    await stage.ask();
    await stage.runs.store.write("a.txt", text);
    await stage.runs.store.touch("a.txt");
    assertEquals(await stage.ask(), ["updated", 200, WHOLE]);
    assertEquals(await stage.ask(), ["unchanged", 304, 0]);
    assertEquals(stage.conditions(), [null, null, 'if-none-match: "1"']);
    assertEquals(await stage.runs.tree(), { "a.txt": TEXT });
  });
}

storeTest("row 61: a touched file keeps its validators", async () => {
  await using stage = await scene(TAGGED);
  await stage.ask();
  await stage.runs.store.touch("a.txt");
  assertEquals(await stage.ask(), ["unchanged", 304, 0]);
  const touched = await stage.runs.store.mark("a.txt");
  assertEquals(await stage.ask(), ["unchanged", 304, 0]);
  assertEquals(await stage.runs.store.mark("a.txt"), touched);
  assertEquals(stage.conditions(), [null, 'if-none-match: "1"', 'if-none-match: "1"']);
});

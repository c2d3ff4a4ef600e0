import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { CronfetchError } from "../../lib/core/errors.ts";
import { Family, type FamilyContext, type Recorded } from "../../lib/download/family.ts";
import { claimOn, knownSpelling, surplusMembers } from "../../lib/download/family_rules.ts";
import { openState } from "../helpers/open.ts";
import type { FamilyMember } from "../../lib/state/state.ts";
import { openMemory } from "../../lib/store/memory.ts";
import type { Store } from "../../lib/store/store.ts";
import { sha256 } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { defaultTask } from "../helpers/task.ts";
import { put, sealed } from "../store/fixture.ts";

function member(key: string, changes: Partial<FamilyMember> = {}): FamilyMember {
  const publishedAt = "2026-01-15T06:00:00Z";
  return { key, kind: "file", sha256: "0".repeat(64), sizeBytes: 1, publishedAt, ...changes };
}

const MEMBERS = [
  member("own.csv"),
  member("claimed.csv", { publishedAt: null }),
  member("version.csv", { kind: "version" }),
  member("a.csv.refused", { kind: "refused" }),
];

const CLAIMS: readonly (readonly [key: string, claim: string])[] = [
  ["recorded.csv", "own"],
  ["own.csv", "own"],
  ["claimed.csv", "claimed"],
  ["version.csv", "foreign"],
  ["a.csv.refused", "foreign"],
  ["OWN.csv", "foreign"],
  ["new.csv", "foreign"],
];

for (const [key, claim] of CLAIMS) {
  Deno.test(`row 112: claimOn: ${key} is ${claim}`, () => {
    assertEquals(claimOn(key, "recorded.csv", MEMBERS), claim);
  });
}

Deno.test("row 112: knownSpelling returns the spelling of the task's own file", () => {
  const table: [key: string, spelling: string][] = [
    ["OWN.CSV", "own.csv"],
    ["Recorded.csv", "recorded.csv"],
    ["own.csv", "own.csv"],
    ["VERSION.csv", "VERSION.csv"],
    ["new.csv", "new.csv"],
  ];
  for (const [key, spelling] of table) {
    assertEquals(knownSpelling(key, "recorded.csv", MEMBERS), spelling);
  }
  assertEquals(knownSpelling("u\u0308.csv", "\u00fc.csv", []), "\u00fc.csv");
  assertEquals(knownSpelling("a", null, []), "a");
});

Deno.test("row 149: surplusMembers spares the newest older files of any kind", () => {
  const day = (date: number) => `2026-01-${String(date).padStart(2, "0")}T06:00:00Z`;
  const family = [
    member("3.csv", { publishedAt: day(3) }),
    member("now.20260105.csv", { publishedAt: day(5), kind: "version" }),
    member("1.csv", { publishedAt: day(1) }),
    member("NOW.csv", { publishedAt: day(2) }),
    member("claimed.csv", { publishedAt: null }),
    member("now.csv.refused", { publishedAt: day(9), kind: "refused" }),
    member("4b.csv", { publishedAt: day(4) }),
    member("4a.csv", { publishedAt: day(4) }),
  ];
  const table: [keep: number, surplus: string[]][] = [
    [0, ["now.20260105.csv", "4b.csv", "4a.csv", "3.csv", "1.csv"]],
    [2, ["4a.csv", "3.csv", "1.csv"]],
    [4, ["1.csv"]],
    [5, []],
    [100, []],
  ];
  for (const [keep, surplus] of table) {
    const found = surplusMembers(family, "now.csv", keep).map(({ key }) => key);
    assertEquals(found, surplus, `keep ${keep}`);
  }
});

/** A family over a store and a state in memory, with their contents. */
async function scene(
  recorded: Recorded = { published: null, publishedAt: null },
  options: { readonly keep?: number; readonly store?: Partial<Store> } = {},
) {
  const stack = new AsyncDisposableStack();
  const memory = stack.use(openMemory());
  const state = stack.use(await openState("memory:", testHost()));
  const store = { ...memory, ...options.store };
  const task = defaultTask("x", {
    key: "{name}",
    namedByServer: true,
    keep: options.keep ?? 1,
  });
  const context: FamilyContext = {
    store,
    state,
    signal: new AbortController().signal,
    claimChange: null,
    faultOf: (key) => key.startsWith("theirs") ? "it is theirs" : null,
    reserve: () => {},
  };
  return {
    store: memory,
    state,
    family: new Family(context, task, recorded),
    members: async () => ((await state.members(["x"])).get("x") ?? []).map(({ key }) => key).sort(),
    keys: async () => (await Array.fromAsync(memory.list(""))).map(({ key }) => key).sort(),
    [Symbol.asyncDispose]: () => stack[Symbol.asyncDispose](),
  };
}

const PROVENANCE = {
  source: "https://example.org/x",
  contentType: null,
  etag: null,
  lastModified: null,
  fetchedAt: "2026-01-20T06:00:00Z",
};

Deno.test("row 112: Family.publish claims a new name first, and removes the claim on failure", async () => {
  await using at = await scene();
  const digest = await sha256(new TextEncoder().encode("mine"));
  {
    await using draft = await sealed(at.store, "a", "mine");
    await at.family.publish(draft, "a", { sizeBytes: 4, sha256: digest }, PROVENANCE);
  }
  const [claimed] = (await at.state.members(["x"])).get("x") ?? [];
  assertEquals(claimed, {
    key: "a",
    kind: "file",
    sha256: digest,
    sizeBytes: 4,
    publishedAt: null,
  });
  {
    await using draft = await sealed(at.store, "b", "mine");
    await put(at.store, "b", "mine");
    const publishing = at.family.publish(draft, "b", { sizeBytes: 4, sha256: digest }, PROVENANCE);
    const error = await assertRejects(() => publishing, CronfetchError);
    assertEquals(error.code, "store.conflict");
  }
  assertEquals(await at.members(), ["a"]);
});

Deno.test("row 112: Family.publish publishes nothing if the claim cannot be saved", async () => {
  await using at = await scene();
  const state = { ...at.state, members: () => Promise.resolve(new Map()), saveMember: () => {} };
  const failing = Object.assign(state, {
    flush: () => Promise.reject(new CronfetchError("state.locked", "locked")),
  });
  const task = defaultTask("x", { namedByServer: true });
  const family = new Family(
    {
      store: at.store,
      state: failing,
      signal: new AbortController().signal,
      claimChange: null,
      faultOf: () => null,
      reserve: () => {},
    },
    task,
    { published: null, publishedAt: null },
  );
  await using draft = await sealed(at.store, "a", "mine");
  const publishing = family.publish(draft, "a", { sizeBytes: 4, sha256: "" }, PROVENANCE);
  assertEquals((await assertRejects(() => publishing, CronfetchError)).code, "state.locked");
  assertEquals(await at.keys(), []);
});

Deno.test("row 113: Family.check refuses by the key alone", async () => {
  await using at = await scene();
  at.family.check("mine");
  const error = assertThrows(() => at.family.check("theirs"), CronfetchError);
  assertEquals([error.code, error.message], [
    "store.conflict",
    '"theirs" is not written: it is theirs',
  ]);
});

const PUBLISHED = {
  key: "now.csv",
  source: "",
  etag: null,
  lastModified: null,
  sha256: "1".repeat(64),
  sizeBytes: 3,
  revision: "1",
};

Deno.test("row 149: Family.keepVersion keeps two versions of the same time", async () => {
  await using at = await scene({ published: PUBLISHED, publishedAt: "2026-01-15T06:00:00.123Z" });
  await put(at.store, "now.csv", "old");
  await at.family.keepVersion("now.csv", null);
  await put(at.store, "now.csv", "older");
  await at.family.keepVersion("now.csv", "2".repeat(64));
  const versions = (await at.state.members(["x"])).get("x") ?? [];
  assertEquals(
    versions.map(({ key, kind, sha256, sizeBytes, publishedAt }) =>
      [key, kind, sha256, sizeBytes, publishedAt] as const
    ).toSorted(),
    [
      [
        ...["now.20260115T060000123Z.csv", "version"] as const,
        ...[await sha256(new TextEncoder().encode("old")), 3, "2026-01-15T06:00:00.123Z"] as const,
      ],
      [
        ...["now.20260115T060000124Z.csv", "version"] as const,
        ...["2".repeat(64), 5, "2026-01-15T06:00:00.124Z"] as const,
      ],
    ],
  );
  assertEquals(
    await at.store.digest("now.20260115T060000123Z.csv", new AbortController().signal),
    await sha256(new TextEncoder().encode("old")),
  );
});

Deno.test("row 149: Family.cleanUp removes members only, and none that belongs to another task", async () => {
  await using at = await scene({ published: PUBLISHED, publishedAt: "2026-01-15T06:00:00Z" });
  const strangers = ["now.20250101T000000000Z.csv", "stranger.csv", "theirs.csv"];
  for (const key of [...strangers, "now.csv", "a.csv", "b.csv", "c.csv"]) {
    await put(at.store, key, "text");
  }
  for (const [index, key] of ["theirs.csv", "a.csv", "b.csv", "c.csv"].entries()) {
    at.state.saveMember("x", member(key, { publishedAt: `2026-01-0${index + 1}T00:00:00Z` }));
  }
  at.family.recordPrevious("next.csv");
  await at.family.cleanUp("next.csv");
  assertEquals(await at.members(), ["now.csv"]);
  assertEquals(await at.keys(), ["now.csv", ...strangers].toSorted());
});

Deno.test("row 149: Family.cleanUp: a file that cannot be removed remains a member, without a failure", async () => {
  const remove = (key: string) =>
    key === "a.csv"
      ? Promise.reject(new CronfetchError("store.denied", "denied"))
      : Promise.resolve();
  await using at = await scene(
    { published: PUBLISHED, publishedAt: "2026-01-15T06:00:00Z" },
    { store: { remove } },
  );
  for (const [index, key] of ["a.csv", "b.csv", "c.csv"].entries()) {
    at.state.saveMember("x", member(key, { publishedAt: `2026-01-0${index + 1}T00:00:00Z` }));
  }
  await at.family.cleanUp("now.csv");
  assertEquals(await at.members(), ["a.csv", "c.csv"]);
});

Deno.test("row 112: Family.cleanUp: claims of crashed runs become members or are removed", async () => {
  await using at = await scene();
  await put(at.store, "published.csv", "text");
  await put(at.store, "another.csv", "other text");
  const digest = await sha256(new TextEncoder().encode("text"));
  for (const key of ["published.csv", "another.csv", "missing.csv", "now.csv"]) {
    at.state.saveMember("x", member(key, { sha256: digest, publishedAt: null }));
  }
  await at.family.cleanUp("now.csv");
  assertEquals(await at.members(), ["now.csv", "published.csv"]);
  const found = (await at.state.members(["x"])).get("x") ?? [];
  assertEquals(found.map(({ publishedAt }) => publishedAt === null).toSorted(), [false, true]);
});

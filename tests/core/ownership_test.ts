import { assertEquals } from "@std/assert";
import { KeyOwners, ownFilesIn, reservedKey } from "../../lib/core/ownership.ts";

const STORE = "/data/Store";
const OWN = ownFilesIn({
  stores: [STORE],
  configs: [`${STORE}/cronfetch.jsonc`, `${STORE}/conf/tasks.yaml`, "/elsewhere/x.yaml"],
  credentials: [`${STORE}/conf/client.key`],
  secrets: [],
  states: [`${STORE}/var/state.db`],
});

const CONFIG = "it is the config";
const CONFIG_NAME = "a config would be found under that name";
const GIT = "it is part of a git repository";
const OWN_NAME = "it is a name of cronfetch's own";
const STATE = "it belongs to the state";

/** Keys that a config writes, and what is wrong with them. */
const KEYS: readonly (readonly [key: string, fault: string | null])[] = [
  ["a.csv", null],
  ["cronfetch.jsonc", CONFIG],
  ["CRONFETCH.JSONC", CONFIG],
  ["CronFetch.jsonc", CONFIG],
  ["cronfetch.json", CONFIG_NAME],
  ["cronfetch.yaml", CONFIG_NAME],
  ["Cronfetch.YML", CONFIG_NAME],
  ["cronfetch.ts", CONFIG_NAME],
  ["cronfetch.txt", CONFIG_NAME],
  ["cronfetch.csv", null],
  ["conf/tasks.yaml", CONFIG],
  ["conf/cronfetch.txt", CONFIG_NAME],
  ["conf", "the config is in a folder of that name"],
  ["conf/tasks.yaml/a", "it is the config, and no folder"],
  ["conf/tasks.yaml2", null],
  ["other/cronfetch.jsonc", null],
  ["conf/Client.key", 'it is a certificate or key of "hosts"'],
  ["conf/client.key.bak", null],
  ["var/state.db", "it is the state"],
  ["VAR/State.db", "it is the state"],
  ["var/state.db-wal", STATE],
  ["var/state.db-SHM", STATE],
  ["var/state.db-journal", STATE],
  ["var/state.db.lock", STATE],
  ["var/state.db.checked", STATE],
  ["var/state.db.leases", STATE],
  ["var/state.db.leases.new", STATE],
  ["var/state.db.new", STATE],
  ["var/state.db.run-2026-01-15T12", STATE],
  ["var/state.db.bak", STATE],
  ["var/state.db-backup-1", STATE],
  ["var/state.db.format-1", STATE],
  ["var", "the state is in a folder of that name"],
  ["var/state.db/a", "it is the state, and no folder"],
  ["var/state.dbx", null],
  ["var/state.db.csv", null],
  [".git", GIT],
  [".git/hooks/pre-commit", GIT],
  [".GIT/config", GIT],
  ["deep/.Git/config", GIT],
  [".g\u0131t/config", GIT],
  [".g\u200cit/config", GIT],
  [".git\ufeff/config", GIT],
  [".git./config", GIT],
  ["git~1/config", GIT],
  [".gitignore", null],
  [".github/workflows/a.yml", null],
  ["git/config", null],
  ["a.git", null],
  [".cronfetch/state.db", OWN_NAME],
  [".CronFetch/x", OWN_NAME],
  [".cronfetch-x", OWN_NAME],
];

for (const [key, fault] of KEYS) {
  Deno.test(`row 113: reservedKey: ${JSON.stringify(key)} is ${fault ?? "free"}`, () => {
    assertEquals(reservedKey(key, false, OWN), fault);
  });
}

Deno.test("row 111: reservedKey: a server names no config, in whatever folder", () => {
  const fault = "a server must not name a config";
  for (const key of ["other/cronfetch.jsonc", "CRONFETCH.TXT", "a/b/Cronfetch.ts"]) {
    assertEquals(reservedKey(key, true, OWN), fault, key);
    assertEquals(reservedKey(key, true, []), fault, key);
  }
  assertEquals(reservedKey("cronfetch.csv", true, []), null);
});

Deno.test("ownFilesIn: files elsewhere are no keys, and all spellings of the store count", () => {
  const found = ownFilesIn({
    stores: ["/link", "/REAL/Store/", "/real/stor"],
    configs: ["/link/a.yaml", "/real/store/b/c.yaml", "/linked/d.yaml"],
    credentials: ["/link/k.pem"],
    secrets: [],
    states: ["C:\\x\\state.db"],
  });
  assertEquals(found, [
    { key: "A.YAML", kind: "config" },
    { key: "B/C.YAML", kind: "config" },
    { key: "K.PEM", kind: "credentials" },
  ]);
  assertEquals(
    ownFilesIn({ stores: [], configs: ["/a"], credentials: [], secrets: [], states: ["/b"] }),
    [],
  );
  assertEquals(
    ownFilesIn({ stores: ["/"], configs: ["/a"], credentials: [], secrets: [], states: [] }),
    [
      { key: "A", kind: "config" },
    ],
  );
  assertEquals(
    ownFilesIn({
      stores: ["C:\\x"],
      configs: [],
      credentials: [],
      secrets: [],
      states: ["c:\\X\\y\\state.db"],
    }),
    [
      { key: "Y/STATE.DB", kind: "state" },
    ],
  );
});

Deno.test("ownFilesIn: a name in NFD is the one in NFC", () => {
  const own = ownFilesIn({
    stores: ["/s"],
    configs: ["/s/u\u0308.yaml"],
    credentials: [],
    secrets: [],
    states: [],
  });
  assertEquals(reservedKey("\u00dc.yaml", false, own), CONFIG);
});

const OWNERS = new KeyOwners();
for (
  const [key, task] of [
    ["a.csv", "a"],
    ["deep/b.csv", "b"],
    ["c.csv.refused", "c"],
    ["d.20260115T060000123Z.csv", "d"],
    ["e", "e"],
    ["e.refused", "e"],
  ] as const
) OWNERS.add(key, task);

const ANOTHER = "another task writes to it";
const DERIVED = "it is named like an older version or refused content of another task's file";
const BASE = "another task's file is named like an older version or refused content of it";

const CLAIMS: readonly (readonly [key: string, task: string, fault: string | null])[] = [
  ["a.csv", "a", null],
  ["a.csv", "x", ANOTHER],
  ["A.CSV", "x", ANOTHER],
  ["new.csv", "x", null],
  ["a.csv.refused", "x", DERIVED],
  ["A.csv.REFUSED", "x", DERIVED],
  ["a.csv.refused", "a", null],
  ["a.20260115T060000123Z.csv", "x", DERIVED],
  ["a.20260115t060000123z.csv", "x", DERIVED],
  ["a.20260115T060000123Z.csv", "a", null],
  ["a.20260115T06.csv", "x", null],
  ["deep/b.20260115T060000123Z.csv", "x", DERIVED],
  ["b.20260115T060000123Z.csv", "x", null],
  ["c.csv", "x", BASE],
  ["c.csv", "c", null],
  ["d.csv", "x", BASE],
  ["e", "e", null],
  ["e.refused", "e", null],
  ["deep", "x", "another task needs a folder of that name"],
  ["DEEP", "x", "another task needs a folder of that name"],
];

for (const [key, task, fault] of CLAIMS) {
  Deno.test(`row 114: KeyOwners: ${key} for ${task} is ${fault ?? "free"}`, () => {
    assertEquals(OWNERS.faultOf(key, task), fault);
  });
}

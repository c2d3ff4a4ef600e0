// The conformance suite on the folder driver; faults are in folder_faults_test.ts.

import { type FileSystem, machineFileSystem } from "../../../lib/store/folder/file_system.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import { adaptiveFileSystem } from "../../../lib/store/folder/adaptive_file_system.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import type { Store } from "../../../lib/store/store.ts";
import { storeConformance } from "../conformance.ts";
import { AS_FILE } from "../fixture.ts";

const adaptive = () => adaptiveFileSystem(testHost({ timers: "manual" }).clock);

/** A store whose drafts are files from the start. */
const withFiles = (store: Store): Store => ({
  ...store,
  draft: (key, options) => store.draft(key, { ...AS_FILE, ...options }),
});

const unchanged = (store: Store) => store;

const DRIVERS: readonly [
  name: string,
  sync: boolean,
  fileSystem: () => FileSystem,
  adapt: (store: Store) => Store,
][] = [
  ["folder", false, () => machineFileSystem, unchanged],
  ["folder, synced", true, () => machineFileSystem, unchanged],
  ["folder, adaptive", false, adaptive, unchanged],
  ["folder, drafts as files", false, adaptive, withFiles],
];

for (const [name, sync, fileSystem, adapt] of DRIVERS) {
  storeConformance(name, async () => {
    const parent = await temporaryFolder();
    const { random } = testHost();
    const open = () => adapt(openFolder(parent.file("store"), { sync, random }, fileSystem()));
    const store = open();
    return {
      store,
      refusesChanged: false,
      reopen: () => Promise.resolve(open()),
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await parent[Symbol.asyncDispose]();
      },
    };
  });
}

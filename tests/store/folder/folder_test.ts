// The conformance suite on the folder driver; faults are in folder_faults_test.ts.

import { type FileSystem, machineFileSystem } from "../../../lib/store/folder/file_system.ts";
import { openFolder } from "../../../lib/store/folder/folder.ts";
import { adaptiveFileSystem } from "../../../lib/store/folder/adaptive_file_system.ts";
import { temporaryFolder } from "../../helpers/folder.ts";
import { testHost } from "../../helpers/host.ts";
import { storeConformance } from "../conformance.ts";

const DRIVERS: readonly [name: string, sync: boolean, fileSystem: () => FileSystem][] = [
  ["folder", false, () => machineFileSystem],
  ["folder, synced", true, () => machineFileSystem],
  ["folder, adaptive", false, () => adaptiveFileSystem(testHost({ timers: "manual" }).clock)],
];

for (const [name, sync, fileSystem] of DRIVERS) {
  storeConformance(name, async () => {
    const parent = await temporaryFolder();
    const { random } = testHost();
    const open = () => openFolder(parent.file("store"), { sync, random }, fileSystem());
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

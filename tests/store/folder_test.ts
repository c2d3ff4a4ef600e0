// The folder driver on a sound file system; what goes wrong is in folder_faults_test.ts.

import { openFolder } from "../../lib/store/folder.ts";
import { temporaryFolder } from "../helpers/folder.ts";
import { testHost } from "../helpers/host.ts";
import { storeConformance } from "./conformance.ts";

for (const sync of [false, true]) {
  storeConformance(`folder${sync ? ", synced" : ""}`, async () => {
    const parent = await temporaryFolder();
    const open = () => openFolder(parent.file("store"), { sync, random: testHost().random });
    const store = open();
    return {
      store,
      reopen: () => Promise.resolve(open()),
      async [Symbol.asyncDispose]() {
        await store[Symbol.asyncDispose]();
        await parent[Symbol.asyncDispose]();
      },
    };
  });
}

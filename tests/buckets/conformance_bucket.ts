// The conformance suite on the S3 driver, with real servers.

import { openStore } from "../helpers/open.ts";
import { testHost } from "../helpers/host.ts";
import { sharedS3 } from "../helpers/s3_server.ts";
import { storeConformance } from "../store/conformance.ts";

for (const kind of ["versitygw", "moto"] as const) {
  const { name, ignore, server } = sharedS3(kind);
  if (ignore) {
    Deno.test({ name, ignore, fn: () => {} });
    continue;
  }
  for (const prefix of ["", "/some/prefix"]) {
    storeConformance(`${name}, s3://bucket${prefix}`, async () => {
      const { endpoint, env, makeBucket } = server();
      const location = `s3://${await makeBucket()}${prefix}?endpoint=${endpoint}`;
      const open = () => openStore(location, { sync: false }, testHost({ env }));
      const store = await open();
      return {
        store,
        refusesChanged: true,
        reopen: open,
        [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
      };
    });
  }
}

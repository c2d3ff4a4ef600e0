import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  invalidStore,
  isOnDeploy,
  readTimeline,
  storageWarnings,
} from "../../lib/deploy/platform.ts";
import { stateLocation, storeLocation } from "../helpers/open.ts";

const environment = (variables: Record<string, string>) => ({
  env: (name: string) => variables[name],
});

Deno.test("isOnDeploy: by the variables of the platform", () => {
  assertEquals(isOnDeploy(environment({})), false);
  assertEquals(isOnDeploy(environment({ DENO_DEPLOY: "" })), false);
  assertEquals(isOnDeploy(environment({ DENO_DEPLOYMENT_ID: "abc" })), true);
  assertEquals(isOnDeploy(environment({ DENO_DEPLOY: "1" })), true);
});

Deno.test("readTimeline: production publishes, or what CRONFETCH_TIMELINES lists", () => {
  const cases: readonly (readonly [
    timeline: string | null,
    list: string | null,
    publishes: boolean,
  ])[] = [
    ["production", null, true],
    ["preview/1a2b", null, false],
    ["git-branch/main", null, false],
    [null, null, false],
    ["git-branch/staging", "production, git-branch/staging", true],
    ["production", "git-branch/staging", false],
    ["git-branch/main", "git-branch", false],
    ["preview/1a2b", "*", true],
    [null, "*", true],
  ];
  for (const [name, list, publishes] of cases) {
    const host = environment({
      ...(name === null ? {} : { DENO_TIMELINE: name }),
      ...(list === null ? {} : { CRONFETCH_TIMELINES: list }),
    });
    assertEquals(readTimeline(host), { name, publishes }, `${name} with ${list}`);
  }
});

Deno.test("invalidStore, storageWarnings: storage that is lost with an instance", () => {
  assertEquals(invalidStore(storeLocation("s3://bucket/prefix")), null);
  const fault = invalidStore(storeLocation("/app/downloads")) ?? "";
  assertStringIncludes(fault, "/app/downloads");
  assertStringIncludes(fault, '"store": "s3://bucket/prefix"');
  const warnings = (store: string, state: string) =>
    storageWarnings({ store: storeLocation(store), state: stateLocation(state) });
  const warned = (store: string, state: string) => warnings(store, state).length;
  assertEquals(warned("s3://bucket", "kv:"), 0);
  assertEquals(warned("s3://bucket", "kv:/app/state.db"), 1);
  assertEquals(warned("s3://bucket", "file:/app/state.json"), 1);
  assertEquals(warned("memory:", "memory:"), 2);
  assert(warnings("memory:", "kv:")[0]?.includes("s3://"));
});

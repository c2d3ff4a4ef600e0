/** Workflows that people copy, held to what they promise. */

import { assert, assertEquals } from "@std/assert";
import { parse } from "yaml";
import manifest from "../../deno.json" with { type: "json" };
import { readAction } from "./runner.ts";

interface Workflow {
  readonly on: { readonly schedule: readonly { readonly cron: string }[] };
  readonly permissions: Readonly<Record<string, string>>;
  readonly concurrency: { readonly group: string };
  readonly jobs: Readonly<Record<string, { readonly steps: readonly WorkflowStep[] }>>;
}

interface WorkflowStep {
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
}

/** What our action is called, at this version. */
const OURS = `cronfetch/cronfetch@v${manifest.version}`;

/** A whole workflow: it may push, looks at an odd minute, one at a time, after a checkout. */
export async function assertWorkflow(text: string): Promise<void> {
  const workflow: Workflow = parse(text);
  const [minute = ""] = workflow.on.schedule[0]?.cron.split(" ") ?? [];
  assert(Number(minute) % 5 !== 0, `minute ${minute}`);
  assertEquals(workflow.permissions, { contents: "write" });
  assert(workflow.concurrency.group !== "");
  const steps = Object.values(workflow.jobs).flatMap(({ steps }) => steps);
  assertEquals(steps.slice(0, 2).map(({ uses }) => uses), ["actions/checkout@v5", OURS]);
  await assertSteps(steps);
}

/** Steps that use our action: of this version, and with inputs that it has. */
export async function assertSteps(steps: readonly WorkflowStep[]): Promise<void> {
  const { inputs } = await readAction();
  const ours = steps.filter(({ uses }) => uses?.startsWith("cronfetch/"));
  assert(ours.length > 0);
  for (const step of ours) {
    assertEquals(step.uses, OURS);
    for (const name of Object.keys(step.with ?? {})) assert(name in inputs, `no input ${name}`);
  }
}

/** The fenced blocks of YAML of a page. */
export function yamlBlocks(page: string): string[] {
  return [...page.matchAll(/```yaml\n([^]*?)```/g)].map((found) => found[1] ?? "");
}

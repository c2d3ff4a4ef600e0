/** Checks of workflows in the README and the examples. */

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

/** The name of the action at this version. */
const OURS = `cronfetch/cronfetch@v${manifest.version}`;

/** Asserts permissions, schedule, concurrency and checkout of a workflow. */
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

/** Asserts version and inputs of the steps that use the action. */
export async function assertSteps(steps: readonly WorkflowStep[]): Promise<void> {
  const { inputs } = await readAction();
  const ours = steps.filter(({ uses }) => uses?.startsWith("cronfetch/"));
  assert(ours.length > 0);
  for (const step of ours) {
    assertEquals(step.uses, OURS);
    for (const name of Object.keys(step.with ?? {})) assert(name in inputs, `no input ${name}`);
  }
}

/** The YAML blocks of a page. */
export function yamlBlocks(page: string): string[] {
  return [...page.matchAll(/```yaml\n([^]*?)```/g)].map((found) => found[1] ?? "");
}

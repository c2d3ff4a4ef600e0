/**
 * Runs a composite action like GitHub's runner: its steps in order, each with its own files for
 * outputs and summary. Other actions (`uses`) are replaced.
 */

import { dirname, join } from "@std/path";
import { parse } from "yaml";
import { condition, type ExpressionScope, interpolate } from "./expression.ts";

/** The result of an action. */
export interface ActionResult {
  /** Whether a step failed. */
  readonly failed: boolean;
  /** Id or `uses` of each step, with its outcome. */
  readonly steps: readonly (readonly [step: string, outcome: StepOutcome])[];
  /** Exit codes of the steps that ran, by id. */
  readonly codes: Readonly<Record<string, number>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** Output of all steps, both streams. */
  readonly log: string;
  /** The job summaries of all steps. */
  readonly summary: string;
}

/** As in the `steps` context. */
export type StepOutcome = "success" | "failure" | "skipped";

/** Options of a run of the action. */
export interface ActionOptions {
  /** The working copy. */
  readonly workspace: string;
  /** A folder for the runner's own files. */
  readonly temporary: string;
  readonly inputs?: Readonly<Record<string, string>>;
  /** The folder of the action. Default: this repository. */
  readonly actionPath?: string;
  /** Further environment variables: `GITHUB_REF`, secrets. */
  readonly env?: Readonly<Record<string, string>>;
}

interface ActionFile {
  readonly inputs: Readonly<Record<string, { readonly default?: string }>>;
  readonly outputs: Readonly<Record<string, { readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Step {
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly with?: Readonly<Record<string, string>>;
  readonly run?: string;
  readonly shell?: string;
  readonly "working-directory"?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** The root of this repository. */
export const ACTION_PATH = new URL("../..", import.meta.url).pathname.replace(/\/$/, "");

/** Reads `action.yml` of a folder. */
export async function readAction(path: string = ACTION_PATH): Promise<ActionFile> {
  return parse(await Deno.readTextFile(join(path, "action.yml")));
}

/** Replacements of other actions: what each adds to PATH. */
const STAND_INS: Readonly<Record<string, () => string>> = {
  "denoland/setup-deno@v2": () => dirname(Deno.execPath()),
};

/** Runs the action. */
export async function runAction(options: ActionOptions): Promise<ActionResult> {
  const { actionPath = ACTION_PATH } = options;
  const action = await readAction(actionPath);
  const values: Record<string, string> = { "github.action_path": actionPath };
  for (const name of Object.keys(options.inputs ?? {})) {
    if (!(name in action.inputs)) throw new Error(`the action has no input ${name}`);
  }
  for (const [name, { default: standard }] of Object.entries(action.inputs)) {
    values[`inputs.${name}`] = options.inputs?.[name] ?? standard ?? "";
  }
  let failed = false;
  const scope: ExpressionScope = {
    values,
    functions: {
      success: () => !failed,
      failure: () => failed,
      always: () => true,
      cancelled: () => false,
    },
  };
  const steps: [string, StepOutcome][] = [];
  const codes: Record<string, number> = {};
  const paths: string[] = [];
  let log = "";
  let summary = "";
  for (const [index, step] of action.runs.steps.entries()) {
    const name = step.id ?? step.uses ?? `${index}`;
    let outcome: StepOutcome = "skipped";
    if (condition(step.if ?? "success()", scope)) {
      if (step.uses !== undefined) {
        const standIn = STAND_INS[step.uses];
        if (standIn === undefined) throw new Error(`no replacement for ${step.uses}`);
        paths.push(standIn());
        outcome = "success";
      } else {
        const ran = await runStep(step, index, { ...options, actionPath, scope, paths });
        outcome = ran.code === 0 ? "success" : "failure";
        codes[name] = ran.code;
        log += ran.log;
        summary += ran.summary;
        for (const [output, value] of Object.entries(ran.outputs)) {
          values[`steps.${name}.outputs.${output}`] = value;
        }
      }
    }
    values[`steps.${name}.outcome`] = outcome;
    failed ||= outcome === "failure";
    steps.push([name, outcome]);
  }
  const outputs = Object.fromEntries(
    Object.entries(action.outputs).map(([name, { value }]) => [name, interpolate(value, scope)]),
  );
  return { failed, steps, codes, outputs, log, summary };
}

/** The minimal environment of a program, without git configuration of the machine. */
function baseEnvironment(): Record<string, string> {
  const kept = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "TMPDIR", "NPM_CONFIG_REGISTRY"];
  const env = kept.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value] as const];
  });
  return { ...Object.fromEntries(env), GIT_CONFIG_GLOBAL: "/dev/null", GIT_CONFIG_NOSYSTEM: "1" };
}

async function runStep(
  step: Step,
  index: number,
  { workspace, temporary, actionPath, env, scope, paths }: ActionOptions & {
    readonly actionPath: string;
    readonly scope: ExpressionScope;
    readonly paths: readonly string[];
  },
) {
  if (step.shell !== "bash" || step.run === undefined) throw new Error("only bash is run here");
  const script = join(temporary, `step-${index}.sh`);
  const output = join(temporary, `output-${index}`);
  const summary = join(temporary, `summary-${index}`);
  await Deno.writeTextFile(script, interpolate(step.run, scope));
  await Deno.writeTextFile(output, "");
  await Deno.writeTextFile(summary, "");
  const base = baseEnvironment();
  const own = Object.entries(step.env ?? {}).map((
    [name, text],
  ) => [name, interpolate(text, scope)]);
  const command = new Deno.Command("bash", {
    args: ["--noprofile", "--norc", "-e", "-o", "pipefail", script],
    cwd: join(workspace, interpolate(step["working-directory"] ?? ".", scope)),
    clearEnv: true,
    env: {
      ...base,
      PATH: [...paths, base["PATH"]].join(":"),
      CI: "true",
      GITHUB_ACTIONS: "true",
      GITHUB_WORKSPACE: workspace,
      GITHUB_ACTION_PATH: actionPath,
      GITHUB_OUTPUT: output,
      GITHUB_STEP_SUMMARY: summary,
      GITHUB_REF: "refs/heads/main",
      RUNNER_TEMP: temporary,
      ...env,
      ...Object.fromEntries(own),
    },
  });
  const { code, stdout, stderr } = await command.output();
  const text = new TextDecoder();
  return {
    code,
    log: text.decode(stdout) + text.decode(stderr),
    outputs: parseOutputs(await Deno.readTextFile(output)),
    summary: await Deno.readTextFile(summary),
  };
}

/** Parses `$GITHUB_OUTPUT` in the multiline format. */
export function parseOutputs(text: string): Record<string, string> {
  const outputs: Record<string, string> = {};
  const lines = text.split("\n");
  while (lines.length > 1) {
    const [, name, delimiter] = /^([^=<]+)<<(.+)$/.exec(lines.shift() ?? "") ?? [];
    const end = delimiter === undefined ? -1 : lines.indexOf(delimiter);
    if (name === undefined || end < 0) throw new Error(`this is no output: ${text}`);
    outputs[name] = lines.splice(0, end + 1).slice(0, -1).join("\n");
  }
  return outputs;
}

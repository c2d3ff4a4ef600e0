/** What is different where a GitHub Actions job runs the program. */

import { variable } from "../config/variables.ts";
import type { Host } from "../core/host.ts";
import { WorkflowLog } from "../report/workflow_log.ts";

/** The same host; on GitHub, one whose text cannot hold a workflow command. */
export function inWorkflow(host: Host): Host {
  if (variable("GITHUB_ACTIONS", host) !== "true") return host;
  return { ...host, stdout: new WorkflowLog(host.stdout), stderr: new WorkflowLog(host.stderr) };
}

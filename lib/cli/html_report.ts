/** `--report html=FILE`: the status page as one file. */

import type { Config } from "../config/config.ts";
import type { Host } from "../core/host.ts";
import { errorMessage, escapeControl } from "../core/text.ts";
import { renderReport } from "../page/report.tsx";
import { createPageSource, NO_ACTIVITY, type PageState } from "../page/source.ts";
import { lineWriter } from "./output.ts";
import { pageSecrets } from "./page_server.ts";

/**
 * Writes the status page after a run, replacing each file atomically. A failed write is logged and
 * does not fail the run.
 *
 * @param paths Absolute paths.
 */
export async function writeHtmlReports(
  paths: readonly string[],
  config: Config,
  state: PageState,
  host: Host,
): Promise<void> {
  const source = createPageSource({
    config: () => config,
    state: () => Promise.resolve(state),
    store: null,
    secrets: pageSecrets(host),
    activity: NO_ACTIVITY,
  }, host);
  for (const path of paths) {
    try {
      await host.replaceFile(path, await renderReport(source, host.clock.now()));
    } catch (error) {
      const why = escapeControl(errorMessage(error));
      lineWriter(host)(`warning: Writing the HTML report ${escapeControl(path)}: ${why}`);
    }
  }
}

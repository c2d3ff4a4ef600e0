/**
 * Writes the pictures of the README to `docs/images/`: the second run of the demo as a terminal
 * shows it, and the status page in Chromium. Run by `deno task pictures`.
 */

import type { Host } from "../lib/core/host.ts";
import { realHost } from "../lib/host.ts";
import { sampleFiles, sampleRuns, sampleTasks } from "../tests/browser/samples.ts";
import { site } from "../tests/page/site.ts";
import { demonstrate, SECOND_COMMAND } from "./demo.ts";
import { terminalPicture } from "./terminal_picture.ts";

/** The picture of the terminal. */
export const TERMINAL = "docs/images/second-run.svg";
/** The picture of the status page. */
export const PAGE = "docs/images/status-page.png";

const TOKEN = "a token for the picture";

/** Size of the picture of the page, in pixels. */
export const VIEWPORT = { width: 1280, height: 701 };

/**
 * Runs the demo.
 *
 * @returns The picture of its second run.
 * @throws {Error} If its results are not as expected.
 */
export async function secondRun(): Promise<string> {
  let text = "";
  const real = realHost();
  const host: Host = {
    ...real,
    stderr: {
      write: (more) => {
        text += isLiveView(more) ? "" : withoutMoves(more);
        return true;
      },
      ready: () => null,
      end: () => Promise.resolve(true),
      isTerminal: () => true,
      columns: () => 80,
    },
    env: (name) => name === "FORCE_COLOR" ? "1" : name === "NO_COLOR" ? undefined : real.env(name),
  };
  const found = await demonstrate(host);
  if (found.length > 0) throw new Error(`the demo failed: ${found.join("; ")}`);
  const output = text.slice(text.indexOf(SECOND_COMMAND));
  return terminalPicture("A second run of cronfetch", output);
}

/** Whether a write to a terminal is a live view, which switches wrapping off and on. */
function isLiveView(text: string): boolean {
  return text.includes("\x1b[?7l");
}

/** A text without the moves of the cursor and the erasures that replace a live view. */
function withoutMoves(text: string): string {
  // deno-lint-ignore no-control-regex -- moves begin with ESC
  return text.replace(/\r|\x1b\[\d*[AJK]/g, "");
}

/** The status page with thirty sample tasks, as PNG. */
async function statusPage(): Promise<Uint8Array> {
  // Loaded only here: the tests of the terminal lack the permissions that playwright needs.
  const { launchChromium } = await import("../tests/browser/chromium.ts");
  await using at = site({
    tasks: sampleTasks(),
    runs: sampleRuns(),
    files: sampleFiles(),
    token: TOKEN,
  });
  const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, at.page.fetch);
  const browser = await launchChromium();
  try {
    const page = await browser.newPage({ viewport: VIEWPORT });
    await page.goto(`http://127.0.0.1:${server.addr.port}/login`);
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Log out" }).waitFor();
    return await page.screenshot();
  } finally {
    await browser.close();
    await at.page.close();
    await server.shutdown();
  }
}

if (import.meta.main) {
  await Deno.mkdir("docs/images", { recursive: true });
  await Deno.writeTextFile(TERMINAL, await secondRun());
  await Deno.writeFile(PAGE, await statusPage());
}

/** Finds and starts the system's Chromium: one for the tests and the pictures of the docs. */

import { type Browser, chromium } from "playwright-core";

const PROGRAMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

/** How long to wait for a browser that shares the machine with other tests. */
export const PATIENCE_MS = 120_000;

/** The path of the program; undefined if none is installed. */
export function findChromium(): string | undefined {
  return PROGRAMS.find((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/**
 * Starts the browser, without a window.
 *
 * @throws {Error} If it is not installed.
 */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: findChromium() ?? PROGRAMS[0] ?? "",
    args: ["--no-sandbox"],
    timeout: PATIENCE_MS,
  });
}

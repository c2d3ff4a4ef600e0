// Finds the Deno that npm installs for the package. It is in a package of its platform, which is an
// optional dependency of `deno`; npm's script that copies it to `deno` itself may not have run.

import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * Name of the package with Deno for a platform.
 *
 * @param {{ platform: string, arch: string }} system As in Node's `process`.
 */
export function denoPackage({ platform, arch }) {
  return `@deno/${platform}-${arch}${platform === "linux" ? "-glibc" : ""}`;
}

/**
 * Finds the executable.
 *
 * @param {string} from `file:` URL or path of the module that `deno` is a dependency of.
 * @param {{ platform: string, arch: string }} system As in Node's `process`.
 * @returns {string | null} Its path; null if it is not installed.
 */
export function findDeno(from, system) {
  try {
    const deno = createRequire(from).resolve("deno/package.json");
    const found = createRequire(deno).resolve(`${denoPackage(system)}/package.json`);
    return join(dirname(found), system.platform === "win32" ? "deno.exe" : "deno");
  } catch {
    return null;
  }
}

/**
 * Explains why Deno is missing or cannot be started.
 *
 * @param {{ platform: string, arch: string }} system As in Node's `process`.
 * @param {{ isMusl: boolean, supported: readonly string[] }} found The system's C library, and the
 * packages that `deno` has as optional dependencies.
 * @returns {string} Lines with the reason and what to do.
 */
export function unusableReason(system, { isMusl, supported }) {
  const name = `${system.platform}-${system.arch}`;
  if (isMusl) {
    return `error: Deno from npm needs glibc, and this system has musl (${name})\n` +
      "hint: use a system with glibc: Debian instead of Alpine, or the image node:slim";
  }
  if (!supported.includes(denoPackage(system))) {
    return `error: npm has no Deno for ${name}\n` +
      "hint: cronfetch runs on Linux, macOS and Windows, with x64 or arm64 processors";
  }
  return `error: npm has not installed ${denoPackage(system)}, or it cannot be started\n` +
    "hint: install cronfetch again, with npm install --include=optional";
}

/**
 * Signals that the launcher outlives, and whether it sends them to the program.
 *
 * On Windows, a console delivers Ctrl-C and Ctrl-Break to the program itself, and Node can only
 * terminate another process, so the program could not clean up.
 *
 * @param {{ platform: string }} system As in Node's `process`.
 * @returns {{ signals: readonly string[], isForwarded: boolean }}
 */
export function launcherSignals({ platform }) {
  if (platform === "win32") {
    return { signals: ["SIGINT", "SIGBREAK", "SIGHUP"], isForwarded: false };
  }
  return { signals: ["SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM"], isForwarded: true };
}

#!/usr/bin/env node
// Starts the program with the Deno that npm installed. The script of npm's `deno` is left out: it is
// another process of Node, and passes no signals on.

import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { constants, homedir } from "node:os";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { findDeno, launcherSignals, unusableReason } from "./find_deno.js";

const EXIT_USAGE = 2;

/** Path of a file of this package. */
const pathOf = (name) => fileURLToPath(new URL(`../${name}`, import.meta.url));

/** Explains why the program cannot start, and ends. */
function fail() {
  // Reading the network interfaces for a report can take seconds.
  if (process.report) process.report.excludeNetwork = true;
  const isMusl = process.platform === "linux" &&
    process.report?.getReport().header.glibcVersionRuntime === undefined;
  const { optionalDependencies } = createRequire(import.meta.url)("deno/package.json");
  const supported = Object.keys(optionalDependencies);
  process.stderr.write(`${unusableReason(process, { isMusl, supported })}\n`);
  process.exit(EXIT_USAGE);
}

/** The environment of the program. */
function environment() {
  // The version of Deno is that of the package.
  const env = { ...process.env, DENO_NO_UPDATE_CHECK: "1" };
  try {
    homedir();
  } catch {
    // A user id without a user, as in some containers. Deno starts only if it has a folder for its
    // cache, which need not be writable.
    env.DENO_DIR ??= pathOf("cache");
  }
  return env;
}

/** Starts the program; this process ends like it. */
function start(deno) {
  const options = ["--quiet", "--no-prompt", "--config", pathOf("dist/deno.json"), "-P"];
  const args = ["run", ...options, pathOf("dist/main.js"), ...process.argv.slice(2)];
  const child = spawn(deno, args, { stdio: "inherit", env: environment() });
  child.on("error", fail);
  const { signals, isForwarded } = launcherSignals(process);
  // A terminal sends a signal to both processes; the program ignores the second one.
  for (const signal of signals) process.on(signal, () => isForwarded && child.kill(signal));
  child.on("exit", (code, signal) => {
    if (signal === null) process.exit(code);
    process.removeAllListeners(signal);
    process.exitCode = 128 + constants.signals[signal];
    process.kill(process.pid, signal);
  });
}

const deno = findDeno(import.meta.url, process);
if (deno === null) fail();
else start(deno);

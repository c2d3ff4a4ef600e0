/** From the words of a config to an open state. */

import { isAbsolute } from "@std/path";
import { CronfetchError } from "../core/errors.ts";
import { bufferedState } from "./buffered.ts";
import type { StateDriver, StateHost } from "./driver.ts";
import { openKvDriver } from "./kv.ts";
import { emptyMemory, memoryDriver } from "./memory.ts";
import type { State } from "./state.ts";

/**
 * Opens a state. What is not there yet is made, parent folders included.
 *
 * @param location `memory:`, `kv:` (the platform's Deno KV), `kv:` and the absolute path of a
 * database, or `file:` and the absolute path of a JSON file.
 * @param host Its clock tells when leases end.
 * @throws {CronfetchError} `config.invalid` for any other location, and any `state.` code.
 *
 * @example
 * ```ts
 * import { openState } from "./open.ts";
 * import { realHost } from "../host.ts";
 * import { assertEquals } from "@std/assert";
 *
 * await using state = await openState("memory:", realHost());
 * assertEquals(state.durable, false);
 * ```
 */
export async function openState(location: string, host: StateHost): Promise<State> {
  return bufferedState(await openDriver(location, host), host);
}

async function openDriver(location: string, host: StateHost): Promise<StateDriver> {
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9]*:)(.*)$/s.exec(location) ?? [];
  switch (scheme) {
    case "memory:":
      if (rest !== "") throw wrong("memory:", "takes nothing after it");
      return memoryDriver(emptyMemory(), host);
    case "kv:":
      return await openKvDriver(rest === "" ? null : absolute(scheme, rest), host);
    case "file:":
      return await openFileAt(absolute(scheme, rest), host);
    case "postgres:":
    case "postgresql:":
      throw wrong(scheme, "is not supported in this version; use kv: or file:");
    default:
      // Without the rest, which may hold a password.
      throw wrong(scheme || "the state", "is none of memory:, kv: and file:");
  }
}

/** Only such a state costs the time to load what keeps it. */
async function openFileAt(path: string, host: StateHost): Promise<StateDriver> {
  const { openFileDriver } = await import("./file.ts");
  return await openFileDriver(path, host);
}

function absolute(scheme: string, path: string): string {
  if (isAbsolute(path)) return path;
  throw wrong(`${scheme}${path}`, "needs an absolute path");
}

function wrong(what: string, why: string): CronfetchError {
  return new CronfetchError("config.invalid", `opening the state: ${what} ${why}`);
}

/** A config in TypeScript. */

import type { ConfigInput } from "./input.ts";

/**
 * Gives back what it takes, so that editors know what a config may hold.
 *
 * @example A `cronfetch.ts`
 * ```ts
 * import { defineConfig } from "./define.ts";
 *
 * export default defineConfig({
 *   tasks: ["https://example.org/f1040.pdf"],
 * });
 * ```
 */
export function defineConfig(config: ConfigInput): ConfigInput {
  return config;
}

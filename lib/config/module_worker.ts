/**
 * What runs a config module that may have been run before: a thread of its own,
 * with modules of its own. In the first thread a module stays as it was read
 * once, with all that it imports.
 */

/// <reference lib="deno.worker" />

import { reasonOf } from "./source.ts";

self.onmessage = async ({ data }: MessageEvent<string>) => {
  try {
    const { default: value } = await import(data);
    self.postMessage({ value });
  } catch (error) {
    self.postMessage({ reason: reasonOf(error) });
  }
};

/// <reference lib="deno.worker" />
// Matches patterns on a thread that a test can end. In: pairs of pattern and text. Out: the results.

import { loadPatternEngine } from "../../lib/core/pattern.ts";

globalThis.onmessage = async ({ data }: MessageEvent<[pattern: string, text: string][]>) => {
  const { test } = await loadPatternEngine();
  globalThis.postMessage(data.map(([pattern, text]) => test(pattern, text)));
};

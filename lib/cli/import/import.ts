/** Converts other texts to configs: command lines, scripts, crontabs, lists of URLs, Flat. */

import { assemble, type ImportedConfig } from "./assemble.ts";
import { CommandDraft } from "./draft.ts";
import { type PlacedDownload, readScript } from "./script.ts";

/** Whether a text has a call of curl or wget, or is another kind of text that can be converted. */
export function isCommand(text: string): boolean {
  return /(?:^|[\s;&|(/])(?:curl|wget2?)(?:\.exe)?\s/.test(text);
}

/**
 * Converts a text. What has no equivalent becomes a note; secrets become environment variables.
 *
 * @param home The folder that `~` and `$HOME` are.
 */
export async function importText(text: string, home: string): Promise<ImportedConfig> {
  const urls = listedUrls(text);
  if (urls !== null) {
    return assemble(urls.map(listedDownload), [], null);
  }
  const { isFlat, readFlat } = await import("./flat.ts");
  if (isFlat(text)) return readFlat(text);
  // A command copied from documentation has the prompt of its shell.
  const { downloads, notes, timezone } = readScript(text.replace(/^\$ /gm, ""), home);
  return assemble(downloads, notes, timezone);
}

function listedDownload(url: string): PlacedDownload {
  const draft = new CommandDraft(1);
  return { url: [url], path: null, isFile: false, draft, workingFolder: [], schedule: null };
}

/** The URLs of a list, one a line; null for a text of another kind. */
function listedUrls(text: string): string[] | null {
  const lines = text.split("\n").map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  return lines.length > 0 && lines.every((line) => /^https?:\/\/\S+$/i.test(line)) ? lines : null;
}

/** Types of binary content, known by the bytes it begins with. */

import { CronfetchError } from "../core/errors.ts";
import { mediaType, typesAgree } from "./content_type.ts";

/**
 * The media type that a file's first bytes show, or null if they show none.
 *
 * @throws {CronfetchError} `expect.type` where the environment is kept from the program.
 */
export async function detectType(head: Uint8Array): Promise<string | null> {
  const { fileTypeFromBuffer } = await loadFileType();
  const found = await fileTypeFromBuffer(head);
  return mediaType(found?.mime ?? null);
}

/**
 * Whether {@linkcode detectType} would recognize content of a type.
 *
 * @throws {CronfetchError} `expect.type` where the environment is kept from the program.
 */
export async function isDetectable(type: string): Promise<boolean> {
  const { supportedMimeTypes } = await loadFileType();
  return supportedMimeTypes.values().some((known) => typesAgree(type, known));
}

/** Most runs never need it, and it takes longer to load than a small file to fetch. */
async function loadFileType(): Promise<typeof import("file-type")> {
  try {
    return await import("file-type");
  } catch (error) {
    // One of its dependencies lists the variables of the environment when it is loaded.
    if (!(error instanceof Deno.errors.NotCapable)) throw error;
    throw new CronfetchError(
      "expect.type",
      "a binary type cannot be checked without --allow-env or --ignore-env",
      { cause: error },
    );
  }
}

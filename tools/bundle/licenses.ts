/** The licences of what is inside a bundle, as one text. */

import { join } from "@std/path";

/** A package and the text of its licence. */
export interface License {
  /** `name@version`. */
  readonly id: string;
  readonly text: string;
}

/**
 * Reads the licences of packages.
 *
 * @param packages Folders by `name@version`.
 */
export async function readLicenses(packages: ReadonlyMap<string, string>): Promise<License[]> {
  return await Promise.all([...packages].map(async ([id, folder]) => ({
    id,
    text: await licenseIn(folder) ?? await declaredLicense(folder),
  })));
}

/** The text of the files with a licence or a notice; null without one. */
async function licenseIn(folder: string): Promise<string | null> {
  const entries = await Array.fromAsync(Deno.readDir(folder));
  const names = entries.map(({ name }) => name).filter((name) => FILE_NAME.test(name)).sort();
  const texts = await Promise.all(names.map((name) => Deno.readTextFile(join(folder, name))));
  const text = texts.map((one) => one.replaceAll("\r\n", "\n").trim()).join("\n\n");
  return text === "" ? null : text;
}

const FILE_NAME = /^(?:licen[cs]e|copying|notice)(?:\.(?:md|txt))?$/i;

/** What a package without such a file declares. */
async function declaredLicense(folder: string): Promise<string> {
  const { license } = JSON.parse(await Deno.readTextFile(join(folder, "package.json")));
  if (typeof license !== "string") throw new Error(`${folder} declares no licence`);
  return `The package declares the licence ${license} and contains no text of it.`;
}

/**
 * Lists licences, each text once with all packages that have it.
 *
 * @param own The licence of cronfetch.
 */
export function licensesText(own: string, licenses: readonly License[]): string {
  const sections = [...Map.groupBy(licenses, ({ text }) => text)]
    .map(([text, packages]) => `${packages.map(({ id }) => id).join("\n")}\n\n${text}\n`);
  const heading = "cronfetch contains these packages:";
  return [own.trim() + "\n", `${heading}\n`, ...sections].join(`\n${"-".repeat(80)}\n\n`);
}

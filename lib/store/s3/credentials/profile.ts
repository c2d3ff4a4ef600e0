/** Profiles in the files of AWS's tools: `~/.aws/credentials` and `~/.aws/config`. */

import { join } from "@std/path";
import { type S3Environment, variable } from "../settings.ts";

/** Settings by name, such as `region` and `aws_access_key_id`. */
export interface Profile {
  readonly name: string;
  readonly values: ReadonlyMap<string, string>;
}

/** The variables that choose a profile and its files. */
export const PROFILE_VARIABLES = [
  "AWS_PROFILE",
  "AWS_SHARED_CREDENTIALS_FILE",
  "AWS_CONFIG_FILE",
  "HOME",
  "USERPROFILE",
] as const;

/** Which file it is: sections of the config file are named `[profile NAME]`, or `[default]`. */
type ProfileFile = "credentials" | "config";

/** Paths of the two files, the second of which overrides the first; without those of no home. */
export function profilePaths(host: S3Environment): Readonly<Partial<Record<ProfileFile, string>>> {
  const home = variable("HOME", host) ?? variable("USERPROFILE", host);
  const config = variable("AWS_CONFIG_FILE", host) ?? (home && join(home, ".aws", "config"));
  const credentials = variable("AWS_SHARED_CREDENTIALS_FILE", host) ??
    (home && join(home, ".aws", "credentials"));
  return { ...(config ? { config } : {}), ...(credentials ? { credentials } : {}) };
}

/**
 * Reads the profile that the environment names, `default` otherwise, from both files.
 *
 * @returns Without values if no file has the profile.
 */
export async function readProfile(host: S3Environment): Promise<Profile> {
  const name = variable("AWS_PROFILE", host) ?? "default";
  const values = new Map<string, string>();
  for (const [file, path] of Object.entries(profilePaths(host))) {
    const sections = parseProfiles(await textOf(path));
    const inConfig = file === "config" ? sections.get(`profile ${name}`) : undefined;
    // In the config file, `[profile default]` has precedence over `[default]`.
    const isPlain = file === "credentials" || name === "default";
    const section = inConfig ?? (isPlain ? sections.get(name) : undefined);
    for (const [key, value] of section ?? []) values.set(key, value);
  }
  return { name, values };
}

/** The text of a file; `""` if it does not exist. */
async function textOf(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

/**
 * Parses sections of `name = value`. Indented lines, which belong to the value before them, and
 * anything else are ignored, as the tools of AWS do.
 *
 * @returns Values by the name of the section, with single spaces, and the name in lower case.
 */
export function parseProfiles(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let section: Map<string, string> | null = null;
  for (const line of text.split(/\r?\n/)) {
    if (/^[\s#;]/.test(line)) continue;
    const comment = line.search(/\s[#;]/);
    const content = (comment < 0 ? line : line.slice(0, comment)).trim();
    if (content.startsWith("[")) {
      const name = content.slice(1, content.indexOf("]")).trim().replace(/\s+/g, " ");
      section = sections.get(name) ?? new Map();
      sections.set(name, section);
      continue;
    }
    const at = content.indexOf("=");
    if (at < 0) continue;
    section?.set(content.slice(0, at).trim().toLowerCase(), content.slice(at + 1).trim());
  }
  return sections;
}

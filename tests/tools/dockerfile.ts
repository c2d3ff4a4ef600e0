/** The instructions of a Dockerfile, as far as the one of the example uses them. */

/** An instruction. */
export interface Instruction {
  /** In capitals. */
  readonly name: string;
  /** The rest, on one line. */
  readonly text: string;
}

/** Parses a Dockerfile. A line that ends in a backslash continues; comments are left out. */
export function parseDockerfile(file: string): Instruction[] {
  return file.replace(/^\s*#.*\n/gm, "").replaceAll("\\\n", " ").split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "")
    .map((line) => {
      const [, name, text] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
      if (name === undefined || text === undefined) throw new Error(`no instruction: ${line}`);
      return { name, text };
    });
}

/** The instructions of a name. */
export function textsOf(instructions: readonly Instruction[], name: string): string[] {
  return instructions.filter((one) => one.name === name).map(({ text }) => text);
}

/** The list of the last instruction of a name; options before it are left out. */
export function listOf(instructions: readonly Instruction[], name: string): string[] {
  const text = textsOf(instructions, name).at(-1) ?? "";
  return JSON.parse(text.slice(text.indexOf("[")));
}

/** The variables of all `ENV` instructions. No value has blanks. */
export function variablesOf(instructions: readonly Instruction[]): Record<string, string> {
  const pairs = textsOf(instructions, "ENV").flatMap((text) => text.split(/ +/));
  return Object.fromEntries(pairs.map((pair) => [
    pair.slice(0, pair.indexOf("=")),
    pair.slice(pair.indexOf("=") + 1),
  ]));
}

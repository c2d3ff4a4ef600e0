/** The completion script for bash. Pure. */

import {
  type CommandSpec,
  configFlags,
  flagsIn,
  functionName,
  offersTasks,
  optionsWithValue,
  positionsOf,
  quoted,
  turnsOf,
  type ValueSpec,
} from "./spec.ts";

/** Quotes a pattern for bash, except a leading `*`. */
function bashPattern(pattern: string): string {
  return pattern.startsWith("*") ? `*${quoted(pattern.slice(1))}` : quoted(pattern);
}

/** The function that offers the ids of tasks, quoted where necessary. */
function tasksFunction(self: string): string {
  return `${self}_tasks() {
  local candidate
  while IFS= read -r candidate; do
    if [[ $candidate == "$current"* ]]; then
      printf -v candidate %q "$candidate"
      COMPREPLY+=("$candidate")
    fi
  done < <("\${COMP_WORDS[0]}" completions bash --tasks \
    \${configs[@]+"\${configs[@]}"} 2>/dev/null </dev/null)
}

`;
}

/** Generates the script for bash, which offers no descriptions. */
export function bashScript(spec: CommandSpec): string {
  const self = functionName(spec.name);
  const offer = ({ values = [], file = false, tasks = false }: ValueSpec): string => {
    if (file) return `${self}_files`;
    if (tasks) return `${self}_tasks`;
    return values.length === 0 ? ":" : [`${self}_offer`, ...values.map(quoted)].join(" ");
  };
  const positions = positionsOf(spec);
  const values = optionsWithValue(spec).map(({ option, patterns }) =>
    `      ${patterns.map(bashPattern).join(" | ")}) ${offer(option)} ;;`
  );
  const flags = positions.map((position) =>
    `      ${quoted(position.command)}) ${offer({ values: flagsIn(position, spec) })} ;;`
  );
  const words = positions.map((position) =>
    `      ${quoted(position.command)}) ${offer(position.arguments)} ;;`
  );
  const turns = turnsOf(spec, {
    value: "if [[ -z $ended ]]; then option=$word; fi",
    command: "command=$word",
  }).map(([patterns, turn]) => `      ${patterns.map(bashPattern).join(" | ")}) ${turn} ;;`);
  const selecting = configFlags(spec);
  const keepConfig = selecting.length === 0
    ? ""
    : ` case $option in ${selecting.map(quoted).join(" | ")}) configs+=(-c "$word") ;; esac;`;
  return `# bash completion for ${spec.name}

${self}_offer() {
  local candidate
  for candidate in "$@"; do
    if [[ $candidate == "$current"* ]]; then COMPREPLY+=("$candidate"); fi
  done
}

${self}_files() {
  # Without candidates, "default" completes file names and quotes them.
  compopt -o default 2>/dev/null && return
  local candidate
  while IFS= read -r candidate; do COMPREPLY+=("$candidate"); done < <(compgen -f -- "$current")
}

${offersTasks(spec) ? tasksFunction(self) : ""}${self}() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= ended= word index
  local -a configs=()
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    word=\${COMP_WORDS[index]}
    # Bash splits words at colons and equals signs, which become words of their own.
    if [[ $word == ":" ]]; then ((index++)); continue; fi
    if [[ $word == "=" ]]; then continue; fi
    if [[ -n $option ]]; then${keepConfig} option=; continue; fi
    if [[ $word == "--" ]]; then ended=yes; continue; fi
    case $command,$word in
${turns.join("\n")}
    esac
  done
  if [[ $index -gt $COMP_CWORD || $current == ":" ]]; then return; fi
  if [[ $current == "=" ]]; then current=; fi
  if [[ -n $option ]]; then
    case $command,$option in
${values.join("\n")}
    esac
  elif [[ $current == -* && -z $ended ]]; then
    case $command in
${flags.join("\n")}
    esac
  else
    case $command in
${words.join("\n")}
    esac
  fi
}

complete -F ${self} ${quoted(spec.name)}
`;
}

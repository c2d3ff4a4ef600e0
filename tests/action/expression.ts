/** The part of GitHub's expression language that `action.yml` uses. Anything else is an error. */

/** The context of an expression. */
export interface ExpressionScope {
  /** Values by full name: `inputs.due`, `steps.run.outcome`. Others are empty. */
  readonly values: Readonly<Record<string, string>>;
  /** Functions without arguments, by name. */
  readonly functions: Readonly<Record<string, () => boolean>>;
}

type Value = string | boolean;

const TOKEN = /\s*(?:(\|\||&&|==|!=|!|\(|\))|'((?:[^']|'')*)'|([A-Za-z_][\w.-]*))/y;

/** Replaces every `${{ … }}` of a text. */
export function interpolate(text: string, scope: ExpressionScope): string {
  return text.replace(
    /\$\{\{(.*?)\}\}/gs,
    (_match, source: string) => `${evaluate(source, scope)}`,
  );
}

/** Evaluates an `if`, with or without `${{ }}`; without a status function it implies `success()`. */
export function condition(text: string, scope: ExpressionScope): boolean {
  const source = text.replace(/^\s*\$\{\{(.*)\}\}\s*$/s, "$1");
  const asksForStatus = /\b(?:success|failure|always|cancelled)\(\)/.test(source);
  return truthy(evaluate(asksForStatus ? source : `success() && (${source})`, scope));
}

function truthy(value: Value): boolean {
  return value !== false && value !== "";
}

/** Evaluates an expression without braces. */
export function evaluate(source: string, scope: ExpressionScope): Value {
  const tokens = tokensOf(source);
  let next = 0;
  const take = (token: string): boolean => {
    if (tokens[next]?.sign !== token) return false;
    next++;
    return true;
  };
  const primary = (): Value => {
    const token = tokens[next++];
    if (token?.sign === "!") return !truthy(primary());
    if (token?.sign === "(") {
      const value = either();
      if (!take(")")) throw new Error(`a bracket is open in ${source}`);
      return value;
    }
    if (token?.text !== undefined) return token.text;
    if (token?.name === undefined) throw new Error(`something is missing in ${source}`);
    if (!take("(")) return scope.values[token.name] ?? "";
    const called = scope.functions[token.name];
    if (called === undefined || !take(")")) throw new Error(`no function ${token.name}() here`);
    return called();
  };
  const comparison = (): Value => {
    const value = primary();
    if (take("==")) return value === primary();
    if (take("!=")) return value !== primary();
    return value;
  };
  const both = (): Value => {
    let value = comparison();
    while (take("&&")) {
      const other = comparison();
      if (truthy(value)) value = other;
    }
    return value;
  };
  const either = (): Value => {
    let value = both();
    while (take("||")) {
      const other = both();
      if (!truthy(value)) value = other;
    }
    return value;
  };
  const value = either();
  if (next < tokens.length) throw new Error(`unexpected text in ${source}`);
  return value;
}

interface Token {
  readonly sign?: string | undefined;
  readonly text?: string | undefined;
  readonly name?: string | undefined;
}

function tokensOf(source: string): Token[] {
  const tokens: Token[] = [];
  const text = source.trim();
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const at = TOKEN.lastIndex;
    const found = TOKEN.exec(text);
    if (!found) throw new Error(`${JSON.stringify(text.slice(at))} is not understood in ${source}`);
    const [, sign, quoted, name] = found;
    tokens.push({ sign, text: quoted?.replaceAll("''", "'"), name });
  }
  return tokens;
}

/** Moves the secrets of imported commands to environment variables. */

import { isSecretParameter, secretsInHeader } from "../../config/secrets.ts";
import { plainText, type Text, urlText } from "./text.ts";

/** A secret that the person has to set in the environment. */
export interface ImportedSecret {
  /** Name of the variable. */
  readonly name: string;
  /** Where it was: `the header authorization`. */
  readonly what: string;
}

/** Names variables for secrets: the same secret has the same variable. */
export class SecretNames {
  readonly #values = new Map<string, string>();
  readonly #secrets: ImportedSecret[] = [];

  /** In the order of the text. */
  get secrets(): readonly ImportedSecret[] {
    return this.#secrets;
  }

  /**
   * Replaces the secret of a header.
   *
   * @param host Of the URL that receives the header.
   */
  header(name: string, value: Text, host: string): Text {
    const plain = plainText(value);
    if (plain === null) return value;
    const [whole, credentials] = secretsInHeader(name, plain);
    if (whole === undefined) return value;
    // `Bearer TOKEN`: the scheme is no secret. A cookie is one as a whole.
    const secret = credentials !== undefined && name !== "cookie" && plain.endsWith(credentials)
      ? credentials
      : whole;
    const before = plain.slice(0, plain.length - secret.length);
    return [before, { env: this.#nameOf(host, name, secret, `the header ${name}`) }]
      .filter((part) => part !== "");
  }

  /**
   * Returns the variable for a password.
   *
   * @param of Whose password it is; "" for the user of the URL.
   */
  password(value: string, host: string, of = ""): Text {
    return [{ env: this.#nameOf(host, "password", value, `the password ${of}`.trimEnd()) }];
  }

  /** Replaces the password and the secret parameters of a URL, as written in a config. */
  url(url: string, host: string, of = ""): string {
    const withoutPassword = url.replace(
      /^([a-z0-9]+:\/\/[^/?#@:]*:)([^/?#@]+)@/i,
      (whole, before: string, password: string) =>
        password.startsWith("${env:")
          ? whole
          : `${before}${urlText(this.password(decoded(password), host, of))}@`,
    );
    return withoutPassword.replace(
      /([?&])([^=&#?]*)=([^&#]+)/g,
      (whole, mark: string, name: string, value: string) =>
        !isSecretParameter(decoded(name)) || value.includes("${env:")
          ? whole
          : `${mark}${name}=${this.#reference(host, name, value, `the parameter ${name}`)}`,
    );
  }

  /** Returns a reference to the variable for a field of a request's content. */
  field(name: string, value: string, host: string): string {
    return this.#reference(host, name, value, `the field ${name}`);
  }

  #reference(host: string, kind: string, value: string, what: string): string {
    return `\${env:${this.#nameOf(host, kind, value, what)}}`;
  }

  #nameOf(host: string, kind: string, value: string, what: string): string {
    const base = `${host}_${kind}`.toUpperCase().replace(/[^A-Z0-9]+/g, "_").replace(
      /^(?=[0-9])/,
      "HOST_",
    );
    for (let count = 1;; count++) {
      const name = count === 1 ? base : `${base}_${count}`;
      const known = this.#values.get(name);
      if (known === value) return name;
      if (known !== undefined) continue;
      this.#values.set(name, value);
      this.#secrets.push({ name, what: `${what} for ${host}` });
      return name;
    }
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

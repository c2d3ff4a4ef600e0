/** What a config may contain about hosts and origins: types alone, which no run loads. */

/** Settings of a host. */
export interface HostInput {
  /** As `limits.perHost`, for each host that the name matches. Default: that of `limits`. */
  perHost?: number | undefined;
  /** As `limits.spacing`, for each host that the name matches. Default: that of `limits`. */
  spacing?: string | undefined;
  /**
   * An http, https, socks5 or socks5h URL, or `direct` for no proxy. `${env:…}` and `${file:…}`
   * are substituted. Default: null, that of the environment.
   */
  proxy?: string | null | undefined;
  /** File with certificates (PEM) of authorities that are trusted in addition to the usual ones. */
  caFile?: string | null | undefined;
  /** File with the client's certificate (PEM), for servers that require one. */
  certFile?: string | null | undefined;
  /** File with the private key (PEM, not encrypted) of `certFile`. */
  keyFile?: string | null | undefined;
}

/** Credentials of an origin: one of the three. `${env:…}` and `${file:…}` are substituted. */
export interface AuthInput {
  /** User name and password, for Basic authentication. */
  basic?: {
    /** User name. */
    user: string;
    /** Password. */
    password: string;
  } | undefined;
  /** A token, without the word Bearer. */
  bearer?: string | undefined;
  /** A client that gets tokens by the client credentials grant. */
  oauth2?: {
    /** URL of the token endpoint. */
    tokenUrl: string;
    /** Id of the client. */
    clientId: string;
    /** Secret of the client. */
    clientSecret: string;
    /** Scopes of the token, with a space between them. Default: those of the server. */
    scope?: string | undefined;
    /** The API that the token is for, if the server requires it. */
    audience?: string | undefined;
    /** How id and secret are sent: in a header or in the body. Default: `basic`. */
    clientAuth?: "basic" | "post" | undefined;
  } | undefined;
}

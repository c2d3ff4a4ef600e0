/** Where links lead: to pages of the server, or to sections of a static report. */

import { createContext, useContext } from "hono/jsx";
import { diffPath, filePath, runPath, taskPath } from "../assets.ts";
import { type Filter, filterQuery } from "../filter.ts";

/** The targets of links; absent for what does not exist. */
export interface Links {
  /** Whether times are exact, since relative ones would soon be wrong. */
  readonly isStatic: boolean;
  readonly home: string;
  readonly runs: string;
  /** The overview with a filter. */
  readonly filter: ((filter: Filter) => string) | null;
  readonly task: (id: string) => string | undefined;
  readonly run: (run: string) => string | undefined;
  readonly file: ((key: string, task: string) => string) | null;
  readonly diff: ((task: string, older: string, newer: string) => string) | null;
}

/** Links to the pages of the server. */
export const SERVED: Links = {
  isStatic: false,
  home: "/",
  runs: "/runs",
  filter: (filter) => `/${filterQuery(filter)}`,
  task: taskPath,
  run: runPath,
  file: filePath,
  diff: diffPath,
};

/** The links of the components below; by default those of the server. */
export const LinksContext = createContext<Links>(SERVED);

/** The links of this document. */
export function useLinks(): Links {
  return useContext(LinksContext);
}

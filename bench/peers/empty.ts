/** A program that does nothing: what starting Deno takes, whatever is to be done then. */

export {};

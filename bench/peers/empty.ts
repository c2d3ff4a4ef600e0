/** An empty program: the cost of starting Deno. */

export {};

/** The rooms of `lib/`. The architecture test enforces them; CONTRIBUTING.md shows the diagram. */

/** Which rooms exist, and what each may import. */
export interface Layout {
  /**
   * The rooms by floor, from the top down. A room is a folder of `lib/`, or a file beside the
   * folders. It may import itself and every lower floor.
   */
  readonly floors: readonly (readonly string[])[];
  /** Rooms of the same floor that a room may import. */
  readonly siblings: Readonly<Record<string, readonly string[]>>;
  /** Packages that a whole room may import. Any other package is imported in one file only. */
  readonly packages: Readonly<Record<string, string>>;
}

/** The layout of `lib/`. */
export const LAYOUT: Layout = {
  floors: [
    ["main", "mod"],
    ["run", "open_thread"],
    // The program of a thread, with a host of its own.
    ["slice_worker"],
    // Only the entry points use the real host; every other room receives a `Host`.
    ["host"],
    ["telemetry"],
    ["cli", "deploy"],
    ["fleet"],
    ["worker"],
    ["download", "lists", "page", "report"],
    ["http", "content", "store", "state", "schedule", "config"],
    ["cron"],
    ["core"],
  ],
  // The status page renders the same results with the same formats. A bucket is requested over HTTP.
  siblings: { page: ["report", "lists"], store: ["http"] },
  packages: { hono: "page", zod: "config" },
};

/** A layout as a text diagram: one floor per line, then the imports within a floor. */
export function diagramOf({ floors, siblings }: Layout): string {
  const lines = floors.map((rooms, index) => `${index === 0 ? " " : "↓"} ${rooms.join("  ")}`);
  for (const [room, others] of Object.entries(siblings)) {
    lines.push("", `  ${room} → ${others.join(", ")}`);
  }
  return lines.join("\n");
}

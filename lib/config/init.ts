/** A config to begin with. */

/** Text of a `cronfetch.jsonc` that works as it stands and shows what else there is. */
export function initialConfig(): string {
  return INITIAL;
}

const INITIAL = `{
  // For editors; "cronfetch schema > cronfetch.schema.json" writes it.
  "$schema": "./cronfetch.schema.json",

  // Where files go.
  "store": "./downloads",

  // When: a cron expression of 5 fields, "every 30m", or "manual".
  "schedule": "0 6 * * *",
  "timezone": "UTC",

  "tasks": [
    // A URL is enough.
    "https://www.irs.gov/pub/irs-pdf/f1040.pdf"

    // A task with more to say. Put a comma after the one above.
    // {
    //   "id": "rates",
    //   "url": "https://example.org/rates/{date:YYYY-MM-DD}.csv",
    //   "mirrors": ["https://mirror.example.org/rates/{date:YYYY-MM-DD}.csv"],
    //   "to": "rates/{date:YYYY-MM-DD}.csv",
    //   "schedule": "15 16 * * MON-FRI",
    //   "timezone": "Europe/Berlin",
    //   "headers": { "authorization": "Bearer $\{env:RATES_TOKEN}" },
    //   "timeout": { "response": "10s", "idle": "30s" },
    //   "retry": { "attempts": 4, "budget": "2m" },
    //   "expect": { "type": "text/csv", "minSize": "1KB", "minRatio": 0.5, "matches": "^date," },
    //   "keep": 7
    // }
  ]
}
`;

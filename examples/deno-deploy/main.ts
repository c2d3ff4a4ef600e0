// On Deno Deploy this registers the cron and serves the status page.
import "@cronfetch/cronfetch/cli";

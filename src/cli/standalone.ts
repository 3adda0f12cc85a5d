import { nodeHost, nodeStreams } from "./node-host.ts";
import { programNamed } from "./program-name.ts";
import { run } from "./run.ts";

// The entry of the standalone executable. `argv` names a place inside of it; `argv0` is what the caller wrote, so that
// symbolic links, hard links and copies all count. The streams write at once, so nothing is lost by exiting.
run(process.argv.slice(2), nodeHost(), nodeStreams(), programNamed(process.argv0)).then((status) =>
  process.exit(status),
);

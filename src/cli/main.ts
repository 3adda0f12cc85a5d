import type { Program } from "./context.ts";
import { nodeHost, nodeStreams } from "./node-host.ts";
import { run } from "./run.ts";

/** Runs the process's command line, and ends the process. */
export async function main(program: Program): Promise<never> {
  const status = await run(process.argv.slice(2), nodeHost(), nodeStreams(), program);
  // The streams write at once, so nothing is lost; connections that are kept open would only delay the end.
  process.exit(status);
}

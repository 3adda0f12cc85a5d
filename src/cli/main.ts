import { nodeHost, nodeStreams } from "./node-host.ts";
import { programNamed } from "./program-name.ts";
import { run } from "./run.ts";

/**
 * Runs the process's command line, and ends the process.
 * @param name - what the program was called by; a path counts by its last part
 */
export async function main(name: string): Promise<never> {
  const status = await run(process.argv.slice(2), await nodeHost(), nodeStreams(), programNamed(name));
  // The streams write at once, so nothing is lost; connections that are kept open would only delay the end.
  process.exit(status);
}

import type { Host } from "../../host.ts";
import { ageFailed } from "./failure.ts";

/**
 * A passphrase from the person at the terminal.
 * @param question - With everything up to where the answer is typed.
 * @throws `PROVIDER_FAILED` when there is no terminal, or nothing was typed.
 */
export async function askPassphrase(question: string, host: Host): Promise<string> {
  const answer = (await host.ask?.(question)) ?? null;
  if (answer === null) {
    throw ageFailed("needs a passphrase, and there is no terminal to ask for it", "use a key without one here");
  }
  if (answer === "") throw ageFailed("no passphrase given");
  return answer;
}

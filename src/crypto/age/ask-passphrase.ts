import { KeyleafError } from "../../errors.ts";
import type { Host } from "../../host.ts";

/**
 * A passphrase from the person at the terminal.
 * @param question - With everything up to where the answer is typed.
 * @throws `PROVIDER_FAILED` when there is no terminal, or nothing was typed.
 */
export async function askPassphrase(question: string, host: Host): Promise<string> {
  const answer = (await host.ask?.(question)) ?? null;
  if (answer === null) {
    throw new KeyleafError("PROVIDER_FAILED", "needs a passphrase, and there is no terminal to ask for it", {
      hint: "use a key without one here",
      details: { provider: "age" },
    });
  }
  if (answer === "") {
    throw new KeyleafError("PROVIDER_FAILED", "no passphrase given", { details: { provider: "age" } });
  }
  return answer;
}

/**
 * Asks a question, again and again, until the answer is a yes or a no; Enter alone is a no.
 * @returns `null`: nobody answers
 */
export async function confirm(ask: () => Promise<string | null> | undefined): Promise<boolean | null> {
  for (;;) {
    const answer = (await ask()) ?? null;
    if (answer === null) return null;
    if (/^\s*y(es)?\s*$/i.test(answer)) return true;
    if (/^\s*(no?)?\s*$/i.test(answer)) return false;
  }
}

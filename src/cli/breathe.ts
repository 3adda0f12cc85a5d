/** How long a run computes before it looks whether a signal has come. */
const LONGEST_BREATH_MS = 20;

/**
 * For loops that compute for long: what is returned is to be awaited at every turn, and now and then lets everything else
 * have its turn. Signals are only seen there, and timers only fire there.
 */
export function breather(): () => Promise<void> {
  let breathAt = Date.now();
  return async () => {
    if (Date.now() - breathAt < LONGEST_BREATH_MS) return;
    await new Promise((resume) => setImmediate(resume));
    breathAt = Date.now();
  };
}

/** The signals that tell a program to end, with their numbers. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export type EndingSignal = keyof typeof numbers;

export const endingSignals = Object.keys(numbers) as readonly EndingSignal[];

/**
 * Ends the process when a signal comes, with the status that shells know the signal by.
 * @param cleanUp - synchronous; what listens to the process's `exit` comes after it.
 * @returns what stops that.
 */
export function exitOnSignals(names: readonly EndingSignal[], cleanUp: () => void = () => {}): () => void {
  const listeners = names.map((name) => {
    const listener = (): void => {
      cleanUp();
      process.exit(128 + numbers[name]);
    };
    return { name, listener };
  });
  for (const { name, listener } of listeners) process.on(name, listener);
  return () => {
    for (const { name, listener } of listeners) process.off(name, listener);
  };
}

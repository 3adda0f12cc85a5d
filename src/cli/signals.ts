/** The signals that tell a program to end, with their numbers. */
const numbers = { SIGHUP: 1, SIGINT: 2, SIGQUIT: 3, SIGTERM: 15 } as const;

export type EndingSignal = keyof typeof numbers;

/** Those that the terminal sends, to all programs that have it: Ctrl-C and Ctrl-\. */
export const typedSignals: ReadonlySet<EndingSignal> = new Set(["SIGINT", "SIGQUIT"]);

export const endingSignals = Object.keys(numbers) as readonly EndingSignal[];

/** What everybody who listens wants done: the first listener to be called ends the process. */
const cleanUps = new Set<() => void>();

/** Somebody decides what comes of a signal. */
let isHeld = false;

/**
 * Ends the process when a signal comes, with the status that shells know the signal by.
 * @param cleanUp - synchronous; what listens to the process's `exit` comes after it, and so do those of all others.
 * @returns what stops that.
 */
export function exitOnSignals(names: readonly EndingSignal[], cleanUp: () => void = () => {}): () => void {
  cleanUps.add(cleanUp);
  const stopListening = listenTo(names, (name) => {
    if (!isHeld) exitBy(name);
  });
  return () => {
    stopListening();
    cleanUps.delete(cleanUp);
  };
}

/** Ends the process as a signal does. */
export function exitBy(name: EndingSignal): never {
  for (const cleanUp of cleanUps) cleanUp();
  process.exit(128 + numbers[name]);
}

/** While something is done, signals end nothing: what comes of them is up to a listener. */
export async function holdingSignals<T>(listener: (name: EndingSignal) => void, work: () => Promise<T>): Promise<T> {
  const stopListening = listenTo(endingSignals, listener);
  isHeld = true;
  try {
    return await work();
  } finally {
    isHeld = false;
    stopListening();
  }
}

function listenTo(names: readonly EndingSignal[], listener: (name: EndingSignal) => void): () => void {
  const listeners = names.map((name) => ({ name, listener: (): void => listener(name) }));
  for (const one of listeners) process.on(one.name, one.listener);
  return () => {
    for (const one of listeners) process.off(one.name, one.listener);
  };
}

import { KeyleafError } from "../errors.ts";
import type { Host } from "../host.ts";

/** Seconds that a key behind a network gets. Less than that, and cold networks fail; more, and people think it hangs. */
const DEFAULT_SECONDS = 30;

/** Set, it takes the place of the default. */
const VARIABLE = "KEYLEAF_KEY_TIMEOUT";

/**
 * Seconds, from 1 to a day.
 * @param origin - where they were given, for messages.
 * @throws `USAGE` for anything else.
 */
export function parseSeconds(text: string, origin: string): number {
  const seconds = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (seconds < 1 || seconds > 86_400) {
    throw new KeyleafError("USAGE", `${origin} takes whole seconds, 1 to 86400, not ${JSON.stringify(text)}`);
  }
  return seconds;
}

/** The limit that the host's environment sets. @throws `USAGE` */
export function defaultSeconds(host: Host): number {
  const text = host.env[VARIABLE] ?? "";
  return text === "" ? DEFAULT_SECONDS : parseSeconds(text, VARIABLE);
}

/**
 * What the work gives, if it does in time. Otherwise it is told so by its signal, and no longer waited for, whether it
 * listens or not.
 * @param late - gets what the work gives all the same, after its time.
 * @throws `PROVIDER_FAILED` when the time is over, and what the work throws.
 */
export async function withinSeconds<T>(
  seconds: number,
  work: (signal: AbortSignal) => Promise<T>,
  late: (result: T) => void = () => {},
): Promise<T> {
  const controller = new AbortController();
  let isOver = false;
  const working = work(controller.signal);
  working.then(
    (result) => isOver && late(result),
    () => {},
  );
  return inTime(working, seconds * 1000, () => {
    isOver = true;
    controller.abort();
    const hint = `check the network; --key-timeout or ${VARIABLE} allow more seconds`;
    return new KeyleafError("PROVIDER_FAILED", `no answer within ${seconds} s`, { hint });
  });
}

/** What the work gives, or `late` thrown where that takes longer. The work itself goes on, and nobody waits for it. */
export async function inTime<T>(work: Promise<T>, limitMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), limitMs);
  });
  try {
    return await Promise.race([work, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Everything outside: environment, files, processes, clock and random numbers, as one argument.
 * The library touches nothing but this; `cli/node-host.ts` is the real one, tests bring their own.
 */
export interface Host {
  /** Environment variables. A variable that is set to the empty string is `""`, one that is not set is absent. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** As `process.platform` spells it: `linux`, `darwin`, `win32`, ... */
  readonly platform: string;
  /** The user's home directory, or `null` when there is none. */
  readonly home: string | null;
  /** This machine's name; part of AWS role session names. */
  hostname(): Promise<string>;
  /** Whole content of a file. `null`: no such file. Throws what the system says for everything else. */
  readFile(path: string): Promise<Uint8Array | null>;
  /**
   * Runs a program without a shell, with nothing on its standard input; its standard error is dropped.
   * The program is looked up on absolute `PATH` entries only, never in the working directory.
   * @returns Exit status (255 when a signal ended it) and everything it printed.
   * @throws `PROVIDER_FAILED` when it cannot be found or started.
   */
  run(
    command: readonly string[],
    extraEnv: Readonly<Record<string, string>>,
  ): Promise<{ status: number; stdout: Uint8Array }>;
  /** Fills the array with cryptographically secure random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /** Current time. */
  now(): Date;
  /**
   * Asks the person at the terminal, never by standard input, and does not show what is typed. `null`: there is no terminal.
   * Absent: there is nobody to ask.
   */
  ask?(question: string): Promise<string | null>;
  /** Programs elsewhere that wrap and unwrap data keys with keys of theirs. Absent: there are none. */
  readonly keyServices?: KeyServices;
}

/** Who is asked to wrap or unwrap a data key. */
export interface KeyServices {
  /** Whether the providers of this process are, before all others. */
  readonly isLocalOn: boolean;
  /** In the order in which they are tried. */
  readonly services: readonly KeyService[];
}

/** A key service: what it can do, and how it is reached. */
export interface KeyService {
  /** As the user wrote it: `unix:///run/keys.sock`. */
  readonly address: string;
  /**
   * One call.
   * @param request - an encoded message; it holds a data key in the clear where that is to be wrapped
   * @returns the encoded answer
   * @throws `PROVIDER_FAILED` when it cannot be reached, or refuses
   */
  call(method: KeyServiceMethod, request: Uint8Array, signal?: Signal): Promise<Uint8Array>;
}

export type KeyServiceMethod = "Encrypt" | "Decrypt";

/** An `AbortSignal`. Spelled so that these types hold where there are none of a runtime, which has it. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer S } } ? S : unknown;

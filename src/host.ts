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
  /**
   * Starts a program to talk with, found as by `run`, in the folder for temporary files. Absent: there are no such programs.
   * @throws `PROVIDER_FAILED` when it cannot be found or started.
   */
  start?(command: readonly string[], extraEnv: Readonly<Record<string, string>>): Promise<Conversation>;
  /**
   * Puts a question to the person at the terminal, never through standard input; one at a time.
   * @param question - Up to where the answer is typed. May come from outside.
   * @param isShown - Whether the answer may be seen. Default: it is not, as befits a passphrase.
   * @returns The answer without its line end; `null`: there is no terminal, or it was closed. Absent: there is nobody to ask.
   */
  ask?(question: string, isShown?: boolean): Promise<string | null>;
  /** Says something to the person at once, in a line of its own. May come from outside. Absent: there is nobody to tell. */
  tell?(message: string): void;
  /** Fills the array with cryptographically secure random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /** Current time. */
  now(): Date;
}

/** A program that is talked with over its standard input and output. */
export interface Conversation {
  /** Fails silently when the program does not listen any more: what it says next, or its end, tells. */
  write(bytes: Uint8Array): void;
  /** Some more of what it says; `null`: it said everything. */
  read(): Promise<Uint8Array | null>;
  /** Ends the conversation, and the program if it does not end by itself. To be called in any case. */
  end(): Promise<void>;
}

/** `AbortSignal`, for users of the types that have no such type, too. */
export type Signal = typeof globalThis extends { AbortSignal: { prototype: infer Type } } ? Type : unknown;

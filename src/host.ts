declare global {
  // What the declarations of this package name of the runtime, for users who have neither Node's types nor a browser's.
  interface AbortSignal {}
  interface URL {}
}

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
   * Whether a server whose address stands in an encrypted file may be contacted, and be handed the user's credentials:
   * whoever wrote the file chose it. Absent: it may not.
   * @param url - as it stands in the file.
   */
  isTrustedEndpoint?(url: string): Promise<boolean>;
}

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
  /** What is in a folder. Throws what the system says. Absent: no folder can be read. */
  list?(path: string): readonly { readonly name: string; readonly kind: string }[];
  /**
   * Whether an address that stands only in a file may be contacted, and so be sent credentials: whoever wrote the file
   * chose it. Absent: none may.
   * @param url - http or https; scheme, host and port decide.
   * @throws a `KeyleafError` where the question cannot be answered, for example since the configuration is malformed. The
   *   address is not contacted then, and message and hint become a part of the reason.
   */
  isTrustedEndpoint?(url: string): Promise<boolean>;
  /**
   * Runs a program without a shell.
   * The program is looked up on absolute `PATH` entries only, never in the working directory.
   * @param stdin - All of its standard input. Absent: that is empty, and what it prints to standard error is dropped.
   * @returns Exit status (255 when a signal ended it), everything it printed, and of standard error the end, where that is kept.
   * @throws `PROVIDER_FAILED` when it cannot be found or started.
   */
  run(
    command: readonly string[],
    extraEnv: Readonly<Record<string, string>>,
    stdin?: Uint8Array,
  ): Promise<{ status: number; stdout: Uint8Array; stderr?: string }>;
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
  /** Path of the terminal that the user sits at, for programs that ask them something in their own way. `null` or absent: none. */
  terminal?(): Promise<string | null>;
  /** Says something to the person at once, in a line of its own. May come from outside. Absent: there is nobody to tell. */
  tell?(message: string): void;
  /**
   * Takes down what is done with a file, where that is wanted: once its data key is there, before any value is decrypted
   * or encrypted. Absent: nothing is taken down.
   * @param file - its absolute path; `null`: it has none.
   * @throws `AUDIT_FAILED`. Then it is not done.
   */
  audit?(action: AuditAction, file: string | null): Promise<void>;
  /** Fills the array with cryptographically secure random bytes. */
  fillRandom(bytes: Uint8Array): void;
  /** Current time. */
  now(): Date;
  /** Programs elsewhere that wrap and unwrap data keys with keys of theirs. Absent: there are none. */
  readonly keyServices?: KeyServices;
}

/** `rotate` stands before the `decrypt` and the `encrypt` that it consists of. */
export type AuditAction = "decrypt" | "encrypt" | "rotate";

/** A program that is talked with over its standard input and output. */
export interface Conversation {
  /** Fails silently when the program does not listen any more: what it says next, or its end, tells. */
  write(bytes: Uint8Array): void;
  /** Some more of what it says; `null`: it said everything. */
  read(): Promise<Uint8Array | null>;
  /** Ends the conversation, and the program if it does not end by itself. To be called in any case. */
  end(): Promise<void>;
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
  call(method: KeyServiceMethod, request: Uint8Array, signal?: AbortSignal): Promise<Uint8Array>;
}

export type KeyServiceMethod = "Encrypt" | "Decrypt";

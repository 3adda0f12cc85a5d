import type { Host } from "../host.ts";

/** The three standard streams. */
export interface Streams {
  readonly stdin: {
    /** A pipe or a file, so that reading it without being asked to makes sense. */
    readonly isPiped: boolean;
    /** Everything up to the end. */
    read(): Promise<Uint8Array>;
  };
  readonly stdout: {
    /**
     * Fulfilled once everything is handed over.
     * @throws {@link ClosedPipe} when the reader is gone, `OUTPUT_WRITE_FAILED`
     */
    write(data: Uint8Array | string): Promise<void>;
  };
  readonly stderr: {
    readonly isTerminal: boolean;
    /** Width of the terminal; a guess where it does not say. */
    readonly columns: number;
    /** Returns once everything is handed over. Never throws: there is nobody left to tell. */
    write(text: string): void;
  };
}

/** Whoever reads standard output has stopped (`dec file | head -1`): no error, but no reason to go on either. */
export class ClosedPipe extends Error {
  override readonly name = "ClosedPipe";
}

/** What stands at a path. `link` is a symbolic one, which only the listing of a folder tells apart. */
export type FileKind = "file" | "folder" | "link" | "other";

/** The host, and where the process stands in the file system. */
export interface CliHost extends Host {
  /** Absolute path of the working directory. */
  readonly cwd: string;
  /** What a path stands for, links followed. `null`: nothing. Throws what the system says for everything else. */
  stat(path: string): { readonly kind: FileKind; readonly bytes: number } | null;
  list(path: string): readonly { readonly name: string; readonly kind: FileKind }[];
  /**
   * Runs a program that has the terminal, and the standard streams, until it ends. Ctrl-C and Ctrl-\ are its business; should this
   * process be told to end, that program is ended first.
   * @param command - the absolute path of the program, and its arguments
   * @param beforeEnd - called where this process has been told to end, once the program is gone
   * @returns Exit status, or the name of the signal that ended it.
   * @throws `PROVIDER_FAILED` when it cannot be started.
   */
  attach(command: readonly string[], beforeEnd: () => Promise<void>): Promise<number | string>;
}

/** The name the program was called by. */
export type Program = "enc" | "dec" | "sops";

/** What a command has besides its arguments. */
export interface Context {
  readonly program: Program;
  readonly host: CliHost;
  readonly streams: Streams;
  /**
   * Absolute paths of the files that the run is about, as far as it has come to them; `null`: standard input. Commands add
   * theirs. The configurations found for them say which addresses in files are trusted.
   */
  readonly files: Set<string | null>;
}

/**
 * The context of a command with these flags: its host can tell which addresses are trusted.
 * @throws `USAGE` for a `--trust-endpoint` that is none.
 */
export async function withTrust(flags: Flags, context: Context): Promise<Context> {
  const load = async () => new (await import("./trusted-endpoints.ts")).TrustedEndpoints(flags, context);
  let trusted = flags.has("trust-endpoint") ? load() : null;
  await trusted;
  return withHost(context, {
    isTrustedEndpoint: async (url) => {
      trusted ??= load();
      return (await trusted).has(url);
    },
  });
}

/** The context with more, or something else, on its host. Not a copy: what the host has to look up is looked up when it is asked for. */
export function withHost(context: Context, more: Partial<CliHost>): Context {
  return { ...context, host: Object.assign(Object.create(context.host) as CliHost, more) };
}

/** The flags of one command line, by their long name without dashes. */
export interface Flags {
  has(name: string): boolean;
  /** The value of a flag; `undefined` when it was not given, or takes none. */
  text(name: string): string | undefined;
}

/** A command's code, loaded when it is used. One that is done has nothing to say, or the exit status of what it has run. */
export interface CommandModule {
  run(operands: readonly string[], flags: Flags, context: Context): Promise<void> | Promise<number>;
}

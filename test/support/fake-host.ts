import { createHash, randomFillSync } from "node:crypto";
import { KeyleafError } from "../../src/errors.ts";
import type { Host } from "../../src/host.ts";

/** What a program of the fake host prints: text, or status and output, or a function of its arguments that gives one of them. */
export type ProgramResult =
  | string
  | { readonly status?: number; readonly stdout?: string | Uint8Array; readonly stderr?: string };
export type Program =
  | ProgramResult
  | ((args: readonly string[], extraEnv: Readonly<Record<string, string>>, stdin: Uint8Array) => ProgramResult);

export interface FakeHostOptions {
  /** Default: nothing is set. */
  readonly env?: Readonly<Record<string, string>>;
  /** Files by path, compared as text. An `Error` is thrown when the file is read. */
  readonly files?: Readonly<Record<string, string | Uint8Array | Error>>;
  /** Programs by name (the first word of the command); others cannot be found. */
  readonly programs?: Readonly<Record<string, Program>>;
  /** Answers what is asked; `null` for no terminal. Default: there is nobody to ask. */
  readonly answer?: (question: string, isShown: boolean) => string | null;
  /** Default: no programs to talk with. */
  readonly start?: NonNullable<Host["start"]>;
  /** Default `linux`. */
  readonly platform?: string;
  /** Default `/home/tester`. */
  readonly home?: string | null;
  /** Random bytes are a function of this text. Default: real ones. */
  readonly seed?: string;
  /** Default 2025-01-02T03:04:05Z. */
  readonly now?: Date;
  /** Servers that files may name, as they stand there; default: none. */
  readonly trusted?: readonly string[];
}

/** A host without anything real behind it, apart from random bytes when there is no seed. It notes what it was asked for. */
export interface FakeHost extends Host {
  /** Paths that were read, in order, whether they exist or not. */
  readonly reads: string[];
  /** Commands that were run, in order. */
  readonly runs: { readonly command: readonly string[]; readonly extraEnv: Readonly<Record<string, string>> }[];
  /** What was asked, in order. */
  readonly questions: string[];
  /** What was told, in order. */
  readonly told: string[];
}

export function fakeHost(options: FakeHostOptions = {}): FakeHost {
  const files = new Map(Object.entries(options.files ?? {}));
  const programs = new Map(Object.entries(options.programs ?? {}));
  const reads: FakeHost["reads"] = [];
  const runs: FakeHost["runs"] = [];
  const questions: string[] = [];
  const told: string[] = [];
  const { answer, start } = options;
  let blocks = 0;
  return {
    reads,
    runs,
    questions,
    told,
    tell: (message) => void told.push(message),
    ...(start === undefined ? {} : { start }),
    ...(answer === undefined
      ? {}
      : {
          async ask(question, isShown = false) {
            questions.push(question);
            return answer(question, isShown);
          },
        }),
    env: options.env ?? {},
    platform: options.platform ?? "linux",
    home: options.home === undefined ? "/home/tester" : options.home,
    hostname: async () => "testhost",
    async readFile(path) {
      reads.push(path);
      const content = files.get(path);
      if (content instanceof Error) throw content;
      return content === undefined ? null : bytesOf(content);
    },
    async run(command, extraEnv, stdin) {
      runs.push({ command, extraEnv });
      const program = programs.get(command[0] ?? "");
      if (program === undefined) throw new KeyleafError("PROVIDER_FAILED", `cannot find program ${command[0]}`);
      const result =
        typeof program === "function" ? program(command.slice(1), extraEnv, stdin ?? new Uint8Array()) : program;
      if (typeof result === "string") return { status: 0, stdout: bytesOf(result) };
      const { status = 0, stdout = "", stderr = "" } = result;
      return { status, stdout: bytesOf(stdout), ...(stdin === undefined ? {} : { stderr }) };
    },
    fillRandom(bytes) {
      if (options.seed === undefined) randomFillSync(bytes);
      else {
        for (let at = 0; at < bytes.length; at += 32) {
          const block = createHash("sha256").update(`${options.seed} ${blocks++}`).digest();
          bytes.set(block.subarray(0, bytes.length - at), at);
        }
      }
    },
    now: () => new Date(options.now ?? "2025-01-02T03:04:05Z"),
    isTrustedEndpoint: async (url) => options.trusted?.includes(url) === true,
  };
}

function bytesOf(content: string | Uint8Array): Uint8Array {
  return typeof content === "string" ? new TextEncoder().encode(content) : content;
}

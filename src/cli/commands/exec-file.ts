import { randomInt } from "node:crypto";
import { join } from "node:path";
import { KeyleafError } from "../../errors.ts";
import { type Ending, runToEnd, type SignalRelay, withSignals } from "../child.ts";
import type { Context, Flags } from "../context.ts";
import { withVariables } from "../environment.ts";
import { type Offer, offer } from "../fifo.ts";
import { aboutFile, readInput } from "../inputs.ts";
import { PrivateFolder, sweep } from "../private-folder.ts";
import { warn } from "../report.ts";
import { referenceStatus, shellProgram, userFlag, userVariables } from "../shell.ts";
import { isSystemError, systemReason } from "../system-error.ts";
import type { User } from "../user.ts";
import { Decryption } from "./decrypt.ts";

/** `exec-file FILE COMMAND`, as the reference has it. */
export async function run(
  [file = "", command = ""]: readonly string[],
  flags: Flags,
  context: Context,
): Promise<number> {
  const { host } = context;
  const isPipe = !flags.has("no-fifo") && host.platform !== "win32";
  const name = nameFlag(flags, context) ?? (isPipe ? "tmp-file" : `tmp-file${randomInt(2 ** 31)}`);
  if (flags.has("background")) {
    throw new KeyleafError("USAGE", "exec-file cannot go to the background: the file would be gone before it is read", {
      hint: "put the whole of it there, with & at the end of the line",
    });
  }
  if (!isPipe && !flags.has("no-fifo")) warn(context, "there are no named pipes on Windows; a file is made instead");
  const user = await userFlag(flags);

  const input = await readInput([file], flags, context, () => null);
  let content: Uint8Array;
  try {
    const decryption = new Decryption(flags, context, null);
    ({ output: content } = await decryption.rewrite(input, (_, notice) => warn(context, notice), true));
  } catch (error) {
    throw aboutFile(error, input.name);
  }

  // The last thing before the folder is made, which is to be the user's.
  if (user !== null) (await import("../user.ts")).become(user);
  const offered: Offered = { name, content, isPipe };
  const ending = await withSignals(host.platform, (relay) => runBeside(offered, command, user, relay, context));
  return referenceStatus(ending, context);
}

/** The name that the file is to have. @throws `USAGE` for one that would be elsewhere (sops 3.13.0 mended that). */
function nameFlag(flags: Flags, { host }: Context): string | null {
  const name = flags.text("filename");
  if (name === undefined) return null;
  const separator = host.platform === "win32" ? /[/\\:]/ : /\//;
  if (name !== "" && name !== "." && name !== ".." && !separator.test(name)) return name;
  throw new KeyleafError("USAGE", `--filename takes a name without folders, not ${JSON.stringify(name)}`);
}

/** What a command can read. */
interface Offered {
  readonly name: string;
  /** Overwritten in the end. */
  readonly content: Uint8Array;
  /** A named pipe; otherwise a file. */
  readonly isPipe: boolean;
}

/** Runs the command while the content can be read in a folder of its own, which is gone afterwards, signals or not. */
async function runBeside(
  { name, content, isPipe }: Offered,
  command: string,
  user: User | null,
  relay: SignalRelay,
  context: Context,
): Promise<Ending> {
  sweep(context);
  const folder = PrivateFolder.make(context.host);
  try {
    const path = join(folder.path, name);
    const line = command.replaceAll("{}", () => path);
    const program = shellProgram(line, withVariables(context.host.env, userVariables(user)), context);
    if (!isPipe) {
      folder.write(name, content);
      return await runToEnd(program, relay);
    }
    const { end } = offerAt(path, content);
    return await runToEnd(program, relay).finally(end);
  } finally {
    content.fill(0);
    folder.remove();
  }
}

function offerAt(path: string, content: Uint8Array): Offer {
  try {
    return offer(path, content);
  } catch (error) {
    if (!isSystemError(error)) throw error;
    throw new KeyleafError("OUTPUT_WRITE_FAILED", `cannot make the file for the command: ${systemReason(error)}`, {
      cause: error,
    });
  }
}

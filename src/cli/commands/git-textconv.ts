import { decrypt } from "../../decrypt.ts";
import { KeyleafError } from "../../errors.ts";
import { detectFormat } from "../../formats/detect.ts";
import { type Context, type Flags, withHost } from "../context.ts";
import { holdsSealed } from "../inputs.ts";
import { readExisting } from "../read-file.ts";
import { system } from "../system.ts";

/**
 * `enc git textconv FILE`: what git compares instead of the file. It always gives something, since git shows nothing at
 * all when the program fails. Git keeps the file's name in that of its temporary file, so the name still tells the format.
 */
export async function run([name = ""]: readonly string[], _flags: Flags, context: Context): Promise<void> {
  const { host, streams } = context;
  const path = system.resolve(host.cwd, name);
  context.files.add(path);
  const source = await readExisting(path, name, host);
  try {
    // Git has started a pager, which reads from the terminal too: half of a passphrase would go there.
    const unasking = withHost(context, { ask: async () => null });
    const format = await detectFormat(source, name);
    const { output } = await decrypt(source, { format, file: path }, unasking.host);
    await streams.stdout.write(output);
  } catch (error) {
    if (!(error instanceof KeyleafError) || error.code === "OUTPUT_WRITE_FAILED") throw error;
    if (holdsSealed(source) && error.code !== "INPUT_NOT_ENCRYPTED")
      await streams.stdout.write(`# keyleaf: ${reason(error)}\n`);
    await streams.stdout.write(source);
  }
}

/** The kind of failure only: this ends up in diffs, which people pass on. */
function reason({ code }: KeyleafError): string {
  if (code === "AUDIT_FAILED") return "shown encrypted: the audit failed";
  if (code === "KEY_UNAVAILABLE") return "shown encrypted: no key at hand opens it";
  if (code.startsWith("INTEGRITY_")) return "shown encrypted: it was tampered with, or merged by hand";
  if (code.startsWith("USAGE")) return "shown encrypted: SOPS_DECRYPTION_ORDER or KEYLEAF_KEY_TIMEOUT is set wrongly";
  return "shown encrypted: it is malformed";
}

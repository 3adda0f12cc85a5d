import { resolve } from "node:path";
import type { Context, Flags } from "../context.ts";
import { newIdentity, writeDefaultIdentity } from "../identity-file.ts";
import { note } from "../report.ts";
import { writeFiles } from "../write-file.ts";

/** `enc keygen`: the recipient goes to standard output, the identity only to where the user wants it. */
export async function run(_operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const { host, streams } = context;
  const { text, recipient } = await newIdentity(host);
  const output = flags.text("output");
  if (output === "-") {
    await streams.stdout.write(text);
    return;
  }
  let path: string;
  if (output === undefined) path = await writeDefaultIdentity(text, host);
  else {
    path = resolve(host.cwd, output);
    await writeFiles([{ path, content: Buffer.from(text), isSecret: true, isNew: true }]);
  }
  note(context, `wrote ${path}: keep it secret, and keep a copy`);
  await streams.stdout.write(`${recipient}\n`);
}

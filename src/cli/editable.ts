import { UnwrappedKeys } from "../crypto/data-key.ts";
import { KeyleafError } from "../errors.ts";
import type { FormatId } from "../formats/format.ts";
import { formatForFileName } from "../formats/registry.ts";
import { type OpenFile, openFile } from "../open-file.ts";
import { withHint } from "./change-file.ts";
import { Encryption, sayClear } from "./commands/encrypt.ts";
import type { Context, Flags } from "./context.ts";
import { encryptedFormat, formatFlag, type Input, recoveryFlags } from "./inputs.ts";
import { KeyPolicy } from "./key-policy.ts";
import { attemptReading, readFileOr } from "./read-file.ts";
import { Remarks, sayAll, unlessUnsaid } from "./remarks.ts";
import { note, warn } from "./report.ts";
import { startText, withoutNotice } from "./start-text.ts";
import { checkWritable, writeFiles } from "./write-file.ts";

/** A file that is edited as its plaintext: one that is there and encrypted, or one that is going to be. */

/** The operand. */
type Named = Omit<Input, "source" | "isNamed"> & { readonly path: string; readonly knownAs: string };

export interface Editable extends Named {
  /** It is not there yet. */
  readonly isNew: boolean;
  /** What the editor opens. */
  readonly text: Uint8Array;
  /** The line it begins at, from 1; `null`: anywhere. */
  readonly line: number | null;
  /** Of what the editor left, what is meant to be in the file; `null`: nothing, the file stays as it is. */
  meant(text: Uint8Array): Uint8Array | null;
  /**
   * Encrypts and writes.
   * @throws what is wrong with the text, or keeps the file from being written; it is as it was then.
   */
  save(text: Uint8Array): Promise<void>;
  /** See `OpenFile`. */
  encryptApart(content: Uint8Array): Promise<Uint8Array>;
  /** Forgets the keys. To be called in any case. */
  close(): Promise<void>;
}

/**
 * Opens a file that is there, or finds out everything for one that is not: nothing but the content can be wrong later.
 * @throws as `openFile` and `newFile` do; `USAGE_CONFLICT`, `INPUT_UNSUPPORTED`, `OUTPUT_WRITE_FAILED`
 */
export async function editable(named: Named, flags: Flags, context: Context): Promise<Editable> {
  const { name, path } = named;
  const { host } = context;
  if (attemptReading("INPUT_UNREADABLE", name, () => host.stat(path)?.kind) === "other")
    throw new KeyleafError("INPUT_UNSUPPORTED", "it is no regular file");
  const source = await readFileOr("INPUT_UNREADABLE", path, name, host);
  checkWritable(path);
  return source === null ? newEditable(named, flags, context) : openEditable(named, source, flags, context);
}

/** Only the text is edited, so no other format can come of it. @param format - of the file */
function checkOutputType(flags: Flags, format: FormatId): void {
  const output = formatFlag(flags, "output-type");
  if (output === null || output === format) return;
  throw new KeyleafError("USAGE_CONFLICT", `an edited file keeps its format, which is ${format}`, {
    hint: "leave out --output-type",
  });
}

/** One version of an encrypted file. */
interface Version {
  readonly source: Uint8Array;
  readonly format: FormatId;
  readonly open: OpenFile;
}

async function openEditable(named: Named, source: Uint8Array, flags: Flags, context: Context): Promise<Editable> {
  const { host } = context;
  const { name, path, knownAs } = named;
  // Should somebody else write the file meanwhile, its data key is mostly the same.
  const unwrapped = new UnwrappedKeys();
  const versionOf = async (bytes: Uint8Array): Promise<Version> => {
    const format = await encryptedFormat({ source: bytes, knownAs }, formatFlag(flags, "input-type"));
    checkOutputType(flags, format);
    const ignoreMac = flags.has("ignore-mac");
    const options = { format, file: path, ignoreMac, recovery: await recoveryFlags(flags), unwrapped };
    return { source: bytes, format, open: await openFile(bytes, options, host) };
  };
  const opened = await versionOf(source).catch(async (error: unknown) => {
    await unwrapped.forget();
    throw withHint(error);
  });
  for (const notice of opened.open.notices) warn(context, notice);
  await new KeyPolicy(flags, context).warnOfUnlisted(opened.open.metadata, name, knownAs);

  /** What somebody else has written meanwhile, and the changes of both. @throws `OUTPUT_CHANGED_MEANWHILE` */
  const mergedWithTheirs = async (base: Version, text: Uint8Array) => {
    const now = await readFileOr("INPUT_UNREADABLE", path, name, host);
    if (now === null) throw changedMeanwhile(name, "it is gone");
    let theirs: Version | null = null;
    try {
      theirs = await versionOf(now);
      const merged = await mergedText(base, text, theirs);
      if (merged === null) throw changedMeanwhile(name, "both have changed the same lines");
      return { version: theirs, text: merged, update: await theirs.open.update(merged) };
    } catch (error) {
      theirs?.open.close();
      if (!(error instanceof KeyleafError) || error.code === "OUTPUT_CHANGED_MEANWHILE") throw error;
      throw changedMeanwhile(name, error.message, error);
    }
  };

  return {
    ...named,
    isNew: false,
    text: opened.open.plaintext,
    line: null,
    meant: (text) => (Buffer.compare(text, opened.open.plaintext) === 0 ? null : text),
    async save(text) {
      let at = { version: opened, text, update: await opened.open.update(text) };
      try {
        while (!at.update.isUnchanged && !(await isWritten(path, at.update.output, at.version.source))) {
          const next = await mergedWithTheirs(at.version, at.text);
          if (at.version !== opened) at.version.open.close();
          at = next;
        }
      } finally {
        if (at.version !== opened) at.version.open.close();
      }
      if (at.version !== opened)
        note(context, `${name} has been changed by someone else meanwhile: it has both changes now`);
      const remarks = new Remarks();
      sayClear(at.update.sealed, at.update.clear, remarks.say);
      sayAll(context, unlessUnsaid(remarks.all, context));
    },
    encryptApart: opened.open.encryptApart,
    async close() {
      opened.open.close();
      await unwrapped.forget();
    },
  };
}

/** Whether the target still held what it did, and so holds the new content now. */
async function isWritten(path: string, content: Uint8Array, before: Uint8Array): Promise<boolean> {
  try {
    await writeFiles([{ path, content, isSecret: false, before }]);
    return true;
  } catch (error) {
    if (error instanceof KeyleafError && error.code === "OUTPUT_CHANGED_MEANWHILE") return false;
    throw error;
  }
}

/** The changes of both; `null`: they do not go together. What is encrypted as a whole is not put together from parts. */
async function mergedText(base: Version, text: Uint8Array, theirs: Version): Promise<Uint8Array | null> {
  if (base.format === "binary" || theirs.format !== base.format) return null;
  const { mergeLines } = await import("./merge-lines.ts");
  const [baseText, ourText, theirText] = [base.open.plaintext, text, theirs.open.plaintext].map(utf8Of);
  if (baseText == null || ourText == null || theirText == null) return null;
  const merged = mergeLines(baseText, ourText, theirText);
  return merged === null ? null : Buffer.from(merged);
}

/** `null`: it is none. */
function utf8Of(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

function changedMeanwhile(name: string, why: string, cause?: KeyleafError): KeyleafError {
  return new KeyleafError(
    "OUTPUT_CHANGED_MEANWHILE",
    `${name} has been changed by someone else while you edited it, and your change cannot be added: ${why}`,
    { hint: "nothing was written over it; edit it again", cause },
  );
}

async function newEditable(named: Named, flags: Flags, context: Context): Promise<Editable> {
  const { path, knownAs } = named;
  const given = formatFlag(flags, "input-type");
  const byName = formatForFileName(knownAs).id;
  checkOutputType(flags, given ?? byName);
  const encryption = new Encryption(flags, context);
  const file = await encryption.newFile(path, knownAs);
  // Where the name tells none, the content will.
  const { text, line } = startText(given ?? (byName === "binary" ? null : byName), context.program);
  return {
    ...named,
    isNew: true,
    text,
    line,
    meant(edited) {
      if (Buffer.compare(edited, text) === 0) return null;
      const rest = withoutNotice(edited);
      return Buffer.from(rest).toString("latin1").trim() === "" ? null : rest;
    },
    async save(edited) {
      const remarks = new Remarks();
      const input: Input = { ...named, isNamed: true, source: edited };
      const written = await encryption.rewriteNew(file, input, remarks.say);
      await writeFiles([{ path, content: written.output, isSecret: false, isNew: true, verify: written.verify }]);
      sayAll(context, unlessUnsaid(remarks.all, context));
    },
    encryptApart: file.encryptApart,
    close: async () => file.close(),
  };
}

import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { KeyleafError } from "../../errors.ts";
import type { Context, Flags } from "../context.ts";
import { type Editable, editable } from "../editable.ts";
import { type Editor, findEditor } from "../editor.ts";
import { aboutFile } from "../inputs.ts";
import { PrivateFolder, sweep } from "../private-folder.ts";
import { readFileOr } from "../read-file.ts";
import { note, warn } from "../report.ts";
import { reportError } from "../report-error.ts";
import { endingSignals, exitOnSignals } from "../signals.ts";
import { writeFiles } from "../write-file.ts";

/** Milliseconds within which nobody opens an editor, looks at a file and closes it. */
const AT_ONCE_MS = 1000;

/** What the text is called that could not be written. */
const RESCUED = "keyleaf-rescued";

/** `enc edit`: one file, decrypted for the time that an editor has it open. */
export async function run(operands: readonly string[], flags: Flags, context: Context): Promise<void> {
  const { host } = context;
  const [name = ""] = operands;
  if (name === "-")
    throw new KeyleafError("USAGE_CONFLICT", "standard input cannot be edited", { hint: "name a file" });
  const path = resolve(host.cwd, name);
  const knownAs = resolve(host.cwd, flags.text("filename-override") ?? name);
  context.files.add(knownAs);
  const stopListening = exitOnSignals(endingSignals);
  try {
    sweep(context);
    const file = await editable({ name, path, knownAs }, flags, context);
    try {
      await new Editing(file, await findEditor(host), context).run();
    } finally {
      await file.close();
    }
  } catch (error) {
    throw aboutFile(error, name);
  } finally {
    stopListening();
  }
}

/** An editor and a file, until the file is written or given up. */
class Editing {
  readonly #file: Editable;
  readonly #editor: Editor;
  readonly #context: Context;
  readonly #folder: PrivateFolder;

  constructor(file: Editable, editor: Editor, context: Context) {
    this.#file = file;
    this.#editor = editor;
    this.#context = context;
    this.#folder = PrivateFolder.make(context.host);
  }

  async run(): Promise<void> {
    try {
      this.#sayWhere();
      await this.#untilSaved();
    } finally {
      this.#folder.remove();
    }
  }

  #sayWhere(): void {
    // The reference says nothing about this either.
    if (this.#context.program === "sops") return;
    if (!this.#folder.isInMemory) {
      note(
        this.#context,
        "while you edit, the plaintext is in a private folder on disk: no folder in memory is known here",
      );
    }
    const { name, keeps } = this.#editor;
    if (keeps !== null) warn(this.#context, `${name} may keep copies of what you edit: ${keeps}`);
  }

  async #untilSaved(): Promise<void> {
    const file = this.#file;
    let shown = file.text;
    let line = file.line;
    for (;;) {
      const text = file.meant(await this.#edited(shown, line));
      if (text === null) {
        this.#sayUnchanged();
        return;
      }
      try {
        await file.save(text);
        return;
      } catch (error) {
        // To edit it again would not help.
        if (!(error instanceof KeyleafError) || error.code === "OUTPUT_CHANGED_MEANWHILE") {
          await this.#rescue(text);
          throw error;
        }
        reportError(this.#context, aboutFile(error, file.name));
        if (!(await this.#isAgain(text))) throw this.#givenUp(error);
        shown = text;
        line = error.details.line ?? null;
      }
    }
  }

  /** What the editor has made of a text. @throws `PROVIDER_EDITOR_FAILED` */
  async #edited(shown: Uint8Array, line: number | null): Promise<Uint8Array> {
    const path = this.#folder.write(basename(this.#file.path), shown);
    const start = Date.now();
    const ended = await this.#attach(path, line);
    const edited = await this.#left(path);
    if (ended !== 0) {
      const how = typeof ended === "number" ? `ended with status ${ended}` : `was ended by ${ended}`;
      // An editor says so by its status when what was typed is to be dropped; a signal drops it without being asked.
      if (typeof ended === "string" && edited !== null && this.#file.meant(edited) !== null) await this.#rescue(edited);
      throw new KeyleafError("PROVIDER_EDITOR_FAILED", `the editor ${this.#editor.name} ${how}: ${this.#outcome}`);
    }
    if (edited === null) throw new KeyleafError("INPUT_UNREADABLE", `the editor has left no file: ${this.#outcome}`);
    const isAtOnce = Date.now() - start < AT_ONCE_MS && Buffer.compare(edited, shown) === 0;
    if (isAtOnce && !this.#editor.isKnown) {
      warn(
        this.#context,
        `${this.#editor.name} came back at once: if its window is still open, what you type there is lost. Many take --wait: ` +
          `EDITOR="${this.#editor.name} --wait"`,
      );
    }
    return edited;
  }

  async #attach(path: string, line: number | null): Promise<number | string> {
    try {
      return await this.#context.host.attach(this.#editor.commandFor(path, line), () => this.#rescueLeft(path));
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      throw new KeyleafError("PROVIDER_EDITOR_FAILED", error.message, { hint: error.hint, cause: error });
    }
  }

  /** What the editor has saved before this process was told to end. */
  async #rescueLeft(path: string): Promise<void> {
    const text = await this.#left(path).catch(() => null);
    if (text !== null && this.#file.meant(text) !== null) await this.#rescue(text);
  }

  #left(path: string): Promise<Uint8Array | null> {
    // A pipe would be waited for, and a device may have no end.
    if (this.#context.host.stat(path)?.kind === "other")
      throw new KeyleafError("INPUT_UNREADABLE", `the editor has left no regular file: ${this.#outcome}`);
    return readFileOr("INPUT_UNREADABLE", path, "what the editor has left", this.#context.host);
  }

  /** What has become of the file when nothing was written. */
  get #outcome(): string {
    return this.#file.isNew ? "no file was made" : "the file is as it was";
  }

  #sayUnchanged(): void {
    if (this.#context.program === "sops")
      throw new KeyleafError("OUTPUT_UNCHANGED", `nothing changed: ${this.#outcome}`);
    note(this.#context, `nothing changed: ${this.#outcome}`);
  }

  /** Whether the user wants to edit the text once more, which cannot be written. Otherwise it is kept, or dropped on their word. */
  async #isAgain(text: Uint8Array): Promise<boolean> {
    const { host } = this.#context;
    for (;;) {
      const question = "Enter: edit it again; k: give up, keep the text encrypted; d: give up, drop the text: ";
      const answer = (await host.ask?.(question, true)) ?? null;
      if (answer?.trim() === "") return true;
      if (answer === null || answer.trim() === "k") await this.#rescue(text);
      if (answer === null || ["k", "d"].includes(answer.trim())) return false;
    }
  }

  #givenUp({ code }: KeyleafError): KeyleafError {
    return new KeyleafError(code, `given up: ${this.#outcome}`);
  }

  /**
   * Keeps a text that could not be written, encrypted for the same recipients: beside the file, or where that cannot be, with
   * the temporary files.
   */
  async #rescue(text: Uint8Array): Promise<void> {
    const { name, path, encryptApart } = this.#file;
    const elsewhere = join(tmpdir(), basename(path));
    try {
      const content = await encryptApart(text);
      const kept = await this.#keep(content, path, name).catch(() => this.#keep(content, elsewhere, elsewhere));
      note(this.#context, `what you have written is kept, encrypted: ${this.#context.program} decrypt ${kept}`);
    } catch (error) {
      if (!(error instanceof KeyleafError)) throw error;
      warn(this.#context, `what you have written could not be kept: ${error.message}`);
    }
  }

  /** @returns the name of the new file */
  async #keep(content: Uint8Array, path: string, name: string): Promise<string> {
    let ending = `.${RESCUED}`;
    for (let number = 2; this.#context.host.stat(path + ending) !== null; number++) ending = `.${RESCUED}-${number}`;
    await writeFiles([{ path: path + ending, content, isSecret: false, isNew: true }]);
    return name + ending;
  }
}

import { KeyleafError } from "../../errors.ts";
import { goBoolean } from "../../go-boolean.ts";
import type { CliHost, Flags } from "../context.ts";
import type { SopsFlag } from "./flags.ts";

type Values = ReadonlyMap<string, readonly string[]>;

/**
 * What the flags of one line come to: the line, else the environment, else what is standard. Empty text is no value.
 *
 * Flags in front of a command count as those behind it, where the command has them. The reference passes over them, so
 * that `sops -i decrypt FILE` and `sops --output FILE decrypt FILE` print what should go to a file.
 */
export class Given implements Flags {
  readonly #rows: ReadonlyMap<string, SopsFlag>;
  readonly #values: readonly Values[];
  readonly #env: CliHost["env"];

  /**
   * @param values - of the line, the ones that count first in front.
   * @throws `USAGE` for a variable that should be true or false and is neither.
   */
  constructor(rows: readonly SopsFlag[], values: readonly Values[], env: CliHost["env"]) {
    this.#rows = new Map(rows.map((row) => [row.name, row]));
    this.#values = values;
    this.#env = env;
    for (const { type, name } of rows) if (type === "switch") this.text(name);
  }

  has(name: string): boolean {
    return this.#rows.get(name)?.type === "switch" ? this.text(name) === "true" : this.text(name) !== undefined;
  }

  /** The last value; of a list all of them with commas between; `true` or `false` for a switch that is given. */
  text(name: string): string | undefined {
    const row = this.#rows.get(name);
    if (row === undefined) return undefined;
    const text = this.onLine(name) ?? this.#fromEnvironment(row) ?? row.standard;
    return text === "" ? undefined : text;
  }

  /** A whole number. `undefined`: not given. */
  number(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : Number(text);
  }

  /** The value that stands on the line itself. */
  onLine(name: string): string | undefined {
    const values = this.#values.map((map) => map.get(name)).find((found) => found !== undefined);
    return this.#rows.get(name)?.type === "list" ? values?.join(",") : values?.at(-1);
  }

  #fromEnvironment({ name, type, env }: SopsFlag): string | undefined {
    const text = env === undefined ? undefined : this.#env[env];
    if (text === undefined || type !== "switch") return text;
    // As in the reference, set to nothing it is switched off.
    const isOn = text === "" ? false : goBoolean(text);
    if (isOn !== null) return String(isOn);
    throw new KeyleafError("USAGE", `could not parse ${text} as bool value for flag ${name}`);
  }
}

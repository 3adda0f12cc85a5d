import { KeyleafError } from "../errors.ts";
import { binary } from "./binary.ts";
import { dotenv } from "./dotenv.ts";
import type { Format } from "./format.ts";
import { ini } from "./ini.ts";
import { json } from "./json.ts";
import { yaml } from "./yaml.ts";

/** Every format, in the order in which names are tried. A new one is a file and a line here. */
export const formats: readonly Format[] = [yaml, json, dotenv, ini, binary];

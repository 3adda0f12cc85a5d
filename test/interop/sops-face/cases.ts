import type { FaceCase } from "./case.ts";
import { changeCases } from "./change-cases.ts";
import { decryptCases } from "./decrypt-cases.ts";
import { encryptCases } from "./encrypt-cases.ts";
import { lineCases } from "./line-cases.ts";

/** All of them. */
export const cases: readonly FaceCase[] = [...decryptCases, ...changeCases, ...encryptCases, ...lineCases];

import { DEFAULT_KDF } from "../../src/database/backup/encryption.ts";

/** The real cost takes half a second for each key. */
export const FAST_KDF = { ...DEFAULT_KDF, cost: 2 ** 4 };

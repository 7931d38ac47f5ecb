import { readFileSync } from "node:fs";
import type { OperationGroups } from "../../src/database/operation.ts";
import type { SchemaVersion } from "../../src/database/schema/schema-version.ts";

/** A data module without operations whose migrations stand in a JSON file, named in the module's own address. */
const path = new URL(import.meta.url).searchParams.get("migrations");

export const operations: OperationGroups = {};
export const migrations: readonly SchemaVersion[] =
  path === null ? [] : (JSON.parse(readFileSync(path, "utf8")) as SchemaVersion[]);

export const SCHEMA_MODULE_URL = import.meta.url;

import { isMusterError, MusterError, toError, type ErrorCode } from "../../core/errors.ts";
import type { OperationGroups, OperationStep } from "../operation.ts";
import type { SchemaVersion } from "../schema/schema-version.ts";
import type { ArchiveSettings } from "./archive-keeper.ts";
import type { ConnectionOptions } from "./connection.ts";
import type { FileIdentity } from "./file-guard.ts";
import type { NewStatements } from "./operation-statements.ts";
import type { ArchiveStatus } from "./wal-archive.ts";

/**
 * What the main thread and the database threads say to each other. Requests and replies travel in batches, each batch
 * as one JSON text: a string crosses threads as a plain copy, where structured cloning walks every object, and
 * operations are plain data anyway.
 */

/** What a data module (for Muster: `store/data-module.ts`) exports. The threads import it by its URL. */
export interface DataModule {
  readonly operations: OperationGroups;
  readonly migrations: readonly SchemaVersion[];
}

export interface ThreadOptions {
  readonly dataModuleUrl: string;
  /** False = a database that has a version, and not the newest, is refused with MIGRATION_PENDING. Default true. */
  readonly mayMigrate?: boolean;
  readonly connection: ConnectionOptions;
  /** Where and how often the writer archives what is committed; undefined = not at all. */
  readonly archive?: ArchiveSettings | undefined;
}

export interface WireRequest {
  readonly id: number;
  readonly kind: "read" | "write";
  readonly operationId: string;
  readonly requestedAt: number;
  readonly mayBeApplied: boolean;
  readonly chain?: string | undefined;
  readonly chainEndsOn?: "any" | "fault";
  /** Not applied after this moment: the caller has been refused by then. */
  readonly deadlineAt: number;
  readonly steps: readonly OperationStep[];
}

/** A request as it stands in a batch: arrays, because the names of members would be most of the text. */
type WireRequestTuple = [
  number,
  0 | 1,
  string,
  number,
  flags: number,
  number,
  [string, unknown][],
  chain: string | null,
];
const MAY_BE_APPLIED = 1;
const ENDS_ON_FAULT = 2;
/** Reply to one request: its number, then either the results of its steps or what went wrong. */
export type WireReply =
  [id: number, results: unknown[], error?: undefined] | [id: number, results: null, error: WireError];

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint?: string;
  readonly details?: Record<string, unknown>;
  readonly stack?: string;
}

/** Messages that are not batches. */
export type ThreadNotice =
  | { readonly notice: "ready"; readonly engineVersion: string; readonly fileIdentity: FileIdentity | undefined }
  | { readonly notice: "pong"; readonly archive?: ArchiveStatus | undefined; readonly isFlushed?: boolean }
  /** Again and again during what takes long and cannot be interrupted to answer a ping. */
  | { readonly notice: "working" }
  /** How the rescue ended; the thread ends after it. */
  | { readonly notice: "rescued"; readonly quarantineFolder: string | undefined; readonly error?: WireError }
  | { readonly notice: "failed"; readonly error: WireError }
  | { readonly notice: "trouble"; readonly error: WireError }
  | ({ readonly notice: "statements" } & NewStatements)
  | { readonly notice: "closed" };

/** What the main thread asks of a thread besides requests. */
export type ThreadCommand =
  | { readonly command: "close" }
  /** Answered at once, unless the thread hangs. */
  | { readonly command: "ping" }
  /** Of the writer: archives from now on like this, or not at all. */
  | { readonly command: "archive"; readonly settings: ArchiveSettings | undefined }
  /** Of the writer: archives what is committed by now, and answers with a pong. */
  | { readonly command: "flush-archive" }
  /** The file is not the one that is open: save what the open one has, put it in the file's place, and end. */
  | { readonly command: "rescue" };

export function encodeRequests(requests: readonly WireRequest[]): string {
  const tuples = requests.map((request): WireRequestTuple => [
    request.id,
    request.kind === "write" ? 1 : 0,
    request.operationId,
    request.requestedAt,
    (request.mayBeApplied ? MAY_BE_APPLIED : 0) | (request.chainEndsOn === "fault" ? ENDS_ON_FAULT : 0),
    request.deadlineAt,
    request.steps.map((step) => [step.name, step.input]),
    request.chain ?? null,
  ]);
  return JSON.stringify(tuples);
}

export function decodeRequests(text: string): WireRequest[] {
  return (JSON.parse(text) as WireRequestTuple[]).map(
    ([id, isWrite, operationId, requestedAt, flags, deadlineAt, steps, chain]) => ({
      id,
      kind: isWrite === 1 ? "write" : "read",
      operationId,
      requestedAt,
      mayBeApplied: (flags & MAY_BE_APPLIED) !== 0,
      deadlineAt,
      steps: steps.map(([name, input]) => ({ name, input })),
      chain: chain ?? undefined,
      chainEndsOn: (flags & ENDS_ON_FAULT) === 0 ? "any" : "fault",
    }),
  );
}

/** A reply as text, from results that are JSON already (they are stored as such), so that none is written twice. */
export function encodeReply(id: number, resultsJson: string): string {
  return `[${id},${resultsJson}]`;
}

export function encodeErrorReply(id: number, error: unknown): string {
  return JSON.stringify([id, null, toWireError(error)]);
}

export function decodeReplies(text: string): WireReply[] {
  return JSON.parse(text) as WireReply[];
}

export function toWireError(thrown: unknown): WireError {
  const error = toError(thrown);
  const known = isMusterError(error) ? error : undefined;
  const causes = listCauses(error);
  return {
    code: known?.code ?? "INTERNAL",
    message: error.message,
    ...(known?.hint === undefined ? {} : { hint: known.hint }),
    details: { ...known?.details, ...(causes.length > 0 ? { causes } : {}) },
    ...(error.stack === undefined ? {} : { stack: error.stack }),
  };
}

export function fromWireError(wire: WireError): MusterError {
  const error = new MusterError(wire.code, wire.message, {
    ...(wire.hint === undefined ? {} : { hint: wire.hint }),
    ...(wire.details === undefined ? {} : { details: wire.details }),
  });
  if (wire.stack !== undefined) error.stack = wire.stack;
  return error;
}

function listCauses(error: Error): string[] {
  const causes: string[] = [];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    causes.push(`${cause.name}: ${cause.message}`);
  return causes;
}

/** What a saboteur can be sent out for: plain data, one job for one process. */
export type SaboteurJob =
  /** Holds the write lock until the process is ended. */
  | { readonly kind: "hold-lock"; readonly path: string }
  /** The file and the two that belong to it. */
  | { readonly kind: "delete"; readonly path: string }
  | { readonly kind: "empty"; readonly path: string }
  /** Puts another, sound, database in the file's place. */
  | { readonly kind: "replace"; readonly path: string }
  | { readonly kind: "flip-bits"; readonly path: string; readonly pageCount: number }
  | { readonly kind: "set-mode"; readonly modes: Readonly<Record<string, number>> }
  | (WriterJob & DebuggerTarget);

/** What is done to the writer thread, with a debugger. */
export type WriterJob =
  | { readonly kind: "kill-writer" }
  | { readonly kind: "hang-writer"; readonly durationMs: number }
  /** Lets the database grow no further, or (false) as far as it likes. */
  | { readonly kind: "limit-size"; readonly isLimited: boolean };

export interface DebuggerTarget {
  readonly processId: number;
  /** Where the process's debugger listens once it is asked to. */
  readonly port: number;
  /** The debugger was open before: somebody else's, and left open. */
  readonly isOpen: boolean;
}

export type SaboteurAnswer =
  { readonly answer: "done"; readonly text: string } | { readonly answer: "failed"; readonly reason: string };

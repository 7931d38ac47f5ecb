/** The sandbox's own numbers: Discord's where Discord documents them, generous where it does not. */
export const DEFAULT_LIMITS = {
  /** Requests to one route with the same guild, channel or webhook. */
  bucketRequests: 50,
  bucketWindowMs: 1_000,
  /** Requests with the bot's token to any route; answers to interactions do not count. */
  globalRequests: 100,
  globalWindowMs: 1_000,
  heartbeatIntervalMs: 41_250,
  /** Events kept for a session that may resume. */
  replayEvents: 10_000,
  /** A dropped session can be resumed this long. */
  resumeWindowMs: 120_000,
  /** Full member lists over the gateway: one per guild in this time. */
  memberRequestIntervalMs: 30_000,
  /** An interaction without a response after this long has failed. */
  interactionDeadlineMs: 3_000,
  interactionTokenLifetimeMs: 900_000,
  identifiesPerDay: 1_000,
  /** Ephemeral messages are kept up to this many, the newest. */
  keptEphemeralMessages: 5_000,
  /** Uploads are kept up to this size together, the newest; older ones vanish from their messages. */
  keptUploadBytes: 256 * 1024 * 1024,
  /** Edits of one message older than an hour, per hour. Discord has such a limit but does not publish it. */
  oldMessageEdits: 30,
  oldMessageEditWindowMs: 3_600_000,
  /** The largest file that may be uploaded. */
  uploadBytes: 10 * 1024 * 1024,
} as const satisfies Record<string, number>;

export type SandboxLimits = { readonly [Name in keyof typeof DEFAULT_LIMITS]: number };

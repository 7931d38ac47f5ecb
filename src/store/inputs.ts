import { z } from "zod";

/** The shapes that inputs of operations are made of. */

/**
 * Text of at most `max` characters, as SQLite keeps it: half a surrogate pair would come back as another character,
 * which for an audit entry looks like an altered one, and the length of a text ends for SQLite at a NUL.
 */
export const text = (max: number) =>
  z
    .string()
    .max(max)
    .refine((value) => !value.includes("\0"), "text without NUL characters")
    .overwrite((value) => value.toWellFormed());

/** A Discord id: 17 to 20 digits, beyond what a number holds exactly, so always text. */
export const snowflake = z.string().regex(/^\d{17,20}$/, "a Discord id of 17 to 20 digits");
/** A moment in epoch milliseconds, up to the year 9999. */
export const moment = z.int().min(0).max(253_402_300_799_999);
export const eventId = z.string().regex(/^[0-9A-Z]{8,32}$/, "an event id");
export const ulid = z.string().regex(/^[0-9A-Z]{26}$/, "a ULID");
/** A reaction's emoji as `roll-call/emoji.ts` writes it; empty = answered, choice unknown. */
export const emojiKey = text(100);
export const username = text(100).nullable();
export const limit = (max: number) => z.int().min(1).max(max);

/** Who did something: a member, or the program itself. */
export const actorId = z.union([snowflake, z.literal("system")]);
export const SYSTEM_ACTOR = "system";

/** Cache names. */
export const guildEvents = (guildId: string): string => `events:${guildId}`;
export const eventAnswers = (id: string): string => `answers:${id}`;
export const guildFlags = (guildId: string): string => `flags:${guildId}`;
export const guildMembers = (guildId: string): string => `members:${guildId}`;
export const guildAudit = (guildId: string): string => `audit:${guildId}`;
export const eventReminders = (id: string): string => `reminders:${id}`;

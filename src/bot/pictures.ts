import type { AttachmentPayload } from "discord.js";
import type { Picture } from "../charts/picture.ts";
import type { Clock } from "../core/clock.ts";
import type { BotServices } from "./services.ts";

/** Longest wait for a picture and what it shows: the words are what was asked for. */
export const PICTURE_WITHIN_MS = 700;

export interface AttachedPicture {
  readonly image: { readonly url: string };
  readonly files: readonly AttachmentPayload[];
}

/** For an embed and its message; undefined when there is nothing to show, it is not there in time, or cannot be drawn. */
export async function attachPicture(
  { charts, clock, logger }: Pick<BotServices, "charts" | "clock" | "logger">,
  name: string,
  description: string,
  plan: () => Promise<Picture | undefined>,
): Promise<AttachedPicture | undefined> {
  const draw = async (): Promise<Buffer | undefined> => {
    const picture = await plan();
    return picture && charts.draw(picture, PICTURE_WITHIN_MS);
  };
  const drawn = draw().catch((error: unknown) => {
    logger.warn("a picture could not be planned", { error });
    return undefined;
  });
  const png = await within(clock, PICTURE_WITHIN_MS, drawn);
  if (!png) return undefined;
  return { image: { url: `attachment://${name}` }, files: [{ attachment: png, name, description }] };
}

/** What comes in time, else undefined. */
async function within<Result>(clock: Clock, limitMs: number, work: Promise<Result>): Promise<Result | undefined> {
  const { promise: isLate, resolve } = Promise.withResolvers<undefined>();
  const cancelTimer = clock.schedule(limitMs, () => resolve(undefined));
  try {
    return await Promise.race([work, isLate]);
  } finally {
    cancelTimer();
  }
}

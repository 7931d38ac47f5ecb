import type { World } from "../world/world.ts";
import type { MessageForm } from "./message-form.ts";

/** A file of a multipart request; `index` is the number in its field name `files[n]`. */
export interface Upload {
  readonly index: string;
  readonly filename: string;
  readonly contentType: string;
  readonly data: Uint8Array;
}

/** Keeps the files of a message and returns their ids; descriptions come from the form's `attachments`. */
export function storeUploads(world: World, channelId: string, form: MessageForm, uploads: readonly Upload[]): string[] {
  return uploads.map((upload) => {
    const about = form.attachments?.find((attachment) => String(attachment.id) === upload.index);
    return world.storeAttachment(channelId, {
      filename: about?.filename ?? upload.filename,
      contentType: upload.contentType,
      data: upload.data,
      description: about?.description,
    }).id;
  });
}

/** The attachments after an edit: those that the form keeps (all, when it says nothing), then the new ones. */
export function mergeAttachments(
  keptIds: readonly string[],
  form: MessageForm,
  newIds: readonly string[],
): string[] | undefined {
  if (!form.attachments && newIds.length === 0) return undefined;
  const kept = form.attachments
    ? keptIds.filter((id) => form.attachments!.some((attachment) => String(attachment.id) === id))
    : keptIds;
  return [...kept, ...newIds];
}

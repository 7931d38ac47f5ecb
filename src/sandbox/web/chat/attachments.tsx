import type { APIMessage } from "discord-api-types/v10";
import type { ReactNode } from "react";
import { localUrl } from "./local-url.ts";

const PICTURE = /^image\/(png|jpeg|gif|webp|avif)$/;

/** Uploads; those that an embed shows already are left out. */
export function Attachments({ message }: { readonly message: APIMessage }): ReactNode {
  const embedded = JSON.stringify(message.embeds);
  const shown = message.attachments.filter(({ filename }) => !embedded.includes(`attachment://${filename}`));
  if (shown.length === 0) return null;
  return (
    <div className="attachments">
      {shown.map((attachment) => {
        const url = localUrl(message, attachment.url);
        const isPicture = PICTURE.test(attachment.content_type ?? "");
        return isPicture ? (
          <a key={attachment.id} href={url} target="_blank" rel="noreferrer noopener">
            <img src={url} alt={attachment.description ?? attachment.filename} />
          </a>
        ) : (
          <a key={attachment.id} className="file" href={url} download={attachment.filename}>
            <span>📄 {attachment.filename}</span>
            <small>{formatBytes(attachment.size)}</small>
          </a>
        );
      })}
    </div>
  );
}

function formatBytes(bytes: number): string {
  if (bytes < 1_024) return `${bytes} bytes`;
  const kilobytes = bytes / 1_024;
  return kilobytes < 1_024 ? `${kilobytes.toFixed(1)} KB` : `${(kilobytes / 1_024).toFixed(1)} MB`;
}

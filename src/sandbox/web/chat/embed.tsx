import type { APIEmbed, APIMessage } from "discord-api-types/v10";
import type { ReactNode } from "react";
import { formatTimestamp } from "../text/format-time.ts";
import { Markdown } from "../text/markdown.tsx";
import { toCssColor } from "./components.tsx";
import { localUrl } from "./local-url.ts";

export function Embed({ message, embed }: { readonly message: APIMessage; readonly embed: APIEmbed }): ReactNode {
  const { author, title, url, description, fields = [], footer, timestamp, thumbnail } = embed;
  return (
    <article className="embed" style={{ borderLeftColor: toCssColor(embed.color) }}>
      <div className="embed-body">
        {author && <p className="embed-author">{author.name}</p>}
        {title !== undefined && (
          <div className="embed-title">
            {url === undefined ? (
              <Markdown text={title} isPlace />
            ) : (
              <a href={url} target="_blank" rel="noreferrer noopener">
                {title}
              </a>
            )}
          </div>
        )}
        {description !== undefined && <Markdown text={description} isPlace />}
        {fields.length > 0 && (
          <div className="embed-fields">
            {fields.map((field, index) => (
              <div key={index} className={field.inline === true ? "embed-field is-inline" : "embed-field"}>
                <div className="embed-field-name">
                  <Markdown text={field.name} isPlace />
                </div>
                <Markdown text={field.value} isPlace />
              </div>
            ))}
          </div>
        )}
        <Picture message={message} url={embed.image?.url} />
        {(footer !== undefined || timestamp !== undefined) && (
          <p className="embed-footer">
            {[footer?.text, timestamp === undefined ? undefined : formatTimestamp(Date.parse(timestamp), "s")]
              .filter((part) => part !== undefined)
              .join(" • ")}
          </p>
        )}
      </div>
      {thumbnail && <Picture message={message} url={thumbnail.url} isThumbnail />}
    </article>
  );
}

function Picture({
  message,
  url,
  isThumbnail = false,
}: {
  readonly message: APIMessage;
  readonly url: string | undefined;
  readonly isThumbnail?: boolean;
}): ReactNode {
  if (url === undefined) return null;
  const local = localUrl(message, url);
  if (local !== undefined)
    return <img className={isThumbnail ? "embed-thumbnail" : "embed-image"} src={local} alt="" />;
  return <p className="embed-elsewhere">🖼 A picture from elsewhere: {url}</p>;
}

import type { APIMessage } from "discord-api-types/v10";
import { useState, type ReactNode } from "react";
import type { OutcomeReport } from "../api.ts";
import { useWorld } from "../live/live-store.ts";
import { Markdown } from "../text/markdown.tsx";
import { localUrl } from "./local-url.ts";
import { perform } from "./perform.ts";
import { COMPONENT, type RawComponent } from "./raw-component.ts";
import { defaultValues, SelectMenu } from "./select-menu.tsx";

const BUTTON_STYLES = ["", "primary", "secondary", "success", "danger", "link", "primary"];

/** Buttons and menus under a message, or in the newer layout all of the message. */
export function Components({ message }: { readonly message: APIMessage }): ReactNode {
  const components = (message.components ?? []) as readonly RawComponent[];
  if (components.length === 0) return null;
  return (
    <div className="components">
      {components.map((component, index) => (
        <Component key={index} message={message} component={component} />
      ))}
    </div>
  );
}

interface ComponentProps {
  readonly message: APIMessage;
  readonly component: RawComponent;
}

function Component({ message, component }: ComponentProps): ReactNode {
  const children = (component.components ?? []).map((child, index) => (
    <Component key={index} message={message} component={child} />
  ));
  switch (component.type) {
    case COMPONENT.row:
      return <div className="component-row">{children}</div>;
    case COMPONENT.button:
      return <Button message={message} component={component} />;
    case COMPONENT.section:
      return (
        <div className="component-section">
          <div>{children}</div>
          {component.accessory && <Component message={message} component={component.accessory} />}
        </div>
      );
    case COMPONENT.text:
      return <Markdown text={component.content ?? ""} isPlace />;
    case COMPONENT.thumbnail:
      return (
        <img className="thumbnail" alt={component.description ?? ""} src={localUrl(message, component.media?.url)} />
      );
    case COMPONENT.gallery:
      return (
        <div className="gallery">
          {component.items?.map(({ media, description }) => (
            <img key={media.url} alt={description ?? ""} src={localUrl(message, media.url)} />
          ))}
        </div>
      );
    case COMPONENT.separator:
      return component.divider === false ? <div className="gap" /> : <hr />;
    case COMPONENT.container:
      return (
        <div className="component-container" style={{ borderLeftColor: toCssColor(component.accent_color) }}>
          {children}
        </div>
      );
    default:
      return component.custom_id === undefined ? null : <Menu message={message} component={component} />;
  }
}

export function toCssColor(color: number | null | undefined): string | undefined {
  return color === null || color === undefined ? undefined : `#${color.toString(16).padStart(6, "0")}`;
}

function useInteraction(message: APIMessage, title: string) {
  const { userId } = useWorld();
  const [state, setState] = useState<"idle" | "busy" | "failed">("idle");
  const start = async (act: Parameters<typeof perform>[1]): Promise<void> => {
    setState("busy");
    const outcome: OutcomeReport | undefined = await perform({ userId, channelId: message.channel_id, title }, act);
    setState(outcome === undefined || outcome.status === "failed" ? "failed" : "idle");
  };
  return { state, start };
}

function Button({ message, component }: ComponentProps): ReactNode {
  const { label = "", style = 2, url, custom_id: customId = "", emoji, disabled = false } = component;
  const { state, start } = useInteraction(message, label === "" ? "Button" : label);
  const content = (
    <>
      {emoji?.name !== undefined && <span>{emoji.name}</span>}
      {label}
    </>
  );
  if (url !== undefined) {
    return (
      <a className="component-button is-link" href={url} target="_blank" rel="noreferrer noopener">
        {content} ↗
      </a>
    );
  }
  return (
    <button
      type="button"
      className={`component-button is-${BUTTON_STYLES[style] ?? "secondary"}${state === "busy" ? " is-busy" : ""}`}
      disabled={disabled || state === "busy"}
      onClick={() => void start((hands) => hands.click(message.id, customId))}
    >
      {content}
    </button>
  );
}

function Menu({ message, component }: ComponentProps): ReactNode {
  const { state, start } = useInteraction(message, component.placeholder ?? "Menu");
  const [chosen, setChosen] = useState<readonly string[]>();
  const choose = (values: readonly string[]): void => {
    setChosen(values);
    void start((hands) => hands.select(message.id, component.custom_id ?? "", values));
  };
  return (
    <SelectMenu
      menu={component}
      chosen={chosen ?? defaultValues(component)}
      isDisabled={state === "busy"}
      onChoose={choose}
    />
  );
}

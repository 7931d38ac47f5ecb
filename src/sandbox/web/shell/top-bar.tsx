import type { ReactNode } from "react";
import { useWorld } from "../live/live-store.ts";
import { Icon, type IconName } from "../ui/icon.tsx";
import { findChannel, nameOf } from "../ui/names.ts";
import { useTheme } from "../ui/theme.ts";

export type PanelName = "members" | "chaos";

export interface TopBarProps {
  readonly channelId: string;
  readonly panel: PanelName | undefined;
  readonly isTouring: boolean;
  readonly onMenu: () => void;
  readonly onPanel: (panel: PanelName) => void;
  readonly onTour: () => void;
}

const THEME_WORDS = { system: "as the system", light: "light", dark: "dark" } as const;
const THEME_ICONS = { system: "system", light: "sun", dark: "moon" } as const;

export function TopBar({ channelId, panel, isTouring, onMenu, onPanel, onTour }: TopBarProps): ReactNode {
  const world = useWorld();
  const found = findChannel(world, channelId);
  const [theme, nextTheme] = useTheme();
  return (
    <header className="top-bar">
      <button type="button" className="icon-button menu-button" aria-label="Channels" onClick={onMenu}>
        <Icon name="menu" />
      </button>
      <Icon name={found ? (found.channel.isPrivate ? "lock" : "hash") : "at"} />
      <h2>{found?.channel.name ?? nameOf(world, world.botUserId)}</h2>
      {typeof found?.channel.topic === "string" && <p className="topic">{found.channel.topic}</p>}
      <div className="top-tools">
        <Toggle icon="compass" label="Tour" isOn={isTouring} onClick={onTour} />
        <Toggle icon="bolt" label="Chaos" isOn={panel === "chaos"} onClick={() => onPanel("chaos")} tour="chaos" />
        <Toggle icon="people" label="Members" isOn={panel === "members"} onClick={() => onPanel("members")} isSmall />
        <button
          type="button"
          className="icon-button"
          aria-label={`Colours: ${THEME_WORDS[theme]}`}
          title={`Colours: ${THEME_WORDS[theme]}`}
          onClick={nextTheme}
        >
          <Icon name={THEME_ICONS[theme]} />
        </button>
      </div>
    </header>
  );
}

interface ToggleProps {
  readonly icon: IconName;
  readonly label: string;
  readonly isOn: boolean;
  readonly onClick: () => void;
  readonly isSmall?: boolean;
  readonly tour?: string;
}

function Toggle({ icon, label, isOn, onClick, isSmall = false, tour }: ToggleProps): ReactNode {
  return (
    <button
      type="button"
      className={isSmall ? "icon-button" : "tool-button"}
      aria-pressed={isOn}
      aria-label={label}
      title={label}
      data-tour={tour}
      onClick={onClick}
    >
      <Icon name={icon} />
      {!isSmall && <span>{label}</span>}
    </button>
  );
}

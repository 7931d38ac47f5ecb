import type { Client } from "discord.js";
import type { ChartDrawer } from "../charts/chart-drawer.ts";
import type { Settings } from "../config/settings.ts";
import type { Clock } from "../core/clock.ts";
import type { Logger } from "../core/logger.ts";
import type { DatabaseManager } from "../database/database-manager.ts";
import type { HealthMonitor } from "../database/health-monitor.ts";
import type { GracefulDegradation } from "../resilience/graceful-degradation.ts";
import type { AuditLog } from "../store/audit-log.ts";
import type { Store } from "../store/store.ts";
import type { UsageLog } from "../store/usage-log.ts";
import type { BackupTools } from "./backup-tools.ts";
import type { EventCards } from "./events/event-cards.ts";
import type { EventService } from "./events/event-service.ts";
import type { TrackedEvents } from "./events/tracked-events.ts";
import type { GuildFlags } from "./flags/guild-flags.ts";
import type { Audience } from "./members/audience.ts";
import type { ReminderService } from "./reminders/reminder-service.ts";
import type { Texts } from "./texts/texts.ts";

/** What commands work with. Built in `app.ts`. */
export interface BotServices {
  readonly client: Client<true>;
  readonly store: Store;
  readonly database: Pick<DatabaseManager, "health">;
  readonly health: Pick<HealthMonitor, "report" | "samples">;
  readonly charts: Pick<ChartDrawer, "draw">;
  readonly usage: Pick<UsageLog, "record">;
  readonly audit: Pick<AuditLog, "record">;
  /** undefined with a database in memory. */
  readonly backups: BackupTools | undefined;
  readonly degradation: GracefulDegradation;
  readonly settings: Settings;
  readonly clock: Clock;
  /** The time of files, backups and figures; another one only where the sandbox lets people's time run ahead. */
  readonly machineClock: Clock;
  readonly logger: Logger;
  readonly texts: Texts;
  readonly flags: GuildFlags;
  readonly audience: Audience;
  readonly tracked: TrackedEvents;
  readonly cards: EventCards;
  readonly events: EventService;
  readonly reminders: ReminderService;
}

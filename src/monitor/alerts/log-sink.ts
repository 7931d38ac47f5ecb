import type { Logger } from "../../core/logger.ts";
import { alertTexts } from "./alert-texts.ts";
import type { AlertSink } from "./alert.ts";

/** Alerts in the log, except those that an event began: that stands there already, with its details. */
export function createLogSink(logger: Logger): AlertSink {
  return {
    send(notice) {
      if (notice.isLogged) return;
      const { kind, alert } = notice;
      const level = kind === "over" ? "info" : alert.severity === "critical" ? "error" : "warn";
      logger[level](`alert: ${alertTexts.describeNotice(notice)}`, { alert: alert.key });
    },
  };
}

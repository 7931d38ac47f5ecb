import { adminTexts } from "./admin-texts.ts";
import { eventTexts } from "./event-texts.ts";
import { failureTexts } from "./failure-texts.ts";
import { generalTexts } from "./general-texts.ts";
import { myDataTexts } from "./my-data-texts.ts";
import { reminderTexts } from "./reminder-texts.ts";
import { statsTexts } from "./stats-texts.ts";

/** Every text that a person reads, in one typed catalogue: another language is another value of this type. */
export const english = {
  general: generalTexts,
  failures: failureTexts,
  events: eventTexts,
  reminders: reminderTexts,
  myData: myDataTexts,
  admin: adminTexts,
  stats: statsTexts,
};

export type Texts = typeof english;

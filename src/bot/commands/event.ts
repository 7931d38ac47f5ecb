import { Refusal, type Command, type CommandAction } from "../command.ts";
import { EventRefusal } from "../events/event-refusal.ts";
import { createAction } from "./event/create.ts";
import { eventDefinition } from "./event/definition.ts";
import { confirmDeleteButton, deleteAction, keepButton } from "./event/delete.ts";
import { listEventChoices } from "./event/event-choices.ts";
import { listAction, listButton } from "./event/list.ts";
import { closeAction, editAction, pauseAction, remindAction, resumeAction } from "./event/manage.ts";
import { refreshButton, showAction } from "./event/show.ts";
import { watchAction } from "./event/watch.ts";

/** What cannot be done with an event is no failure of the command. */
function refusing(action: CommandAction): CommandAction {
  return {
    ...action,
    async execute(context) {
      try {
        return await action.execute(context);
      } catch (error) {
        throw error instanceof EventRefusal ? new Refusal(error.message) : error;
      }
    },
  };
}

export const eventCommand: Command = {
  definition: eventDefinition,
  actions: {
    create: refusing(createAction),
    watch: refusing(watchAction),
    list: listAction,
    show: showAction,
    edit: refusing(editAction),
    pause: pauseAction,
    resume: resumeAction,
    remind: remindAction,
    close: closeAction,
    delete: deleteAction,
  },
  buttons: { delete: confirmDeleteButton, keep: keepButton, list: listButton, show: refreshButton },
  autocomplete: listEventChoices,
};

import type { Command } from "../command.ts";
import { createAction } from "./event/create.ts";
import { eventDefinition } from "./event/definition.ts";
import { confirmDeleteButton, deleteAction, keepButton } from "./event/delete.ts";
import { listEventChoices } from "./event/event-choices.ts";
import { listAction, listButton } from "./event/list.ts";
import { closeAction, editAction, pauseAction, remindAction, resumeAction } from "./event/manage.ts";
import { refreshButton, showAction } from "./event/show.ts";
import { watchAction } from "./event/watch.ts";

export const eventCommand: Command = {
  definition: eventDefinition,
  actions: {
    create: createAction,
    watch: watchAction,
    list: listAction,
    show: showAction,
    edit: editAction,
    pause: pauseAction,
    resume: resumeAction,
    remind: remindAction,
    close: closeAction,
    delete: deleteAction,
  },
  buttons: { delete: confirmDeleteButton, keep: keepButton, list: listButton, show: refreshButton },
  autocomplete: listEventChoices,
};

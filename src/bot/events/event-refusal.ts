/**
 * Thrown when an event cannot be what a member asked for, with the reason in words for them. The commands pass it on as
 * their own refusal; this layer knows nothing of commands.
 */
export class EventRefusal extends Error {
  constructor(text: string) {
    super(text);
    this.name = "EventRefusal";
  }
}

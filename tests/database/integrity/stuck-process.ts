/** A maintenance process that takes its job, says so, and never answers. */
process.once("message", () => {
  process.send!({ message: "progress", progress: { step: "stuck" } });
  for (;;);
});

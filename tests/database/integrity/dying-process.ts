/** A maintenance process that ends before it answers. */
process.once("message", () => {
  process.stderr.write("out of everything");
  process.exitCode = 7;
  process.disconnect();
});

import { openReaderConnection } from "./connection.ts";
import { OperationRunner } from "./operation-runner.ts";
import { serveThread } from "./thread-host.ts";
import { encodeErrorReply, encodeReply, type WireRequest } from "./thread-protocol.ts";
import { createTransaction } from "./transaction-manager.ts";

/** A reader thread: a read-only connection. All requests of one batch are answered from one snapshot. */
await serveThread(({ options, operations, reply, notify }) => {
  const connection = openReaderConnection(options.connection);
  const { database, statements } = connection;
  const runner = new OperationRunner(operations, (statements) => notify({ notice: "statements", ...statements }));
  const transaction = createTransaction(connection);

  const answer = async (request: WireRequest): Promise<string> => {
    try {
      return encodeReply(request.id, await runner.read(transaction, request));
    } catch (error) {
      return encodeErrorReply(request.id, error);
    }
  };

  return {
    engineVersion: connection.sqliteVersion,
    fileIdentity: connection.fileIdentity,
    async handle(requests) {
      const replies: string[] = [];
      statements.prepare("BEGIN").run();
      try {
        for (const request of requests) replies.push(await answer(request));
      } finally {
        // Not COMMIT, which SQLite refuses once a read has met a damaged page; an error may have ended it already.
        if (database.inTransaction) statements.prepare("ROLLBACK").run();
      }
      reply(replies);
    },
    close() {
      database.close();
    },
  };
});

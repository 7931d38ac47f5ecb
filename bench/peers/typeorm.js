import "reflect-metadata";
import { join } from "node:path";
import { DataSource, EntitySchema } from "typeorm";

const Answer = new EntitySchema({
  name: "answer",
  columns: {
    id: { type: "text", primary: true },
    eventId: { type: "text" },
    userId: { type: "text" },
    emoji: { type: "text" },
    isAnswer: { type: "integer" },
    createdAt: { type: "integer" },
  },
});

export async function open(folder) {
  const source = new DataSource({
    type: "better-sqlite3",
    database: join(folder, "typeorm.db"),
    entities: [Answer],
    synchronize: true,
    prepareDatabase(database) {
      database.pragma("journal_mode = WAL");
      database.pragma("synchronous = FULL");
    },
  });
  await source.initialize();
  const answers = source.getRepository("answer");
  return {
    settings: "on better-sqlite3; WAL, synchronous FULL; insert() rather than save(), which would read first",
    write: (record) => answers.insert(record),
    read: (id) => answers.findOneBy({ id }),
    close: () => source.destroy(),
  };
}

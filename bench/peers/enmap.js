import Enmap from "enmap";

export async function open(folder) {
  const enmap = new Enmap({ name: "answer", dataDir: folder });
  // Its own choice is NORMAL, with which an acknowledged write can vanish in a power cut.
  enmap.db.pragma("synchronous = FULL");
  return {
    settings: "WAL as it chooses; synchronous FULL set on its connection (its own choice is NORMAL)",
    write: (record) => void enmap.set(record.id, record),
    read: (id) => enmap.get(id),
    close: () => enmap.db.close(),
  };
}

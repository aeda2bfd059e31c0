// Writes each pair of new friends into a table, exactly once.
//
// The rows of an event and its cursor are committed in one transaction, and only if the
// cursor has not moved: of several replicas one works, and another takes over when the
// cursor stands still. A crash at any moment loses and duplicates nothing.
//
// Usage: node consumer.js HOST:PORT DATABASE
// Set CALLBACK_GATEWAY_CLIENT_TOKEN if the gateway requires a token.

import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import grpc from "@grpc/grpc-js";
import protoLoader from "@grpc/proto-loader";
import protobuf from "protobufjs";

// Subscriber name, shared by all replicas.
const NAME = "friends-node";
// A waiting replica takes over when the cursor has not moved for this long.
const PATIENCE_MS = 2000;
// Cancel a stream without frames for this long: three heartbeat intervals.
const SILENCE_MS = 45_000;
// Maximum retry delay that the gateway can request.
const LONGEST_ASKED_MS = 60_000;
// Codes after which a retry can help. Broken connections have any of them.
const PASSING = [
  "UNAVAILABLE", "RESOURCE_EXHAUSTED", "ABORTED", "DEADLINE_EXCEEDED", "UNKNOWN", "INTERNAL", "CANCELLED",
];
const SCHEMA = `
CREATE TABLE IF NOT EXISTS position (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL, event_micros INTEGER);
CREATE TABLE IF NOT EXISTS pair (
    cursor TEXT, pair INTEGER, from_account TEXT, to_account TEXT, PRIMARY KEY (cursor, pair));
CREATE TABLE IF NOT EXISTS untyped (cursor TEXT PRIMARY KEY, command TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS gap (cursor TEXT PRIMARY KEY, first_missing INTEGER, last_missing INTEGER);
`;

const { EventService } = grpc.loadPackageDefinition(
  protoLoader.loadSync("imcallback/v1/event_service.proto", {
    includeDirs: [fileURLToPath(new URL("../../proto", import.meta.url))],
    longs: Number,
    enums: String,
    defaults: true,
    oneofs: true,
  }),
).imcallback.v1;
// The details of an error: the needed parts of google/rpc/status.proto and google/rpc/error_details.proto.
const rpc = protobuf.parse(`syntax = "proto3";
message Any { string type_url = 1; bytes value = 2; }
message Status { repeated Any details = 3; }
message ErrorInfo { string reason = 1; }
message Duration { int64 seconds = 1; int32 nanos = 2; }
message RetryInfo { Duration retry_delay = 1; }
`).root;

// Another replica has moved the cursor.
class Lost extends Error {}

function openDatabase(path) {
  const db = new DatabaseSync(path, { timeout: 30_000 });
  db.exec(SCHEMA);
  // The cursor is empty until something was read.
  db.prepare("INSERT OR IGNORE INTO position VALUES (?, '', NULL)").run(NAME);
  return db;
}

function position(db) {
  return db.prepare("SELECT cursor, event_micros FROM position WHERE consumer = ?").get(NAME);
}

// Commits all rows and the new cursor, or nothing.
function commit(db, old, cursor, rows = [], eventMicros = null) {
  if (cursor === old && rows.length === 0) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    const moved = db
      .prepare(
        "UPDATE position SET cursor = ?, event_micros = coalesce(?, event_micros) WHERE consumer = ? AND cursor = ?",
      )
      .run(cursor, eventMicros, NAME, old);
    if (moved.changes !== 1) throw new Lost();
    for (const [table, ...values] of rows) {
      // Rows that exist already are from before the log went back.
      const marks = values.map(() => "?").join(", ");
      db.prepare(`INSERT INTO ${table} VALUES (${marks}) ON CONFLICT DO NOTHING`).run(...values);
    }
    db.exec("COMMIT");
  } catch (error) {
    try {
      db.exec("ROLLBACK");
    } catch {
      // The first error is more useful. After some errors SQLite has already rolled back.
    }
    throw error;
  }
}

function rowsOf(event) {
  if (event.payload === "snsFriendAdd" && event.decodeStatus !== "DECODE_STATUS_PARTIAL") {
    return event.snsFriendAdd.pairList.map((pair, n) => ["pair", event.cursor, n, pair.fromAccount, pair.toAccount]);
  }
  // The body is not as documented: keep it for inspection. One of the two fields is set.
  const body = Buffer.concat([Buffer.from(event.rawBody), event.binaryBody]);
  return [["untyped", event.cursor, event.command, body]];
}

// Follows one stream from this cursor to its end, which is an error.
async function follow(db, client, cursor, startAt) {
  const start = startAt ? { atTime: startAt } : cursor ? { afterCursor: cursor } : { earliest: {} };
  const metadata = new grpc.Metadata();
  const token = process.env.CALLBACK_GATEWAY_CLIENT_TOKEN;
  if (token) metadata.set("authorization", `Bearer ${token}`);
  const filter = { commands: ["Sns.CallbackFriendAdd"] };
  // SKIP continues after missing events, and reports them. With FAIL the stream ends there, with
  // CURSOR_EXPIRED or LOG_DAMAGED, and an operator decides.
  const frames = client.subscribe({ ...start, filter, subscriber: NAME, onGap: "GAP_POLICY_SKIP" }, metadata);
  // Ignore the error event of the cancel() below: `for await` has already thrown its error.
  frames.on("error", () => {});
  // Pings are not enough: a proxy answers them even if the gateway is gone.
  const watchdog = setTimeout(() => frames.cancel(), SILENCE_MS);
  try {
    for await (const response of frames) {
      watchdog.refresh();
      // Ignore unknown kinds of frames.
      if (!response.frame) continue;
      const frame = response[response.frame];
      if (response.frame === "event") {
        const { seconds, nanos } = frame.receiveTime;
        commit(db, cursor, frame.cursor, rowsOf(frame), seconds * 1e6 + Math.floor(nanos / 1e3));
      } else if (response.frame === "gap") {
        const { firstMissingSequence: first, lastMissingSequence: last } = frame;
        console.error(`events ${first} to ${last} are gone`);
        commit(db, cursor, frame.cursor, [["gap", frame.cursor, first, last]]);
      } else {
        // `subscribed`, before the first event, heartbeats and others.
        commit(db, cursor, frame.cursor);
      }
      cursor = frame.cursor;
    }
  } finally {
    clearTimeout(watchdog);
    frames.cancel();
  }
}

// Returns the reason and the retry delay in milliseconds of an error.
function details(error) {
  let [reason, delay] = ["", 0];
  // Empty if the connection failed, because the status is not from the gateway.
  for (const bytes of error.metadata.get("grpc-status-details-bin")) {
    for (const { typeUrl, value } of rpc.lookupType("Status").decode(bytes).details) {
      if (typeUrl.endsWith("/google.rpc.ErrorInfo")) {
        reason = rpc.lookupType("ErrorInfo").decode(value).reason;
      } else if (typeUrl.endsWith("/google.rpc.RetryInfo")) {
        const { seconds = 0, nanos = 0 } = rpc.lookupType("RetryInfo").decode(value).retryDelay ?? {};
        delay = Math.min(Number(seconds) * 1e3 + nanos / 1e6, LONGEST_ASKED_MS);
      }
    }
  }
  return { reason, delay };
}

// Waits until the cursor has not moved for a while.
async function waitForTurn(db) {
  let seen = position(db).cursor;
  for (let since = Date.now(); Date.now() - since < PATIENCE_MS; ) {
    await sleep(200);
    const { cursor } = position(db);
    if (cursor !== seen) [seen, since] = [cursor, Date.now()];
  }
}

const [address, path] = process.argv.slice(2);
const db = openDatabase(path);
// For TLS use grpc.credentials.createSsl(ca). Without it anyone on the network can read the token:
// use it only over loopback, or where a mesh encrypts. Keepalive pings detect a broken connection.
const client = new EventService(address, grpc.credentials.createInsecure(), {
  "grpc.keepalive_time_ms": 20_000,
  "grpc.keepalive_timeout_ms": 20_000,
  "grpc.max_reconnect_backoff_ms": 5_000,
});
let [pause, before, startAt] = [250, null, null];
while (true) {
  // After LOG_REPLACED or LOG_REWOUND, move the cursor only from the refused one: if another
  // replica was faster, its cursor is not moved back.
  if (!startAt) before = position(db);
  let delay = 0;
  try {
    await follow(db, client, before.cursor, startAt);
    console.error("the stream ended without a status");
  } catch (error) {
    if (error instanceof Lost) {
      console.error("another replica is at work");
      await waitForTurn(db);
      startAt = null;
      continue;
    }
    if (!(error.metadata instanceof grpc.Metadata)) throw error;
    const status = details(error);
    delay = status.delay;
    console.error(`${grpc.status[error.code]} ${status.reason} ${error.details}`);
    if (["LOG_REPLACED", "LOG_REWOUND"].includes(status.reason)) {
      // The log is another one, or was restored from a backup: an operator should compare. Resume
      // at the time of the last committed event.
      const micros = before.event_micros ?? 0;
      startAt = { seconds: Math.floor(micros / 1e6), nanos: (micros % 1e6) * 1000 };
    } else if (!PASSING.includes(grpc.status[error.code])) {
      // For example a wrong token: a retry does not help.
      throw error;
    }
  }
  if (position(db).cursor !== before.cursor) [pause, startAt] = [250, null];
  // Jitter: replicas that lost their connections together do not reconnect together.
  await sleep(Math.max(delay, pause) * (1 + Math.random() / 2));
  pause = Math.min(2 * pause, 10_000);
}

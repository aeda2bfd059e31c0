// Writes each pair of new friends into a table, exactly once.
//
// The rows of an event and its cursor are committed in one transaction, and only if the
// cursor has not moved: of several replicas one works, and another takes over when the
// cursor stands still. A crash at any moment loses and duplicates nothing.
//
// Usage: java Consumer HOST:PORT DATABASE
// Set CALLBACK_GATEWAY_CLIENT_TOKEN if the gateway requires a token.

import com.example.imcallback.v1.DecodeStatus;
import com.example.imcallback.v1.Event;
import com.example.imcallback.v1.EventFilter;
import com.example.imcallback.v1.EventServiceGrpc;
import com.example.imcallback.v1.FriendPair;
import com.example.imcallback.v1.Gap;
import com.example.imcallback.v1.GapPolicy;
import com.example.imcallback.v1.SubscribeRequest;
import com.example.imcallback.v1.SubscribeResponse;
import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.CodedInputStream;
import com.google.protobuf.Empty;
import com.google.protobuf.Timestamp;
import com.google.protobuf.WireFormat;
import com.google.rpc.RetryInfo;
import io.grpc.Context;
import io.grpc.ManagedChannel;
import io.grpc.ManagedChannelBuilder;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import io.grpc.protobuf.StatusProto;
import io.grpc.stub.MetadataUtils;
import java.io.IOException;
import java.sql.Connection;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.Iterator;
import java.util.List;
import java.util.Set;
import java.util.Timer;
import java.util.TimerTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;

public final class Consumer {
    /** Subscriber name, shared by all replicas. */
    static final String NAME = "friends-java";
    /** A waiting replica takes over when the cursor has not moved for this long. */
    static final long PATIENCE_MS = 2000;
    /** Cancel a stream without frames for this long: three heartbeat intervals. */
    static final long SILENCE_MS = 45_000;
    /** Maximum retry delay that the gateway can request. */
    static final long LONGEST_ASKED_MS = 60_000;
    /** Codes after which a retry can help. Broken connections have any of them. */
    static final Set<Status.Code> PASSING = EnumSet.of(
            Status.Code.UNAVAILABLE, Status.Code.RESOURCE_EXHAUSTED, Status.Code.ABORTED,
            Status.Code.DEADLINE_EXCEEDED, Status.Code.UNKNOWN, Status.Code.INTERNAL, Status.Code.CANCELLED);
    static final String[] SCHEMA = {
        "CREATE TABLE IF NOT EXISTS position (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL, event_micros INTEGER)",
        "CREATE TABLE IF NOT EXISTS pair ("
                + "cursor TEXT, pair INTEGER, from_account TEXT, to_account TEXT, PRIMARY KEY (cursor, pair))",
        "CREATE TABLE IF NOT EXISTS untyped (cursor TEXT PRIMARY KEY, command TEXT, body BLOB)",
        "CREATE TABLE IF NOT EXISTS gap (cursor TEXT PRIMARY KEY, first_missing INTEGER, last_missing INTEGER)",
    };

    /** Another replica has moved the cursor. */
    static final class Lost extends Exception {}

    static final class Position {
        String cursor;
        long eventMicros;
    }

    final Connection db;
    final EventServiceGrpc.EventServiceBlockingStub stub;
    /** A daemon, so that it does not keep the program alive. */
    final Timer timer = new Timer(true);
    /** Arrival of the last frame, by System.nanoTime(). */
    volatile long lastFrame;

    Consumer(Connection db, ManagedChannel channel) throws SQLException {
        this.db = db;
        for (String sql : SCHEMA) {
            execute(sql);
        }
        // The cursor is empty until something was read.
        execute("INSERT OR IGNORE INTO position VALUES (?, '', NULL)", NAME);
        EventServiceGrpc.EventServiceBlockingStub stub = EventServiceGrpc.newBlockingStub(channel);
        String token = System.getenv("CALLBACK_GATEWAY_CLIENT_TOKEN");
        if (token != null && !token.isEmpty()) {
            Metadata metadata = new Metadata();
            metadata.put(Metadata.Key.of("authorization", Metadata.ASCII_STRING_MARSHALLER), "Bearer " + token);
            stub = stub.withInterceptors(MetadataUtils.newAttachHeadersInterceptor(metadata));
        }
        this.stub = stub;
    }

    int execute(String sql, Object... values) throws SQLException {
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            for (int i = 0; i < values.length; i++) {
                statement.setObject(i + 1, values[i]);
            }
            return statement.executeUpdate();
        }
    }

    Position position() throws SQLException {
        String sql = "SELECT cursor, event_micros FROM position WHERE consumer = ?";
        try (PreparedStatement statement = db.prepareStatement(sql)) {
            statement.setString(1, NAME);
            try (ResultSet row = statement.executeQuery()) {
                row.next();
                Position position = new Position();
                position.cursor = row.getString(1);
                // 0 if there is none.
                position.eventMicros = row.getLong(2);
                return position;
            }
        }
    }

    /** Commits all rows (each a statement and its values) and the new cursor, or nothing. */
    void commit(String old, String cursor, List<Object[]> rows, Long eventMicros) throws SQLException, Lost {
        if (cursor.equals(old) && rows.isEmpty()) {
            return;
        }
        execute("BEGIN IMMEDIATE");
        boolean done = false;
        try {
            int moved = execute(
                    "UPDATE position SET cursor = ?, event_micros = coalesce(?, event_micros)"
                            + " WHERE consumer = ? AND cursor = ?",
                    cursor, eventMicros, NAME, old);
            if (moved != 1) {
                throw new Lost();
            }
            for (Object[] row : rows) {
                Object[] values = new Object[row.length - 1];
                System.arraycopy(row, 1, values, 0, values.length);
                // Rows that exist already are from before the log went back.
                execute(row[0] + " ON CONFLICT DO NOTHING", values);
            }
            execute("COMMIT");
            done = true;
        } finally {
            if (!done) {
                try {
                    execute("ROLLBACK");
                } catch (SQLException ignored) {
                    // The first error is more useful. After some errors SQLite has already rolled back.
                }
            }
        }
    }

    static List<Object[]> rowsOf(Event event) {
        List<Object[]> rows = new ArrayList<>();
        if (!event.hasSnsFriendAdd() || event.getDecodeStatus() == DecodeStatus.DECODE_STATUS_PARTIAL) {
            // The body is not as documented: keep it for inspection. One of the two fields is set.
            ByteString body = event.getBinaryBody().concat(ByteString.copyFromUtf8(event.getRawBody()));
            String sql = "INSERT INTO untyped VALUES (?, ?, ?)";
            rows.add(new Object[] {sql, event.getCursor(), event.getCommand(), body.toByteArray()});
            return rows;
        }
        int n = 0;
        for (FriendPair pair : event.getSnsFriendAdd().getPairListList()) {
            String sql = "INSERT INTO pair VALUES (?, ?, ?, ?)";
            rows.add(new Object[] {sql, event.getCursor(), n++, pair.getFromAccount(), pair.getToAccount()});
        }
        return rows;
    }

    /** Follows one stream from this cursor to its end, which is an exception. */
    void follow(String cursor, Timestamp startAt) throws SQLException, Lost {
        SubscribeRequest.Builder request = SubscribeRequest.newBuilder()
                .setFilter(EventFilter.newBuilder().addCommands("Sns.CallbackFriendAdd"))
                .setSubscriber(NAME)
                // SKIP continues after missing events, and reports them. With FAIL the stream ends there, with
                // CURSOR_EXPIRED or LOG_DAMAGED, and an operator decides.
                .setOnGap(GapPolicy.GAP_POLICY_SKIP);
        if (startAt != null) {
            request.setAtTime(startAt);
        } else if (!cursor.isEmpty()) {
            request.setAfterCursor(cursor);
        } else {
            request.setEarliest(Empty.getDefaultInstance());
        }
        // Ends the stream when this method returns.
        Context.CancellableContext context = Context.current().withCancellation();
        // Pings are not enough: a proxy answers them even if the gateway is gone.
        TimerTask watchdog = new TimerTask() {
            @Override
            public void run() {
                if (System.nanoTime() - lastFrame > TimeUnit.MILLISECONDS.toNanos(SILENCE_MS)) {
                    context.cancel(null);
                }
            }
        };
        lastFrame = System.nanoTime();
        timer.schedule(watchdog, 1000, 1000);
        Context before = context.attach();
        try {
            Iterator<SubscribeResponse> frames = stub.subscribe(request.build());
            while (frames.hasNext()) {
                SubscribeResponse frame = frames.next();
                lastFrame = System.nanoTime();
                cursor = take(cursor, frame);
            }
        } finally {
            watchdog.cancel();
            context.detach(before);
            context.cancel(null);
        }
    }

    /** Commits the content of a frame. Returns the cursor after it. */
    String take(String cursor, SubscribeResponse response) throws SQLException, Lost {
        List<Object[]> rows = new ArrayList<>();
        Long micros = null;
        String next;
        switch (response.getFrameCase()) {
            case EVENT:
                Event event = response.getEvent();
                Timestamp time = event.getReceiveTime();
                micros = time.getSeconds() * 1_000_000 + time.getNanos() / 1000;
                rows = rowsOf(event);
                next = event.getCursor();
                break;
            case GAP:
                Gap gap = response.getGap();
                long first = gap.getFirstMissingSequence();
                long last = gap.getLastMissingSequence();
                System.err.println("events " + first + " to " + last + " are gone");
                rows.add(new Object[] {"INSERT INTO gap VALUES (?, ?, ?)", gap.getCursor(), first, last});
                next = gap.getCursor();
                break;
            case SUBSCRIBED: // before the first event
                next = response.getSubscribed().getCursor();
                break;
            case HEARTBEAT:
                next = response.getHeartbeat().getCursor();
                break;
            case CAUGHT_UP:
                next = response.getCaughtUp().getCursor();
                break;
            case FELL_BEHIND:
                next = response.getFellBehind().getCursor();
                break;
            case GOING_AWAY:
                next = response.getGoingAway().getCursor();
                break;
            default: // unknown kind of frame
                return cursor;
        }
        commit(cursor, next, rows, micros);
        return next;
    }

    /** Waits until the cursor has not moved for a while. */
    void waitForTurn() throws SQLException, InterruptedException {
        String seen = position().cursor;
        long since = System.nanoTime();
        while (System.nanoTime() - since < TimeUnit.MILLISECONDS.toNanos(PATIENCE_MS)) {
            Thread.sleep(200);
            String cursor = position().cursor;
            if (!cursor.equals(seen)) {
                seen = cursor;
                since = System.nanoTime();
            }
        }
    }

    /** Returns the reason of a google.rpc.ErrorInfo, its first field. Older libraries do not have that class. */
    static String reasonOf(Any info) throws IOException {
        CodedInputStream input = info.getValue().newCodedInput();
        for (int tag = input.readTag(); tag != 0; tag = input.readTag()) {
            if (WireFormat.getTagFieldNumber(tag) == 1) {
                return input.readString();
            }
            input.skipField(tag);
        }
        return "";
    }

    void run() throws Exception {
        long pause = 250;
        Position before = null;
        Timestamp startAt = null;
        while (true) {
            // After LOG_REPLACED or LOG_REWOUND, move the cursor only from the refused one: if another
            // replica was faster, its cursor is not moved back.
            if (startAt == null) {
                before = position();
            }
            String reason = "";
            long delay = 0;
            try {
                follow(before.cursor, startAt);
                System.err.println("the stream ended without a status");
            } catch (Lost lost) {
                System.err.println("another replica is at work");
                waitForTurn();
                startAt = null;
                continue;
            } catch (StatusRuntimeException error) {
                // If the connection failed, there are no details, because the status is not from the gateway.
                com.google.rpc.Status status = StatusProto.fromThrowable(error);
                for (Any detail : status == null ? List.<Any>of() : status.getDetailsList()) {
                    if (detail.getTypeUrl().endsWith("/google.rpc.ErrorInfo")) {
                        reason = reasonOf(detail);
                    } else if (detail.is(RetryInfo.class)) {
                        com.google.protobuf.Duration asked = detail.unpack(RetryInfo.class).getRetryDelay();
                        delay = Math.min(asked.getSeconds() * 1000 + asked.getNanos() / 1_000_000, LONGEST_ASKED_MS);
                    }
                }
                Status.Code code = error.getStatus().getCode();
                System.err.println(code + " " + reason + " " + error.getStatus().getDescription());
                if (reason.equals("LOG_REPLACED") || reason.equals("LOG_REWOUND")) {
                    // The log is another one, or was restored from a backup: an operator should compare. Resume
                    // at the time of the last committed event.
                    startAt = Timestamp.newBuilder()
                            .setSeconds(before.eventMicros / 1_000_000)
                            .setNanos((int) (before.eventMicros % 1_000_000) * 1000)
                            .build();
                } else if (!PASSING.contains(code)) {
                    // For example a wrong token: a retry does not help.
                    throw error;
                }
            }
            if (!position().cursor.equals(before.cursor)) {
                pause = 250;
                startAt = null;
            }
            // Jitter: replicas that lost their connections together do not reconnect together.
            Thread.sleep((long) (Math.max(delay, pause) * ThreadLocalRandom.current().nextDouble(1, 1.5)));
            pause = Math.min(2 * pause, 10_000);
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length != 2) {
            System.err.println("usage: java Consumer HOST:PORT DATABASE");
            System.exit(64);
        }
        // For TLS remove usePlaintext(). With it anyone on the network can read the token: use it only
        // over loopback, or where a mesh encrypts. Keepalive pings detect a broken connection.
        ManagedChannel channel = ManagedChannelBuilder.forTarget(args[0])
                .usePlaintext()
                .keepAliveTime(20, TimeUnit.SECONDS)
                .keepAliveTimeout(20, TimeUnit.SECONDS)
                .build();
        try (Connection db = DriverManager.getConnection("jdbc:sqlite:" + args[1] + "?busy_timeout=30000")) {
            new Consumer(db, channel).run();
        } finally {
            channel.shutdownNow();
        }
    }
}

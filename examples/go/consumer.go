// Writes each pair of new friends into a table, exactly once.
//
// The rows of an event and its cursor are committed in one transaction, and only if the
// cursor has not moved: of several replicas one works, and another takes over when the
// cursor stands still. A crash at any moment loses and duplicates nothing.
//
// Usage: consumer HOST:PORT DATABASE
// Set CALLBACK_GATEWAY_CLIENT_TOKEN if the gateway requires a token.
package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"math/rand"
	"os"
	"time"

	_ "github.com/mattn/go-sqlite3"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/timestamppb"

	pb "example.com/callback-gateway/imcallback/v1"
)

// Subscriber name, shared by all replicas.
const name = "friends-go"

// A waiting replica takes over when the cursor has not moved for this long.
const patience = 2 * time.Second

// Cancel a stream without frames for this long: three heartbeat intervals.
const silence = 45 * time.Second

// Maximum retry delay that the gateway can request.
const longestAsked = 60 * time.Second

const schema = `
CREATE TABLE IF NOT EXISTS position (consumer TEXT PRIMARY KEY, cursor TEXT NOT NULL, event_micros INTEGER);
CREATE TABLE IF NOT EXISTS pair (
    cursor TEXT, pair INTEGER, from_account TEXT, to_account TEXT, PRIMARY KEY (cursor, pair));
CREATE TABLE IF NOT EXISTS untyped (cursor TEXT PRIMARY KEY, command TEXT, body BLOB);
CREATE TABLE IF NOT EXISTS gap (cursor TEXT PRIMARY KEY, first_missing INTEGER, last_missing INTEGER);
`

// Another replica has moved the cursor.
var errLost = errors.New("another replica is at work")

// An error of the consumer's database, which ends the program.
type databaseError struct{ error }

func openDatabase(path string) (*sql.DB, error) {
	// _txlock=immediate: transactions begin as BEGIN IMMEDIATE.
	db, err := sql.Open("sqlite3", "file:"+path+"?_busy_timeout=30000&_txlock=immediate")
	if err != nil {
		return nil, err
	}
	if _, err := db.Exec(schema); err != nil {
		return nil, err
	}
	// The cursor is empty until something was read.
	_, err = db.Exec("INSERT OR IGNORE INTO position VALUES (?, '', NULL)", name)
	return db, err
}

func position(db *sql.DB) (cursor string, eventMicros int64, err error) {
	row := db.QueryRow("SELECT cursor, coalesce(event_micros, 0) FROM position WHERE consumer = ?", name)
	err = row.Scan(&cursor, &eventMicros)
	return
}

type row struct {
	sql    string
	values []interface{}
}

// Commits all rows and the new cursor, or nothing.
func commit(db *sql.DB, old, cursor string, rows []row, eventMicros *int64) error {
	if cursor == old && len(rows) == 0 {
		return nil
	}
	tx, err := db.Begin()
	if err != nil {
		return databaseError{err}
	}
	// Has no effect after the commit.
	defer tx.Rollback()
	moved, err := tx.Exec(
		"UPDATE position SET cursor = ?, event_micros = coalesce(?, event_micros) WHERE consumer = ? AND cursor = ?",
		cursor, eventMicros, name, old)
	if err != nil {
		return databaseError{err}
	}
	if count, err := moved.RowsAffected(); err != nil {
		return databaseError{err}
	} else if count != 1 {
		return errLost
	}
	for _, row := range rows {
		// Rows that exist already are from before the log went back.
		if _, err := tx.Exec(row.sql+" ON CONFLICT DO NOTHING", row.values...); err != nil {
			return databaseError{err}
		}
	}
	if err := tx.Commit(); err != nil {
		return databaseError{err}
	}
	return nil
}

func rowsOf(event *pb.Event) (rows []row) {
	friends, ok := event.Payload.(*pb.Event_SnsFriendAdd)
	if !ok || event.DecodeStatus == pb.DecodeStatus_DECODE_STATUS_PARTIAL {
		// The body is not as documented: keep it for inspection. One of the two fields is set.
		body := append([]byte(event.RawBody), event.BinaryBody...)
		values := []interface{}{event.Cursor, event.Command, body}
		return []row{{"INSERT INTO untyped VALUES (?, ?, ?)", values}}
	}
	for n, pair := range friends.SnsFriendAdd.PairList {
		values := []interface{}{event.Cursor, n, pair.FromAccount, pair.ToAccount}
		rows = append(rows, row{"INSERT INTO pair VALUES (?, ?, ?, ?)", values})
	}
	return rows
}

// Follows one stream from this cursor to its end, which is an error.
func follow(db *sql.DB, client pb.EventServiceClient, cursor string, startAt *timestamppb.Timestamp) error {
	request := &pb.SubscribeRequest{
		Filter:     &pb.EventFilter{Commands: []string{"Sns.CallbackFriendAdd"}},
		Subscriber: name,
		// SKIP continues after missing events, and reports them. With FAIL the stream ends there, with
		// CURSOR_EXPIRED or LOG_DAMAGED, and an operator decides.
		OnGap: pb.GapPolicy_GAP_POLICY_SKIP,
	}
	switch {
	case startAt != nil:
		request.Start = &pb.SubscribeRequest_AtTime{AtTime: startAt}
	case cursor != "":
		request.Start = &pb.SubscribeRequest_AfterCursor{AfterCursor: cursor}
	default:
		request.Start = &pb.SubscribeRequest_Earliest{Earliest: &emptypb.Empty{}}
	}
	// Ends the stream when this function returns.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if token := os.Getenv("CALLBACK_GATEWAY_CLIENT_TOKEN"); token != "" {
		ctx = metadata.AppendToOutgoingContext(ctx, "authorization", "Bearer "+token)
	}
	frames, err := client.Subscribe(ctx, request)
	if err != nil {
		return err
	}
	// Pings are not enough: a proxy answers them even if the gateway is gone.
	watchdog := time.AfterFunc(silence, cancel)
	defer watchdog.Stop()
	for {
		response, err := frames.Recv()
		if err != nil {
			return err
		}
		watchdog.Reset(silence)
		var (
			next   string
			rows   []row
			micros *int64
		)
		switch frame := response.Frame.(type) {
		case *pb.SubscribeResponse_Event:
			time := frame.Event.ReceiveTime.AsTime().UnixNano() / 1000
			next, rows, micros = frame.Event.Cursor, rowsOf(frame.Event), &time
		case *pb.SubscribeResponse_Gap:
			gap := frame.Gap
			log.Printf("events %d to %d are gone", gap.FirstMissingSequence, gap.LastMissingSequence)
			values := []interface{}{gap.Cursor, int64(gap.FirstMissingSequence), int64(gap.LastMissingSequence)}
			next, rows = gap.Cursor, []row{{"INSERT INTO gap VALUES (?, ?, ?)", values}}
		case *pb.SubscribeResponse_Subscribed: // before the first event
			next = frame.Subscribed.Cursor
		case *pb.SubscribeResponse_Heartbeat:
			next = frame.Heartbeat.Cursor
		case *pb.SubscribeResponse_CaughtUp:
			next = frame.CaughtUp.Cursor
		case *pb.SubscribeResponse_FellBehind:
			next = frame.FellBehind.Cursor
		case *pb.SubscribeResponse_GoingAway:
			next = frame.GoingAway.Cursor
		default: // unknown kind of frame
			continue
		}
		if err := commit(db, cursor, next, rows, micros); err != nil {
			return err
		}
		cursor = next
	}
}

// Returns the reason and the retry delay of a status.
func details(status *status.Status) (reason string, delay time.Duration) {
	for _, detail := range status.Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			reason = detail.Reason
		case *errdetails.RetryInfo:
			if delay = detail.RetryDelay.AsDuration(); delay > longestAsked {
				delay = longestAsked
			}
		}
	}
	return reason, delay
}

// Returns whether a retry can help. Broken connections have any of these codes.
func isPassing(code codes.Code) bool {
	switch code {
	case codes.Unavailable, codes.ResourceExhausted, codes.Aborted, codes.DeadlineExceeded,
		codes.Unknown, codes.Internal, codes.Canceled:
		return true
	}
	return false
}

// Waits until the cursor has not moved for a while.
func waitForTurn(db *sql.DB) error {
	seen, _, err := position(db)
	for since := time.Now(); err == nil && time.Since(since) < patience; {
		time.Sleep(200 * time.Millisecond)
		var cursor string
		if cursor, _, err = position(db); cursor != seen {
			seen, since = cursor, time.Now()
		}
	}
	return err
}

func run(address, path string) error {
	db, err := openDatabase(path)
	if err != nil {
		return err
	}
	// For TLS use grpc.WithTransportCredentials(credentials.NewTLS(config)). Without it anyone on
	// the network can read the token: use it only over loopback, or where a mesh encrypts. Keepalive
	// pings detect a broken connection.
	// Newer versions of grpc deprecate Dial and WithInsecure, and keep them throughout 1.x. From
	// 1.63 on you can use grpc.NewClient and insecure.NewCredentials().
	alive := keepalive.ClientParameters{Time: 20 * time.Second, Timeout: 20 * time.Second}
	connection, err := grpc.Dial(address, grpc.WithInsecure(), grpc.WithKeepaliveParams(alive))
	if err != nil {
		return err
	}
	client := pb.NewEventServiceClient(connection)
	pause := 250 * time.Millisecond
	var (
		before      string
		eventMicros int64
		startAt     *timestamppb.Timestamp
	)
	for {
		// After LOG_REPLACED or LOG_REWOUND, move the cursor only from the refused one: if another
		// replica was faster, its cursor is not moved back.
		if startAt == nil {
			if before, eventMicros, err = position(db); err != nil {
				return err
			}
		}
		err := follow(db, client, before, startAt)
		if errors.Is(err, errLost) {
			log.Print(err)
			if err := waitForTurn(db); err != nil {
				return err
			}
			startAt = nil
			continue
		}
		var ours databaseError
		if errors.As(err, &ours) {
			return err
		}
		status := status.Convert(err)
		reason, delay := details(status)
		log.Printf("%v %s %s", status.Code(), reason, status.Message())
		if reason == "LOG_REPLACED" || reason == "LOG_REWOUND" {
			// The log is another one, or was restored from a backup: an operator should compare. Resume
			// at the time of the last committed event.
			startAt = timestamppb.New(time.Unix(eventMicros/1e6, eventMicros%1e6*1000))
		} else if !isPassing(status.Code()) {
			// For example a wrong token: a retry does not help.
			return err
		}
		if after, _, err := position(db); err != nil {
			return err
		} else if after != before {
			pause, startAt = 250*time.Millisecond, nil
		}
		if delay < pause {
			delay = pause
		}
		// Jitter: replicas that lost their connections together do not reconnect together.
		time.Sleep(delay + time.Duration(rand.Int63n(int64(delay)/2)))
		if pause *= 2; pause > 10*time.Second {
			pause = 10 * time.Second
		}
	}
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: consumer HOST:PORT DATABASE")
		os.Exit(64)
	}
	// Before Go 1.20 the random numbers would be the same in every run.
	rand.Seed(time.Now().UnixNano())
	if err := run(os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

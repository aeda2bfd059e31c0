//! Changes to stores as a gateway would make them.

use callback_gateway::testing::event::{Record, Sequence, Timestamp};
use rusqlite::Connection;

/// Updates the checksums of the rows for changed records, as the gateway that wrote them would.
pub(crate) fn reseal(store: &Connection) {
    store.execute_batch("BEGIN").unwrap();
    let mut select = store.prepare("SELECT sequence, receive_time, record FROM record").unwrap();
    let mut rows = select.query([]).unwrap();
    while let Some(row) = rows.next().unwrap() {
        let (sequence, time): (i64, i64) = (row.get(0).unwrap(), row.get(1).unwrap());
        let record: Vec<u8> = row.get(2).unwrap();
        let check = Record::check_of(Sequence(sequence.cast_unsigned()), Timestamp(time), &record);
        let update = "UPDATE record SET checksum = ?2 WHERE sequence = ?1";
        assert_eq!(store.execute(update, [sequence, i64::from(check)]).unwrap(), 1);
    }
    store.execute_batch("COMMIT").unwrap();
}

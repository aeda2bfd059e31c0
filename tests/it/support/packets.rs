//! Callbacks of every command, for tests about the form of events.

use std::{collections::BTreeMap, fs};

use serde_json::{Value, json};

use crate::support::{Gateway, package};

/// Commands and bodies: every packet of the catalogue, free-form content with many keys, and a body that
/// stays untyped.
pub(crate) fn packets() -> Vec<(String, String)> {
    let mut packets = Vec::new();
    for dir in ["tests/fixtures", "tests/other_shapes"] {
        let files = fs::read_dir(package().join(dir)).unwrap().map(|entry| entry.unwrap().path());
        // Sorted, so that a failure is about the same event in each run.
        let files: BTreeMap<_, _> = files
            .map(|path| {
                let command = path.file_name().unwrap().to_str().unwrap().strip_suffix(".json").unwrap();
                (command.to_owned(), fs::read_to_string(&path).unwrap())
            })
            .collect();
        packets.extend(files);
    }
    assert!(packets.len() > 55, "{}", packets.len());
    // In neither alphabetical nor numerical order.
    let member = |n: u32| {
        let value = match n % 5 {
            0 => json!(n),
            1 => json!({ "b": null, "a": [n, { "z": 0.5, "y": "\u{202e}x" }], "c": {} }),
            2 => json!(format!("{n} 李雷")),
            3 => json!(f64::from(n) / 7.0),
            _ => json!(n.is_multiple_of(2)),
        };
        (format!("k{}", n * 7919 % 1009), value)
    };
    let content: Value = (0..300).map(member).collect::<serde_json::Map<_, _>>().into();
    let body = json!({
        "From_Account": "alice",
        "To_Account": "bob",
        "MsgBody": [{ "MsgType": "TIMCustomElem", "MsgContent": content }],
    });
    packets.push(("C2C.CallbackAfterSendMsg".to_owned(), body.to_string()));
    let groups: serde_json::Map<_, _> = (0..50).map(|n| (format!("g{}", n * 37 % 101), json!(n))).collect();
    packets.push((
        "Group.CallbackBeforeCreateGroup".to_owned(),
        json!({ "Owner_Account": "alice", "CreatedGroupNum": groups }).to_string(),
    ));
    packets.push(("A.B".to_owned(), "{\"z\" : 1e999, \"a\":[ ]}".to_owned()));
    packets
}

/// Posts all packets. Returns their number.
pub(crate) async fn post_packets(gateway: &Gateway) -> usize {
    let packets = packets();
    for (command, body) in &packets {
        assert!(gateway.post(command, body).await.is_stored(), "{command}");
    }
    packets.len()
}

use std::time::Duration;

use super::*;
use crate::{
    event::OrderKey,
    ingest::callback::{Apps, Envelope, duplicates::Duplicates},
};

fn stored(command: &str, body: &str) -> StoredRecord {
    let apps = Apps { ids: [7, 8].into(), ..Apps::default() };
    let query = format!("SdkAppid=7&CallbackCommand={command}");
    let duplicates = Duplicates::new(Duration::ZERO, 1);
    Envelope::from_query(&query, &apps, 0).unwrap().into_record(body.as_bytes(), &duplicates).unwrap().record
}

/// Returns the lane of a group of app 7.
fn lane_of(group_id: &str, count: u32) -> Lane {
    Lane { count, index: OrderKey::Group(group_id.into()).hash(7) % count }
}

fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn fits(lists: FilterLists, record: &StoredRecord) -> bool {
    Filter::new(lists).unwrap().compare(record) == FilterMatch::Yes
}

#[test]
fn an_event_fits_if_every_list_has_an_entry_that_fits() {
    let record = stored(
        "Sns.CallbackFriendAdd",
        r#"{"x":{"To_Account":["a","b"]},"GroupId":"g","List":[{"GroupID":"h","From_Account":"c"}]}"#,
    );
    let all = FilterLists {
        commands: strings(&["A.B", "Sns.*"]),
        sdk_app_ids: vec![9, 7],
        accounts: strings(&["z", "b"]),
        group_ids: strings(&["h"]),
        kinds: vec![2],
        // The first pair's account is not on the path of the command: the key is the group at the top level.
        lane: Some(lane_of("g", 64)),
    };
    assert!(fits(FilterLists::default(), &record));
    assert!(fits(all.clone(), &record));
    for other in [
        FilterLists { commands: strings(&["Sns.Other", "Sn.*", "Sns.CallbackFriend.*"]), ..all.clone() },
        FilterLists { sdk_app_ids: vec![8], ..all.clone() },
        FilterLists { accounts: strings(&["A", "g", "ab"]), ..all.clone() },
        FilterLists { group_ids: strings(&["a"]), ..all.clone() },
        FilterLists { kinds: vec![0, 1], ..all.clone() },
        FilterLists { lane: Some(lane_of("a", 64)), ..all.clone() },
    ] {
        assert!(!fits(other.clone(), &record), "{other:?}");
    }
}

#[test]
fn names_beyond_a_records_list_are_found_all_the_same() {
    let names: Vec<String> = (0..1000).map(|n| format!("\"user {n}\"")).collect();
    let body = format!(r#"{{"Member_Account":[{}],"GroupId":"g"}}"#, names.join(","));
    let record = stored("Group.CallbackAfterNewMemberJoin", &body);
    assert!(record.accounts_cut());
    let accounts = |name: &str| FilterLists { accounts: strings(&[name]), ..FilterLists::default() };
    for n in 0..1000 {
        assert!(fits(accounts(&format!("user {n}")), &record));
    }
    for other in ["user 1000", "g", "Member_Account"] {
        assert!(!fits(accounts(other), &record));
    }
    let many: Vec<String> = (0..1000).map(|n| format!(r#"{{"GroupID":"g\u00fc{n}"}}"#)).collect();
    let record = stored("A.B", &format!(r#"{{"List":[{}]}}"#, many.join(",")));
    assert!(record.group_ids_cut());
    let groups = |name: &str| FilterLists { group_ids: strings(&[name]), ..FilterLists::default() };
    assert!(fits(groups("gü999"), &record) && !fits(groups("gü1000"), &record));
}

#[test]
fn numbers_are_names_too_and_so_are_names_in_repaired_bodies() {
    let names: Vec<String> = (0..1000).map(|n| format!("{n}")).collect();
    for (body, is_cut) in [
        (r#"{"From_Account":7,"GroupId":-1.50}"#.to_owned(), false),
        (format!("{{\"x\":\"\n\",\"From_Account\":[{}],\"GroupId\":-1.50}}\0", names.join(",")), true),
    ] {
        let record = stored("A.B", &body);
        assert_eq!(record.accounts_cut(), is_cut);
        let lists = |account: &str, group: &str| FilterLists {
            accounts: strings(&[account]),
            group_ids: strings(&[group]),
            ..FilterLists::default()
        };
        assert!(fits(lists("7", "-1.50"), &record));
        assert!(!fits(lists("7", "-1.5"), &record) && !fits(lists("1000", "-1.50"), &record));
    }
}

#[test]
fn the_names_of_an_unreadable_body_are_unknown_to_filters_that_ask_for_names() {
    let accounts = || FilterLists { accounts: strings(&["a"]), ..FilterLists::default() };
    let groups = FilterLists { group_ids: strings(&["g"]), ..FilterLists::default() };
    for (body, fit) in [
        ("{\"From_Account\":\"a\"", FilterMatch::Unknown),
        (r#"{"From_Account":"\ud83d","GroupId":"\udc00"}"#, FilterMatch::Unknown),
        (r#"{"x":"\ud83d"}"#, FilterMatch::No),
        ("", FilterMatch::No),
        ("[]", FilterMatch::No),
        ("{\"To_Account\":\"b\"}", FilterMatch::No),
    ] {
        let record = stored("A.B", body);
        assert_eq!(Filter::new(accounts()).unwrap().compare(&record), fit, "{body}");
        assert_eq!(Filter::new(groups.clone()).unwrap().compare(&record), fit, "{body}");
        let commands = FilterLists { commands: strings(&["A.*"]), ..FilterLists::default() };
        assert_eq!(Filter::new(commands).unwrap().compare(&record), FilterMatch::Yes, "{body}");
        let other = FilterLists { sdk_app_ids: vec![8], ..accounts() };
        assert_eq!(Filter::new(other).unwrap().compare(&record), FilterMatch::No, "{body}");
    }
}

#[test]
fn every_event_is_in_exactly_one_lane() {
    let bodies = [
        r#"{"GroupId":"g"}"#.to_owned(),
        r#"{"From_Account":"a"}"#.to_owned(),
        "{}".to_owned(),
        "not JSON".to_owned(),
        "[]".to_owned(),
    ];
    for record in bodies.iter().map(|body| stored("Group.CallbackAfterSendMsg", body)) {
        for count in 1..=MAX_LANES {
            let has = |index| {
                let lane = Some(Lane { count, index });
                fits(FilterLists { lane, ..FilterLists::default() }, &record)
            };
            assert_eq!((0..count).filter(|&index| has(index)).count(), 1, "{count}");
        }
    }
}

#[test]
fn a_lane_stays_when_rights_narrow_a_filter() {
    let lane = Some(Lane { count: 8, index: 7 });
    let filter = Filter::new(FilterLists { lane, ..FilterLists::default() }).unwrap();
    let rights = FilterLists { commands: strings(&["Sns.*"]), ..FilterLists::default() };
    let narrowed = filter.within(&Filter::new(rights.clone()).unwrap()).unwrap();
    assert_eq!(narrowed.lists(), FilterLists { lane, ..rights });
}

#[test]
fn wrong_lists_are_refused_by_name() {
    let long = "x".repeat(MAX_NAME_BYTES + 1);
    for (lists, field) in [
        (FilterLists { commands: strings(&["A..B"]), ..Default::default() }, "commands"),
        (FilterLists { commands: strings(&["*"]), ..Default::default() }, "commands"),
        (FilterLists { commands: vec!["A".to_owned(); 101], ..Default::default() }, "commands"),
        (FilterLists { sdk_app_ids: vec![0], ..Default::default() }, "sdk_app_ids"),
        (FilterLists { accounts: strings(&["a", ""]), ..Default::default() }, "accounts"),
        (FilterLists { accounts: strings(&[&long]), ..Default::default() }, "accounts"),
        (FilterLists { group_ids: strings(&[&long]), ..Default::default() }, "group_ids"),
        (
            FilterLists {
                accounts: vec!["x".repeat(100); 81],
                group_ids: vec!["x".repeat(93)],
                ..Default::default()
            },
            "group_ids",
        ),
        (FilterLists { kinds: vec![1; 101], ..Default::default() }, "kinds"),
        (FilterLists { lane: Some(Lane { count: 0, index: 0 }), ..Default::default() }, "lane"),
        (FilterLists { lane: Some(Lane { count: 65, index: 0 }), ..Default::default() }, "lane"),
        (FilterLists { lane: Some(Lane { count: 8, index: 8 }), ..Default::default() }, "lane"),
    ] {
        assert_eq!(Filter::new(lists).unwrap_err().field, field);
    }
}

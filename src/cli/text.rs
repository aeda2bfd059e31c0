//! Formatting of times, sizes and untrusted text.
//!
//! Text in events, callbacks and responses may come from strangers. A nickname can hold escape sequences, and
//! characters that reverse the line or are invisible. All output goes through [`escape`] or [`escape_json`].

use std::{
    borrow::Cow,
    fmt::Write as _,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::proto::well_known::Timestamp;
use bytesize::ByteSize;

/// First second of the year 10000. Later times have no RFC 3339 form.
const YEAR_10000: i64 = 253_402_300_800;

/// Returns whether a character can affect a terminal or mislead a reader: control characters, characters that
/// change the text direction, and characters without width. (The variation selectors U+FE0E and U+FE0F are
/// ordinary parts of emoji.)
fn is_hostile(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0d}' | '\u{feff}' | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

fn escape_with(
    text: &str,
    is_kept: impl Fn(char) -> bool,
    write: impl Fn(&mut String, char),
) -> Cow<'_, str> {
    let is_escaped = |c: char| is_hostile(c) && !is_kept(c);
    if !text.contains(is_escaped) {
        return text.into();
    }
    let mut escaped = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_escaped(c) { write(&mut escaped, c) } else { escaped.push(c) }
    }
    escaped.into()
}

/// Escapes text into one harmless line: `\n`, `\u{1b}`.
pub(super) fn escape(text: &str) -> Cow<'_, str> {
    escape_with(text, |_| false, |escaped, c| escaped.extend(c.escape_default()))
}

/// Escapes text of several lines.
pub(super) fn escape_lines(text: &str) -> Cow<'_, str> {
    escape_with(text, |c| c == '\n', |escaped, c| escaped.extend(c.escape_default()))
}

/// Escapes JSON into one line with the same meaning. Hostile characters in it are in strings or are white
/// space.
pub(super) fn escape_json(json: &str) -> Cow<'_, str> {
    escape_json_with(json, |_| false)
}

/// Escapes JSON and keeps its lines.
pub(super) fn escape_json_lines(json: &str) -> Cow<'_, str> {
    escape_json_with(json, |c| c == '\n')
}

fn escape_json_with(json: &str, is_kept: impl Fn(char) -> bool) -> Cow<'_, str> {
    escape_with(json, is_kept, |escaped, c| match c {
        '\n' | '\r' | '\t' => escaped.push(' '),
        c => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| {
            // Ignore the error: writing to a String cannot fail.
            write!(escaped, "\\u{unit:04x}").ok();
        }),
    })
}

/// Formats a short time span: `350us`, `12.5ms`, `2.4s`, `2m 3s`, `3h 2m`, `5d 4h`.
pub(super) fn duration(span: Duration) -> String {
    let seconds = span.as_secs();
    let two = |first: u64, unit: char, second: u64, smaller: char| match second {
        0 => format!("{first}{unit}"),
        _ => format!("{first}{unit} {second}{smaller}"),
    };
    let tenths = |value: f64, unit: &str| {
        let text = format!("{value:.1}");
        format!("{}{unit}", text.strip_suffix(".0").unwrap_or(&text))
    };
    match seconds {
        0 if span.is_zero() => "0s".to_owned(),
        0 if span < Duration::from_micros(1000) => format!("{}us", span.as_micros().max(1)),
        0 => tenths(span.as_micros() as f64 / 1000.0, "ms"),
        1..10 => tenths(span.as_millis() as f64 / 1000.0, "s"),
        10..60 => format!("{seconds}s"),
        60..3600 => two(seconds / 60, 'm', seconds % 60, 's'),
        3600..86400 => two(seconds / 3600, 'h', seconds % 3600 / 60, 'm'),
        _ => two(seconds / 86400, 'd', seconds % 86400 / 3600, 'h'),
    }
}

/// Formats an age in one unit: `now`, `12s ago`, `2m ago`, `3h ago`, `5d ago`. Clocks of two machines differ,
/// so a time slightly ahead is `now` too.
pub(super) fn ago(time: SystemTime) -> String {
    match SystemTime::now().duration_since(time).map_or(0, |age| age.as_secs()) {
        0 => "now".to_owned(),
        seconds @ 1..60 => format!("{seconds}s ago"),
        seconds @ 60..3600 => format!("{}m ago", seconds / 60),
        seconds @ 3600..86400 => format!("{}h ago", seconds / 3600),
        seconds => format!("{}d ago", seconds / 86400),
    }
}

/// Formats the age of a server's time, or `-`.
pub(super) fn ago_or_dash(time: Option<&Timestamp>) -> String {
    time.and_then(system_time).map_or_else(|| "-".to_owned(), ago)
}

/// Formats a size: `120 B`, `44.2 KiB`.
pub(super) fn size(bytes: u64) -> String {
    ByteSize::b(bytes).display().iec().to_string()
}

/// Formats a number with an English noun: `1 event`, `3 events`.
pub(super) fn count(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Converts a server's time. `None` if it has no RFC 3339 form.
pub(super) fn system_time(time: &Timestamp) -> Option<SystemTime> {
    let seconds = u64::try_from(time.seconds).ok().filter(|_| time.seconds < YEAR_10000)?;
    let nanos = u32::try_from(time.nanos).ok().filter(|&nanos| nanos < 1_000_000_000)?;
    Some(UNIX_EPOCH + Duration::new(seconds, nanos))
}

/// Formats a server's time as RFC 3339 in UTC with milliseconds, or `-`.
pub(super) fn time(time: Option<&Timestamp>) -> String {
    time.and_then(system_time)
        .map_or_else(|| "-".to_owned(), |time| humantime::format_rfc3339_millis(time).to_string())
}

/// Formats a server's time to the second.
pub(super) fn time_in_seconds(time: Option<&Timestamp>) -> String {
    time.and_then(system_time)
        .map_or_else(|| "-".to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// Converts a server's time span. A negative one is zero.
pub(super) fn span(span: Option<&crate::proto::well_known::Duration>) -> Duration {
    let parts = span.map(|span| (u64::try_from(span.seconds), u32::try_from(span.nanos)));
    match parts {
        Some((Ok(seconds), Ok(nanos))) if nanos < 1_000_000_000 => Duration::new(seconds, nanos),
        _ => Duration::ZERO,
    }
}

/// Returns a sortable form of a server's time.
pub(super) fn order(time: &Timestamp) -> (i64, i32) {
    (time.seconds, time.nanos)
}

/// Parses a past time: an age, or a time in UTC.
pub(super) fn parse_past(text: &str) -> Result<Timestamp, String> {
    let time = match humantime::parse_duration(text) {
        Ok(age) => SystemTime::now().checked_sub(age),
        Err(_) => humantime::parse_rfc3339_weak(text).ok(),
    };
    let since_epoch = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since_epoch
        .and_then(|time| {
            let seconds = i64::try_from(time.as_secs()).ok()?;
            Some(Timestamp { seconds, nanos: i32::try_from(time.subsec_nanos()).ok()? })
        })
        .ok_or_else(|| {
            "use an age such as 10m or 2h 30m, or a time in UTC such as 2026-11-22T10:30:00Z".to_owned()
        })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Hostile nicknames, seen or possible.
    const NASTY: [&str; 12] = [
        "\u{1b}[2J\u{1b}[H",
        "\u{1b}]0;title\u{7}",
        "\u{9b}31m",
        "a\rb\nc\td\u{8}\u{7f}",
        "\u{202e}evil\u{202c}",
        "\u{2066}x\u{2069}",
        "a\u{200b}b\u{200d}c\u{2060}d\u{feff}e",
        "\u{2028}\u{2029}\u{85}",
        "\u{ad}\u{34f}\u{61c}\u{115f}\u{3164}\u{ffa0}",
        "\u{e0041}\u{e007f}\u{fe00}\u{e0100}",
        "\0",
        "\u{fff9}\u{1d173}\u{180e}",
    ];

    #[test]
    fn no_hostile_character_reaches_a_terminal() {
        for text in NASTY {
            let escaped = escape(text);
            assert!(!escaped.chars().any(is_hostile), "{escaped:?}");
            assert!(escaped.contains('\\'), "{escaped:?}");
            // A removed character would be indistinguishable from an absent one.
            assert!(escaped.len() > text.chars().count());
        }
        assert_eq!(escape("\u{1b}[31mred\u{202e}\n"), r"\u{1b}[31mred\u{202e}\n");
        assert_eq!(escape_lines("a\u{1b}\nb\r"), "a\\u{1b}\nb\\r");
    }

    #[test]
    fn ordinary_names_of_all_scripts_stay_as_they_are() {
        for text in ["李雷", "Zoë", "Влад", "محمد", "नमस्ते", "❤️", "😀", r"back\slash", "a \"b\" 'c'"]
        {
            assert!(matches!(escape(text), Cow::Borrowed(same) if same == text), "{text}");
            assert!(matches!(escape_json(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn spans_are_short() {
        for (millis, text) in [
            (0, "0s"),
            (1, "1ms"),
            (13, "13ms"),
            (2400, "2.4s"),
            (59_999, "59s"),
            (123_000, "2m 3s"),
            (120_000, "2m"),
            (10_920_000, "3h 2m"),
            (446_400_000, "5d 4h"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
        assert_eq!(duration(Duration::from_micros(350)), "350us");
        assert_eq!(duration(Duration::from_micros(12_540)), "12.5ms");
        assert_eq!(ago(SystemTime::now() - Duration::from_secs(130)), "2m ago");
        assert_eq!(ago(SystemTime::now() + Duration::from_secs(5)), "now");
        assert_eq!((count(1, "event"), count(0, "event")), ("1 event".to_owned(), "0 events".to_owned()));
        assert_eq!((size(120), size(45_264)), ("120 B".to_owned(), "44.2 KiB".to_owned()));
    }

    #[test]
    fn a_time_without_a_calendar_form_is_a_dash() {
        let at = |seconds, nanos| time(Some(&Timestamp { seconds, nanos }));
        assert_eq!(at(1_800_000_000, 5_000_000), "2027-01-15T08:00:00.005Z");
        for (seconds, nanos) in [(i64::MAX, 0), (i64::MIN, 0), (0, -1), (0, i32::MAX), (YEAR_10000, 0)] {
            assert_eq!(at(seconds, nanos), "-");
        }
        assert_eq!(at(YEAR_10000 - 1, 0), "9999-12-31T23:59:59.000Z");
        assert_eq!(span(Some(&crate::proto::well_known::Duration { seconds: -1, nanos: 0 })), Duration::ZERO);
    }

    #[test]
    fn a_past_time_is_an_age_or_a_date() {
        assert_eq!(parse_past("2027-01-15T08:00:00Z").unwrap().seconds, 1_800_000_000);
        assert_eq!(parse_past("2027-01-15 08:00:00").unwrap().seconds, 1_800_000_000);
        let age = parse_past("2h 30m").unwrap();
        assert_eq!(ago(system_time(&age).unwrap()), "2h ago");
        for text in ["", "yesterday", "10", "99999999999y", "1960-01-01T00:00:00Z"] {
            assert!(parse_past(text).unwrap_err().contains("10m"), "{text}");
        }
    }

    proptest! {
        #[test]
        fn escaped_json_means_the_same(value in proptest::collection::vec(any::<String>(), 0..4), nasty in 0..NASTY.len()) {
            let value: Vec<String> = value.into_iter().chain([NASTY[nasty].to_owned()]).collect();
            for json in [serde_json::to_string(&value).unwrap(), serde_json::to_string_pretty(&value).unwrap()] {
                for escaped in [escape_json(&json), escape_json_lines(&json)] {
                    prop_assert!(!escaped.chars().any(|c| is_hostile(c) && c != '\n'));
                    prop_assert_eq!(&serde_json::from_str::<Vec<String>>(&escaped).unwrap(), &value);
                }
            }
        }
    }
}

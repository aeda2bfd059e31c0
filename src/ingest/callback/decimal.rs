//! Exact decimal numbers, in the notations that the vendor uses.

/// Maximum number of significant digits. The vendor's numbers have fewer than half of it. A longer number is rejected.
const MAX_DIGITS: usize = 37;
const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// `mantissa * 10^exponent`. The mantissa does not end in a zero, unless it is zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decimal {
    mantissa: i128,
    exponent: i32,
}

impl Decimal {
    /// Reads a number as JSON writes it; leading zeros are allowed. `None` for any other text, and for a number of more
    /// than [`MAX_DIGITS`] significant digits.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (is_negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (digits, exponent) = match text.split_once(['e', 'E']) {
            Some((digits, exponent)) => (digits, parse_exponent(exponent)?),
            None => (text, 0),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return None,
            Some(parts) => parts,
            None => (digits, ""),
        };
        let mut all = whole.bytes().chain(fraction.bytes());
        if whole.is_empty() || !all.all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let mut exponent = exponent.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        let digits = [whole, fraction].concat();
        let digits = digits.trim_start_matches('0');
        let significant = digits.trim_end_matches('0');
        if significant.is_empty() {
            return Some(Self { mantissa: 0, exponent: 0 });
        }
        exponent = exponent.checked_add(i32::try_from(digits.len() - significant.len()).ok()?)?;
        if significant.len() > MAX_DIGITS {
            return None;
        }
        let mantissa: i128 = significant.parse().ok()?;
        Some(Self { mantissa: if is_negative { -mantissa } else { mantissa }, exponent })
    }

    /// Returns the number if it is an integer in the range of i64.
    pub(super) fn integer(self) -> Option<i64> {
        let factor = 10_i128.checked_pow(u32::try_from(self.exponent).ok()?)?;
        i64::try_from(self.mantissa.checked_mul(factor)?).ok()
    }

    /// Reads the number as Unix seconds or milliseconds. Returns seconds and nanoseconds. The magnitude
    /// determines the unit: both units cover 2001-09-09 to 2286-11-20. `None` for any other number.
    pub(super) fn time(self) -> Option<(i64, i32)> {
        const FIRST_SECOND: i128 = 1_000_000_000;
        const END_SECOND: i128 = 10 * FIRST_SECOND;
        let seconds = FIRST_SECOND * NANOS_PER_SECOND..END_SECOND * NANOS_PER_SECOND;
        let millis = seconds.start * 1000..seconds.end * 1000;
        // Assumes seconds. Truncates fractions of a nanosecond.
        let nanos = match u32::try_from(self.exponent.checked_add(9)?) {
            Ok(exponent) => self.mantissa.checked_mul(10_i128.checked_pow(exponent)?)?,
            Err(_) => self.mantissa / 10_i128.checked_pow(self.exponent.checked_add(9)?.unsigned_abs())?,
        };
        let nanos = match nanos {
            nanos if seconds.contains(&nanos) => nanos,
            nanos if millis.contains(&nanos) => nanos / 1000,
            _ => return None,
        };
        Some(((nanos / NANOS_PER_SECOND) as i64, (nanos % NANOS_PER_SECOND) as i32))
    }
}

/// Parses the exponent after an `e`: an optional sign and digits.
fn parse_exponent(text: &str) -> Option<i32> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    // `parse` alone would accept a second sign.
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(())?;
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn integer(text: &str) -> Option<i64> {
        Decimal::parse(text)?.integer()
    }

    #[test]
    fn whole_numbers_are_exact_however_they_are_written() {
        for (text, number) in [
            ("0", Some(0)),
            ("-0", Some(0)),
            ("0.000e999", Some(0)),
            ("007", Some(7)),
            ("700001.0", Some(700_001)),
            ("1.5e3", Some(1500)),
            ("1500000E-3", Some(1500)),
            ("-12e+1", Some(-120)),
            ("9007199254740993.0", Some(9_007_199_254_740_993)),
            ("9223372036854775807", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e19", None),
            ("1e999999999999", None),
            ("1e2147483647", None),
            ("1.5", None),
            ("1e-1", None),
            ("0.1e-2147483648", None),
        ] {
            assert_eq!(integer(text), number, "{text}");
        }
        assert_eq!(integer(&format!("1{}", ".".to_owned() + &"0".repeat(400))), Some(1));
        assert_eq!(integer(&"9".repeat(400)), None);
    }

    #[test]
    fn other_texts_are_not_numbers() {
        for text in [
            "", "-", "+1", "--1", ".5", "1.", "1e", "1e+", "1e+-1", "1.e1", " 1", "1 ", "0x1", "1_0", "١",
            "NaN", "1e1.0",
        ] {
            assert_eq!(Decimal::parse(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_by_magnitude() {
        let time = |text: &str| Decimal::parse(text).and_then(Decimal::time);
        for (text, expected) in [
            ("1670574414123", Some((1_670_574_414, 123_000_000))),
            ("1670574414", Some((1_670_574_414, 0))),
            ("1.670574414123e12", Some((1_670_574_414, 123_000_000))),
            ("1670574414123.0", Some((1_670_574_414, 123_000_000))),
            ("1670574414.5", Some((1_670_574_414, 500_000_000))),
            ("1670574414123.4567891", Some((1_670_574_414, 123_456_789))),
            ("1670574414.12345678912345678912345678", Some((1_670_574_414, 123_456_789))),
            ("1000000000", Some((1_000_000_000, 0))),
            ("9999999999", Some((9_999_999_999, 0))),
            ("1000000000000", Some((1_000_000_000, 0))),
            ("9999999999999", Some((9_999_999_999, 999_000_000))),
            ("999999999.999999999", None),
            ("10000000000", None),
            ("999999999999", None),
            ("10000000000000", None),
            ("1670574414123456", None),
            ("0", None),
            ("1", None),
            ("-1670574414", None),
            ("1e30", None),
            ("1e2147483647", None),
            ("1e-2147483648", None),
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_integer_is_read_in_any_form(number: i64, zeros in 0_usize..20, shift in 0_usize..15) {
            let digits = number.to_string();
            prop_assert_eq!(integer(&digits), Some(number));
            let fraction = "0".repeat(zeros + 1);
            let with_fraction = format!("{}.{}", digits, fraction);
            prop_assert_eq!(integer(&with_fraction), Some(number));
            let (whole, rest) = digits.split_at(digits.len() - shift.min(digits.trim_start_matches('-').len() - 1));
            let moved = if rest.is_empty() { digits.clone() } else { format!("{whole}.{rest}e{}", rest.len()) };
            prop_assert_eq!(integer(&moved), Some(number));
        }

        #[test]
        fn no_text_breaks_the_parser(text in "[-+0-9.eE]{0,60}") {
            if let Some(decimal) = Decimal::parse(&text) {
                prop_assert!(text.parse::<f64>().is_ok());
                decimal.integer();
                decimal.time();
            }
        }
    }
}

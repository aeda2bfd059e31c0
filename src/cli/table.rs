//! Tables: columns padded to their widest cell, separated by two spaces.
//!
//! Crates for tables draw borders, break cells and cut text on a pipe by default. Turning that off takes more
//! code than this module.

use std::io::{self, Write};

use anstyle::Style;
use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use super::text::escape;

/// Minimum width of the last column, however narrow the terminal is.
const MIN_LAST_WIDTH: usize = 20;

/// Headings.
pub(super) const HEADING: Style = Style::new().bold();
/// Less important text.
pub(super) const DIM: Style = Style::new().dimmed();
/// Good states.
pub(super) const GOOD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Green)));
/// States that may need attention.
pub(super) const NOTE: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Yellow)));
/// Problems.
pub(super) const BAD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Red)));
/// Names.
pub(super) const NAME: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(anstyle::AnsiColor::Cyan)));
/// Ordinary text.
pub(super) const PLAIN: Style = Style::new();

/// A cell: escaped text and its style.
pub(super) struct Cell {
    text: String,
    style: Style,
}

impl Cell {
    pub(super) fn new(style: Style, text: impl AsRef<str>) -> Self {
        Self { text: escape(text.as_ref()).into_owned(), style }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::new(PLAIN, text)
    }
}

/// A table with a heading. A row has as many cells as the heading, or one: a note.
pub(super) struct Table(Vec<Vec<Cell>>);

impl Table {
    pub(super) fn new(heading: &[&str]) -> Self {
        Self(vec![heading.iter().map(|text| Cell::new(HEADING, text)).collect()])
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(self.0[0].len(), N, "a cell for each column");
        self.0.push(cells.into());
    }

    /// Adds a note below the last row.
    pub(super) fn note(&mut self, text: &str) {
        self.0.push(vec![Cell::new(DIM, format!("  {text}"))]);
    }

    /// Writes the table. With a terminal's width, cuts the last column and the notes to fit.
    pub(super) fn write(&self, out: &mut impl Write, terminal_width: Option<usize>) -> io::Result<()> {
        let columns = self.0[0].len();
        debug_assert!(columns > 1, "a row of one cell is a note");
        let rows = self.0.iter().filter(|row| row.len() == columns);
        let widest = |column: usize| rows.clone().map(|row| row[column].text.width()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(widest).collect();
        let before_last: usize = widths[..columns - 1].iter().map(|width| width + 2).sum();
        for row in &self.0 {
            let (last, others) = row.split_last().expect("no row is empty");
            for (cell, width) in others.iter().zip(&widths) {
                let style = cell.style;
                let padding = width - cell.text.width() + 2;
                write!(out, "{style}{}{style:#}{:padding$}", cell.text, "")?;
            }
            let before_last = if others.is_empty() { 0 } else { before_last };
            let style = last.style;
            let text = match terminal_width {
                Some(width) => cut(&last.text, width.saturating_sub(before_last).max(MIN_LAST_WIDTH)),
                None => last.text.clone(),
            };
            writeln!(out, "{style}{text}{style:#}")?;
        }
        Ok(())
    }
}

/// Cuts text to a number of terminal columns, and marks the cut with an ellipsis.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let kept = text.chars().take_while(|c| {
        used += c.width().unwrap_or(0);
        used <= width
    });
    kept.chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_with_wide_characters() {
        let mut table = Table::new(&["NAME", "X"]);
        table.row(["李雷".into(), "1".into()]);
        table.row(["a\u{1b}[1m".into(), "2".into()]);
        let mut out = Vec::new();
        table.write(&mut out, None).unwrap();
        let plain = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(plain, "NAME        X\n李雷        1\na\\u{1b}[1m  2\n");
    }

    #[test]
    fn a_note_stands_below_its_row_and_widens_no_column() {
        let mut table = Table::new(&["A", "B"]);
        table.row(["x".into(), "y".into()]);
        table.note("longer than the table is");
        let written = |width| {
            let mut out = Vec::new();
            table.write(&mut out, width).unwrap();
            anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string()
        };
        assert_eq!(written(None), "A  B\nx  y\n  longer than the table is\n");
        assert_eq!(written(Some(22)), "A  B\nx  y\n  longer than the tab…\n");
    }

    #[test]
    fn the_last_column_is_cut_to_the_terminal() {
        let mut table = Table::new(&["A", "B"]);
        table.row(["x".into(), "李".repeat(30).into()]);
        let mut out = Vec::new();
        table.write(&mut out, Some(28)).unwrap();
        let plain = anstream::adapter::strip_str(std::str::from_utf8(&out).unwrap()).to_string();
        assert_eq!(plain.lines().nth(1).unwrap(), format!("x  {}…", "李".repeat(12)));
        assert_eq!(cut("abc", 3), "abc");
    }
}

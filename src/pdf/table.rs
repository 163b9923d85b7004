//! Tables: columns with a head that repeats on each page, and rows that are not split.

use krilla::tagging::{TableHeaderScope, Tag};

use super::sheet::{At, Look, Place, Sheet};
use super::text::Shaped;

/// Between a row's rule and its text.
const PADDING: f32 = 3.0;
/// Between two columns.
const GAP: f32 = 8.0;

/// A column, with its share of the table's width.
pub(super) struct Column {
    pub head: &'static str,
    pub share: f32,
    pub is_number: bool,
}

/// A column's place, and the look of its cells.
type Cell = (Place, Look);

/// Writes a table. The first cell of a row may be long, and may even continue on the next page.
pub(super) fn write(sheet: &mut Sheet, place: Place, columns: &[Column], rows: &[Vec<String>]) {
    let cells = places(place, columns);
    sheet.group(Tag::Table, |sheet| {
        sheet.keep(6.0 * Look::BODY.height());
        sheet.group(Tag::THead, |sheet| head(sheet, place, columns, &cells));
        sheet.group(Tag::TBody, |sheet| {
            for texts in rows {
                row(sheet, place, columns, &cells, texts);
            }
        });
    });
}

fn places(place: Place, columns: &[Column]) -> Vec<Cell> {
    let mut x = place.x;
    let cell = |(i, column): (usize, &Column)| {
        let width = place.width * column.share;
        let gap = if i + 1 < columns.len() { GAP } else { 0.0 };
        let cell = Place { x, width: width - gap };
        x += width;
        (cell, if column.is_number { Look::NUMBER } else { Look::BODY })
    };
    columns.iter().enumerate().map(cell).collect()
}

fn head(sheet: &mut Sheet, place: Place, columns: &[Column], cells: &[Cell]) {
    sheet.group(Tag::TR, |sheet| {
        for (column, (place, look)) in columns.iter().zip(cells) {
            let look = Look { to_the_right: look.to_the_right, ..Look::SMALL };
            sheet.group(Tag::TH(TableHeaderScope::Column), |sheet| {
                for line in sheet.lines(column.head, *place, look) {
                    sheet.put(line, *place, look);
                }
            });
        }
    });
    sheet.space(Look::SMALL.height() + PADDING);
    sheet.rule(place);
    sheet.space(PADDING);
}

fn row(sheet: &mut Sheet, place: Place, columns: &[Column], cells: &[Cell], texts: &[String]) {
    let height = Look::BODY.height();
    let continue_on_new_page = |sheet: &mut Sheet| {
        sheet.new_page();
        sheet.artifact(|sheet| head(sheet, place, columns, cells));
    };
    // An empty cell would be dropped, and the row be one short.
    let shown = |text: &String| if text.trim().is_empty() { "–".to_owned() } else { text.clone() };
    let lines = |(text, (place, look)): (&String, &Cell)| sheet.lines(&shown(text), *place, *look);
    let mut wrapped: Vec<Vec<Shaped>> = texts.iter().zip(cells).map(lines).collect();
    let long = wrapped.remove(0);
    // A row short enough for one page moves to the next one as a whole; a longer one starts here.
    let others = wrapped.iter().map(Vec::len).max().unwrap_or(0);
    if !sheet.has_room(long.len().min(20).max(others) as f32 * height) {
        continue_on_new_page(sheet);
    }
    let start = sheet.at;
    sheet.group(Tag::TR, |sheet| {
        let (first, look) = cells[0];
        sheet.group(Tag::TD, |sheet| {
            for line in long {
                if !sheet.has_room(height) {
                    continue_on_new_page(sheet);
                }
                sheet.put(line, first, look);
                sheet.space(height);
            }
        });
        let end = sheet.at;
        for (lines, (place, look)) in wrapped.into_iter().zip(&cells[1..]) {
            sheet.at = start;
            sheet.group(Tag::TD, |sheet| column(sheet, lines, *place, *look));
        }
        let least = start.y + others as f32 * height;
        sheet.at = if end.page == start.page { At { y: end.y.max(least), ..end } } else { end };
    });
    sheet.space(PADDING);
    sheet.rule(place);
    sheet.space(PADDING);
}

fn column(sheet: &mut Sheet, lines: Vec<Shaped>, place: Place, look: Look) {
    for line in lines {
        sheet.put(line, place, look);
        sheet.space(look.height());
    }
}

/// Writes pairs of a label and a number, the last one in bold.
pub(super) fn sums(sheet: &mut Sheet, place: Place, pairs: &[(&str, String)]) {
    let left = Place { width: place.width * 0.4, ..place };
    let right = Place { x: place.x + place.width * 0.4, width: place.width * 0.6 };
    sheet.group(Tag::Table, |sheet| {
        sheet.keep((pairs.len() + 1) as f32 * (Look::BODY.height() + PADDING));
        for (i, (label, number)) in pairs.iter().enumerate() {
            let is_last = i + 1 == pairs.len();
            let look = Look { bold: is_last, size: if is_last { 11.0 } else { 9.0 }, ..Look::BODY };
            let scope = TableHeaderScope::Row;
            sheet.group(Tag::TR, |sheet| {
                for (text, place, look) in [(*label, left, look), (number, right, Look { to_the_right: true, ..look })]
                {
                    let lines = sheet.lines(text, place, look);
                    let fill = |sheet: &mut Sheet| lines.into_iter().for_each(|l| sheet.put(l, place, look));
                    if look.to_the_right {
                        sheet.group(Tag::TD, fill);
                    } else {
                        sheet.group(Tag::TH(scope), fill);
                    }
                }
            });
            sheet.space(look.height() + PADDING);
        }
    });
}

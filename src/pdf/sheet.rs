//! The layout of text on as many A4 pages as needed, and its meaning for screen readers. Lengths are in points from a
//! page's upper left corner. `draw` turns it into a PDF.

use krilla::tagging::TagKind;

use super::text::{Fonts, Shaped, Style};

pub(super) const PAGE_WIDTH: f32 = 595.28;
pub(super) const PAGE_HEIGHT: f32 = 841.89;
pub(super) const MARGIN: f32 = 48.0;
pub(super) const WIDTH: f32 = PAGE_WIDTH - 2.0 * MARGIN;
/// Below this, only the page number.
const BOTTOM: f32 = PAGE_HEIGHT - 64.0;
/// Line spacing, as a multiple of the font size.
const LEADING: f32 = 1.4;

#[derive(Clone, Copy, Default, PartialEq)]
pub(super) struct Look {
    pub size: f32,
    pub bold: bool,
    pub muted: bool,
    /// Right-aligned, and shrunk until it fits.
    pub to_the_right: bool,
}

impl Look {
    pub const BODY: Look = Look { size: 9.0, bold: false, muted: false, to_the_right: false };
    pub const SMALL: Look = Look { size: 7.5, muted: true, ..Look::BODY };
    pub const BOLD: Look = Look { bold: true, ..Look::BODY };
    pub const NUMBER: Look = Look { to_the_right: true, ..Look::BODY };

    pub fn height(self) -> f32 {
        self.size * LEADING
    }
}

/// Where text may be on its page.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub x: f32,
    pub width: f32,
}

impl Place {
    pub const ALL: Place = Place { x: MARGIN, width: WIDTH };
}

/// A line of text, positioned by its baseline.
pub(super) struct Text {
    pub page: usize,
    pub x: f32,
    pub y: f32,
    pub look: Look,
    pub shaped: Shaped,
    /// Decoration that screen readers skip: page numbers, a table's head on later pages.
    pub is_artifact: bool,
}

/// A thin horizontal line.
pub(super) struct Rule {
    pub page: usize,
    pub y: f32,
    pub place: Place,
}

/// The document's meaning, as a tree over [`Sheet::texts`].
pub(super) enum Part {
    Group(TagKind, Vec<Part>),
    Text(usize),
}

/// A position on the sheet.
#[derive(Clone, Copy)]
pub(super) struct At {
    pub page: usize,
    pub y: f32,
}

pub(super) struct Sheet {
    pub fonts: Fonts,
    pub texts: Vec<Text>,
    pub rules: Vec<Rule>,
    pub pages: usize,
    /// Where the next line goes.
    pub at: At,
    open: Vec<Vec<Part>>,
    in_artifact: bool,
}

impl Sheet {
    pub fn new(fonts: Fonts) -> Sheet {
        let at = At { page: 0, y: MARGIN };
        Sheet { fonts, texts: vec![], rules: vec![], pages: 1, at, open: vec![vec![]], in_artifact: false }
    }

    pub fn style(&self, look: Look) -> &Style {
        if look.bold { &self.fonts.bold } else { &self.fonts.regular }
    }

    /// Groups what `fill` adds under a tag.
    pub fn group(&mut self, tag: impl Into<TagKind>, fill: impl FnOnce(&mut Sheet)) {
        self.open.push(vec![]);
        fill(self);
        let parts = self.open.pop().unwrap_or_default();
        self.add(Part::Group(tag.into(), parts));
    }

    /// Hides what `fill` adds from screen readers.
    pub fn artifact(&mut self, fill: impl FnOnce(&mut Sheet)) {
        self.in_artifact = true;
        fill(self);
        self.in_artifact = false;
    }

    fn add(&mut self, part: Part) {
        if let Some(parts) = self.open.last_mut() {
            parts.push(part);
        }
    }

    /// The tree of everything added.
    pub fn take_parts(&mut self) -> Vec<Part> {
        self.open.pop().unwrap_or_default()
    }

    /// The lines that a text takes in its place.
    pub fn lines(&self, text: &str, place: Place, look: Look) -> Vec<Shaped> {
        let style = self.style(look);
        if look.to_the_right {
            return vec![style.shape(&style.printable(text))];
        }
        style.wrap(text, place.width / look.size)
    }

    /// Puts one line at the current height, without moving on.
    pub fn put(&mut self, shaped: Shaped, place: Place, mut look: Look) {
        if shaped.glyphs.is_empty() {
            return;
        }
        let mut x = place.x;
        if look.to_the_right {
            look.size = look.size.min(place.width / shaped.width());
            x += place.width - shaped.width() * look.size;
        }
        let (At { page, y }, is_artifact) = (self.at, self.in_artifact);
        if !is_artifact {
            self.add(Part::Text(self.texts.len()));
        }
        self.texts.push(Text { page, x, y: y + look.size, look, shaped, is_artifact });
    }

    /// Writes a text below the previous one, over as many pages as needed.
    pub fn write(&mut self, text: &str, place: Place, look: Look) {
        for shaped in self.lines(text, place, look) {
            if !self.has_room(look.height()) {
                self.new_page();
            }
            self.put(shaped, place, look);
            self.at.y += look.height();
        }
    }

    pub fn rule(&mut self, place: Place) {
        self.rules.push(Rule { page: self.at.page, y: self.at.y, place });
    }

    pub fn space(&mut self, height: f32) {
        self.at.y += height;
    }

    pub fn has_room(&self, height: f32) -> bool {
        self.at.y + height <= BOTTOM
    }

    pub fn new_page(&mut self) {
        self.at = At { page: self.at.page + 1, y: MARGIN };
        self.pages = self.pages.max(self.at.page + 1);
    }

    /// Keeps what follows, of this height, on one page.
    pub fn keep(&mut self, height: f32) {
        if !self.has_room(height) {
            self.new_page();
        }
    }
}

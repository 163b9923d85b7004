//! Text: the glyphs of a line, its width, and its line breaks.

use std::ops::Range;

use krilla::text::{Font, GlyphId, KrillaGlyph};
use rustybuzz::{Direction, Face, UnicodeBuffer};
use unicode_bidi::BidiInfo;

use super::PdfError;

/// Replaces a character that the font has no glyph for.
const REPLACEMENT: char = '\u{fffd}';

/// One of the two fonts.
pub(super) struct Style {
    pub font: Font,
    face: Face<'static>,
}

/// The fonts of a document.
pub(super) struct Fonts {
    pub regular: Style,
    pub bold: Style,
}

impl Fonts {
    pub fn new() -> Result<Fonts, PdfError> {
        let style = |data: &'static [u8]| {
            let font = Font::new(data.into(), 0).ok_or(PdfError::Font)?;
            Ok(Style { font, face: Face::from_slice(data, 0).ok_or(PdfError::Font)? })
        };
        Ok(Fonts { regular: style(dejavu::sans_condensed::regular())?, bold: style(dejavu::sans_condensed::bold())? })
    }
}

/// A line of text as its glyphs, in visual order; sizes are relative to the font size.
pub(super) struct Shaped {
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
}

impl Shaped {
    pub fn width(&self) -> f32 {
        self.glyphs.iter().map(|g| g.x_advance).sum()
    }
}

impl Style {
    /// The printable form of a text: one line, without characters that only control direction.
    pub fn printable(&self, text: &str) -> String {
        let steers =
            |c| matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        let one = |c: char| match c {
            '\u{a0}' | '\u{202f}' => c,
            _ if c.is_whitespace() || c.is_control() => ' ',
            '\u{e000}'..='\u{f8ff}' => REPLACEMENT,
            _ if self.face.glyph_index(c).is_none() => REPLACEMENT,
            _ => c,
        };
        text.chars().filter(|c| !steers(*c)).map(one).collect()
    }

    /// The glyphs of a printable text; right-to-left text is in visual order.
    pub fn shape(&self, text: &str) -> Shaped {
        let bidi = BidiInfo::new(text, None);
        let mut glyphs = Vec::new();
        for paragraph in &bidi.paragraphs {
            let (levels, runs) = bidi.visual_runs(paragraph, paragraph.range.clone());
            for run in runs {
                glyphs.extend(self.run(text, run.clone(), levels[run.start].is_rtl()));
            }
        }
        Shaped { text: text.to_owned(), glyphs }
    }

    fn run(&self, text: &str, run: Range<usize>, right_to_left: bool) -> Vec<KrillaGlyph> {
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text[run.clone()]);
        buffer.guess_segment_properties();
        buffer.set_direction(if right_to_left { Direction::RightToLeft } else { Direction::LeftToRight });
        let output = rustybuzz::shape(&self.face, &[], buffer);
        let starts: Vec<usize> = output.glyph_infos().iter().map(|g| run.start + g.cluster as usize).collect();
        let end = |start| starts.iter().copied().filter(|s| *s > start).min().unwrap_or(run.end);
        let em = self.font.units_per_em();
        let glyph = |(i, position): (usize, &rustybuzz::GlyphPosition)| {
            KrillaGlyph::new(
                GlyphId::new(output.glyph_infos()[i].glyph_id),
                position.x_advance as f32 / em,
                position.x_offset as f32 / em,
                position.y_offset as f32 / em,
                position.y_advance as f32 / em,
                starts[i]..end(starts[i]),
                None,
            )
        };
        output.glyph_positions().iter().enumerate().map(glyph).collect()
    }

    /// Wraps a text into lines of at most `width` (relative to the font size), paragraph by paragraph. A line that
    /// continues keeps its space, so that screen readers and copied text keep words apart.
    pub fn wrap(&self, text: &str, width: f32) -> Vec<Shaped> {
        text.lines().flat_map(|paragraph| self.wrap_paragraph(&self.printable(paragraph), width)).collect()
    }

    fn wrap_paragraph(&self, text: &str, width: f32) -> Vec<Shaped> {
        let mut lines = Vec::new();
        let (mut line, mut used) = (String::new(), 0.0);
        for word in text.trim().split_inclusive(' ') {
            let wide = self.shape(word.trim_end()).width();
            if used + wide > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line));
                used = 0.0;
            }
            line.push_str(word);
            if wide > width {
                while !self.fits(line.trim_end(), width) {
                    let rest = line.split_off(self.cut(&line, width));
                    lines.push(std::mem::replace(&mut line, rest));
                }
                used = self.shape(&line).width();
            } else {
                used += self.shape(word).width();
            }
        }
        lines.push(line);
        lines.iter().map(|line| self.shape(line)).collect()
    }

    fn fits(&self, text: &str, width: f32) -> bool {
        self.shape(text).width() <= width
    }

    /// Where to cut a word that is longer than a line: after at least one character.
    fn cut(&self, word: &str, width: f32) -> usize {
        let ends: Vec<usize> = word.char_indices().map(|(i, c)| i + c.len_utf8()).collect();
        let fitting = ends.partition_point(|end| self.fits(&word[..*end], width));
        ends[fitting.max(1) - 1]
    }
}

//! Turns a laid-out sheet into a PDF.

use jiff::civil::Date;
use krilla::Document;
use krilla::SerializeSettings;
use krilla::color::luma;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::Fill;
use krilla::surface::Surface;
use krilla::tagging::{Artifact, ArtifactType, ContentTag, Identifier, Node, TagGroup, TagTree};

use super::PdfError;
use super::sheet::{Look, MARGIN, PAGE_HEIGHT, PAGE_WIDTH, Part, Rule, Sheet, Text};

const MUTED: u8 = 85;
const RULE: u8 = 170;

pub(super) fn draw(mut sheet: Sheet, title: &str, author: &str, date: Date) -> Result<Vec<u8>, PdfError> {
    let configuration = ConfigurationBuilder::new()
        .with_archival_validator(Archival::A2_A)
        .with_accessibility_validator(Accessibility::UA1)
        .finish()
        .map_err(PdfError::Configuration)?;
    let mut pdf = Document::new_with(SerializeSettings { configuration, ..SerializeSettings::default() });
    pdf.set_metadata(metadata(title, author, date));
    let mut outline = Outline::new();
    let top = XyzDestination::new(0, Point::from_xy(MARGIN, MARGIN));
    outline.push_child(OutlineNode::new(title.to_owned(), top));
    pdf.set_outline(outline);

    let mut identifiers = vec![None; sheet.texts.len()];
    for page in 0..sheet.pages {
        let settings = PageSettings::from_wh(PAGE_WIDTH, PAGE_HEIGHT).unwrap_or_default();
        let mut drawn = pdf.start_page_with(settings);
        let mut surface = drawn.surface();
        for rule in sheet.rules.iter().filter(|r| r.page == page) {
            draw_rule(&mut surface, rule);
        }
        for (text, identifier) in sheet.texts.iter().zip(&mut identifiers).filter(|(t, _)| t.page == page) {
            *identifier = Some(draw_text(&mut surface, &sheet, text));
        }
        surface.finish();
    }
    let parts = sheet.take_parts();
    let nodes: Vec<Node> = parts.into_iter().filter_map(|p| node(p, &identifiers)).collect();
    pdf.set_tag_tree(TagTree::from(nodes).with_lang(Some("en".into())));
    pdf.finish().map_err(PdfError::Invalid)
}

fn metadata(title: &str, author: &str, date: Date) -> Metadata {
    let part = |n: i8| u8::try_from(n).unwrap_or(1);
    let midnight = DateTime::new(u16::try_from(date.year()).unwrap_or(0))
        .month(part(date.month()))
        .day(part(date.day()))
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(0)
        .utc_offset_minute(0);
    Metadata::new()
        .title(title.to_owned())
        // The metadata are XML, which cannot hold these characters.
        .authors(vec![author.replace(|c: char| c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&c), " ")])
        .creator("Scrip".into())
        .language("en".into())
        .document_id(title.to_owned())
        .creation_date(midnight)
}

fn grey(lightness: u8) -> Option<Fill> {
    Some(Fill { paint: luma::Color::new(lightness).into(), ..Fill::default() })
}

fn draw_text(surface: &mut Surface<'_>, sheet: &Sheet, text: &Text) -> Identifier {
    let Look { size, muted, .. } = text.look;
    let tag = match text.is_artifact {
        true => ContentTag::Artifact(Artifact::with_kind(ArtifactType::PaginationOther)),
        false => ContentTag::Other,
    };
    let identifier = surface.start_tagged(tag);
    surface.set_fill(grey(if muted { MUTED } else { 0 }));
    let font = sheet.style(text.look).font.clone();
    let start = Point::from_xy(text.x, text.y);
    surface.draw_glyphs(start, &text.shaped.glyphs, font, &text.shaped.text, size, false);
    surface.end_tagged();
    identifier
}

fn draw_rule(surface: &mut Surface<'_>, rule: &Rule) {
    let mut path = PathBuilder::new();
    if let Some(thin) = Rect::from_xywh(rule.place.x, rule.y, rule.place.width, 0.5) {
        path.push_rect(thin);
    }
    let Some(path) = path.finish() else { return };
    surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
    surface.set_fill(grey(RULE));
    surface.draw_path(&path);
    surface.end_tagged();
}

fn node(part: Part, identifiers: &[Option<Identifier>]) -> Option<Node> {
    match part {
        Part::Text(index) => identifiers[index].map(Node::from),
        Part::Group(tag, parts) => {
            let nodes = parts.into_iter().filter_map(|p| node(p, identifiers)).collect();
            Some(TagGroup::with_children(tag, nodes).into())
        }
    }
}

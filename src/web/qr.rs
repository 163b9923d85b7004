//! QR codes as pictures inside a page.

use askama::filters::HtmlSafeOutput;

use super::error::{WebError, WebResult};

/// An SVG element.
pub type Svg = HtmlSafeOutput<String>;

/// A text as an SVG element of at least so many pixels.
pub fn svg(text: &str, pixels: u32) -> WebResult<Svg> {
    let qr = qrcode::QrCode::new(text.as_bytes()).map_err(|e| WebError::Internal(e.to_string()))?;
    let svg =
        qr.render::<qrcode::render::svg::Color>().min_dimensions(pixels, pixels).quiet_zone(false).build();
    // An XML declaration has no place inside a page.
    Ok(HtmlSafeOutput(svg.split_once("?>").map_or(svg.clone(), |(_, rest)| rest.to_owned())))
}

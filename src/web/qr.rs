//! QR codes as images inside a page.

use askama::filters::HtmlSafeOutput;

use super::error::{WebError, WebResult};

pub type Svg = HtmlSafeOutput<String>;

/// A text as an SVG element of at least `pixels` pixels.
pub fn svg(text: &str, pixels: u32) -> WebResult<Svg> {
    let qr = qrcode::QrCode::new(text.as_bytes()).map_err(|e| WebError::Internal(e.to_string()))?;
    let svg = qr.render::<qrcode::render::svg::Color>().min_dimensions(pixels, pixels).quiet_zone(false).build();
    // A page must not contain an XML declaration.
    Ok(HtmlSafeOutput(svg.split_once("?>").map_or(svg.clone(), |(_, rest)| rest.to_owned())))
}

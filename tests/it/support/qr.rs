//! Reads the QR codes on a page as a camera would.

/// The contents of all QR codes on a page, in order.
pub fn read(page: &str) -> Vec<String> {
    page.split("<svg").skip(1).filter_map(|rest| rest.split_once("</svg>")).map(|(svg, _)| decode(svg)).collect()
}

/// Draws the dark modules with a quiet zone around them, and decodes the result.
fn decode(svg: &str) -> String {
    let number = |text: &str| text.parse::<usize>().unwrap();
    let size = number(svg.split("width=\"").nth(1).unwrap().split('"').next().unwrap());
    // Each dark module is M, its position, then its width and height.
    let path = svg.split(" d=\"").nth(1).unwrap().split('"').next().unwrap();
    let squares: Vec<[usize; 3]> = path
        .split('M')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (place, rest) = part.split_once('h').unwrap();
            let (x, y) = place.split_once(' ').unwrap();
            [number(x), number(y), number(rest.split('v').next().unwrap())]
        })
        .collect();
    let quiet = squares[0][2] * 4;
    let side = size + 2 * quiet;
    let is_dark = |x: usize, y: usize| {
        let inside = |from: usize, at: usize, width: usize| (from + quiet..from + quiet + width).contains(&at);
        squares.iter().any(|[left, top, width]| inside(*left, x, *width) && inside(*top, y, *width))
    };
    let mut picture =
        rqrr::PreparedImage::prepare_from_greyscale(side, side, |x, y| if is_dark(x, y) { 0 } else { 255 });
    let grids = picture.detect_grids();
    grids.first().expect("a QR code").decode().unwrap().1
}

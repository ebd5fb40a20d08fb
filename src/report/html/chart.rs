//! One figure as an SVG: axes, lines and bands by `plotters`; dots and marks, which carry tooltips, written here.
//!
//! Colours of axes come from the page's style sheet, and so do the dark variants of the lines' colours; hence a figure
//! is drawn in exactly the colours of `PALETTE`.

use std::fmt::Write as _;

use plotters::prelude::*;

use super::axis::Axis;
use super::text::Escaped;

/// Okabe and Ito's palette, told apart with every kind of colour vision; the order keeps neighbours unlike in lightness too.
pub(super) const PALETTE: [RGBColor; 7] = [
    RGBColor(0x00, 0x72, 0xB2),
    RGBColor(0xE6, 0x9F, 0x00),
    RGBColor(0x00, 0x9E, 0x73),
    RGBColor(0xCC, 0x79, 0xA7),
    RGBColor(0xD5, 0x5E, 0x00),
    RGBColor(0x56, 0xB4, 0xE9),
    RGBColor(0x80, 0x80, 0x80),
];

/// The colour of the run at `index`.
pub(super) fn colour(index: usize) -> RGBColor {
    PALETTE[index % PALETTE.len()]
}

/// The colour as the drawing writes it.
pub(super) fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Size of a label in the drawing's own pixels; two of them are one pixel on a wide screen.
pub(super) const LABEL: i32 = 26;

/// What is drawn over the axes, in order.
pub(super) enum Layer {
    /// A line; a thin one is secondary.
    Line { points: Vec<(f64, f64)>, colour: RGBColor, thin: bool },
    /// The area between two lines over the same x, as (x, low, high).
    Band { points: Vec<(f64, f64, f64)>, colour: RGBColor },
    /// A dot a value, each with its tooltip or none.
    Dots { points: Vec<(f64, f64, Option<String>)>, colour: RGBColor },
    /// A vertical line with a tooltip.
    Mark { x: f64, text: String },
}

impl Layer {
    /// Whether it shows no value.
    fn is_empty(&self) -> bool {
        match self {
            Self::Line { points, .. } => points.is_empty(),
            Self::Band { points, .. } => points.is_empty(),
            Self::Dots { points, .. } => points.is_empty(),
            Self::Mark { .. } => true,
        }
    }
}

/// A figure.
pub(super) struct Chart {
    pub(super) x: Axis,
    pub(super) y: Axis,
    pub(super) layers: Vec<Layer>,
    /// What it shows, for those who cannot see it.
    pub(super) label: String,
}

/// Axes without content, and where the content goes.
pub(super) struct Frame {
    svg: String,
    /// Left, top, width and height of the plotting area.
    pub(super) area: (f64, f64, f64, f64),
}

impl Frame {
    /// Draws the axes and what `plotters` can draw of the layers.
    ///
    /// # Panics
    /// Never: drawing into a string cannot fail.
    pub(super) fn draw(size: (u32, u32), left: u32, (x, y): (&Axis, &Axis), layers: &[Layer]) -> Self {
        const INTO_STRING: &str = "drawing into a string cannot fail";
        let mut svg = String::new();
        let area = {
            let root = SVGBackend::with_string(&mut svg, size).into_drawing_area();
            let mut builder = ChartBuilder::on(&root);
            builder.margin_top(18).margin_right(30).margin_bottom(4).margin_left(2).x_label_area_size(78).y_label_area_size(left);
            let mut chart = builder.build_cartesian_2d(x.clone(), y.clone()).expect(INTO_STRING);
            chart
                .configure_mesh()
                .x_desc(&x.title)
                .y_desc(&y.title)
                .label_style(("sans-serif", f64::from(LABEL) * 1.24))
                .axis_desc_style(("sans-serif", f64::from(LABEL) * 1.24))
                .bold_line_style(RGBColor(0xDD, 0xDD, 0xDD))
                .light_line_style(TRANSPARENT)
                .axis_style(RGBColor(0x77, 0x77, 0x77))
                .draw()
                .expect(INTO_STRING);
            for layer in layers {
                match layer {
                    Layer::Line { points, colour, thin } => {
                        let style = colour.stroke_width(if *thin { 2 } else { 4 });
                        chart.draw_series(LineSeries::new(points.iter().copied(), style)).map(drop)
                    }
                    Layer::Band { points, colour } => {
                        let low = points.iter().map(|point| (point.0, point.1));
                        let high = points.iter().rev().map(|point| (point.0, point.2));
                        let outline: Vec<_> = low.chain(high).collect();
                        chart.draw_series([Polygon::new(outline, colour.mix(0.25).filled())]).map(drop)
                    }
                    Layer::Dots { .. } | Layer::Mark { .. } => Ok(()),
                }
                .expect(INTO_STRING);
            }
            let (across, down) = chart.plotting_area().get_pixel_range();
            root.present().expect(INTO_STRING);
            (across.start.into(), down.start.into(), (across.end - across.start).into(), (down.end - down.start).into())
        };
        Self { svg, area }
    }

    /// The figure with `content` over the axes; `class` is the style sheet's handle on it.
    pub(super) fn finish(self, class: &str, label: &str, content: &str) -> String {
        let head = self.svg.find('>').map_or(0, |end| end + 1);
        let view = self.svg[..head].split_once("viewBox=\"").and_then(|(_, rest)| rest.split_once('"')).map_or("0 0 1 1", |(view, _)| view);
        let body = self.svg[head..].trim_end().trim_end_matches("</svg>");
        format!(r#"<svg class="{class}" role="img" viewBox="{view}" aria-label="{}">{body}{content}</svg>"#, Escaped(label))
    }
}

impl Chart {
    /// The figure as an inline SVG, for a third of a wide screen or the whole of a narrow one.
    pub(super) fn svg(&self) -> String {
        let frame = Frame::draw((920, 600), 150, (&self.x, &self.y), &self.layers);
        let (left, top, width, height) = frame.area;
        let across = |x: f64| left + width * self.x.fraction(x);
        let down = |y: f64| top + height * (1.0 - self.y.fraction(y));
        let mut content = String::new();
        if self.layers.iter().all(Layer::is_empty) {
            let (x, y) = (left + width / 2.0, top + height / 2.0);
            let _ = write!(content, r#"<text x="{x}" y="{y}" text-anchor="middle" font-size="{LABEL}">nothing to show</text>"#);
        }
        for layer in &self.layers {
            match layer {
                Layer::Dots { points, colour } => dots(&mut content, points, *colour, across, down),
                Layer::Mark { x, text } => {
                    let x = across(*x);
                    let bottom = top + height;
                    let _ = write!(content, r#"<path class="mark" d="M{x:.1} {top}V{bottom}"><title>{}</title></path>"#, Escaped(text));
                }
                Layer::Line { .. } | Layer::Band { .. } => {}
            }
        }
        frame.finish("chart", &self.label, &content)
    }
}

/// Dots with tooltips are elements of their own; those without share one path, at a few bytes each.
fn dots(
    content: &mut String,
    points: &[(f64, f64, Option<String>)],
    colour: RGBColor,
    across: impl Fn(f64) -> f64,
    down: impl Fn(f64) -> f64,
) {
    let mut path = String::new();
    for (x, y, text) in points {
        let (x, y) = (across(*x), down(*y));
        let _ = match text {
            None => write!(path, "M{x:.0} {y:.0}h0"),
            Some(text) => {
                write!(content, r#"<circle cx="{x:.0}" cy="{y:.0}" r="6" fill="{}"><title>{}</title></circle>"#, hex(colour), Escaped(text))
            }
        };
    }
    if !path.is_empty() {
        let _ = write!(content, r#"<path class="dots" stroke="{}" d="{path}"/>"#, hex(colour));
    }
}

//! QR codes in a terminal: two rows of modules a line, by half blocks.
//!
//! A camera wants dark on light. On a terminal both colours are set, whatever the terminal's own are; elsewhere the dark modules are
//! the blocks, as on paper.

use qrcodegen::{DataTooLong, QrCode, QrCodeEcc};

/// Modules of light around a code, which the standard asks for (ISO/IEC 18004).
const QUIET: i32 = 4;
/// Black on white of the 256 colours, which no theme changes.
const COLOURS: &str = "\u{1b}[38;5;16;48;5;231m";
const NO_COLOURS: &str = "\u{1b}[0m";

/// Where a code is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canvas {
    /// A terminal, which understands colours.
    Terminal,
    /// Anything else.
    Plain,
}

/// The QR code of a text, lines joined by newlines.
///
/// # Errors
/// [`DataTooLong`] for more than a code holds, some thousands of characters.
pub fn draw(text: &str, canvas: Canvas) -> Result<String, DataTooLong> {
    let code = QrCode::encode_text(text, QrCodeEcc::Medium)?;
    let end = code.size().saturating_add(QUIET);
    let row = |y: i32| -> String { (-QUIET..end).map(|x| block(&code, x, y)).collect() };
    let lines = (-QUIET..end).step_by(2).map(row).map(|line| match canvas {
        Canvas::Terminal => format!("{COLOURS}{line}{NO_COLOURS}"),
        Canvas::Plain => line,
    });
    Ok(lines.collect::<Vec<_>>().join("\n"))
}

/// The modules at a place and below it. Outside of the code all are light.
fn block(code: &QrCode, x: i32, y: i32) -> char {
    match (code.get_module(x, y), code.get_module(x, y.saturating_add(1))) {
        (true, true) => '█',
        (true, false) => '▀',
        (false, true) => '▄',
        (false, false) => ' ',
    }
}

#[cfg(test)]
mod tests;

//! The contrast of every ink on every ground that it stands on, in both themes, from the stylesheet itself.

use std::collections::BTreeMap;

/// Text needs 4.5 to 1; shapes, edges of fields, series and the ring of focus 3 to 1 (WCAG 2.2, 1.4.3 and 1.4.11).
const TEXT: f64 = 4.5;
const SHAPE: f64 = 3.0;

const GROUNDS: &[&str] = &["canvas", "sunken", "raised", "overlay", "hover", "chosen"];
const TINTS: &[&str] = &["ok-tint", "warn-tint", "bad-tint", "idle-tint", "note-tint"];

/// A colour as the stylesheet writes it: lightness 0 to 1, chroma, hue in degrees.
#[derive(Clone, Copy, Debug)]
struct Oklch(f64, f64, f64);

impl Oklch {
    /// Linear red, green and blue, by the matrices of CSS Color 4.
    fn linear(self) -> [f64; 3] {
        let Oklch(light, chroma, hue) = self;
        let (a, b) = (chroma * hue.to_radians().cos(), chroma * hue.to_radians().sin());
        let l = (light + 0.396_337_777_4 * a + 0.215_803_757_3 * b).powi(3);
        let m = (light - 0.105_561_345_8 * a - 0.063_854_172_8 * b).powi(3);
        let s = (light - 0.089_484_177_5 * a - 1.291_485_548_0 * b).powi(3);
        [
            4.076_741_662_1 * l - 3.307_711_591_3 * m + 0.230_969_929_2 * s,
            -1.268_438_004_6 * l + 2.609_757_401_1 * m - 0.341_319_396_5 * s,
            -0.004_196_086_3 * l - 0.703_418_614_7 * m + 1.707_614_701_0 * s,
        ]
    }

    /// Relative luminance as WCAG has it, from the colour that a screen shows: clipped and rounded to 8 bits.
    fn luminance(self) -> f64 {
        let shown = self.linear().map(|value| {
            let value = value.clamp(0.0, 1.0);
            let encoded = if value <= 0.003_130_8 { 12.92 * value } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
            let encoded = (encoded * 255.0).round() / 255.0;
            if encoded <= 0.040_45 { encoded / 12.92 } else { ((encoded + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * shown[0] + 0.7152 * shown[1] + 0.0722 * shown[2]
    }

    fn in_srgb(self) -> bool {
        self.linear().iter().all(|value| (-0.002..=1.002).contains(value))
    }
}

fn ratio(ink: Oklch, ground: Oklch) -> f64 {
    let (one, two) = (ink.luminance() + 0.05, ground.luminance() + 0.05);
    one.max(two) / one.min(two)
}

fn colour(text: &str) -> Option<Oklch> {
    let inside = text.trim().strip_prefix("oklch(")?.strip_suffix(')')?;
    if inside.contains('/') {
        return None;
    }
    let mut parts = inside.split_whitespace();
    let light = parts.next()?.strip_suffix('%')?.parse::<f64>().ok()? / 100.0;
    Some(Oklch(light, parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Every opaque pair of colours in the stylesheet, by its token.
fn tokens() -> BTreeMap<&'static str, [Oklch; 2]> {
    let sheet = include_str!("../../assets/muster.css");
    sheet
        .lines()
        .filter_map(|line| {
            let (name, value) = line.trim().strip_prefix("--")?.split_once(':')?;
            let pair = value.trim().strip_prefix("light-dark(")?.strip_suffix(");")?;
            let (light, dark) = pair.split_once("), ")?;
            Some((name, [colour(&format!("{light})"))?, colour(dark)?]))
        })
        .collect()
}

/// Ink, ground and floor of every pair that the stylesheet puts together.
fn pairs() -> Vec<(&'static str, &'static str, f64)> {
    let mut pairs = Vec::new();
    for ink in ["text", "muted", "link"] {
        pairs.extend(GROUNDS.iter().chain(TINTS).map(|ground| (ink, *ground, TEXT)));
    }
    for (ink, tint) in [("ok-text", "ok-tint"), ("warn-text", "warn-tint"), ("bad-text", "bad-tint")] {
        pairs.extend(GROUNDS.iter().chain([&tint]).map(|ground| (ink, *ground, TEXT)));
    }
    pairs.extend([("on-accent", "accent", TEXT), ("on-accent", "accent-2", TEXT), ("text", "mark-text", TEXT)]);
    pairs.extend(["canvas", "raised", "overlay"].map(|ground| ("edge", ground, SHAPE)));
    pairs.extend(GROUNDS.iter().map(|ground| ("focus", *ground, SHAPE)));
    for shape in ["ok", "warn", "bad", "idle", "accent", "sev-1", "sev-2", "sev-3", "sev-4"] {
        pairs.extend(["canvas", "raised", "hover", "chosen"].map(|ground| (shape, ground, SHAPE)));
    }
    for (shape, tint) in [("ok", "ok-tint"), ("warn", "warn-tint"), ("bad", "bad-tint"), ("idle", "idle-tint")] {
        pairs.push((shape, tint, SHAPE));
    }
    for series in ["c1", "c2", "c3", "c4"] {
        pairs.extend(["canvas", "raised"].map(|ground| (series, ground, SHAPE)));
    }
    pairs
}

fn failures(tokens: &BTreeMap<&str, [Oklch; 2]>) -> Vec<String> {
    let mut failures = Vec::new();
    for (ink, ground, floor) in pairs() {
        let (Some(inks), Some(grounds)) = (tokens.get(ink), tokens.get(ground)) else {
            failures.push(format!("{ink} on {ground}: not in the stylesheet"));
            continue;
        };
        for (theme, (ink_there, ground_there)) in ["light", "dark"].iter().zip(inks.iter().zip(grounds)) {
            let found = ratio(*ink_there, *ground_there);
            if found < floor {
                failures.push(format!("{ink} on {ground}, {theme}: {found:.2} under {floor}"));
            }
        }
    }
    failures
}

#[test]
fn every_ink_can_be_read_on_every_ground_it_stands_on() {
    assert_eq!(failures(&tokens()), Vec::<String>::new());
}

#[test]
fn a_paler_ink_is_found() {
    let mut tokens = tokens();
    tokens.insert("muted", [Oklch(0.7, 0.02, 256.0), Oklch(0.5, 0.016, 252.0)]);
    let failures = failures(&tokens);
    assert!(failures.iter().any(|line| line.starts_with("muted on canvas, light")), "{failures:?}");
    assert!(failures.iter().any(|line| line.starts_with("muted on canvas, dark")), "{failures:?}");
}

#[test]
fn the_ratio_is_the_one_of_wcag() {
    let (black, white) = (Oklch(0.0, 0.0, 0.0), Oklch(1.0, 0.0, 0.0));
    assert!((ratio(black, white) - 21.0).abs() < 0.01);
    // #777777 on white is 4.48 to 1, the grey that just fails.
    let grey = Oklch(0.5693, 0.0, 0.0);
    assert!((ratio(grey, white) - 4.48).abs() < 0.03, "{}", ratio(grey, white));
}

#[test]
fn every_screen_can_show_every_colour() {
    let outside: Vec<_> = tokens()
        .into_iter()
        .filter(|(_, pair)| !pair.iter().all(|colour| colour.in_srgb()))
        .map(|(name, _)| name)
        .collect();
    assert_eq!(outside, Vec::<&str>::new());
}

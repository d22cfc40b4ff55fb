//! What the user asks for, by a key or in the panel.

use eframe::egui::{Key, Modifiers, Ui};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// Goes on or halts.
    PlayOrHalt,
    /// One test of the ESS and the steps after it.
    Step,
    /// Back to time zero.
    Restart,
    /// Shows all particles, and follows them.
    Fit,
    /// Density or points.
    SwitchStyle,
    /// With weights or without.
    SwitchWeights,
    /// Closes the window.
    Quit,
}

/// The keys, without modifiers.
const KEYS: [(Key, Wish); 7] = [
    (Key::Space, Wish::PlayOrHalt),
    (Key::ArrowRight, Wish::Step),
    (Key::R, Wish::Restart),
    (Key::F, Wish::Fit),
    (Key::V, Wish::SwitchStyle),
    (Key::W, Wish::SwitchWeights),
    (Key::Q, Wish::Quit),
];

/// What the user asks for by keys in this frame. Has to come before the widgets, which would take
/// the keys for themselves; while a number is typed they do.
pub(crate) fn by_keys(ui: &Ui) -> Vec<Wish> {
    if ui.ctx().text_edit_focused() {
        return Vec::new();
    }
    ui.input_mut(|input| {
        let mut pressed = |(key, wish)| input.consume_key(Modifiers::NONE, key).then_some(wish);
        KEYS.into_iter().filter_map(&mut pressed).collect()
    })
}

#[cfg(test)]
mod tests {
    use eframe::egui::{Context, Event, RawInput};

    use super::*;

    fn press(keys: &[(Key, Modifiers)]) -> Vec<Wish> {
        let event = |(key, modifiers): &(Key, Modifiers)| Event::Key {
            key: *key,
            physical_key: None,
            pressed: true,
            repeat: false,
            modifiers: *modifiers,
        };
        let input = RawInput { events: keys.iter().map(event).collect(), ..RawInput::default() };
        let mut wishes = Vec::new();
        let mut output = Context::default().run_ui(input, |ui| wishes.extend(by_keys(ui)));
        // Nothing is drawn here.
        output.textures_delta.clear();
        wishes
    }

    #[test]
    fn every_key_asks_for_its_wish() {
        for (key, wish) in KEYS {
            assert_eq!(press(&[(key, Modifiers::NONE)]), [wish]);
        }
        let both = [(Key::V, Modifiers::NONE), (Key::Space, Modifiers::NONE)];
        assert_eq!(press(&both), [Wish::PlayOrHalt, Wish::SwitchStyle]);
    }

    #[test]
    fn other_keys_ask_for_nothing() {
        assert_eq!(press(&[]), []);
        assert_eq!(press(&[(Key::A, Modifiers::NONE), (Key::Q, Modifiers::CTRL)]), []);
    }
}

//! The picture with its axes; dragging and the wheel move the camera.

use eframe::egui::{
    self, Align2, Color32, FontId, PointerButton, Pos2, Rect, Response, Sense, Stroke, Ui, pos2,
    vec2,
};
use eframe::egui_wgpu::{self, CallbackResources, CallbackTrait, ScreenDescriptor, wgpu};

use crate::camera::Camera;
use crate::look::Look;
use crate::scene::{Picture, Scene};
use crate::ticks::ticks;

/// The ground of the picture, where there are no particles: the palette's first stop.
pub(crate) const GROUND: Color32 = Color32::from_rgb(11, 12, 18);

const TEXT: Color32 = Color32::from_rgb(150, 154, 170);
const GRID: Color32 = Color32::from_rgba_premultiplied(15, 15, 18, 18);
const EDGE: Color32 = Color32::from_rgb(48, 51, 66);

/// Room for the numbers beside and below the picture, in points.
const LEFT: f32 = 52.0;
const BELOW: f32 = 34.0;
const AROUND: f32 = 14.0;

/// Points between two numbers of an axis, at least.
const APART: f32 = 90.0;

/// How fast the wheel zooms, per point that it scrolls.
const WHEEL: f64 = 0.004;

/// The part of the window that the picture takes, and what the pointer does in it.
pub(crate) struct Canvas {
    rect: Rect,
    response: Response,
}

impl Canvas {
    /// Takes what is left of the window.
    pub(crate) fn new(ui: &mut Ui) -> Canvas {
        let all = ui.available_rect_before_wrap();
        let low = pos2(all.left() + LEFT, all.top() + AROUND);
        let high = pos2(all.right() - AROUND, all.bottom() - BELOW);
        let rect = Rect::from_min_max(low, high.max(low + vec2(1.0, 1.0)));
        let response = ui.allocate_rect(rect, Sense::click_and_drag());
        Canvas { rect, response }
    }

    /// The picture's size in pixels.
    pub(crate) fn pixels(&self, ui: &Ui) -> [u32; 2] {
        let size = self.rect.size() * ui.pixels_per_point();
        [size.x.round() as u32, size.y.round() as u32]
    }

    /// Whether the user asks by a double click to see everything.
    pub(crate) fn wants_fit(&self) -> bool {
        self.response.double_clicked()
    }

    /// The camera as the pointer moved it, if it did.
    pub(crate) fn moved(&self, ui: &Ui, camera: Camera) -> Option<Camera> {
        let mut moved = camera;
        if self.response.dragged_by(PointerButton::Primary) {
            let by = self.response.drag_delta() / self.rect.size();
            moved = moved.dragged([by.x.into(), by.y.into()]);
        }
        if let Some(pointer) = self.response.hover_pos() {
            let (wheel, pinch) = ui.input(|i| (i.smooth_scroll_delta().y, i.zoom_delta()));
            let factor = (WHEEL * f64::from(wheel)).exp() * f64::from(pinch);
            // A zoom by one would still round.
            if factor != 1.0 {
                moved = moved.zoomed(factor, self.share(pointer));
            }
        }
        (moved != camera).then_some(moved)
    }

    /// Draws the particles and the axes.
    pub(crate) fn draw(&self, ui: &Ui, picture: Picture, camera: &Camera, look: &Look) {
        let painter = ui.painter();
        painter.rect_filled(self.rect, 0.0, GROUND);
        painter.add(egui_wgpu::Callback::new_paint_callback(self.rect, Paint(picture)));
        self.axes(ui, camera, look);
        let edge = Stroke::new(1.0, EDGE);
        painter.rect_stroke(self.rect, 0.0, edge, egui::StrokeKind::Outside);
    }

    fn axes(&self, ui: &Ui, camera: &Camera, look: &Look) {
        let painter = ui.painter();
        let (rect, font) = (self.rect, FontId::proportional(12.0));
        let most = |length: f32| (length / APART).max(2.0) as usize;
        let ([left, top], [right, bottom]) = (camera.at([0.0, 0.0]), camera.at([1.0, 1.0]));

        let (numbers, decimals) = ticks(left, right, most(rect.width()));
        for x in numbers {
            let at = rect.left() + camera.place([x, 0.0])[0] as f32 * rect.width();
            painter.vline(at, rect.y_range(), Stroke::new(1.0, GRID));
            let (place, text) = (pos2(at, rect.bottom() + 5.0), format!("{x:.decimals$}"));
            painter.text(place, Align2::CENTER_TOP, text, font.clone(), TEXT);
        }
        let (numbers, decimals) = ticks(bottom, top, most(rect.height()));
        for y in numbers {
            let at = rect.top() + camera.place([0.0, y])[1] as f32 * rect.height();
            painter.hline(rect.x_range(), at, Stroke::new(1.0, GRID));
            let (place, text) = (pos2(rect.left() - 7.0, at), format!("{y:.decimals$}"));
            painter.text(place, Align2::RIGHT_CENTER, text, font.clone(), TEXT);
        }
        let name = FontId::proportional(14.0);
        let [x, y] = look.axes.map(|axis| axis.to_string());
        let corner = rect.right_bottom() + vec2(-8.0, -6.0);
        painter.text(corner, Align2::RIGHT_BOTTOM, x, name.clone(), Color32::WHITE);
        let corner = rect.left_top() + vec2(8.0, 6.0);
        painter.text(corner, Align2::LEFT_TOP, y, name, Color32::WHITE);
    }

    fn share(&self, at: Pos2) -> [f64; 2] {
        let share = (at - self.rect.min) / self.rect.size();
        [share.x.into(), share.y.into()]
    }
}

/// Hands the picture to the scene, which the renderer keeps.
struct Paint(Picture);

impl CallbackTrait for Paint {
    fn prepare(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        _screen: &ScreenDescriptor,
        encoder: &mut wgpu::CommandEncoder,
        resources: &mut CallbackResources,
    ) -> Vec<wgpu::CommandBuffer> {
        if let Some(scene) = resources.get_mut::<Scene>() {
            scene.prepare(device, queue, encoder, &self.0);
        }
        Vec::new()
    }

    fn paint(
        &self,
        _info: egui::PaintCallbackInfo,
        pass: &mut wgpu::RenderPass<'static>,
        resources: &CallbackResources,
    ) {
        if let Some(scene) = resources.get::<Scene>() {
            scene.paint(pass);
        }
    }
}

#[cfg(test)]
mod tests {
    use eframe::egui::{
        Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, RawInput, TouchPhase,
    };

    use super::*;

    const CAMERA: Camera = Camera { centre: [3.0, 7.0], extent: [0.3, 11.0] };

    /// A window of 752 × 548 points, whose picture is 686 × 500 at (52, 14).
    fn frame(context: &Context, events: Vec<Event>) -> Option<Camera> {
        let rect = Rect::from_min_size(Pos2::ZERO, vec2(752.0, 548.0));
        let input = RawInput { screen_rect: Some(rect), events, ..RawInput::default() };
        let mut moved = None;
        let mut output = context.run_ui(input, |ui| {
            let canvas = Canvas::new(ui);
            assert_eq!(canvas.rect, Rect::from_min_max(pos2(52.0, 14.0), pos2(738.0, 514.0)));
            moved = canvas.moved(ui, CAMERA);
        });
        // Nothing is drawn here.
        output.textures_delta.clear();
        moved
    }

    fn button(pos: Pos2, pressed: bool) -> Event {
        let button = PointerButton::Primary;
        Event::PointerButton { pos, button, pressed, modifiers: Modifiers::NONE }
    }

    #[test]
    fn a_pointer_that_only_hovers_moves_nothing() {
        let context = Context::default();
        for x in [100.0, 200.0, 333.3] {
            assert_eq!(frame(&context, vec![Event::PointerMoved(pos2(x, 222.2))]), None);
        }
    }

    #[test]
    fn a_drag_moves_the_picture_with_the_pointer() {
        let context = Context::default();
        let (from, to) = (pos2(200.0, 100.0), pos2(268.6, 200.0));
        frame(&context, vec![Event::PointerMoved(from)]);
        frame(&context, vec![button(from, true)]);
        let moved = frame(&context, vec![Event::PointerMoved(to)]).unwrap();
        let expected = CAMERA.dragged([0.1, 0.2]);
        for axis in 0..2 {
            let off = (moved.centre[axis] - expected.centre[axis]).abs();
            assert!(off < 1e-5 * CAMERA.extent[axis], "{moved:?}, not {expected:?}");
        }
        assert_eq!(moved.extent, CAMERA.extent);
        assert_eq!(frame(&context, vec![button(to, false)]), None);
    }

    #[test]
    fn the_wheel_zooms_about_the_pointer() {
        let context = Context::default();
        // A quarter from the left and three quarters from the top.
        let (pointer, share) = (pos2(52.0 + 171.5, 14.0 + 375.0), [0.25, 0.75]);
        frame(&context, vec![Event::PointerMoved(pointer)]);
        let wheel = Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: vec2(0.0, 50.0),
            phase: TouchPhase::Move,
            source: MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        };
        let zoomed = frame(&context, vec![wheel]).unwrap();
        assert!(zoomed.extent[0] < CAMERA.extent[0], "{zoomed:?}");
        let (fixed, before) = (zoomed.at(share), CAMERA.at(share));
        for axis in 0..2 {
            let off = (fixed[axis] - before[axis]).abs();
            assert!(off < 1e-5 * CAMERA.extent[axis], "{fixed:?} was {before:?}");
        }
    }
}

//! The window: each frame makes the steps that are due and draws the particles of now.

use std::time::{Duration, Instant};

use eframe::egui::{self, CentralPanel, Color32, Frame, Panel, ScrollArea, Ui};
use eframe::egui::{ViewportBuilder, ViewportCommand};
use eframe::egui_wgpu::RenderState;
use wfr::{Config, Gpu, Problem};

use crate::camera::Camera;
use crate::canvas::Canvas;
use crate::device;
use crate::failure::{Failure, Outcome};
use crate::look::{Look, Style};
use crate::panel;
use crate::playback::Playback;
use crate::scene::{Picture, Scene};
use crate::screenshot::{self, Screenshot};
use crate::wish::{self, Wish};

/// How the window is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// How the particles are drawn at first.
    pub look: Look,
    /// Whether the run plays at once.
    pub playing: bool,
    /// The adapter, by its number or a part of its name; `None` takes the best.
    pub adapter: Option<String>,
    /// Runs to a step, writes a picture of the window and closes it.
    pub screenshot: Option<Screenshot>,
    /// Width and height of the window, in points.
    pub size: [f32; 2],
}

impl Options {
    /// A window on a run of so many dimensions and particles, halted at time zero.
    pub fn new(dim: u32, particles: u32) -> Options {
        let look = Look::new(dim, particles);
        Options { look, playing: false, adapter: None, screenshot: None, size: [1200.0, 800.0] }
    }
}

/// Opens a window on a run and returns when it is closed.
///
/// # Errors
/// [`Failure::Usage`] as [`Playback::new`] and where an axis is none of the run; [`Failure::Wfr`] as
/// `Sampler::new`; [`Failure::Window`] without a display or an adapter that
/// draws on it; with a screenshot also what stopped the run, and [`Failure::Output`].
pub fn show(problem: Problem, config: Config, options: Options) -> Result<(), Failure> {
    options.look.check(problem.target().dim())?;
    let outcome = Outcome::default();
    let wanted = options.adapter.clone();
    let native = eframe::NativeOptions {
        viewport: ViewportBuilder::default()
            .with_title(format!("wfr: {}", problem.target().name()))
            .with_inner_size(options.size)
            .with_min_inner_size([640.0, 420.0]),
        renderer: eframe::Renderer::Wgpu,
        wgpu_options: device::configuration(&problem, &config, wanted, outcome.clone()),
        // Only what is drawn is in a screenshot.
        dithering: false,
        ..Default::default()
    };
    let told = outcome.clone();
    let create: eframe::AppCreator<'_> = Box::new(move |context| {
        dress(&context.egui_ctx);
        let render = context.wgpu_render_state.clone();
        let window = render
            .ok_or_else(|| Failure::Window("the window has no wgpu device to draw with".into()))
            .and_then(|render| Window::new(render, problem, config, options, told.clone()));
        match window {
            Ok(window) => Ok(Box::new(window)),
            Err(failure) => {
                let text = failure.to_string();
                told.tell(failure);
                Err(text.into())
            }
        }
    });
    let ended = eframe::run_native("wfr-view", native, create);
    match (outcome.take(), ended) {
        (Some(failure), _) => Err(failure),
        (None, Ok(())) => Ok(()),
        (None, Err(error)) => Err(Failure::Window(format!("no window can be opened: {error}"))),
    }
}

/// How often the camera looks where the particles are.
const LOOKS: Duration = Duration::from_millis(250);

/// How fast the camera follows, per second.
const FOLLOW: f64 = 5.0;

struct Window {
    playback: Playback,
    /// The device, and the renderer, which keeps the scene for the paint callbacks.
    render: RenderState,
    look: Look,
    camera: Camera,
    /// Where the camera goes while it follows the particles.
    aim: Camera,
    following: bool,
    looked: Instant,
    drawn: Instant,
    error: Option<String>,
    shot: Option<Shot>,
    outcome: Outcome,
}

/// How far a screenshot is.
struct Shot {
    screenshot: Screenshot,
    /// Frames drawn at the step of the screenshot: the panel needs two to lay itself out.
    settled: u32,
}

/// How long the steps before a screenshot may go on between two frames.
const UNWATCHED: Duration = Duration::from_secs(1);

/// What is drawn before a screenshot is asked for.
const SETTLE: u32 = 3;

impl Window {
    fn new(
        render: RenderState,
        problem: Problem,
        config: Config,
        options: Options,
        outcome: Outcome,
    ) -> Result<Window, Failure> {
        let gpu = Gpu::from_parts(render.device.clone(), render.queue.clone());
        let scene = Scene::new(&render.device, render.target_format);
        render.renderer.write().callback_resources.insert(scene);
        let mut playback = Playback::new(gpu, problem, config)?;
        playback.playing = options.playing;
        let nowhere = Camera { centre: [0.0; 2], extent: [2.0; 2] };
        let mut window = Window {
            playback,
            render,
            look: options.look,
            camera: nowhere,
            aim: nowhere,
            following: true,
            looked: Instant::now(),
            drawn: Instant::now(),
            error: None,
            shot: options.screenshot.map(|screenshot| Shot { screenshot, settled: 0 }),
            outcome,
        };
        window.aim()?;
        window.camera = window.aim;
        if let Some(shot) = &window.shot {
            let path = shot.screenshot.path.display();
            let message = format!("{path} is not written: the window was closed before");
            window.outcome.tell(Failure::Output(message));
        }
        Ok(window)
    }

    /// Looks where the particles are.
    fn aim(&mut self) -> Result<(), Failure> {
        self.looked = Instant::now();
        let picture = self.picture([1, 1]);
        let renderer = self.render.renderer.read();
        let Some(scene) = renderer.callback_resources.get::<Scene>() else { return Ok(()) };
        let glances = scene.glance(self.playback.gpu(), &picture)?;
        if let Some(camera) = Camera::fit(&glances, self.look.weighted) {
            self.aim = camera;
        }
        Ok(())
    }

    fn picture(&self, size: [u32; 2]) -> Picture {
        let (sampler, info) = (self.playback.sampler(), self.playback.info());
        Picture::new(sampler, info, &self.camera, &self.look, size)
    }

    /// The steps of this frame, and what the camera does meanwhile.
    fn advance(&mut self, context: &egui::Context) -> Result<(), Failure> {
        let since = self.drawn.elapsed();
        self.drawn = Instant::now();
        if self.shot.is_some() {
            return self.advance_to_shot(context);
        }
        let steps = self.playback.frame(since)?;
        if !self.following {
            return Ok(());
        }
        if steps > 0 && (self.looked.elapsed() >= LOOKS || self.playback.ended()) {
            self.aim()?;
        }
        let share = 1.0 - (-FOLLOW * since.as_secs_f64()).exp();
        self.camera = self.camera.towards(self.aim, share);
        if !self.camera.is_near(&self.aim) {
            context.request_repaint();
        }
        Ok(())
    }

    /// Goes to the step of the screenshot, as many steps a frame as fit, and takes it.
    fn advance_to_shot(&mut self, context: &egui::Context) -> Result<(), Failure> {
        context.request_repaint();
        let Some(shot) = &mut self.shot else { return Ok(()) };
        let after = shot.screenshot.after.unwrap_or(u32::MAX);
        let started = Instant::now();
        // Nobody watches: what is drawn meanwhile only keeps the window answering.
        while started.elapsed() < UNWATCHED {
            let left = after.saturating_sub(self.playback.sampler().steps_encoded());
            if left == 0 || self.playback.ended() {
                break;
            }
            let block = self.playback.sampler().config().ess_every;
            self.playback.advance(left.min(self.playback.pace.most().max(block)))?;
        }
        if self.playback.sampler().steps_encoded() < after && !self.playback.ended() {
            return Ok(());
        }
        shot.settled += 1;
        match shot.settled {
            1 => {
                self.aim()?;
                self.camera = self.aim;
            }
            SETTLE => {
                let (path, outcome) = (shot.screenshot.path.clone(), self.outcome.clone());
                let close = context.clone();
                context.request_screenshot(move |image| {
                    match screenshot::write(&path, &image) {
                        Ok(()) => drop(outcome.take()),
                        Err(failure) => outcome.tell(failure),
                    }
                    close.send_viewport_cmd(ViewportCommand::Close);
                });
            }
            _ => {}
        }
        Ok(())
    }

    /// Shows an error in the window, or closes it where nobody looks.
    fn fail(&mut self, failure: Failure, context: &egui::Context) {
        self.playback.playing = false;
        if self.shot.take().is_some() {
            self.outcome.tell(failure);
            context.send_viewport_cmd(ViewportCommand::Close);
        } else {
            self.error = Some(failure.to_string());
        }
    }

    fn grant(&mut self, wish: Wish, context: &egui::Context) -> Result<(), Failure> {
        match wish {
            Wish::PlayOrHalt => {
                self.playback.playing = !self.playback.playing && !self.playback.ended();
            }
            Wish::Step => {
                self.playback.playing = false;
                let every = self.playback.sampler().config().ess_every;
                self.playback.advance(every)?;
            }
            Wish::Restart => {
                self.error = None;
                self.playback.restart()?;
            }
            Wish::Fit => self.following = true,
            Wish::SwitchStyle => {
                self.look.style = match self.look.style {
                    Style::Density => Style::Points,
                    Style::Points => Style::Density,
                };
            }
            Wish::SwitchWeights => self.look.weighted = !self.look.weighted,
            Wish::Quit => context.send_viewport_cmd(ViewportCommand::Close),
        }
        if matches!(wish, Wish::Step | Wish::Restart | Wish::Fit | Wish::SwitchWeights) {
            self.aim()?;
        }
        Ok(())
    }
}

impl eframe::App for Window {
    fn ui(&mut self, ui: &mut Ui, _frame: &mut eframe::Frame) {
        let context = ui.ctx().clone();
        let mut wishes = wish::by_keys(ui);
        if let Err(failure) = self.advance(&context) {
            self.fail(failure, &context);
        }
        let side = Frame::default().fill(Color32::from_rgb(20, 22, 30)).inner_margin(14.0);
        Panel::right("side").resizable(false).exact_size(310.0).frame(side).show(ui, |ui| {
            ScrollArea::vertical().show(ui, |ui| {
                let (playback, look) = (&mut self.playback, &mut self.look);
                let error = self.error.as_deref();
                wishes.extend(panel::show(ui, playback, look, self.following, error));
            });
        });
        let ground = Frame::default().fill(Color32::from_rgb(15, 16, 23));
        CentralPanel::default_margins().frame(ground).show(ui, |ui| {
            let canvas = Canvas::new(ui);
            if canvas.wants_fit() {
                wishes.push(Wish::Fit);
            }
            if let Some(camera) = canvas.moved(ui, self.camera) {
                (self.camera, self.following) = (camera, false);
            }
            let picture = self.picture(canvas.pixels(ui));
            canvas.draw(ui, picture, &self.camera, &self.look);
        });
        for wish in wishes {
            if let Err(failure) = self.grant(wish, &context) {
                self.fail(failure, &context);
            }
            context.request_repaint();
        }
        if self.playback.playing {
            context.request_repaint();
        }
    }
}

/// Dark, with the picture's colours.
fn dress(context: &egui::Context) {
    context.set_theme(egui::Theme::Dark);
    let mut visuals = egui::Visuals::dark();
    visuals.selection.bg_fill = Color32::from_rgb(150, 82, 24);
    visuals.selection.stroke.color = Color32::WHITE;
    visuals.override_text_color = Some(Color32::from_rgb(205, 208, 220));
    context.set_visuals(visuals);
}

//! A run as it goes on, in the terminal: its density, its ESS and its log Z, and keys to steer it.

mod draw;
mod paint;
mod screen;
mod state;
mod view;

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use wfr::{Info, Problem, Sampler};

use super::clock::Spent;
use super::failure::Done;
use super::interrupt;
use super::run::Watcher;
use paint::Colours;
use screen::Screen;
use state::{Action, Setting, State};
use view::View;

pub(crate) use screen::check;

/// Between two pictures at least, while the run goes on.
const PICTURE: Duration = Duration::from_millis(50);

/// How long to wait for a key before looking at the size of the terminal again.
const IDLE: Duration = Duration::from_millis(250);

/// Writes what there is so far, and says where.
pub(crate) type Save<'a> = Box<dyn FnMut(&mut Sampler) -> Done<PathBuf> + 'a>;

/// The live view of a run; the terminal is as before once it is dropped.
pub(crate) struct Live<'a> {
    screen: Screen,
    state: State,
    view: View,
    save: Option<Save<'a>>,
    drawn: Option<Instant>,
}

impl<'a> Live<'a> {
    /// Takes the terminal and shows the initial particles. `save` is what the key w does.
    pub(crate) fn open(
        sampler: &mut Sampler,
        problem: &Problem,
        name: &str,
        save: Option<Save<'a>>,
    ) -> Done<Live<'a>> {
        let setting = Setting::of(sampler, problem, name);
        let view = View::new(problem.target().dim());
        let screen = Screen::open()?;
        let state = State::new(setting, Colours::of_environment(), save.is_some());
        let mut live = Live { screen, state, view, save, drawn: None };
        live.see(sampler, 0.0)?;
        live.screen.draw(&live.state)?;
        Ok(live)
    }

    /// Looks at the population of now.
    fn see(&mut self, sampler: &mut Sampler, elapsed_s: f64) -> Done {
        let bins = draw::bins(self.screen.size()?);
        let moment = self.view.look(sampler, bins, elapsed_s)?;
        let tests = wfr::block_on(sampler.trace())?;
        self.state.see(moment, tests.iter().map(|test| (test.ess, test.log_normalizer)));
        Ok(())
    }

    /// Draws and takes keys until the run may go on, or is to stop.
    fn attend(&mut self, sampler: &mut Sampler) -> Done<ControlFlow<()>> {
        loop {
            self.screen.draw(&self.state)?;
            let rests = self.state.rests();
            let mut wait = if rests { IDLE } else { Duration::ZERO };
            while let Some(key) = self.screen.key(wait)? {
                wait = Duration::ZERO;
                match self.state.key(key) {
                    Action::Nothing => {}
                    Action::Stop => interrupt::ask(),
                    // The run is told to have ended by itself.
                    Action::Leave => return Ok(ControlFlow::Continue(())),
                    Action::Save => self.save(sampler)?,
                }
            }
            if interrupt::asked() {
                return Ok(ControlFlow::Break(()));
            }
            // What a key changed is seen before the next steps.
            if !rests && !self.state.rests() {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    fn save(&mut self, sampler: &mut Sampler) -> Done {
        if let Some(save) = &mut self.save {
            self.state.say("saving …".to_string());
            self.screen.draw(&self.state)?;
            let path = save(sampler)?;
            self.state.say(format!("saved in {}", path.display()));
        }
        Ok(())
    }
}

impl Watcher for Live<'_> {
    fn look(&mut self, sampler: &mut Sampler, _: &Info, spent: Spent) -> Done<ControlFlow<()>> {
        self.state.arrived(sampler.steps_encoded(), sampler.is_finished());
        let soon = self.drawn.is_some_and(|drawn| drawn.elapsed() < PICTURE);
        if soon && !self.state.rests() {
            return Ok(ControlFlow::Continue(()));
        }
        self.see(sampler, spent.wall)?;
        let goes_on = self.attend(sampler)?;
        self.drawn = Some(Instant::now());
        Ok(goes_on)
    }

    fn next_step(&self, _: u32) -> u32 {
        self.state.next_step()
    }
}

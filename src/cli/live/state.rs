//! What the live view knows, and what keys do to it.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use wfr::{Problem, Sampler};

use super::paint::Colours;
use crate::cli::tells_log_z;
use crate::output::Frame;

/// What does not change during a run.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// What is run, and on what.
    pub title: String,
    pub particles: u32,
    /// Steps of the schedule; unknown of an adaptive one.
    pub steps: Option<u32>,
    /// From one ESS test to the next.
    pub every: u32,
    /// Whether there is a path parameter, and whether the weights tell log Z.
    pub has_path: bool,
    pub tells_log_z: bool,
}

impl Setting {
    pub(super) fn of(sampler: &Sampler, problem: &Problem, name: &str) -> Setting {
        let config = sampler.config();
        let is_adaptive = config.schedule.adaptivity().is_some();
        let flow = problem.flow();
        Setting {
            title: format!("{name}, on {}", sampler.gpu().adapter_info().name),
            particles: config.particles,
            steps: (!is_adaptive).then(|| sampler.steps()),
            every: config.test_every(),
            has_path: flow.has_path(),
            tells_log_z: tells_log_z(problem),
        }
    }
}

/// The population at a moment.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    pub frame: Frame,
    pub beta: f64,
    pub resamplings: u32,
    /// Seconds of sampling so far.
    pub elapsed_s: f64,
}

/// Whether the run goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Running,
    Paused,
    /// Running to that step.
    Until(u32),
    /// At the end of the schedule.
    Ended,
}

/// What a key asks of the loop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// Write what there is so far.
    Save,
    /// Stop the run here.
    Stop,
    /// Leave the view of a run that has ended.
    Leave,
}

/// The live view between two pictures.
#[derive(Debug)]
pub(super) struct State {
    pub setting: Setting,
    pub colours: Colours,
    /// Nothing before the first look.
    pub moment: Option<Moment>,
    /// At each test: the ESS as a share of N, and log Z.
    pub ess: Vec<f64>,
    pub log_z: Vec<f64>,
    pub mode: Mode,
    pub help: bool,
    /// What the last key did, where that is not seen otherwise.
    pub message: Option<String>,
    can_save: bool,
}

impl State {
    pub(super) fn new(setting: Setting, colours: Colours, can_save: bool) -> State {
        State {
            setting,
            colours,
            moment: None,
            ess: Vec::new(),
            log_z: Vec::new(),
            mode: Mode::Running,
            help: false,
            message: None,
            can_save,
        }
    }

    /// The population of now, and ESS and log Z at all tests so far.
    pub(super) fn see(&mut self, moment: Moment, tests: impl Iterator<Item = (f32, f64)>) {
        let n = f64::from(self.setting.particles);
        let shares = tests.map(|(ess, log_z)| (f64::from(ess) / n, log_z));
        (self.ess, self.log_z) = shares.unzip();
        self.moment = Some(moment);
    }

    /// The run has come to this step.
    pub(super) fn arrived(&mut self, step: u32, finished: bool) {
        if finished {
            self.mode = Mode::Ended;
        } else if matches!(self.mode, Mode::Until(until) if step >= until) {
            self.mode = Mode::Paused;
        }
    }

    /// Shows a sentence in place of the keys.
    pub(super) fn say(&mut self, message: String) {
        self.message = Some(message);
    }

    /// Whether nothing happens until a key is pressed.
    pub(super) fn rests(&self) -> bool {
        matches!(self.mode, Mode::Paused | Mode::Ended)
    }

    /// The step at which to look at the latest.
    pub(super) fn next_step(&self) -> u32 {
        match self.mode {
            Mode::Until(step) => step,
            _ => u32::MAX,
        }
    }

    /// What a key does.
    pub(super) fn key(&mut self, key: KeyEvent) -> Action {
        self.message = None;
        // Keys do not interrupt a program that reads them one by one.
        let interrupt = key.modifiers.contains(KeyModifiers::CONTROL)
            && matches!(key.code, KeyCode::Char('c' | 'd'));
        if self.help && !interrupt {
            self.help = false;
            return Action::Nothing;
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => self.leave(),
            _ if interrupt => self.leave(),
            KeyCode::Enter if self.mode == Mode::Ended => Action::Leave,
            KeyCode::Char('w') if self.can_save => Action::Save,
            KeyCode::Char('w') => {
                self.say("nothing is saved: the run was started without --out".into());
                Action::Nothing
            }
            _ if self.mode == Mode::Ended && !matches!(key.code, KeyCode::Char('?' | 'h')) => {
                Action::Nothing
            }
            KeyCode::Char(' ') => {
                self.mode = if self.rests() { Mode::Running } else { Mode::Paused };
                Action::Nothing
            }
            KeyCode::Char('s') | KeyCode::Right => {
                let step = self.moment.as_ref().map_or(0, |moment| moment.frame.step);
                self.mode = Mode::Until((step / self.setting.every + 1) * self.setting.every);
                Action::Nothing
            }
            KeyCode::Char('?' | 'h') => {
                self.help = true;
                Action::Nothing
            }
            _ => Action::Nothing,
        }
    }

    fn leave(&self) -> Action {
        if self.mode == Mode::Ended { Action::Leave } else { Action::Stop }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(can_save: bool) -> State {
        let setting = Setting {
            title: "a run".into(),
            particles: 1000,
            steps: Some(100),
            every: 16,
            has_path: true,
            tells_log_z: true,
        };
        State::new(setting, Colours::None, can_save)
    }

    fn at(step: u32) -> Moment {
        let frame = Frame {
            step,
            time: 0.0,
            ess: 1.0,
            log_normalizer: 0.0,
            ancestors: 1,
            x: [0.0, 1.0],
            y: [0.0, 1.0],
            columns: 1,
            rows: 1,
            density: vec![1.0],
        };
        Moment { frame, beta: 0.0, resamplings: 0, elapsed_s: 0.0 }
    }

    fn press(state: &mut State, key: char) -> Action {
        state.key(KeyEvent::new(KeyCode::Char(key), KeyModifiers::NONE))
    }

    #[test]
    fn space_pauses_and_goes_on() {
        let mut state = state(true);
        assert!(!state.rests());
        assert_eq!(press(&mut state, ' '), Action::Nothing);
        assert_eq!((state.mode, state.rests()), (Mode::Paused, true));
        press(&mut state, ' ');
        assert_eq!((state.mode, state.next_step()), (Mode::Running, u32::MAX));
    }

    /// From anywhere between two tests to the next one, and no further.
    #[test]
    fn s_goes_to_the_next_test() {
        for (now, next) in [(0, 16), (15, 16), (16, 32), (90, 96)] {
            let mut state = state(true);
            state.see(at(now), std::iter::empty());
            press(&mut state, ' ');
            press(&mut state, 's');
            assert_eq!((state.rests(), state.next_step()), (false, next));
            state.arrived(next - 1, false);
            assert_eq!(state.mode, Mode::Until(next));
            state.arrived(next, false);
            assert_eq!(state.mode, Mode::Paused);
            state.key(KeyEvent::new(KeyCode::Right, KeyModifiers::NONE));
            assert_eq!(state.mode, Mode::Until(next));
        }
    }

    #[test]
    fn every_way_out_stops_a_run_and_leaves_one_that_has_ended() {
        let ways = [
            KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE),
            KeyEvent::new(KeyCode::Esc, KeyModifiers::NONE),
            KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL),
        ];
        for way in ways {
            let mut state = state(true);
            assert_eq!(state.key(way), Action::Stop);
            press(&mut state, ' ');
            assert_eq!(state.key(way), Action::Stop);
            state.arrived(100, true);
            assert_eq!((state.mode, state.rests()), (Mode::Ended, true));
            assert_eq!(state.key(way), Action::Leave);
            // What has ended does not go on.
            press(&mut state, ' ');
            press(&mut state, 's');
            assert_eq!(state.mode, Mode::Ended);
        }
    }

    #[test]
    fn any_key_closes_the_help_and_does_nothing_else() {
        let mut state = state(true);
        press(&mut state, '?');
        assert!(state.help);
        assert_eq!(press(&mut state, 'q'), Action::Nothing);
        assert!(!state.help && state.mode == Mode::Running);
        press(&mut state, 'h');
        let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        assert_eq!(state.key(interrupt), Action::Stop);
    }

    #[test]
    fn w_saves_where_there_is_a_place() {
        assert_eq!(press(&mut state(true), 'w'), Action::Save);
        let mut state = state(false);
        assert_eq!(press(&mut state, 'w'), Action::Nothing);
        assert!(state.message.as_deref().is_some_and(|message| message.contains("--out")));
        press(&mut state, ' ');
        assert_eq!(state.message, None, "the next key clears the message");
    }

    #[test]
    fn histories_are_shares_of_all_particles() {
        let mut state = state(true);
        state.see(at(32), [(500.0, -1.0), (250.0, 2.0)].into_iter());
        assert_eq!((state.ess, state.log_z), (vec![0.5, 0.25], vec![-1.0, 2.0]));
    }
}

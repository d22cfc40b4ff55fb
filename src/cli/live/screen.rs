//! The terminal while the live view has it.

use std::io::{self, IsTerminal, Stderr};
use std::panic::{self, PanicHookInfo};
use std::sync::Arc;
use std::time::Duration;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui::layout::Size;

use super::draw;
use super::state::State;
use crate::cli::failure::{Done, Failure};

/// The alternate screen of the terminal on standard error, with keys read one by one. Standard output
/// stays free for the report. A panic restores the terminal before it speaks.
pub(super) struct Screen {
    terminal: Terminal<CrosstermBackend<Stderr>>,
    hook: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync>,
}

/// Whether there is a terminal to draw on; asked before the run.
pub(crate) fn check() -> Done {
    if io::stderr().is_terminal() {
        return Ok(());
    }
    Err(Failure::Usage(
        "--live draws on the terminal, and standard error is not one; leave it out, or do not \
         redirect standard error"
            .into(),
    ))
}

impl Screen {
    pub(super) fn open() -> Done<Screen> {
        enable_raw_mode().map_err(|error| failed(&error))?;
        let hook: Arc<dyn Fn(&PanicHookInfo<'_>) + Send + Sync> = panic::take_hook().into();
        let before = hook.clone();
        panic::set_hook(Box::new(move |information| {
            restore();
            before(information);
        }));
        // From here on dropping restores.
        let backend = CrosstermBackend::new(io::stderr());
        let terminal = execute!(io::stderr(), EnterAlternateScreen)
            .and_then(|()| Terminal::new(backend))
            .inspect_err(|_| restore());
        Ok(Screen { terminal: terminal.map_err(|error| failed(&error))?, hook })
    }

    pub(super) fn size(&self) -> Done<Size> {
        self.terminal.size().map_err(|error| failed(&error))
    }

    pub(super) fn draw(&mut self, state: &State) -> Done {
        let drawn = self.terminal.draw(|frame| draw::draw(state, frame));
        drawn.map(|_| ()).map_err(|error| failed(&error))
    }

    /// The next key within some time.
    pub(super) fn key(&self, wait: Duration) -> Done<Option<KeyEvent>> {
        let key = || -> io::Result<Option<KeyEvent>> {
            if !event::poll(wait)? {
                return Ok(None);
            }
            Ok(match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => Some(key),
                _ => None,
            })
        };
        key().map_err(|error| failed(&error))
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore();
        // A panicking thread may not change the hook, and needs it no more.
        if !std::thread::panicking() {
            let hook = self.hook.clone();
            panic::set_hook(Box::new(move |information| hook(information)));
        }
    }
}

/// The terminal as it was. There is nobody to tell where that fails.
fn restore() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stderr(), LeaveAlternateScreen, ratatui::crossterm::cursor::Show);
}

fn failed(error: &io::Error) -> Failure {
    Failure::Output(format!("the terminal cannot be used: {error}"))
}

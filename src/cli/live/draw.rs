//! One picture of the live view.

use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect, Size};
use ratatui::style::{Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};

use super::paint::{density, foreground, sparkline};
use super::state::{Mode, Moment, State};
use crate::cli::numbers::{decimals, grouped, seconds, three_digits};

/// The least terminal that holds everything.
const LEAST: Size = Size { width: 60, height: 20 };

/// Columns before a history.
const HISTORY: u16 = 18;

const HELP: [&str; 9] = [
    "space      pause, go on",
    "s, right   go to the next test of the ESS and pause",
    "w          save what there is so far (with --out)",
    "q, escape  stop here and report what is done",
    "",
    "The picture is the weighted density of x0 and x1, the",
    "brighter the denser; its range holds all but two",
    "thousandths of the weight. ESS and log Z are those of",
    "every test so far; the report comes at the end.",
];

/// The columns and rows of density that a terminal of this size shows.
pub(super) fn bins(size: Size) -> (u32, u32) {
    let plot = areas(Rect::new(0, 0, size.width, size.height))[2];
    (u32::from(plot.width.max(1)), 2 * u32::from(plot.height.max(1)))
}

/// Title, ends of the axes above and below the picture between them, histories, facts, keys.
fn areas(area: Rect) -> [Rect; 10] {
    let line = Constraint::Length(1);
    let rows = [line, line, Constraint::Fill(1), line, line, line, line, line, line, line];
    Layout::vertical(rows).areas(area)
}

pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let all = frame.area();
    if all.width < LEAST.width || all.height < LEAST.height {
        let words = format!("make the window {} × {} or larger", LEAST.width, LEAST.height);
        frame.render_widget(Paragraph::new(words).wrap(Default::default()), all);
        return;
    }
    let [title, top, plot, bottom, ess, log_z, progress, population, cost, keys] = areas(all);
    frame.render_widget(Line::from(state.setting.title.as_str()).bold(), title);
    let mode = match state.mode {
        Mode::Running | Mode::Until(_) => " running",
        Mode::Paused => " paused",
        Mode::Ended => " done",
    };
    frame.render_widget(Clear, right(title, mode));
    frame.render_widget(Line::from(mode).bold(), right(title, mode));
    if let Some(moment) = &state.moment {
        ends(moment, frame, top, bottom);
        density(&moment.frame, plot, state.colours, frame.buffer_mut());
        histories(state, moment, frame, ess, log_z);
        frame.render_widget(Line::from(progress_of(state, moment)), progress);
        frame.render_widget(Line::from(population_of(state, moment)), population);
        frame.render_widget(Line::from(cost_of(state, moment)), cost);
    }
    frame.render_widget(last_line(state), keys);
    if state.help {
        help(frame, all);
    }
}

/// The end of a line that holds these words.
fn right(line: Rect, words: &str) -> Rect {
    let width = (words.chars().count() as u16).min(line.width);
    Rect { x: line.right() - width, width, ..line }
}

/// What the picture's axes are.
fn ends(moment: &Moment, frame: &mut Frame<'_>, top: Rect, bottom: Rect) {
    let shown = &moment.frame;
    let [left, end] = shown.x.map(short);
    if shown.rows > 1 {
        let [below, above] = shown.y.map(short);
        frame.render_widget(Line::from(format!("x1 from {below} to {above}")), top);
    } else {
        frame.render_widget(Line::from("density"), top);
    }
    frame.render_widget(Line::from(left), bottom);
    frame.render_widget(Line::from("x0").alignment(Alignment::Center), bottom);
    frame.render_widget(Line::from(end).alignment(Alignment::Right), bottom);
}

/// Three digits, with the sign.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_string(),
        below if below < 0.0 => format!("-{}", three_digits(-below)),
        above => three_digits(above),
    }
}

fn histories(state: &State, moment: &Moment, frame: &mut Frame<'_>, ess: Rect, log_z: Rect) {
    let now = moment.frame.ess / f64::from(state.setting.particles);
    history(state, frame, ess, format!("ESS   {now:.3} N"), &state.ess, (0.0, 1.0));
    let value = moment.frame.log_normalizer;
    if state.setting.tells_log_z && value.is_finite() {
        let finite = || state.log_z.iter().copied().filter(|value| value.is_finite());
        let (low, high) = finite()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), x| (low.min(x), high.max(x)));
        history(state, frame, log_z, format!("log Z {value:.4}"), &state.log_z, (low, high));
    } else {
        frame.render_widget(Line::from("log Z not told by this flow"), log_z);
    }
}

fn history(
    state: &State,
    frame: &mut Frame<'_>,
    line: Rect,
    words: String,
    values: &[f64],
    (low, high): (f64, f64),
) {
    frame.render_widget(Line::from(words), line);
    let [_, spark] =
        Layout::horizontal([Constraint::Length(HISTORY), Constraint::Fill(1)]).areas(line);
    let text = sparkline(values, spark.width.into(), low, high);
    let style = foreground(state.colours.at(0.6));
    frame.render_widget(Line::from(Span::styled(text, style)), spark);
}

fn progress_of(state: &State, moment: &Moment) -> String {
    let step = moment.frame.step;
    let mut text = match state.setting.steps {
        Some(steps) => format!("step {step} of {steps}"),
        None => format!("step {step}, adaptive"),
    };
    text += &format!(", time {}", decimals(moment.frame.time, 4));
    if state.setting.has_path {
        text += &format!(", β {:.3}", moment.beta);
    }
    text
}

fn population_of(state: &State, moment: &Moment) -> String {
    let plural = if moment.resamplings == 1 { "" } else { "s" };
    format!(
        "{} resampling{plural}, {} of {} ancestors left",
        moment.resamplings,
        grouped(moment.frame.ancestors.into()),
        grouped(state.setting.particles.into()),
    )
}

fn cost_of(state: &State, moment: &Moment) -> String {
    let (step, elapsed) = (moment.frame.step, moment.elapsed_s);
    if step == 0 || elapsed <= 0.0 {
        return String::new();
    }
    let rate = f64::from(state.setting.particles) * f64::from(step) / elapsed;
    let text = format!("{} particle-steps/s, {} so far", three_digits(rate), seconds(elapsed));
    match state.setting.steps.filter(|steps| step < *steps) {
        Some(steps) => {
            let left = elapsed / f64::from(step) * f64::from(steps - step);
            format!("{text}, {} left", seconds(left))
        }
        None => text,
    }
}

fn last_line(state: &State) -> Line<'_> {
    if let Some(message) = &state.message {
        return Line::from(message.as_str()).bold();
    }
    let key = |key: &'static str, words: &'static str| {
        [Span::styled(key, Style::new().bold()), Span::raw(words)]
    };
    let keys = match state.mode {
        Mode::Ended => vec![key("w", " save  "), key("q", " leave, see the report")],
        Mode::Paused => vec![
            key("space", " go on  "),
            key("s", " next test  "),
            key("w", " save  "),
            key("q", " stop  "),
            key("?", " help"),
        ],
        Mode::Running | Mode::Until(_) => vec![
            key("space", " pause  "),
            key("s", " next test  "),
            key("w", " save  "),
            key("q", " stop  "),
            key("?", " help"),
        ],
    };
    Line::from(keys.concat())
}

fn help(frame: &mut Frame<'_>, all: Rect) {
    let size = (58, HELP.len() as u16 + 2);
    let area = all.centered(Constraint::Length(size.0), Constraint::Length(size.1));
    frame.render_widget(Clear, area);
    let block = Block::bordered().title(" keys ");
    frame.render_widget(Paragraph::new(HELP.map(Line::from).to_vec()).block(block), area);
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;
    use ratatui::style::Color;

    use super::*;
    use crate::cli::live::paint::Colours;
    use crate::cli::live::state::Setting;
    use crate::output;

    fn state(colours: Colours) -> State {
        let setting = Setting {
            title: "double-well, on a made-up adapter".into(),
            particles: 100_000,
            steps: Some(400),
            every: 16,
            has_path: true,
            tells_log_z: true,
        };
        State::new(setting, colours, true)
    }

    /// Two modes in the plane, the left one twice as dense; on the line where there is one row.
    fn moment(rows: u32) -> Moment {
        let middle = |i: u32, bins: u32| (f64::from(i) + 0.5) / f64::from(bins);
        let bell = |x: f64, at: f64| (-0.5 * ((x - at) / 0.08).powi(2)).exp();
        let density = |bin: u32| {
            let (x, y) = (middle(bin % 60, 60), middle(bin / 60, rows));
            let up = if rows > 1 { bell(y, 0.4) } else { 1.0 };
            ((bell(x, 0.3) + 0.5 * bell(x, 0.7)) * up) as f32
        };
        let frame = output::Frame {
            step: 128,
            time: 1.28,
            ess: 63_000.0,
            log_normalizer: 1.5,
            ancestors: 43_210,
            x: [-2.0, 2.25],
            y: [0.0, 3.5],
            columns: 60,
            rows,
            density: (0..60 * rows).map(density).collect(),
        };
        Moment { frame, beta: 0.32, resamplings: 3, elapsed_s: 0.5 }
    }

    fn picture(state: &State, width: u16, height: u16) -> Terminal<TestBackend> {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
        terminal.draw(|frame| draw(state, frame)).unwrap();
        terminal
    }

    fn text(terminal: &Terminal<TestBackend>) -> String {
        let buffer = terminal.backend().buffer();
        let lines = buffer.content.chunks(buffer.area.width.into());
        let line = |cells: &[ratatui::buffer::Cell]| {
            let line: String = cells.iter().map(|cell| cell.symbol()).collect();
            format!("{}\n", line.trim_end())
        };
        lines.map(line).collect()
    }

    fn tests() -> impl Iterator<Item = (f32, f64)> {
        [(100_000.0, 0.0), (80_000.0, 0.5), (40_000.0, 1.0), (90_000.0, 1.5)].into_iter()
    }

    #[test]
    fn the_plane_without_colours() {
        let mut state = state(Colours::None);
        state.see(moment(20), tests());
        assert_eq!(text(&picture(&state, 60, 20)), PLANE);
    }

    #[test]
    fn the_line_without_colours() {
        let mut state = state(Colours::None);
        state.see(moment(1), tests());
        state.mode = Mode::Paused;
        assert_eq!(text(&picture(&state, 60, 20)), LINE);
    }

    /// No style but boldness where colours are off, and viridis where they are on.
    #[test]
    fn colours_are_those_of_the_terminal() {
        for colours in [Colours::None, Colours::Cube, Colours::True] {
            let mut state = state(colours);
            state.see(moment(20), tests());
            let terminal = picture(&state, 60, 20);
            let cells = &terminal.backend().buffer().content;
            let kind = |color: Color| match color {
                Color::Reset => Colours::None,
                Color::Indexed(_) => Colours::Cube,
                _ => Colours::True,
            };
            let plot = &cells[2 * 60..13 * 60];
            assert!(plot.iter().all(|cell| [cell.fg, cell.bg].map(kind) == [colours; 2]));
        }
    }

    #[test]
    fn messages_help_and_the_end_are_seen() {
        let mut state = state(Colours::None);
        state.see(moment(20), tests());
        state.say("saved in run-1".into());
        assert!(text(&picture(&state, 60, 20)).ends_with("\nsaved in run-1\n"));
        state.message = None;
        state.help = true;
        let help = text(&picture(&state, 60, 20));
        assert!(HELP.iter().all(|line| help.contains(line)), "{help}");
        state.help = false;
        state.mode = Mode::Ended;
        let end = text(&picture(&state, 60, 20));
        assert!(end.contains(" done\n") && end.ends_with("q leave, see the report\n"), "{end}");
    }

    #[test]
    fn a_larger_window_has_a_larger_picture_and_a_small_one_says_so() {
        let mut state = state(Colours::None);
        state.see(moment(20), tests());
        let large = text(&picture(&state, 100, 40));
        assert_eq!(large.lines().count(), 40);
        let filled = |line: &&str| line.contains('@');
        assert!(large.lines().filter(filled).count() >= 2, "{large}");
        assert_eq!(bins(Size::new(100, 40)), (100, 62));
        assert_eq!(bins(Size::new(60, 20)), (60, 22));
        let small = text(&picture(&state, 40, 10));
        assert!(small.starts_with("make the window 60 × 20 or larger\n"), "{small}");
        assert_eq!(bins(Size::new(0, 0)), (1, 2));
    }

    #[test]
    fn what_is_not_known_is_not_shown() {
        let mut state = state(Colours::None);
        state.setting.steps = None;
        (state.setting.has_path, state.setting.tells_log_z) = (false, false);
        state.see(moment(20), tests());
        let text = text(&picture(&state, 60, 20));
        assert!(text.contains("\nlog Z not told by this flow\nstep 128, adaptive, time 1.28\n"));
        assert!(text.contains("0.500 s so far\n") && !text.contains("β"), "{text}");
    }

    const PLANE: &str = "\
double-well, on a made-up adapter                    running
x1 from 0 to 3.50




       ......::::::::::.............................
   ....::--==++******++==--::::::::--==========--:::....
  ...::--=+**#%%@@@@%%##*+=--:::---=++********++=--:::...
   ....::--==++******++==--::::::::--==========--:::....
     .....:::::------:::::...........::::::::::......
           ..............            ..........

-2.00                        x0                         2.25
ESS   0.630 N     █▆▃▇
log Z 1.5000      ▁▃▅█
step 128 of 400, time 1.28, β 0.320
3 resamplings, 43,210 of 100,000 ancestors left
2.56e7 particle-steps/s, 0.500 s so far, 1.06 s left
space pause  s next test  w save  q stop  ? help
";

    const LINE: &str = "\
double-well, on a made-up adapter                     paused
density
                ▄██▄
               ▅████▅
              ▄██████▄
             ▁████████▁
             ██████████
            ▆██████████▆                ▂▄▄▂
           ▃████████████▃             ▂▇████▇▂
          ▂██████████████▂           ▅████████▅
         ▂████████████████▃        ▂▇██████████▇▂
        ▄██████████████████▅▁    ▂▅██████████████▅▁
   ▁▂▃▅██████████████████████▇▅▆▇██████████████████▆▄▃▁▁
-2.00                        x0                         2.25
ESS   0.630 N     █▆▃▇
log Z 1.5000      ▁▃▅█
step 128 of 400, time 1.28, β 0.320
3 resamplings, 43,210 of 100,000 ancestors left
2.56e7 particle-steps/s, 0.500 s so far, 1.06 s left
space go on  s next test  w save  q stop  ? help
";
}

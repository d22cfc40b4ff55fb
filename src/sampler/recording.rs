//! Whether the device has executed what was recorded into the encoders of the host program.
//!
//! Each recording copies the device's clock to a word of its own before its first step. Once it was
//! submitted, that word shows whether it was executed, and after how many steps. Where nothing is open,
//! nothing is read.

use std::collections::VecDeque;
use std::mem::offset_of;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Sampler;
use crate::buffers;
use crate::error::{ErrorKind, RecordingFault, Result};
use crate::gpu::Gpu;
use crate::layout::Control;
use crate::readback::{self, Part};

/// Recordings that can be open at a time; of more, the last ones are looked at.
const WORDS: u32 = 1024;

/// What a word holds that was never written: no clock comes as far.
const NEVER: u32 = u32::MAX;

/// A recording whose execution nobody has seen yet.
#[derive(Debug, Clone, Copy)]
struct Open {
    /// Its word; a pass has no place to write one.
    word: Option<Word>,
    first: u32,
    end: u32,
}

#[derive(Debug, Clone, Copy)]
struct Word {
    index: u32,
    /// What it held before.
    held: u32,
}

impl Open {
    /// Whether the device has not executed it, as far as its word or else the clock says.
    fn is_missing(&self, words: &[u32], control: &Control) -> bool {
        match self.word {
            Some(Word { index, held }) => words[index as usize] == held,
            None => control.step_end < self.end,
        }
    }
}

/// The recordings of a run.
#[derive(Debug)]
pub(super) struct Recordings {
    words: wgpu::Buffer,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: u32,
    held: Vec<u32>,
    open: VecDeque<Open>,
}

impl State {
    fn new() -> State {
        State { next: 0, held: vec![NEVER; WORDS as usize], open: VecDeque::new() }
    }

    /// The word for the steps from `first` to `end`, where it can be written.
    fn open(&mut self, (first, end): (u32, u32), has_word: bool) -> Option<u32> {
        if self.open.len() == WORDS as usize
            && let Some(oldest) = self.open.pop_front()
            && let Some(word) = oldest.word
        {
            self.held[word.index as usize] = oldest.first;
        }
        let word = has_word.then(|| {
            let index = self.next;
            self.next = (index + 1) % WORDS;
            Word { index, held: self.held[index as usize] }
        });
        self.open.push_back(Open { word, first, end });
        word.map(|word| word.index)
    }

    /// What is wrong with the open recordings, after the device has written these words.
    fn fault(&self, words: &[u32], control: &Control, recorded: u32) -> Result<()> {
        let fault = |fault: RecordingFault, first: u32, end: u32| {
            let executed = control.step_end;
            Err(ErrorKind::Recording { fault, first, end, recorded, executed }.into())
        };
        let stands = |clock: u32| stands(control, clock);
        for open in &self.open {
            let Some(word) = open.word else { continue };
            let clock = words[word.index as usize];
            if clock == open.first || (clock != NEVER && stands(clock)) {
                continue;
            }
            let missing = open.is_missing(words, control);
            let kind = if missing { RecordingFault::Missing } else { RecordingFault::OutOfOrder };
            return fault(kind, open.first, open.end);
        }
        if control.step_end == recorded || stands(control.step_end) {
            return Ok(());
        }
        match control.step_end < recorded {
            true => fault(RecordingFault::Missing, control.step_end, recorded),
            false => fault(RecordingFault::Repeated, recorded, control.step_end),
        }
    }
}

impl State {
    /// The first recording that was not executed, if none after it was and the clock agrees.
    fn rewound(&self, words: &[u32], control: &Control) -> Option<Open> {
        let missing = self.open.iter().position(|open| open.is_missing(words, control))?;
        let mut after = self.open.iter().skip(missing);
        let first = after.next().copied()?;
        let agrees = after.all(|open| open.is_missing(words, control));
        (agrees && control.step_end == first.first).then_some(first)
    }
}

/// Whether the clock stands here: at the end of an adaptive schedule, or after all weights were zero.
fn stands(control: &Control, clock: u32) -> bool {
    let stopped = control.stop != 0 && clock >= control.stop;
    stopped || (control.failed != 0 && clock >= control.failed - 1)
}

impl Recordings {
    pub(super) fn new(gpu: &Gpu) -> Result<Recordings> {
        let state = State::new();
        let usage = wgpu::BufferUsages::COPY_SRC | wgpu::BufferUsages::COPY_DST;
        let bytes = bytemuck::cast_slice(&state.held);
        let words = gpu.scoped(|| buffers::filled(&gpu.device, "wfr.recordings", usage, bytes))?;
        Ok(Recordings { words, state: Mutex::new(state) })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that these steps are recorded next, and the clock before them where there is an encoder.
    pub(super) fn open(
        &self,
        encoder: Option<&mut wgpu::CommandEncoder>,
        control: &wgpu::Buffer,
        steps: (u32, u32),
    ) {
        let word = self.state().open(steps, encoder.is_some());
        let clock = offset_of!(Control, step_end) as u64;
        if let (Some(encoder), Some(word)) = (encoder, word) {
            let at = 4 * u64::from(word);
            encoder.copy_buffer_to_buffer(control, clock, &self.words, at, Some(4));
        }
    }
}

impl Sampler {
    /// Whether something was recorded whose execution nobody has seen.
    pub(super) fn is_open(&self) -> bool {
        !self.recordings.state().open.is_empty()
    }

    /// What tells it: the clock, and the words where they say more.
    pub(super) fn clock_parts(&self) -> [Part<'_>; 2] {
        let words = Part::whole(&self.recordings.words);
        let bytes = if self.is_open() { words.bytes } else { 0 };
        [Part::whole(&self.state.control), Part { bytes, ..words }]
    }

    /// Goes back to the steps that the device has done, where what was recorded last was dropped, and
    /// returns how many they are: the sampler records from there again, to the same bits.
    ///
    /// Every encoder that will still be submitted has to be submitted by now. Where all were, nothing
    /// changes.
    ///
    /// # Errors
    /// [`ErrorKind::Recording`] where the device has done steps after those that are missing, or more
    /// than were recorded: the particles are not valid then. [`ErrorKind::DeviceLost`] and
    /// [`ErrorKind::Device`].
    pub async fn rewind(&mut self) -> Result<u32> {
        if !self.is_open() {
            return self.gpu.check().map(|()| self.encoded);
        }
        let mut read = readback::gather(&self.gpu, |_| (), &self.clock_parts()).await?;
        let (control, words) = (read.next::<Control>()[0], read.next::<u32>());
        if let Err(error) = self.check_clock(&control, &words) {
            let mut state = self.recordings.state();
            let first = state.rewound(&words, &control).ok_or(error)?;
            state.open.clear();
            state.held = words;
            self.encoded = first.first;
        }
        Ok(self.encoded)
    }

    /// An error where a recording was not executed as it was recorded.
    pub(super) async fn check_recorded(&self) -> Result<()> {
        if !self.is_open() {
            return Ok(());
        }
        let mut read = readback::gather(&self.gpu, |_| (), &self.clock_parts()).await?;
        self.check_clock(&read.next()[0], &read.next())
    }

    /// The same with what was read of those parts.
    pub(super) fn check_clock(&self, control: &Control, words: &[u32]) -> Result<()> {
        let mut state = self.recordings.state();
        if words.is_empty() {
            return State::new().fault(&[], control, self.encoded);
        }
        state.fault(words, control, self.encoded)?;
        state.open.clear();
        state.held = words.to_vec();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said after recordings of so many steps each, once the words are these.
    fn said(steps: &[u32], clocks: &[u32], control: Control) -> Option<String> {
        let mut state = State::new();
        let mut words = state.held.clone();
        let mut recorded = 0;
        for (count, clock) in steps.iter().zip(clocks) {
            let word = state.open((recorded, recorded + count), true).unwrap();
            words[word as usize] = *clock;
            recorded += count;
        }
        state.fault(&words, &control, recorded).err().map(|error| error.to_string())
    }

    fn at(step_end: u32) -> Control {
        Control { step_end, ..Control::default() }
    }

    #[test]
    fn what_happened_to_a_recording_is_told_as_far_as_it_is_known() {
        assert_eq!(said(&[16, 16], &[0, 16], at(32)), None);
        for (clocks, done, shown) in [
            (
                [0, NEVER],
                16,
                "steps 16 to 32 were recorded and not executed (32 steps are recorded",
            ),
            ([NEVER, 0], 16, "steps 0 to 16 were recorded and not executed"),
            ([16, 0], 32, "steps 0 to 16 were executed in another order than they were recorded"),
            ([0, 16], 48, "steps were executed more often than they were recorded (32 steps are"),
        ] {
            let told = said(&[16, 16], &clocks, at(done)).unwrap();
            assert!(told.starts_with(shown), "{told}");
        }
    }

    /// The clock of an adaptive schedule stands at its end, and that of a run without weights.
    #[test]
    fn a_clock_that_stands_is_no_fault() {
        let ended = Control { stop: 20, ..at(20) };
        assert_eq!(said(&[16, 16, 16], &[0, 16, 20], ended), None);
        assert!(said(&[16, 16, 16], &[0, 16, NEVER], ended).is_some());
        let vanished = Control { failed: 17, ..at(16) };
        assert_eq!(said(&[16, 16, 16], &[0, 16, 16], vanished), None);
    }

    #[test]
    fn words_are_used_again() {
        let mut state = State::new();
        let mut words = state.held.clone();
        for k in 0..3 * WORDS {
            let word = state.open((k, k + 1), true).unwrap();
            words[word as usize] = k;
        }
        let done = 3 * WORDS;
        assert!(state.fault(&words, &at(done), done).is_ok());
        (state.held, state.open) = (words.clone(), VecDeque::new());
        state.open((done, done + 1), true);
        let told = state.fault(&words, &at(done), done + 1).unwrap_err().to_string();
        assert!(told.contains(&format!("steps {done} to {} were recorded and not", done + 1)));
    }
}

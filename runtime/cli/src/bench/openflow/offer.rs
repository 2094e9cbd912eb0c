//! Offers flows to the lines of switches as fast as they are answered, and tells how fast that was. Knows nothing of who answers.

use std::time::{Duration, Instant};

use super::fleet::{Fleet, TURN};
use super::line::Line;

/// How long no answer at all may come.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long flows are offered at most, however few were answered by then.
const LONGEST: Duration = Duration::from_secs(10);

/// How long a turn waits where flows are offered at a rate.
const SHORT: Duration = Duration::from_millis(1);
/// Bytes that a switch has not taken yet, at most: then packets are lost before they are sent.
const UNTAKEN: usize = 1 << 20;
/// Flows offered before it is looked again what came back.
const TOGETHER: u64 = 4_096;
/// How long answers may be late.
const LATE: Duration = Duration::from_millis(500);

/// How much is offered.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until {
    /// So many flows in each line, or as many as are answered within ten seconds; what each took is kept.
    Flows(u32),
    /// As many as are answered in this time.
    Elapsed(Duration),
}

/// What came back.
#[derive(Debug)]
pub(super) struct Answered {
    /// Complete answers.
    pub(super) answers: u64,
    /// From the first initiation to the last answer.
    pub(super) elapsed: Duration,
    /// What each took, in microseconds, ascending.
    pub(super) latencies: Vec<u32>,
}

impl Answered {
    /// Answers in a second.
    pub(super) fn per_second(&self) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a figure to be read, of less than 2^52")]
        let answers = self.answers as f64;
        answers / self.elapsed.as_secs_f64()
    }

    /// What so many of a thousand answers took at most.
    pub(super) fn quantile(&self, per_mille: usize) -> u32 {
        let place = self.latencies.len() * per_mille / 1000;
        self.latencies.get(place.min(self.latencies.len().saturating_sub(1))).copied().unwrap_or(0)
    }
}

impl Fleet {
    /// Offers flows, in each line as many at a time as the window holds.
    ///
    /// # Errors
    /// Answers do not come.
    pub(super) fn offer(&mut self, until: Until) -> Result<Answered, String> {
        let (count, kept, most) = match until {
            Until::Flows(count) => (count, count, LONGEST),
            Until::Elapsed(most) => (u32::MAX, 0, most),
        };
        self.begin(count, kept);
        let begun = Instant::now();
        let mut last = (begun, 0);
        loop {
            self.look_at_clock();
            for line in 0..self.lines.len() {
                self.top_up(line);
            }
            self.also_send();
            self.flush()?;
            self.turn(TURN)?;
            if self.answers() > last.1 {
                last = (Instant::now(), self.answers());
            } else if last.0.elapsed() > PATIENCE {
                return Err(format!("after {} answers no more came", last.1));
            }
            if begun.elapsed() >= most {
                self.lines.iter_mut().for_each(Line::stop);
            }
            if self.lines.iter().all(Line::is_done) {
                break;
            }
        }
        Ok(self.summed(begun.elapsed()))
    }

    /// Offers so many flows a second for a time, whether they are answered or not. What was answered in that time, and how many were
    /// offered.
    ///
    /// # Errors
    /// The daemon cut a switch off.
    pub(super) fn offer_at(&mut self, per_second: f64, time: Duration) -> Result<(Answered, u64), String> {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "flows of a few seconds")]
        let due_after = |elapsed: Duration| (per_second * elapsed.as_secs_f64()) as u64;
        self.begin(u32::MAX, u32::try_from(due_after(time)).unwrap_or(u32::MAX));
        let (begun, mut offered) = (Instant::now(), 0);
        while begun.elapsed() < time {
            self.look_at_clock();
            let due = due_after(begun.elapsed()).min(offered + TOGETHER);
            while offered < due {
                self.initiate_if_taken(usize::try_from(offered).unwrap_or(0) % self.lines.len().max(1));
                offered += 1;
            }
            self.also_send();
            self.flush()?;
            self.turn(SHORT)?;
        }
        let mut answered = self.summed(time);
        self.lines.iter_mut().for_each(Line::stop);
        let late = Instant::now();
        while late.elapsed() < LATE && !self.lines.iter().all(Line::is_done) {
            self.flush()?;
            self.turn(SHORT)?;
        }
        // What comes late counts for the times that answers take.
        answered.latencies = self.summed(time).latencies;
        self.lines.iter_mut().for_each(Line::give_up);
        Ok((answered, offered))
    }

    fn initiate_if_taken(&mut self, line: usize) {
        let first = line * usize::from(self.case.hops);
        if self.members.get(first).is_some_and(|member| member.connection.out.len() < UNTAKEN) {
            self.initiate(line);
        }
    }

    fn begin(&mut self, count: u32, kept: u32) {
        let hops = usize::from(self.case.hops);
        for (line, members) in self.lines.iter_mut().zip(self.members.chunks(hops)) {
            line.begin(count, kept as usize, members.iter().map(|member| member.added));
        }
    }

    fn top_up(&mut self, number: usize) {
        let Some(line) = self.lines.get(number) else { return };
        for _ in 0..line.due() {
            self.initiate(number);
        }
    }

    fn answers(&self) -> u64 {
        self.lines.iter().map(|line| u64::from(line.done())).sum()
    }

    fn summed(&self, elapsed: Duration) -> Answered {
        let mut latencies: Vec<u32> = self.lines.iter().flat_map(|line| line.latencies()).copied().collect();
        latencies.sort_unstable();
        Answered { answers: self.answers(), elapsed, latencies }
    }
}

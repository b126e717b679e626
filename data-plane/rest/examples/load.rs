//! Sends requests and says how long the answers took, as one line of JSON; for `make bench`.
//!
//! `load ADDRESS FILE PACE CONNECTIONS SECONDS`. The file: each request's length as a line of its own, then its bytes. The pace:
//!
//! - a number: as many requests a second, in turn. A request's time begins when it is due, whether a connection is free by then
//!   or not: a slow answer delays those after it and is seen in all of them (no coordinated omission).
//! - `closed`: each connection sends the next one as soon as it has its answer.
//! - `once`: the same, and each request of the file is sent once; it ends earlier when all are sent.
//! - `chain=NAME`: each connection has a request of its own, and sends it again and again with the text of the member NAME in its
//!   body replaced by the one in the answer, as a client does with refresh tokens.
//!
//! The connections are threads that sleep by the kernel's clock: an asynchronous runtime's ticks by the millisecond, and would
//! send several requests at once. Needs nothing but the standard library, so that `rustc` alone builds it within seconds.

#![expect(clippy::print_stdout, reason = "a measuring tool")]

use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fs,
    io::{BufRead, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Longest time for a part of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error + Send + Sync>;

/// When a request is sent.
enum Pace {
    PerSecond(f64),
    Closed,
    Once,
    Chain(String),
}

/// What is due when.
struct Schedule {
    requests: Vec<Vec<u8>>,
    pace: Pace,
    start: Instant,
    time: Duration,
    next: AtomicU64,
}

impl Schedule {
    /// The next request's number and when it is due, if there is one.
    fn next(&self) -> Option<(u64, Instant)> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let due = match self.pace {
            Pace::PerSecond(rate) => self.start + Duration::from_secs_f64(number as f64 / rate),
            Pace::Closed | Pace::Once | Pace::Chain(_) => Instant::now().max(self.start),
        };
        let is_used_up = matches!(self.pace, Pace::Once) && number >= self.requests.len() as u64;
        (due < self.start + self.time && !is_used_up).then_some((number, due))
    }

    fn request(&self, number: u64) -> &[u8] {
        &self.requests[number as usize % self.requests.len()]
    }
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    took: Vec<Duration>,
    statuses: BTreeMap<u16, u64>,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, file, pace, connections, seconds] = arguments.as_slice() else {
        return Err("load ADDRESS FILE PACE CONNECTIONS SECONDS".into());
    };
    let streams: Vec<TcpStream> =
        (0..connections.parse::<usize>()?).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
    let schedule = Schedule {
        requests: requests(&fs::read(file)?)?,
        pace: match (pace.as_str(), pace.strip_prefix("chain=")) {
            (_, Some(member)) => Pace::Chain(format!(r#""{member}":""#)),
            ("closed", None) => Pace::Closed,
            ("once", None) => Pace::Once,
            (rate, None) => Pace::PerSecond(rate.parse()?),
        },
        start: Instant::now() + Duration::from_millis(50),
        time: Duration::from_secs_f64(seconds.parse()?),
        next: AtomicU64::new(0),
    };
    let schedule = &schedule;
    let seen = thread::scope(|scope| {
        let start = |(number, stream)| scope.spawn(move || send(number, stream, schedule));
        let threads: Vec<_> = streams.iter().enumerate().map(start).collect();
        let seen = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())));
        seen.collect::<Result<Vec<Seen>, Failure>>()
    })?;
    let microseconds = schedule.start.elapsed().as_micros();
    let (mut took, mut statuses) = (Vec::new(), BTreeMap::new());
    for seen in seen {
        took.extend(seen.took);
        for (status, count) in seen.statuses {
            *statuses.entry(status).or_insert(0) += count;
        }
    }
    took.sort_unstable();
    let statuses: Vec<_> = statuses.iter().map(|(status, count)| format!(r#""{status}":{count}"#)).collect();
    println!(
        r#"{{"requests":{},"microseconds":{microseconds},"statuses":{{{}}},"p50":{},"p99":{}}}"#,
        took.len(),
        statuses.join(","),
        percentile(&took, 50).as_micros(),
        percentile(&took, 99).as_micros()
    );
    Ok(())
}

fn requests(file: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    let mut rest = file;
    let mut requests = Vec::new();
    while !rest.is_empty() {
        let mut line = String::new();
        rest.read_line(&mut line)?;
        let mut request = vec![0; line.trim_end().parse()?];
        rest.read_exact(&mut request)?;
        requests.push(request);
    }
    if requests.is_empty() { Err("the file has no requests".into()) } else { Ok(requests) }
}

fn send(connection: usize, stream: &TcpStream, schedule: &Schedule) -> Result<Seen, Failure> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut seen = Seen::default();
    let mut own = schedule.request(connection as u64).to_vec();
    while let Some((number, due)) = schedule.next() {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let chained = if let Pace::Chain(member) = &schedule.pace { Some(member.as_str()) } else { None };
        writer.write_all(if chained.is_some() { &own } else { schedule.request(number) })?;
        let (status, body) = answer(&mut reader)?;
        seen.took.push(due.elapsed());
        *seen.statuses.entry(status).or_default() += 1;
        if let Some(member) = chained {
            replace(&mut own, member, &body)?;
        }
    }
    Ok(seen)
}

/// Puts the text that follows in the answer where another one of the same length follows in the request.
fn replace(request: &mut [u8], member: &str, answer: &[u8]) -> Result<(), Failure> {
    let place = |bytes: &[u8]| {
        let start = bytes.windows(member.len()).position(|window| window == member.as_bytes())? + member.len();
        let length = bytes[start..].iter().position(|byte| *byte == b'"')?;
        Some(start..start + length)
    };
    let (Some(old), Some(new)) = (place(request), place(answer)) else {
        return Err(format!("no {member} in {}", String::from_utf8_lossy(answer)).into());
    };
    if old.len() != new.len() {
        return Err("the text in the answer has another length".into());
    }
    request[old].copy_from_slice(&answer[new]);
    Ok(())
}

/// Reads an answer to its end: its status, and its body.
fn answer(reader: &mut impl BufRead) -> Result<(u16, Vec<u8>), Failure> {
    let status = line(reader)?.split(' ').nth(1).ok_or("no status")?.parse()?;
    let (mut length, mut chunked) = (0, false);
    loop {
        let header = line(reader)?.to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        match header.split_once(':').map(|(name, value)| (name, value.trim())) {
            Some(("content-length", value)) => length = value.parse()?,
            Some(("transfer-encoding", "chunked")) => chunked = true,
            _ => {}
        }
    }
    let mut body = Vec::new();
    reader.take(length).read_to_end(&mut body)?;
    while chunked {
        let length = u64::from_str_radix(&line(reader)?, 16)?;
        reader.take(length).read_to_end(&mut body)?;
        line(reader)?;
        chunked = length > 0;
    }
    Ok((status, body))
}

fn line(reader: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err("the connection was closed".into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

/// Of sorted times, the nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

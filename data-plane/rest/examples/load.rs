//! Sends requests at a fixed rate and says how long the answers took, as one line of JSON; for `make bench`.
//!
//! A request's time begins when it is due, whether a connection is free by then or not: a slow answer delays those after it
//! and is seen in all of them (no coordinated omission). The connections are threads that sleep by the kernel's clock: an
//! asynchronous runtime's ticks by the millisecond, and would send several requests at once.
//!
//! Needs nothing but the standard library, so that `rustc` alone builds it within seconds:
//! `open_loop ADDRESS FILE REQUESTS_PER_SECOND CONNECTIONS SECONDS`. The file: each request's length as a line of its own,
//! then its bytes.

#![expect(clippy::print_stdout, reason = "a measuring tool")]

use std::{
    env,
    error::Error,
    fs,
    io::{self, BufRead, BufReader, Read as _, Write as _},
    net::TcpStream,
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

/// Longest time for a part of an answer.
const PATIENCE: Duration = Duration::from_secs(30);

type Failure = Box<dyn Error + Send + Sync>;

/// What is due when.
struct Schedule {
    requests: Vec<Vec<u8>>,
    start: Instant,
    per_second: f64,
    /// All that there are.
    count: u64,
    next: AtomicU64,
}

impl Schedule {
    fn due(&self, number: u64) -> Instant {
        self.start + Duration::from_secs_f64(number as f64 / self.per_second)
    }

    fn request(&self, number: u64) -> &[u8] {
        &self.requests[number as usize % self.requests.len()]
    }
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    took: Vec<Duration>,
    failed: u64,
}

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [address, file, per_second, connections, seconds] = arguments.as_slice() else {
        return Err("open_loop ADDRESS FILE REQUESTS_PER_SECOND CONNECTIONS SECONDS".into());
    };
    let (per_second, seconds): (f64, f64) = (per_second.parse()?, seconds.parse()?);
    let streams: Vec<TcpStream> =
        (0..connections.parse::<usize>()?).map(|_| TcpStream::connect(address)).collect::<Result<_, _>>()?;
    let schedule = Schedule {
        requests: requests(&fs::read(file)?)?,
        start: Instant::now() + Duration::from_millis(50),
        per_second,
        count: (per_second * seconds).round() as u64,
        next: AtomicU64::new(0),
    };
    let seen = thread::scope(|scope| {
        let threads: Vec<_> = streams.iter().map(|stream| scope.spawn(|| send(stream, &schedule))).collect();
        let seen = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a thread panicked".into())));
        seen.collect::<Result<Vec<Seen>, Failure>>()
    })?;
    let failed: u64 = seen.iter().map(|seen| seen.failed).sum();
    let mut took: Vec<Duration> = seen.into_iter().flat_map(|seen| seen.took).collect();
    took.sort_unstable();
    println!(
        r#"{{"requests":{},"failed":{failed},"p50":{},"p99":{}}}"#,
        took.len(),
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

fn send(stream: &TcpStream, schedule: &Schedule) -> Result<Seen, Failure> {
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let mut seen = Seen::default();
    loop {
        let number = schedule.next.fetch_add(1, Ordering::Relaxed);
        if number >= schedule.count {
            return Ok(seen);
        }
        let due = schedule.due(number);
        thread::sleep(due.saturating_duration_since(Instant::now()));
        writer.write_all(schedule.request(number))?;
        let status = answer(&mut reader)?;
        seen.took.push(due.elapsed());
        seen.failed += u64::from(status >= 300);
    }
}

/// Reads an answer to its end, and gives its status.
fn answer(reader: &mut impl BufRead) -> Result<u16, Failure> {
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
    skip(reader, length)?;
    while chunked {
        let length = u64::from_str_radix(&line(reader)?, 16)?;
        skip(reader, length)?;
        line(reader)?;
        chunked = length > 0;
    }
    Ok(status)
}

fn line(reader: &mut impl BufRead) -> Result<String, Failure> {
    let mut line = String::new();
    if reader.read_line(&mut line)? == 0 {
        return Err("the connection was closed".into());
    }
    line.truncate(line.trim_end().len());
    Ok(line)
}

fn skip(reader: &mut impl BufRead, length: u64) -> io::Result<()> {
    io::copy(&mut reader.take(length), &mut io::sink()).map(drop)
}

/// Of sorted times, the nearest rank.
fn percentile(sorted: &[Duration], percent: usize) -> Duration {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().unwrap_or_default()
}

//! A stream that can be given up while it is silent.
//!
//! Reading a pipe blocks until somebody writes, and a signal doesn't change that. So another thread
//! reads, and the waiting thread wakes up regularly to check the stop flag. The reading thread may
//! stay behind in its last read; it holds nothing that anybody needs.

use std::io::{self, Read};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

/// Bytes read at once.
const CHUNK: usize = 64 << 10; // 64 KiB

/// Chunks in the queue: enough that the reader never waits for the decoder.
const CHUNKS: usize = 8;

/// How long a stop may go unseen.
const LOOK_UP: Duration = Duration::from_millis(50);

/// Bytes that another thread reads.
pub struct Stoppable<'a> {
    chunks: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    given: usize,
    stop: &'a AtomicBool,
}

impl<'a> Stoppable<'a> {
    /// Reads `reader` until it ends or `stop` is set, which then reads as its end.
    pub fn new(mut reader: impl Read + Send + 'static, stop: &'a AtomicBool) -> Self {
        let (sender, chunks) = sync_channel(CHUNKS);
        // There is room for more than one, so that sending does not wait.
        let failed = sender.clone();
        let read = move || {
            loop {
                let mut chunk = vec![0; CHUNK];
                let result = match reader.read(&mut chunk) {
                    Ok(0) => return,
                    Ok(len) => {
                        chunk.truncate(len);
                        Ok(chunk)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let failed = result.is_err();
                if sender.send(result).is_err() || failed {
                    return;
                }
            }
        };
        if let Err(error) = thread::Builder::new().name("stream".into()).spawn(read) {
            let why = format!("no thread can be started to read it: {error}");
            let _ = failed.send(Err(io::Error::new(error.kind(), why)));
        }
        Stoppable { chunks, chunk: Vec::new(), given: 0, stop }
    }

    fn next(&self) -> io::Result<Vec<u8>> {
        loop {
            match self.chunks.recv_timeout(LOOK_UP) {
                Ok(chunk) => return chunk,
                Err(RecvTimeoutError::Disconnected) => return Ok(Vec::new()),
                Err(RecvTimeoutError::Timeout) if self.stop.load(Ordering::Relaxed) => {
                    return Ok(Vec::new());
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }
}

impl Read for Stoppable<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.given == self.chunk.len() {
            (self.chunk, self.given) = (self.next()?, 0);
        }
        let len = (self.chunk.len() - self.given).min(out.len());
        out[..len].copy_from_slice(&self.chunk[self.given..self.given + len]);
        self.given += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_come_through_and_an_error_behind_them() {
        struct Failing(&'static [u8]);
        impl Read for Failing {
            fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
                if self.0.is_empty() {
                    return Err(io::Error::other("cut"));
                }
                let len = 1.min(out.len());
                self.0.read(&mut out[..len])
            }
        }
        let stop = AtomicBool::new(false);
        let mut text = Vec::new();
        let error = Stoppable::new(Failing(b"some bytes"), &stop).read_to_end(&mut text);
        assert_eq!(
            (text.as_slice(), error.unwrap_err().to_string()),
            (&b"some bytes"[..], "cut".into())
        );
        let mut text = String::new();
        Stoppable::new(&b"whole"[..], &stop).read_to_string(&mut text).unwrap();
        assert_eq!(text, "whole");
    }

    #[test]
    fn a_silent_stream_ends_when_stopped() {
        let (reader, _writer) = io::pipe().unwrap();
        let stop = AtomicBool::new(true);
        assert_eq!(Stoppable::new(reader, &stop).read(&mut [0; 9]).unwrap(), 0);
    }
}

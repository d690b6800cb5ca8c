// SPDX-License-Identifier: BSD-2-Clause
//! What can go wrong, by name.

use crate::sys;
use std::any::Any;
use std::fmt;
use std::os::raw::c_int;

/// Why a call was refused. On an error nothing has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A bound is reached: the queue of the group or of the pool, or the number of threads.
    Full,
    /// The pool or the group is closing or closed.
    Shutdown,
    /// A value is out of its range, or the name contains a zero byte.
    Invalid,
    /// No memory.
    NoMemory,
    /// The table of groups is full.
    NoSpace,
    /// The wait could never end: it is for the caller itself, or from inside.
    Deadlock,
    /// The deadline has passed.
    TimedOut,
    /// A later change of the cap came first, or the group was freed.
    Superseded,
    /// Somebody uses it still.
    Busy,
    /// This process is a forked child.
    ForkedChild,
    /// A start failed; the text says at which worker and step.
    Start(String),
    /// Another number of the system.
    Os(i32),
}

impl Error {
    pub(crate) fn check(rc: c_int) -> Result<(), Error> {
        match -rc {
            0 => Ok(()),
            sys::EAGAIN => Err(Error::Full),
            sys::ESHUTDOWN => Err(Error::Shutdown),
            sys::EINVAL => Err(Error::Invalid),
            sys::ENOMEM => Err(Error::NoMemory),
            sys::ENOSPC => Err(Error::NoSpace),
            sys::EDEADLK => Err(Error::Deadlock),
            sys::ETIMEDOUT => Err(Error::TimedOut),
            sys::ESTALE => Err(Error::Superseded),
            sys::EBUSY => Err(Error::Busy),
            sys::ECHILD => Err(Error::ForkedChild),
            errno => Err(Error::Os(errno)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Full => f.write_str("the queue is full, or no thread is to be had"),
            Error::Shutdown => f.write_str("the pool or the group is closed"),
            Error::Invalid => f.write_str("a value is out of its range"),
            Error::NoMemory => f.write_str("no memory"),
            Error::NoSpace => f.write_str("the table of groups is full"),
            Error::Deadlock => f.write_str("the wait could never end"),
            Error::TimedOut => f.write_str("the deadline has passed"),
            Error::Superseded => f.write_str("a later change came first"),
            Error::Busy => f.write_str("somebody uses it still"),
            Error::ForkedChild => f.write_str("this process is a forked child"),
            Error::Start(text) => write!(f, "start: {text}"),
            Error::Os(errno) => write!(f, "{}", std::io::Error::from_raw_os_error(*errno)),
        }
    }
}

impl std::error::Error for Error {}

/// Why a join has no value.
pub enum JoinError {
    /// The task was cancelled, or its group refused or its pool dropped, before it started.
    Cancelled,
    /// The join could never end: the task is the caller's own, or waits for it.
    Deadlock,
    /// The task panicked with this payload.
    Panicked(Box<dyn Any + Send + 'static>),
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JoinError::Cancelled => "Cancelled",
            JoinError::Deadlock => "Deadlock",
            JoinError::Panicked(_) => "Panicked(..)",
        })
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            JoinError::Cancelled => "the task was cancelled",
            JoinError::Deadlock => "the join could never end",
            JoinError::Panicked(_) => "the task panicked",
        })
    }
}

impl std::error::Error for JoinError {}

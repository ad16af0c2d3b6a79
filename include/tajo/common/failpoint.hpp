#pragma once
#include <string_view>

namespace tajo {

/// Named places where tests make a process fail at one certain moment. Nothing is set in service: then a call costs one
/// load. `TAJO_FAILPOINT=NAME:N[:FILE]`, read once: the Nth call of failpoint("NAME") in this process is true, all
/// others are false. With FILE a call counts only while that file exists, and the true one removes it: a test arms one
/// process of a whole cluster by making the file. Any thread.
bool failpoint(std::string_view name);

/// Whether the environment names this failpoint, armed or not: for what must be watched before it fires.
bool failpoint_named(std::string_view name);

/// What a place that can fail in several ways is told to do.
struct Fault {
  int error = 0;            ///< fail with this errno
  bool short_write = false; ///< write half of what is asked
  bool stale = false;       ///< answer as a look-up cache would that has not heard of anything new
  long seconds = 0;         ///< a clock is wrong by this
};

/// Faults that a test switches on and off while the cluster runs: `TAJO_FAULTS=DIRECTORY`, read once. The file
/// `DIRECTORY/POINT.PID` (this process) or `DIRECTORY/POINT` (all) says what happens at each call until it is removed:
///
///   error ERRNO | short | stale | shift SECONDS   returned; the caller does it
///   delay MS                                      the calling thread sleeps
///   hold                                          the calling thread waits until the file is gone
///   kill | stop                                   SIGKILL or SIGSTOP to this process
///   mark                                          nothing
///
/// With `once` behind it one call of all processes takes it and removes the file. Each call that takes a fault leaves
/// the file `DIRECTORY/POINT.PID.hit`, so that a test knows that its fault was met. Any thread; blocks as told.
Fault fault_at(std::string_view point);

}  // namespace tajo

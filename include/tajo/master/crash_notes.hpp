#pragma once
#include <cstdint>
#include <mutex>
#include <set>
#include <string>

namespace tajo::master {

/// Statements that ended a master while it parsed or planned them: a handler for SIGSEGV, SIGBUS, SIGABRT, SIGFPE and
/// SIGILL writes the statement of the faulting thread to a file opened beforehand in a directory all masters see, so a
/// successor refuses it. Complements PlanningMarks, whose message may be too late. Any thread.
class CrashNotes {
 public:
  /// Old notes are removed after this long: nobody repeats a request for longer.
  static constexpr std::int64_t kKeepNotesMs = 60 * 60 * 1000;
  static constexpr std::size_t kMaxNotes = 10'000;          ///< files looked at by one load()
  static constexpr std::size_t kMaxRequestIdBytes = 256;    ///< what fits into a note
  static constexpr std::size_t kSignalStackBytes = 64 << 10;  ///< of each planning thread: its own stack may be used up

  /// Opens this master's note and installs the handler; once a process. `world` and `rank` name the file. Blocking.
  /// Error 58030 when the directory cannot be written.
  CrashNotes(std::string directory, std::uint64_t world, int rank);
  ~CrashNotes();
  CrashNotes(const CrashNotes&) = delete;
  CrashNotes& operator=(const CrashNotes&) = delete;

  /// Reads what masters before left. Blocking; errors are logged: then the marks alone decide.
  void load();
  /// Whether a note names this request, or a statement with this digest (its text and parameters).
  bool names(const std::string& request_id, std::uint64_t digest) const;
  /// The active: removes notes of other worlds that say nothing, and all that are old. Blocking.
  void sweep(std::int64_t now_ms) const;
  /// This process ends in order: its note is removed.
  void discard();

 private:
  std::string directory_, prefix_, own_;
  mutable std::mutex mutex_;
  std::set<std::string> requests_;
  std::set<std::uint64_t> digests_;
};

/// While it lives, a crash of this thread is noted as this statement's doing. The texts are copied.
class PlanningScope {
 public:
  PlanningScope(const std::string& request_id, std::uint64_t digest);
  ~PlanningScope();
  PlanningScope(const PlanningScope&) = delete;
  PlanningScope& operator=(const PlanningScope&) = delete;
};

}  // namespace tajo::master

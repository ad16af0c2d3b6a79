#pragma once
#include <optional>
#include <string>

#include "tajo/common/config.hpp"
#include "tajo/host/published.hpp"

namespace tajo::host {

/// A published master of this root directory that answers. A second at most, plus what the filesystem needs.
std::optional<Endpoint> answering_master(const Config& config);

/// Why a cluster must not be started on this root directory now, in one line that says what to do; empty: it may.
/// A published master that answers, or a log written less than a minute ago by a cluster that has not ended in good
/// order, may be a cluster that runs: here or on hosts this one cannot see. Takes about a second at most, plus what the
/// filesystem needs. The log itself fences whoever is wrong; this spares a running cluster the end.
std::string reason_not_to_start(const Config& config);

/// What can be seen of the running cluster, as shell assignments: TAJO_STATE_LAUNCH and _ACTIVE (host:port of the active
/// that answers, or nothing), _ANSWERING (masters that answer), _GONE (1: every published master's host says
/// that nobody listens there), _MEMBERS, _WORKERS and _RUNNING (queries) as the active says, _DRAINED
/// (1: no master lets statements in and none is under way), _LOG_AGE_S (whole seconds since the newest slot, or
/// nothing), _ENDED (1: the log ends with last words of that launch), _LOG_END (log_end.hpp), _RANKS (names of ranks with keepers).
std::string launch_state(const Config& config, const std::string& launch);

}  // namespace tajo::host

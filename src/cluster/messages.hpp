#pragma once
#include <vector>

#include "tajo/cluster/node.hpp"
#include "tajo/cluster/ports.hpp"
#include "tajo/journal/log.hpp"

namespace tajo::cluster {

enum class Kind : std::uint8_t {
  kHello = 1,     ///< start: I stand
  kJoin,          ///< outside the view: number = my incarnation
  kProbe,         ///< ranks = whom I suspect, number = age of my oldest pending request, second = my position (lsn)
  kAsk,           ///< active, before a view: whom do you suspect? answered by a probe at once
  kSuspect,       ///< SUSPECT?: do you suspect the active too?
  kYes,
  kNo,
  kCheck,         ///< proof for reads: number
  kChecked,
  kOffer,         ///< active to a backup: ask me for the handover
  kHandoverAsk,   ///< backup to an active: number = the question's
  kTake,          ///< handover granted for this epoch, number = the question's
  kView,          ///< body = committed view
  kEvicted,       ///< body = committed view without the receiver
  kFetchView,
  kBatch,         ///< body = a committed slot with its bytes
  kFetch,         ///< a master missed a slot: body = its position
  kState,         ///< body = state and position of the active
  kNeed,          ///< body = position of a slot whose bytes my files do not give
};

/// All messages of the cluster's logic have one form: small, fixed, and readable in a trace.
struct Letter {
  Kind kind = Kind::kProbe;
  Role role = Role::kOutside;
  Epoch epoch = 0;
  ViewNumber view = 0;
  std::uint64_t number = 0;
  std::uint64_t second = 0;
  std::vector<Rank> ranks{};
  Bytes body{};
};

Bytes encode(const Letter& letter);
/// Throws Error XX001 on a malformed payload.
Letter decode_letter(ByteView payload);
const char* kind_name(Kind kind);

Bytes encode(const journal::SlotBytes& slot);
journal::SlotBytes decode_slot(ByteView bytes);

}  // namespace tajo::cluster

#pragma once
#include "tajo/cluster/node.hpp"

namespace tajo::cluster {

/// Why a claim was made: kept in the log for history and for whoever reads it after an incident.
enum class Cause : std::uint8_t { kStart, kForce, kMajority, kMinority, kOrphan, kHandover, kAgain };
const char* cause_name(Cause cause);

/// Payload of kClaim: who holds the epoch from this slot on.
struct Claim {
  std::uint64_t world = 0;
  Rank rank = kNoRank;
  Cause cause = Cause::kStart;
};

Bytes encode(const View& view);
View decode_view(ByteView bytes);
Bytes encode(const Claim& claim);
Claim decode_claim(ByteView bytes);

}  // namespace tajo::cluster

#pragma once
#include "tajo/common/ids.hpp"

/// The times and bounds of docs/recovery.md, each with its reason.
namespace tajo::cluster {

inline constexpr int kMissedIntervals = 3;              ///< frames missed before suspicion: one may be late, two unlucky
inline constexpr Micros kProbePerMember = 1000;         ///< the active's probes stay below 1,000 a second
inline constexpr Micros kMinNap = 1'000;                ///< of the loop that probes and judges
inline constexpr Micros kViewPause = 50'000;            ///< collecting what the others see before a view is cut
inline constexpr Micros kMinorityWait = 2'000'000;      ///< silence in the log before a minority claims or shrinks
inline constexpr Micros kClaimStagger = 50'000;         ///< per unsuspected backup earlier in conf/masters
inline constexpr Micros kVotePoll = 10'000;             ///< between two looks at the votes
inline constexpr Micros kOrphanSilence = 15'000'000;    ///< no slot and no active: a master outside claims
inline constexpr Micros kOrphanPerPlace = 1'000'000;    ///< so that they do not all claim at once
inline constexpr Micros kHush = 1'500'000;              ///< a claim without votes answers nothing: the old active's
                                                        ///< proof by majority lasts 1 s at most
inline constexpr Micros kProofByMajority = 1'000'000;   ///< age of my last slot up to which answers of members do
inline constexpr Micros kProofWait = 20'000;            ///< for the members' answers: some slots' worth
inline constexpr Micros kSlotsInstead = 500'000;        ///< after members did not answer in time
inline constexpr Micros kStuckFiles = 2'000'000;        ///< a log request this old: the master's filesystem hangs
inline constexpr Micros kAnsweringFiles = 500'000;      ///< own log requests younger than this: mine answers
inline constexpr Micros kGhostWait = 1'000'000;          ///< an epoch heard of shows in the log within this, or is gone
inline constexpr Micros kHandoverFresh = 2'000'000;     ///< since asking: until then the old active surely proves nothing
inline constexpr Micros kHandoverWait = 3'000'000;      ///< a granted handover without a successor ends
inline constexpr Micros kHeartbeatSlot = 5'000'000;     ///< the active wins a slot at least this often
inline constexpr Micros kStateRide = 100'000;           ///< State records wait at most this long for a slot
inline constexpr Micros kTail = 400'000;                ///< a master looks at the log this often
inline constexpr Micros kWorkerSilence = 2'000'000;     ///< a worker without an active reads the log
inline constexpr Micros kWorkerTail = 1'000'000;
inline constexpr Micros kAloneExit = 60'000'000;        ///< worker without keeper and active although the log answers
inline constexpr Micros kOutsideExit = 120'000'000;     ///< outside the view, though somebody writes the log
inline constexpr Micros kStartLimit = 60'000'000;       ///< all ranks stand by then, or the start has failed
inline constexpr Micros kHelloPause = 100'000;          ///< between two HELLOs of a rank
inline constexpr Micros kHelloLook = 10'000;            ///< of the first of conf/masters at who has said it
inline constexpr Micros kTellPause = 50'000;            ///< one EVICTED, one view question a peer and this long
inline constexpr Micros kRetryPause = 100'000;          ///< after a failed look at the log
inline constexpr std::size_t kHeldFrames = 65'536;      ///< frames kept while this rank reads the log after an absence
inline constexpr std::size_t kEarlyFrames = 4'096;      ///< frames of a view this rank does not know yet
inline constexpr std::size_t kFetchSlots = 64;          ///< missed slots sent one by one; more go as a state
inline constexpr std::size_t kSeenSlots = 65'536;        ///< two rows of a large log, and some
inline constexpr std::size_t kBatchBytes = 4u << 20;    ///< of one slot: a commit stays below some 10 ms
inline constexpr std::size_t kMaxQueue = 65'536;        ///< proposals waiting for a slot
inline constexpr std::size_t kExactLinks = 64;          ///< bad links up to which the smallest set is sought

}  // namespace tajo::cluster

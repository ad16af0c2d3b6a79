#pragma once
/// Known-bad variants of single rules. In the product `canary()` is a constant false and costs nothing; the simulator
/// builds these sources a second time with TAJO_SIM_CANARIES and must catch each of them.
namespace tajo::cluster {

enum class Canary {
  kNone,
  kClaimWithoutFsync,   // claim without fsync and second look at the last slot
  kForgetYes,           // answers checks of an epoch it has voted against
  kHalf,                // half instead of a majority, for claims and for reads
  kReadsWithoutProof,
  kLateHandoverServes,  // a successor serves at once however old the grant is
  kHushFromAnyLook,     // a forced claim counts its silence from a look, though slots came after what it saw
};

#ifdef TAJO_SIM_CANARIES
extern Canary active_canary;
inline bool canary(Canary c) { return active_canary == c; }
#else
constexpr bool canary(Canary) { return false; }
#endif

}  // namespace tajo::cluster

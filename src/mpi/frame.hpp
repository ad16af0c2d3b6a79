#pragma once
#include <array>
#include <cstdint>
#include <optional>

#include "tajo/common/bytes.hpp"
#include "tajo/mpi/fabric.hpp"

namespace tajo::mpi {

/// Size of a posted receive. Every frame fits one.
inline constexpr std::size_t kFrameBytes = 4096;
/// Frames stay under the eager limit of Open MPI's shared-memory transport (4096 with its own header), so that a frame
/// never waits for the receiver to answer a rendezvous.
inline constexpr std::size_t kFrameLimit = 3968;
/// Body of one announced transfer; longer payloads are cut.
inline constexpr std::size_t kChunkBytes = std::size_t{256} << 10;
/// Largest payload of one message.
inline constexpr std::size_t kMaxMessageBytes = std::size_t{1} << 30;

enum class FrameKind : std::uint8_t {
  kAck = 0,       ///< carries acknowledgements only, no sequence
  kInline = 1,    ///< the segment follows the header
  kAnnounce = 2,  ///< the segment comes as a message of its own with tag `transfer`
};

inline constexpr std::uint8_t kFirstOfMessage = 1;
inline constexpr std::uint8_t kLastOfMessage = 2;

/// What stands before every frame (docs/formats.md, Frame); little-endian, no padding.
///
/// A *session* numbers the lives of one direction of a link: incarnation of the sender in the high half, times it
/// started afresh in the low half. It only grows. Sequences begin at 0 in each session, acknowledgements name the
/// session they are for, and `to_incarnation` keeps what was meant for an earlier life of the receiver from its next.
struct FrameHeader {
  std::uint32_t magic = kMagic;
  FrameKind kind = FrameKind::kAck;
  Channel channel = Channel::kProbe;
  std::uint8_t flags = 0;
  std::uint8_t turn = 0;  ///< how often the link changed lanes, modulo 256; both ends follow the later turn
  std::uint64_t world = 0;
  Rank source = kNoRank;
  Incarnation incarnation = 0;
  Epoch epoch = 0;
  ViewNumber view = 0;
  std::uint64_t session = 0;
  std::uint64_t acked_session = 0;
  std::array<std::uint64_t, kChannels> acknowledged{};  ///< by channel: all sequences below have arrived
  std::uint64_t sequence = 0;                           ///< in its channel
  std::uint64_t message_bytes = 0;                      ///< of the whole message
  std::uint32_t length = 0;                             ///< of this segment
  std::uint32_t transfer = 0;                           ///< announce: tag of the body
  std::uint32_t window = 0;                             ///< announced bytes the sender of this frame takes at once
  Incarnation to_incarnation = 0;

  static constexpr std::uint32_t kMagic = 0x314A4154;  // "TAJ1"
};
static_assert(sizeof(FrameHeader) == 112);
static_assert(std::is_trivially_copyable_v<FrameHeader>);

inline constexpr std::size_t kInlineBytes = kFrameLimit - sizeof(FrameHeader);

/// Checks magic, kind, channel and lengths; nothing for what is no frame of this program.
std::optional<FrameHeader> parse_frame(ByteView frame);

}  // namespace tajo::mpi

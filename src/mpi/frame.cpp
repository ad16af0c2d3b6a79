#include "frame.hpp"

namespace tajo::mpi {

std::optional<FrameHeader> parse_frame(ByteView frame) {
  if (frame.size() < sizeof(FrameHeader)) return std::nullopt;
  FrameHeader h;
  std::memcpy(&h, frame.data(), sizeof h);
  if (h.magic != FrameHeader::kMagic || static_cast<int>(h.channel) >= kChannels) return std::nullopt;
  if (h.kind > FrameKind::kAnnounce || h.message_bytes > kMaxMessageBytes || h.length > kChunkBytes) return std::nullopt;
  if (h.kind == FrameKind::kInline && h.length != frame.size() - sizeof h) return std::nullopt;
  return h;
}

}  // namespace tajo::mpi

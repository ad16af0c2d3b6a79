#include "messages.hpp"

namespace tajo::cluster {

Bytes encode(const Letter& l) {
  ByteWriter out;
  out.buffer().reserve(48 + l.ranks.size() * sizeof(Rank) + l.body.size());
  out.put(kClusterTag);
  out.put(l.kind);
  out.put(l.role);
  out.put(static_cast<std::uint16_t>(l.ranks.size()));
  out.put(l.epoch);
  out.put(l.view);
  out.put(l.number);
  out.put(l.second);
  for (Rank r : l.ranks) out.put(r);
  out.raw(l.body);
  return out.take();
}

Letter decode_letter(ByteView payload) {
  ByteReader in(payload);
  if (in.get<std::byte>() != kClusterTag) throw Error(sqlstate::kDataCorrupted, "no message of the cluster");
  Letter l;
  l.kind = in.get<Kind>();
  l.role = in.get<Role>();
  auto ranks = in.get<std::uint16_t>();
  l.epoch = in.get<Epoch>();
  l.view = in.get<ViewNumber>();
  l.number = in.get<std::uint64_t>();
  l.second = in.get<std::uint64_t>();
  for (std::uint16_t i = 0; i < ranks; ++i) l.ranks.push_back(in.get<Rank>());
  ByteView body = in.raw(in.left());
  l.body.assign(body.begin(), body.end());
  return l;
}

Bytes encode(const journal::SlotBytes& slot) {
  ByteWriter out;
  out.text(slot.row);
  out.put(slot.index);
  out.put(slot.slot);
  out.raw(slot.bytes);
  return out.take();
}

journal::SlotBytes decode_slot(ByteView bytes) {
  ByteReader in(bytes);
  journal::SlotBytes s;
  s.row = in.text();
  s.index = in.get<std::int64_t>();
  s.slot = in.get<journal::Slot>();
  ByteView rest = in.raw(in.left());
  s.bytes.assign(rest.begin(), rest.end());
  return s;
}

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kHello: return "HELLO";
    case Kind::kJoin: return "JOIN";
    case Kind::kProbe: return "PROBE";
    case Kind::kAsk: return "ASK";
    case Kind::kSuspect: return "SUSPECT?";
    case Kind::kYes: return "YES";
    case Kind::kNo: return "NO";
    case Kind::kCheck: return "CHECK";
    case Kind::kChecked: return "CHECKED";
    case Kind::kOffer: return "OFFER";
    case Kind::kHandoverAsk: return "HANDOVER";
    case Kind::kTake: return "TAKE";
    case Kind::kView: return "VIEW";
    case Kind::kEvicted: return "EVICTED";
    case Kind::kFetchView: return "FETCH-VIEW";
    case Kind::kBatch: return "BATCH";
    case Kind::kFetch: return "FETCH";
    case Kind::kState: return "STATE";
    case Kind::kNeed: return "NEED";
  }
  return "?";
}

}  // namespace tajo::cluster

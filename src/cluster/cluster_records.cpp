#include "cluster_records.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/map.hpp>
#include <sstream>

#include "tajo/common/error.hpp"

namespace tajo::cluster {

template <class A>
void serialize(A& a, Member& m) {
  a(m.role, m.incarnation);
}
template <class A>
void serialize(A& a, View& v) {
  a(v.number, v.epoch, v.world, v.members);
}
template <class A>
void serialize(A& a, Claim& c) {
  a(c.world, c.rank, c.cause);
}

namespace {

template <class T>
Bytes pack(const T& v) {
  std::ostringstream out;
  cereal::PortableBinaryOutputArchive archive(out);
  archive(v);
  std::string text = std::move(out).str();
  ByteView view = as_bytes(text);
  return Bytes(view.begin(), view.end());
}

template <class T>
T unpack(ByteView bytes) {
  std::istringstream in{std::string(as_text(bytes))};
  T v;
  try {
    cereal::PortableBinaryInputArchive archive(in);
    archive(v);
  } catch (const cereal::Exception& e) {
    throw Error(sqlstate::kDataCorrupted, std::string("membership record cannot be read: ") + e.what());
  }
  return v;
}

}  // namespace

Bytes encode(const View& view) { return pack(view); }
View decode_view(ByteView bytes) { return unpack<View>(bytes); }
Bytes encode(const Claim& claim) { return pack(claim); }
Claim decode_claim(ByteView bytes) { return unpack<Claim>(bytes); }

}  // namespace tajo::cluster

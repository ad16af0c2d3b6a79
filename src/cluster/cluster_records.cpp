#include "cluster_records.hpp"

#include <cereal/archives/portable_binary.hpp>
#include <cereal/types/map.hpp>
#include <cereal/types/set.hpp>

#include "tajo/journal/record_archive.hpp"

namespace tajo::cluster {

template <class A>
void serialize(A& a, Member& m) {
  a(m.role, m.incarnation);
}
template <class A>
void serialize(A& a, View& v) {
  a(v.number, v.epoch, v.world, v.members, v.decommissioned);
}
template <class A>
void serialize(A& a, Claim& c) {
  a(c.world, c.rank, c.cause);
}

namespace {

template <class T>
Bytes pack(const T& v) {
  return journal::pack_record<cereal::PortableBinaryOutputArchive>(v);
}

template <class T>
T unpack(ByteView bytes) {
  return journal::unpack_record<T, cereal::PortableBinaryInputArchive, cereal::Exception>(bytes, "membership record");
}

}  // namespace

Bytes encode(const View& view) { return pack(view); }
View decode_view(ByteView bytes) { return unpack<View>(bytes); }
Bytes encode(const Claim& claim) { return pack(claim); }
Claim decode_claim(ByteView bytes) { return unpack<Claim>(bytes); }

}  // namespace tajo::cluster

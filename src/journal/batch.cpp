#include <array>
#include <xxhash.h>

#include "tajo/common/error.hpp"
#include "tajo/journal/slot.hpp"


namespace tajo::journal {
namespace {

constexpr std::uint32_t kBatchMagic = 0x31424a54;  // "TJB1": a format change is seen, not guessed

std::array<std::array<std::uint32_t, 256>, 8> make_tables() {
  std::array<std::array<std::uint32_t, 256>, 8> t{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int k = 0; k < 8; ++k) c = (c >> 1) ^ ((c & 1U) != 0 ? 0x82F63B78U : 0U);
    t[0][i] = c;
  }
  for (std::uint32_t i = 0; i < 256; ++i)
    for (std::size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
  return t;
}

void put_record(ByteWriter& out, const Record& r) {
  ByteWriter body;
  body.put(r.epoch);
  body.put(r.lsn);
  body.put(r.kind);
  body.raw(r.payload);
  Bytes bytes = body.take();
  out.put(static_cast<std::uint32_t>(bytes.size()));
  out.put(crc32c(bytes));
  out.raw(bytes);
}

}  // namespace

std::uint32_t crc32c(ByteView bytes) {
  static const auto tables = make_tables();
  std::uint32_t crc = ~0U;
  const auto* p = reinterpret_cast<const std::uint8_t*>(bytes.data());
  std::size_t n = bytes.size();
  for (; n >= 8; n -= 8, p += 8) {
    std::uint64_t word;
    std::memcpy(&word, p, 8);
    word ^= crc;
    crc = tables[7][word & 0xff] ^ tables[6][(word >> 8) & 0xff] ^ tables[5][(word >> 16) & 0xff] ^
          tables[4][(word >> 24) & 0xff] ^ tables[3][(word >> 32) & 0xff] ^ tables[2][(word >> 40) & 0xff] ^
          tables[1][(word >> 48) & 0xff] ^ tables[0][word >> 56];
  }
  for (; n > 0; --n, ++p) crc = (crc >> 8) ^ tables[0][(crc ^ *p) & 0xff];
  return ~crc;
}

Bytes encode_batch(std::uint64_t previous_hash, const std::vector<Record>& records) {
  ByteWriter out;
  out.put(kBatchMagic);
  out.put(static_cast<std::uint32_t>(records.size()));
  out.put(previous_hash);
  for (const Record& r : records) put_record(out, r);
  return out.take();
}

std::uint64_t batch_hash(Epoch epoch, ByteView batch) {
  return XXH3_64bits_withSeed(batch.data(), batch.size(), epoch);
}

std::uint64_t batch_previous(ByteView batch) {
  ByteReader in(batch);
  if (in.get<std::uint32_t>() != kBatchMagic) throw Error(sqlstate::kDataCorrupted, "log: no batch of this format");
  in.get<std::uint32_t>();
  return in.get<std::uint64_t>();
}

std::vector<Record> decode_batch(ByteView batch) {
  ByteReader in(batch);
  if (in.get<std::uint32_t>() != kBatchMagic) throw Error(sqlstate::kDataCorrupted, "log: no batch of this format");
  auto count = in.get<std::uint32_t>();
  in.get<std::uint64_t>();
  std::vector<Record> out;
  for (std::uint32_t i = 0; i < count; ++i) {
    auto size = in.get<std::uint32_t>();
    auto crc = in.get<std::uint32_t>();
    ByteView body = in.raw(size);
    if (crc32c(body) != crc) throw Error(sqlstate::kDataCorrupted, "log: record with a wrong checksum");
    ByteReader fields(body);
    Record r;
    r.epoch = fields.get<Epoch>();
    r.lsn = fields.get<Lsn>();
    r.kind = fields.get<RecordKind>();
    ByteView payload = fields.raw(fields.left());
    r.payload.assign(payload.begin(), payload.end());
    out.push_back(std::move(r));
  }
  if (!in.empty()) throw Error(sqlstate::kDataCorrupted, "log: bytes behind the last record of a slot");
  return out;
}

}  // namespace tajo::journal

#include "tajo/journal/slot.hpp"

#include <gtest/gtest.h>

#include "tajo/common/error.hpp"

namespace tajo::journal {
namespace {

Record record(RecordKind kind, std::string_view text) {
  Record r;
  r.kind = kind;
  r.epoch = 7;
  r.lsn = 41;
  r.payload.assign(as_bytes(text).begin(), as_bytes(text).end());
  return r;
}

TEST(Slot, TextIsWhatTheFormatSays) {
  Slot s{.epoch = 12, .segment = 0xabc, .length = 345, .hash = 0x1122, .nonce = 0xff};
  EXPECT_EQ(s.str(), "e12 sabc l345 h0000000000001122 n00000000000000ff");
  EXPECT_EQ(Slot::parse(s.str()), s);
}

TEST(Slot, OtherTextsAreNoSlots) {
  for (const char* text : {"", "e1", "e1 s2 l3 h4", "e1 s2 l3 h4 n5 x", "x1 s2 l3 h4 n5", "e s2 l3 h4 n5", "e1  s2 l3 h4 n5",
                           "e99999999999999999999999 s2 l3 h4 n5"})
    EXPECT_FALSE(Slot::parse(text)) << text;
}

TEST(Slot, RowNames) {
  EXPECT_EQ(row_name(1, 99), "00000001-first");  // two first starts must meet
  EXPECT_EQ(row_number(row_name(2, 0x1234)), 2u);
  EXPECT_NE(row_name(2, 1), row_name(2, 2));
  for (const char* name : {"gone-00000001-first", "data", "reserve-0", "0000001-x", "", "."})
    EXPECT_EQ(row_number(name), 0u) << name;
  EXPECT_EQ(slot_name(42), "000042");
}

TEST(Batch, ComesBackAndIsChained) {
  Bytes batch = encode_batch(0x55, {record(RecordKind::kCatalog, "one"), record(RecordKind::kQuery, "")});
  EXPECT_EQ(batch_previous(batch), 0x55u);
  auto records = decode_batch(batch);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0].epoch, 7u);
  EXPECT_EQ(records[0].lsn, 41u);
  EXPECT_EQ(as_text(records[0].payload), "one");
  EXPECT_EQ(records[1].kind, RecordKind::kQuery);
  EXPECT_NE(batch_hash(1, batch), batch_hash(2, batch));
  EXPECT_NE(batch_hash(1, batch), batch_hash(1, encode_batch(0x56, records)));
}

TEST(Batch, EveryTruncationAndEveryFlippedBitIsSeen) {
  Bytes batch = encode_batch(1, {record(RecordKind::kCatalog, "a table"), record(RecordKind::kRequest, "an outcome")});
  const std::uint64_t hash = batch_hash(7, batch);
  for (std::size_t n = 0; n < batch.size(); ++n) {
    EXPECT_THROW(decode_batch(ByteView(batch).first(n)), Error) << n;
    EXPECT_NE(batch_hash(7, ByteView(batch).first(n)), hash);
  }
  for (std::size_t bit = 0; bit < batch.size() * 8; ++bit) {
    Bytes bad = batch;
    bad[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
    EXPECT_NE(batch_hash(7, bad), hash) << bit;
  }
}

TEST(Batch, Crc32cIsCastagnoli) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283u);
  EXPECT_EQ(crc32c({}), 0u);
}

}  // namespace
}  // namespace tajo::journal

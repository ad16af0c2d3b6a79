#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "tajo/common/random.hpp"
#include "tajo/data/batch_codec.hpp"
#include "tajo/data/crc32c.hpp"
#include "tajo/data/load.hpp"

namespace tajo::data {
namespace {

TEST(Crc32c, KnownAnswer) {
  EXPECT_EQ(crc32c(as_bytes("123456789")), 0xE3069283U);
  EXPECT_EQ(crc32c(as_bytes("6789"), crc32c(as_bytes("12345"))), 0xE3069283U);
}

/// Rows of every physical type from one seed, as vectors of optionals and as a batch.
struct Sample {
  Arena arena;
  std::vector<std::optional<std::int64_t>> numbers;
  std::vector<std::optional<std::string>> texts;
  Batch batch;

  Sample(std::uint64_t seed, std::uint32_t rows, std::int64_t spread, int distinct_texts) {
    Random random(seed);
    auto* valid = allocate_valid(arena, rows);
    auto* i32 = arena.array<std::int32_t>(rows);
    auto* i64 = arena.array<std::int64_t>(rows);
    auto* i128 = arena.array<__int128>(rows);
    auto* f64 = arena.array<double>(rows);
    auto* flags = arena.array<std::uint8_t>(rows);
    auto* strings = arena.array<Str>(rows);
    for (std::uint32_t r = 0; r < rows; ++r) {
      const bool null = random.chance(0.1);
      const auto value = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(spread))) - spread / 2;
      numbers.push_back(null ? std::nullopt : std::optional(value));
      if (!null) valid[r >> 6] |= std::uint64_t{1} << (r & 63);
      i32[r] = null ? 0 : static_cast<std::int32_t>(value);
      i64[r] = null ? 0 : value;
      i128[r] = null ? 0 : static_cast<__int128>(value) << 40;
      f64[r] = null ? 0 : static_cast<double>(value) / 3;
      flags[r] = !null && value > 0;
      std::string text = "text of some length " + std::to_string(random.below(static_cast<std::uint64_t>(distinct_texts)));
      if (random.chance(0.3)) text.resize(text.size() % 13);
      strings[r] = null ? Str() : arena.copy(text);
      texts.push_back(null ? std::nullopt : std::optional(text));
    }
    const auto add = [&](Physical type, const void* data) {
      Vector v;
      v.type = type;
      v.data = data;
      v.valid = valid;
      batch.columns.push_back(v);
    };
    add(Physical::kI32, i32);
    add(Physical::kI64, i64);
    add(Physical::kI128, i128);
    add(Physical::kF64, f64);
    add(Physical::kBool, flags);
    add(Physical::kStr, strings);
    batch.rows = rows;
    batch.selection = {nullptr, rows};
    batch.arena = &arena;
  }
  std::vector<Physical> types() const {
    std::vector<Physical> out;
    for (const Vector& v : batch.columns) out.push_back(v.type);
    return out;
  }
};

void expect_rows(const Bytes& block, const std::vector<const Sample*>& samples, const std::vector<std::uint16_t>* rows) {
  std::vector<std::pair<const Sample*, std::uint32_t>> expected;
  for (const Sample* s : samples) {
    if (rows == nullptr)
      for (std::uint32_t r = 0; r < s->batch.rows; ++r) expected.emplace_back(s, r);
    else
      for (const std::uint16_t r : *rows) expected.emplace_back(s, r);
  }
  BlockReader reader(block);
  ASSERT_EQ(reader.rows(), expected.size());
  Batch out;
  std::size_t at = 0;
  while (reader.next(out)) {
    for (std::uint32_t r = 0; r < out.rows; ++r, ++at) {
      const auto& [sample, row] = expected[at];
      const auto& number = sample->numbers[row];
      for (const Vector& v : out.columns) ASSERT_EQ(row_valid(v.valid, r), number.has_value());
      if (!number) continue;
      ASSERT_EQ(out.columns[0].as<std::int32_t>()[r], static_cast<std::int32_t>(*number));
      ASSERT_EQ(out.columns[1].as<std::int64_t>()[r], *number);
      ASSERT_TRUE(out.columns[2].as<__int128>()[r] == static_cast<__int128>(*number) << 40);
      ASSERT_EQ(out.columns[3].as<double>()[r], static_cast<double>(*number) / 3);
      ASSERT_EQ(out.columns[4].as<std::uint8_t>()[r] != 0, *number > 0);
      ASSERT_EQ(out.columns[5].as<Str>()[r].view(), *sample->texts[row]);
    }
  }
  ASSERT_EQ(at, expected.size());
}

TEST(Block, RoundTripOfAllTypes) {
  for (const std::int64_t spread : {1LL, 100LL, 60'000LL, 3'000'000'000LL}) {
    for (const int distinct : {1, 20, 1'000'000}) {
      const Sample a(7, 2048, spread, distinct);
      const Sample b(8, 100, spread, distinct);
      BlockBuilder builder(a.types());
      for (const Sample* s : {&a, &b, &a}) builder.append(s->batch);
      expect_rows(builder.take(), {&a, &b, &a}, nullptr);
      EXPECT_EQ(builder.rows(), 0U);
    }
  }
}

TEST(Block, SelectedRowsOnly) {
  const Sample a(9, 2000, 1000, 10);
  std::vector<std::uint16_t> rows = {0, 5, 64, 65, 1999};
  BlockBuilder builder(a.types());
  builder.append(a.batch, {rows.data(), static_cast<std::uint32_t>(rows.size())});
  expect_rows(builder.take(), {&a}, &rows);
}

TEST(Block, NarrowsIntegersAndSharesText) {
  const Sample a(3, 2048, 100, 5);
  BlockBuilder builder(a.types());
  for (int i = 0; i < 10; ++i) builder.append(a.batch);
  const Bytes block = builder.take();
  EXPECT_LT(block.size(), 20480U * (1 + 1 + 8 + 8 + 1 + 1 + 1) + 4096);
}

TEST(Block, TakesCodesAndStoredVectors) {
  const std::vector<Str> entries = {Str("AIR"), Str("RAIL"), Str("a longer name of a mode")};
  const Dictionary dictionary{42, entries, true, nullptr};
  const std::vector<std::uint8_t> codes = {2, 1, 0, 9, 2};
  const std::vector<std::int16_t> numbers = {5, -32768, 7, 8, -9};
  Batch batch;
  Vector text;
  text.form = Vector::Form::kStored;
  text.type = Physical::kStr;
  text.stored = Stored::kU8;
  text.has_null_value = true;
  text.null_value = 9;
  text.data = codes.data();
  text.dictionary = &dictionary;
  Vector number;
  number.form = Vector::Form::kStored;
  number.type = Physical::kI64;
  number.stored = Stored::kI16;
  number.has_null_value = true;
  number.null_value = -32768;
  number.data = numbers.data();
  batch.columns = {text, number};
  batch.rows = 5;
  batch.selection = {nullptr, 5};
  BlockBuilder builder({Physical::kStr, Physical::kI64});
  builder.append(batch);
  const Bytes block = builder.take();
  BlockReader reader(block);
  Batch out;
  ASSERT_TRUE(reader.next(out));
  EXPECT_EQ(out.columns[0].as<Str>()[0].view(), "a longer name of a mode");
  EXPECT_EQ(out.columns[0].as<Str>()[2].view(), "AIR");
  EXPECT_FALSE(row_valid(out.columns[0].valid, 3));
  EXPECT_FALSE(row_valid(out.columns[1].valid, 1));
  EXPECT_EQ(out.columns[1].as<std::int64_t>()[4], -9);
}

TEST(Block, EmptyAndColumnless) {
  BlockBuilder none({Physical::kStr});
  const Bytes empty = none.take();
  Batch out;
  EXPECT_FALSE(BlockReader(empty).next(out));
  BlockBuilder bare(std::vector<Physical>{});
  Batch three;
  three.rows = 3;
  three.selection = {nullptr, 3};
  bare.append(three);
  const Bytes counted = bare.take();
  BlockReader reader(counted);
  ASSERT_TRUE(reader.next(out));
  EXPECT_EQ(out.rows, 3U);
}

TEST(Block, DamageIsAnErrorNeverUndefined) {
  const Sample a(11, 300, 1000, 50);
  BlockBuilder builder(a.types());
  builder.append(a.batch);
  const Bytes good = builder.take();
  const auto outcome = [](ByteView block) {
    try {
      BlockReader reader(block);
      Batch out;
      while (reader.next(out)) {
      }
    } catch (const Error& e) {
      return e.sqlstate();
    }
    return std::string("none");
  };
  EXPECT_EQ(outcome(good), "none");
  for (std::size_t n = 0; n < good.size(); n += 97) EXPECT_EQ(outcome(ByteView(good).first(n)), "XX001");
  Random random(5);
  for (int i = 0; i < 2000; ++i) {
    Bytes bad = good;
    const bool in_headers = random.chance(0.7);
    bad[random.below(in_headers ? 300 : bad.size() - 4)] ^= static_cast<std::byte>(1 + random.below(255));
    EXPECT_EQ(outcome(bad), "XX001");
    const std::uint32_t crc = crc32c(ByteView(bad).first(bad.size() - 4));  // damage behind a right checksum
    std::memcpy(bad.data() + bad.size() - 4, &crc, 4);
    const std::string result = outcome(bad);
    EXPECT_TRUE(result == "none" || result == "XX001") << result;
  }
}

/// A bitmap of an odd number of words must not push wide values off their alignment: kernels load them aligned.
TEST(Block, WideValuesStayAlignedBehindABitmap) {
  for (std::uint32_t rows : {1U, 64U, 65U, 129U, 700U}) {
    Sample sample(rows, rows, 1'000'000, 3);
    BlockBuilder builder({Physical::kI32, Physical::kI64, Physical::kI128, Physical::kF64, Physical::kBool, Physical::kStr});
    builder.append(sample.batch);
    Bytes block = builder.take();
    BlockReader reader(block);
    Batch out;
    while (reader.next(out))
      for (const Vector& v : out.columns) EXPECT_EQ(reinterpret_cast<std::uintptr_t>(v.data) % physical_width(v.type), 0U);
  }
}

}  // namespace
}  // namespace tajo::data

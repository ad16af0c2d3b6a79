#include "tajo/catalog/catalog.hpp"

#include <gtest/gtest.h>

namespace tajo::catalog {
namespace {

class CatalogTest : public ::testing::Test {
 protected:
  template <class Record>
  bool apply(const Record& r) {
    return apply_bytes(encode(r));
  }
  bool apply_bytes(Bytes payload) {
    catalog.apply({++lsn, 1, journal::RecordKind::kCatalog, std::move(payload)});
    return catalog.applied();
  }
  TablePtr table(const std::string& name) { return catalog.snapshot_now()->find("default", name); }

  static CreateTable orders() {
    CreateTable r{"default", "orders", false, {}, {}};
    r.source.options["compression"] = "zstd";
    r.source.schema.columns = {{"o_orderkey", data::Type::of(data::TypeId::kInt8), true}, {"o_total", data::Type::decimal(15, 2), false}};
    return r;
  }
  static data::FragmentInfo fragment(std::uint64_t rows) {
    data::FragmentInfo f;
    f.path = "q_1.h5";
    f.rows = rows;
    f.bytes = rows * 8;
    data::ColumnStatistics wide;
    wide.min = static_cast<__int128>(-1) << 100;
    wide.max = std::string("z");
    wide.distinct = rows;
    wide.strictly_increasing = true;
    wide.sketch.assign(3, std::byte{7});
    f.columns = {wide, {}};
    f.inline_rows = std::make_shared<const Bytes>(5, std::byte{42});
    return f;
  }

  Catalog catalog;
  std::uint64_t lsn = 10;
};

TEST_F(CatalogTest, StartsWithTheDefaultDatabase) {
  EXPECT_TRUE(catalog.snapshot_now()->databases.contains("default"));
  EXPECT_FALSE(apply(DropDatabase{"default"}));
  EXPECT_TRUE(catalog.snapshot_now()->databases.contains("default"));
}

TEST_F(CatalogTest, TableLifeAndNumbersAreNeverReused) {
  ASSERT_TRUE(apply(orders()));
  EXPECT_FALSE(apply(orders())) << "the name is taken";
  const TableNumber first = table("orders")->number;
  ASSERT_TRUE(apply(DropTable{"default", "orders"}));
  EXPECT_EQ(table("orders"), nullptr);
  EXPECT_FALSE(apply(DropTable{"default", "orders"}));
  ASSERT_TRUE(apply(orders()));
  EXPECT_GT(table("orders")->number, first);
  CreateTable elsewhere = orders();
  elsewhere.database = "nowhere";
  EXPECT_FALSE(apply(elsewhere));
}

TEST_F(CatalogTest, CommitAppendsReplacesAndSwaps) {
  ASSERT_TRUE(apply(orders()));
  const TableNumber number = table("orders")->number;
  ASSERT_TRUE(apply(CommitFragments{number, false, {fragment(10), fragment(20)}, {}}));
  const TablePtr before = table("orders");
  EXPECT_EQ(before->rows(), 30u);
  EXPECT_EQ(before->fragments[1].id, 2u);
  ASSERT_TRUE(apply(CommitFragments{number, false, {fragment(30)}, {1, 2}}));
  ASSERT_EQ(table("orders")->fragments.size(), 1u);
  EXPECT_EQ(table("orders")->fragments[0].id, 3u);
  EXPECT_FALSE(apply(CommitFragments{number, false, {fragment(99)}, {1}})) << "its input is gone";
  EXPECT_EQ(table("orders")->rows(), 30u);
  ASSERT_TRUE(apply(CommitFragments{number, true, {fragment(1)}, {}}));
  EXPECT_EQ(table("orders")->rows(), 1u);
  EXPECT_EQ(table("orders")->fragments[0].id, 4u);
  EXPECT_EQ(before->rows(), 30u) << "a version that a query holds does not change";
  EXPECT_GT(table("orders")->version, before->version);
  EXPECT_FALSE(apply(CommitFragments{number + 100, false, {fragment(1)}, {}}));
}

TEST_F(CatalogTest, CreateTableBringsItsRows) {
  CreateTable r = orders();
  r.fragments = {fragment(10), fragment(20)};
  ASSERT_TRUE(apply(r));
  EXPECT_EQ(table("orders")->rows(), 30u);
  EXPECT_EQ(table("orders")->fragments[1].id, 2u);
  EXPECT_EQ(table("orders")->next_fragment, 3u);
}

TEST_F(CatalogTest, AnEmptySnapshotIsTheBeginning) {
  ASSERT_TRUE(apply(orders()));
  catalog.restore({});
  EXPECT_EQ(catalog.snapshot(), Catalog().snapshot());
}

TEST_F(CatalogTest, SnapshotsAreImmutableAndCarryTheLsn) {
  const SnapshotPtr before = catalog.snapshot_now();
  ASSERT_TRUE(apply(CreateDatabase{"tpch"}));
  EXPECT_FALSE(before->databases.contains("tpch"));
  EXPECT_EQ(catalog.snapshot_now()->lsn, lsn);
  EXPECT_FALSE(apply(CreateDatabase{"tpch"}));
  EXPECT_EQ(catalog.snapshot_now()->lsn, lsn) << "a record without effect is a position of the log, too";
}

TEST_F(CatalogTest, RestoreGivesTheSameStateAndTheSameFuture) {
  ASSERT_TRUE(apply(CreateDatabase{"tpch"}));
  ASSERT_TRUE(apply(orders()));
  ASSERT_TRUE(apply(CommitFragments{table("orders")->number, false, {fragment(10)}, {}}));
  ASSERT_TRUE(apply(PutUser{{"ada", "SCRAM-SHA-256$4096:x", true}}));
  const Bytes bytes = catalog.snapshot();
  Catalog other;
  other.restore(bytes);
  EXPECT_EQ(other.snapshot(), bytes);
  const TablePtr restored = other.snapshot_now()->find("default", "orders");
  ASSERT_NE(restored, nullptr);
  EXPECT_EQ(restored->source.schema, table("orders")->source.schema);
  EXPECT_EQ(restored->source.options.at("compression"), "zstd");
  EXPECT_EQ(restored->fragments[0].columns[0].min, table("orders")->fragments[0].columns[0].min);
  EXPECT_EQ(*restored->fragments[0].inline_rows, *table("orders")->fragments[0].inline_rows);
  EXPECT_TRUE(other.snapshot_now()->users.at("ada").superuser);
  const journal::Record next{++lsn, 2, journal::RecordKind::kCatalog, encode(CreateDatabase{"later"})};
  catalog.apply(next);
  other.apply(next);
  EXPECT_EQ(other.snapshot(), catalog.snapshot());
}

TEST_F(CatalogTest, Users) {
  ASSERT_TRUE(apply(PutUser{{"ada", "", false}}));
  ASSERT_TRUE(apply(PutUser{{"ada", "secret", false}}));
  EXPECT_EQ(catalog.snapshot_now()->users.at("ada").scram_secret, "secret");
  EXPECT_TRUE(apply(DropUser{"ada"}));
  EXPECT_FALSE(apply(DropUser{"ada"}));
}

TEST_F(CatalogTest, DamagedRecordsAreErrorsAndChangeNothing) {
  ASSERT_TRUE(apply(orders()));
  const Bytes before = catalog.snapshot();
  const Bytes whole = encode(CommitFragments{table("orders")->number, false, {fragment(10)}, {1}});
  const auto expect_damaged = [&](Bytes bytes) {
    try {
      apply_bytes(std::move(bytes));
    } catch (const Error& e) {
      EXPECT_EQ(e.sqlstate(), sqlstate::kDataCorrupted);
      return;
    }
    FAIL() << "accepted";
  };
  for (std::size_t size = 0; size < whole.size(); ++size) expect_damaged(Bytes(whole.begin(), whole.begin() + static_cast<long>(size)));
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  expect_damaged(longer);
  expect_damaged({std::byte{250}});
  EXPECT_EQ(catalog.snapshot(), before);
  // A flipped byte may still be a record, but never more than an Error.
  for (std::size_t i = 0; i < whole.size(); ++i) {
    Bytes flipped = whole;
    flipped[i] ^= std::byte{0xff};
    try {
      apply_bytes(flipped);
    } catch (const Error& e) {
      EXPECT_EQ(e.sqlstate(), sqlstate::kDataCorrupted);
    }
  }
}

}  // namespace
}  // namespace tajo::catalog

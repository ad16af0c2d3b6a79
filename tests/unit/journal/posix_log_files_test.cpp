#include "tajo/journal/posix_log_files.hpp"

#include <gtest/gtest.h>

#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "tajo/common/error.hpp"
#include "tajo/journal/slot.hpp"

namespace tajo::journal {
namespace {

struct Files : ::testing::Test {
  Files() {
    char name[] = "/tmp/tajo-journal-XXXXXX";
    directory = mkdtemp(name);
    files = open(0);
  }
  ~Files() override {
    files.reset();
    std::filesystem::remove_all(directory);
  }
  std::unique_ptr<PosixLogFiles> open(Rank rank) {
    return PosixLogFiles::open(directory + "/system/log", rank, [](std::function<void()> f) { f(); });
  }
  /// Runs one request and waits for its answer.
  FileResult wait(const std::function<void(LogFiles::Done)>& request) {
    std::mutex mutex;
    std::condition_variable ready;
    std::optional<FileResult> result;
    request([&](FileResult r) {
      std::lock_guard lock(mutex);
      result = std::move(r);
      ready.notify_all();
    });
    std::unique_lock lock(mutex);
    ready.wait(lock, [&] { return result.has_value(); });
    return *result;
  }
  FileResult make_slot(const std::string& row, std::int64_t index, const std::string& text) {
    return wait([&](auto done) { files->make_slot(row, index, text, done); });
  }
  FileResult read_slots(const std::string& row, std::int64_t first) {
    return wait([&](auto done) { files->read_slots(row, first, 10, done); });
  }
  std::string directory;
  std::unique_ptr<PosixLogFiles> files;
};

TEST_F(Files, TheRecordsOfTheNewestSlotAreFound) {
  const std::string row = "00000001-first", log = directory + "/system/log";
  EXPECT_TRUE(PosixLogFiles::newest_records(log).empty());
  wait([&](auto d) { files->make_row(row, d); });
  wait([&](auto d) { files->create_segment(segment_name(7), d); });
  std::uint64_t length = 0, hash = 0;
  for (int i = 0; i < 5; ++i) {
    Record record{static_cast<Lsn>(i), 1, i == 4 ? RecordKind::kLastWords : RecordKind::kCatalog, Bytes(3, std::byte(i))};
    const Bytes batch = encode_batch(hash, {record});
    hash = batch_hash(1, batch);
    wait([&](auto d) { files->append(segment_name(7), length, batch, false, d); });
    length += batch.size();
    make_slot(row, i, Slot{1, 7, length, hash, 1}.str());
  }
  wait([&](auto d) { files->make_row("00000002-next", d); });  // prepared, still empty
  auto records = PosixLogFiles::newest_records(log);
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].kind, RecordKind::kLastWords);
  EXPECT_EQ(records[0].payload, Bytes(3, std::byte(4)));
  make_slot(row, 5, Slot{2, 7, length, hash + 1, 1}.str());  // counts no bytes of its own
  EXPECT_TRUE(PosixLogFiles::newest_records(log).empty());
}

TEST_F(Files, ASlotIsWonOnce) {
  EXPECT_EQ(make_slot("00000001-first", 0, "e1").status, FileStatus::kMissing);
  EXPECT_EQ(wait([&](auto d) { files->make_row("00000001-first", d); }).status, FileStatus::kOk);
  EXPECT_EQ(wait([&](auto d) { files->make_row("00000001-first", d); }).status, FileStatus::kExists);
  EXPECT_FALSE(PosixLogFiles::newest_slot_age_s(directory + "/system/log"));
  EXPECT_EQ(make_slot("00000001-first", 0, "mine").status, FileStatus::kOk);
  EXPECT_LT(PosixLogFiles::newest_slot_age_s(directory + "/system/log").value(), 5.0);
  FileResult lost = make_slot("00000001-first", 0, "other");
  EXPECT_EQ(lost.status, FileStatus::kExists);
  EXPECT_EQ(lost.text, "mine");
  EXPECT_EQ(wait([&](auto d) { files->sync_row("00000001-first", d); }).status, FileStatus::kOk);
  EXPECT_EQ(make_slot("00000001-first", 1, "next").status, FileStatus::kOk);
  EXPECT_EQ(read_slots("00000001-first", 0).names, (std::vector<std::string>{"mine", "next"}));
  EXPECT_TRUE(read_slots("00000001-first", 2).names.empty());
  EXPECT_EQ(wait([&](auto d) { files->list_rows(d); }).names, std::vector<std::string>{"00000001-first"});
}

TEST_F(Files, ARemovedRowIsMissingAndItsNamesAreNotFree) {
  wait([&](auto d) { files->make_row("00000001-first", d); });
  make_slot("00000001-first", 0, "mine");
  EXPECT_EQ(wait([&](auto d) { files->remove_row("00000001-first", {}, d); }).status, FileStatus::kOk);
  EXPECT_EQ(make_slot("00000001-first", 1, "late").status, FileStatus::kMissing);
  EXPECT_EQ(read_slots("00000001-first", 0).status, FileStatus::kMissing);
  EXPECT_TRUE(wait([&](auto d) { files->list_rows(d); }).names.empty());
  EXPECT_TRUE(std::filesystem::is_symlink(directory + "/system/log/gone-00000001-first/000000"));
}

TEST_F(Files, SegmentsAreAppendedAndReadByOthers) {
  Bytes one(100, std::byte{1});
  Bytes two(50, std::byte{2});
  EXPECT_EQ(wait([&](auto d) { files->append("segment-1", 0, one, false, d); }).status, FileStatus::kMissing);
  EXPECT_EQ(wait([&](auto d) { files->create_segment("segment-1", d); }).status, FileStatus::kOk);
  EXPECT_EQ(wait([&](auto d) { files->create_segment("segment-1", d); }).status, FileStatus::kExists);
  EXPECT_EQ(wait([&](auto d) { files->append("segment-1", 0, one, false, d); }).status, FileStatus::kOk);
  EXPECT_EQ(wait([&](auto d) { files->append("segment-1", 100, two, false, d); }).status, FileStatus::kOk);
  auto other = open(1);
  FileResult r = wait([&](auto d) { other->read_segment("segment-1", 90, 60, true, d); });
  ASSERT_EQ(r.data.size(), 60u);
  EXPECT_EQ(r.data[9], std::byte{1});
  EXPECT_EQ(r.data[10], std::byte{2});
  EXPECT_EQ(wait([&](auto d) { other->read_segment("absent", 0, 1, false, d); }).status, FileStatus::kMissing);
}

TEST_F(Files, ASnapshotNameIsTakenOnce) {
  Bytes state(1000, std::byte{7});
  EXPECT_EQ(wait([&](auto d) { files->write_snapshot("snapshot-1", state, d); }).status, FileStatus::kOk);
  EXPECT_EQ(wait([&](auto d) { files->write_snapshot("snapshot-1", state, d); }).status, FileStatus::kExists);
  EXPECT_EQ(wait([&](auto d) { files->read_snapshot("snapshot-1", d); }).data, state);
}

TEST(PosixLogFiles, AnUnusableDirectoryIsNamed) {
  char name[] = "/tmp/tajo-journal-XXXXXX";
  std::string directory = mkdtemp(name);
  std::ofstream(directory + "/file") << "x";
  try {
    PosixLogFiles::open(directory + "/file/log", 0, [](std::function<void()>) {});
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.sqlstate(), "58030");
    EXPECT_NE(e.message().find(directory + "/file"), std::string::npos);
  }
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace tajo::journal
